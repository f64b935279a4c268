#!/usr/bin/python3
"""The lab's machines: whole Debians of both clouds, with a network between them, and what is left of them."""
import base64
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from labtest import until
from machinelab import SERVE, MachineCase, MachineLab, find_base


class Living(MachineCase):
    def test_what_runs(self):
        self.assertEqual(self.shell("web", "cat /proc/1/comm; . /etc/os-release; echo $ID; id -u"),
                         "systemd\ndebian\n0")
        self.assertEqual(self.lab.shell("web", "exit 7")[0], 7)
        self.assertEqual(self.shell("web", "systemctl is-system-running --wait"), "running")
        until(lambda: self.serves(self.web_address))
        self.assertEqual(self.state(self.web), "running")
        self.assertEqual(self.lab.linode("GET", "/linode/instances/" + self.data)["status"], "running")
        for name, other in (("web", self.data_address), ("data", self.web_address)):
            self.shell(name, "ping -c 1 -W 5 " + other)
            # Nothing leads out of the lab.
            self.assertNotIn("default", self.shell(name, "ip route"))
        self.assertEqual(self.shell("data", "curl -sSf http://%s:8080/" % self.web_address), "here")
        self.assertEqual(len(self.link()), 1)
        # Its mounts are its own.
        with open("/proc/self/mountinfo") as mounts:
            self.assertNotIn(self.lab.folder, mounts.read())

    def test_ec2_metadata(self):
        ask = "curl -s -o /tmp/got -w '%{http_code}' "
        at = "http://169.254.169.254/latest/"
        self.assertEqual(self.shell("web", ask + at + "meta-data/instance-id"), "401")
        self.assertEqual(self.shell("web", ask + "-X PUT " + at + "api/token"), "400")
        ttl = "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
        self.assertEqual(self.shell("web", ask + ttl + "-H 'X-Forwarded-For: x' " + at + "api/token"), "403")
        with_token = "T=$(curl -s %s%sapi/token); curl -s -H \"X-aws-ec2-metadata-token: $T\" %s" % (ttl, at, at)
        self.assertEqual(self.shell("web", with_token + "meta-data/instance-id"), self.web)
        self.assertEqual(self.shell("web", with_token + "user-data"), SERVE.strip())
        self.assertEqual(self.shell("web", with_token + "meta-data/local-ipv4"), self.web_address)
        self.assertEqual(self.shell("web", with_token + "meta-data/placement/"), "availability-zone\nregion")
        names = self.shell("web", with_token + "meta-data/").split()
        self.assertEqual(names.count("placement/"), 1)
        self.assertIn("instance-type", names)
        document = json.loads(self.shell("web", with_token + "dynamic/instance-identity/document"))
        self.assertEqual((document["instanceId"], document["region"]), (self.web, "eu-west-1"))
        # Another machine's token is none; nor is there this cloud for the other.
        token = self.shell("web", "curl -s %s%sapi/token" % (ttl, at))
        self.assertEqual(self.shell("data", ask + "-H 'Metadata-Token: %s' http://169.254.169.254/v1/instance" % token),
                         "401")
        self.assertEqual(self.shell("data", ask + at + "meta-data/"), "401")
        self.assertEqual(self.shell("data", ask + ttl + at + "api/token"), "405")

    def test_linode_metadata(self):
        at = "http://169.254.169.254/v1/"
        ask = "T=$(curl -s -X PUT -H 'Metadata-Token-Expiry-Seconds: 60' %stoken); curl -s -H \"Metadata-Token: $T\" " % at
        self.assertEqual(base64.b64decode(self.shell("data", ask + at + "user-data")).decode(), SERVE)
        lines = self.shell("data", ask + at + "instance").split("\n")
        self.assertIn("id: " + self.data, lines)
        self.assertIn("label: data", lines)
        self.assertIn("specs.vcpus: 1", lines)
        told = json.loads(self.shell("data", ask + "-H 'Accept: application/json' %sinstance" % at))
        self.assertEqual((told["id"], told["region"], told["tags"]), (int(self.data), "eu-west", ["a=b"]))
        told = json.loads(self.shell("data", ask + "-H 'Accept: application/json' %snetwork" % at))
        self.assertEqual(told["ipv4"]["public"], [self.data_address + "/32"])

    def test_cut_and_join(self):
        until(lambda: self.serves(self.data_address))
        self.lab.run("cut", "data")
        self.assertFalse(self.serves(self.data_address))
        self.assertNotEqual(self.lab.shell("web", "ping -c 1 -W 1 " + self.data_address)[0], 0)
        # It lives on by itself, and the cut outlasts its boot.
        self.shell("data", "touch /root/alone")
        before = self.lab.run("pid", "data")
        self.lab.run("power", "data", "off")
        until(lambda: self.lab.linode("GET", "/linode/instances/" + self.data)["status"] == "offline")
        self.lab.run("pid", "data", fails=True)
        self.lab.run("power", "data", "on")
        until(lambda: self.lab.linode("GET", "/linode/instances/" + self.data)["status"] == "running")
        self.assertNotEqual(self.lab.run("pid", "data"), before)
        self.shell("data", "test -e /root/alone")
        self.assertNotEqual(self.lab.shell("web", "ping -c 1 -W 1 " + self.data_address)[0], 0)
        self.lab.run("join", "data")
        until(lambda: self.lab.shell("web", "ping -c 1 -W 1 " + self.data_address)[0] == 0)

    def test_what_the_lab_reaches(self):
        until(lambda: self.serves(self.web_address))
        zone = self.lab.cloudflare("POST", "/zones", {"name": "example.test"})["id"]
        self.lab.cloudflare("POST", "/zones/%s/dns_records" % zone, {
            "type": "A", "name": "www", "content": self.web_address, "proxied": True})
        until(lambda: self.serves("127.0.0.1", 2, self.lab.edge_port, "www.example.test"))
        self.lab.run("route53", "speed", "1000")
        self.lab.run("route53", "limits", "off")
        route53 = self.lab.client("route53", "us-east-1")
        check = route53.create_health_check(CallerReference="web", HealthCheckConfig={
            "IPAddress": self.web_address, "Port": 8080, "Type": "HTTP", "ResourcePath": "/", "RequestInterval": 10,
            "FailureThreshold": 1})["HealthCheck"]["Id"]

        def seen():
            found = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
            return {one["StatusReport"]["Status"].split(":")[0] for one in found}
        until(lambda: seen() == {"Success"})
        self.lab.run("cut", "web")
        until(lambda: seen() == {"Failure"})
        self.lab.run("join", "web")
        until(lambda: seen() == {"Success"})

    def test_freeze_and_thaw(self):
        until(lambda: self.serves(self.web_address))
        self.lab.run("freeze", "web")
        self.assertFalse(self.serves(self.web_address, seconds=1))
        with self.assertRaises(subprocess.TimeoutExpired):
            self.lab.shell("web", "true", seconds=1)
        self.assertEqual(self.state(self.web), "running")
        self.lab.run("thaw", "web")
        self.assertTrue(self.serves(self.web_address, seconds=10))


class Reaching(MachineCase):
    """The lab's own ports from within."""

    def curl(self, options="-o /dev/null"):
        return ("exec curl -sSf -m 10 %s -H \"Authorization: Bearer $LINODE_TOKEN\" http://127.0.0.1:%d/v4/regions" %
                (options, self.lab.port))

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.lab.pid))

    def test_the_same_addresses(self):
        for name, machine in (("web", self.web), ("data", self.data)):
            got = self.shell(name, self.curl("-H 'X-Drorch-Trace: %s'" % name))
            self.assertTrue(json.loads(got)["data"])
            # The log says which machine it was.
            found = [call for call in self.lab.calls("ListRegions") if call["trace"] == name]
            self.assertEqual([call["machine"] for call in found], [machine])
        self.lab.linode("GET", "/regions")
        self.assertNotIn("machine", self.lab.calls("ListRegions")[-1])
        # The edge and the name servers by TCP.
        self.shell("web", "curl -s -o /dev/null http://127.0.0.1:%d/" % self.lab.edge_port)
        for port in self.lab.dns_ports.values():
            self.shell("web", "curl -s -m 5 telnet://127.0.0.1:%d </dev/null; [ $? -ne 7 ]" % port)

    def test_faults_come_through(self):
        self.lab.run("outage", "provider", "linode", "on")
        self.assertNotEqual(self.lab.shell("web", self.curl())[0], 0)
        self.lab.run("outage", "provider", "linode", "off")
        self.shell("web", self.curl())

    def test_a_cut_is_silence(self):
        self.lab.run("fault", "add", "drip", "--operation", "ListRegions", "--ms", "2", "--count", "1")
        slow = self.begin("web", self.curl("-N -m 60 -o /root/got"))
        until(lambda: self.lab.shell("web", "test -s /root/got")[0] == 0)
        self.lab.run("cut", "web")
        self.addCleanup(self.lab.run, "join", "web")
        size = self.shell("web", "stat -c %s /root/got")
        # Nothing is refused or reset: a new one does not get through, the running one stands.
        self.assertIn("Connection timed out", self.lab.shell("web", self.curl("-m 2"))[1])
        self.assertEqual(self.shell("web", "stat -c %s /root/got"), size)
        self.assertIsNone(slow.poll())
        self.shell("data", self.curl())
        waiting = self.begin("web", self.curl("-m 30 -o /dev/null"))
        time.sleep(0.5)
        self.lab.run("join", "web")
        self.assertEqual(waiting.wait(30), 0)
        self.assertEqual(slow.wait(60), 0)
        json.loads(self.shell("web", "cat /root/got"))

    def test_it_is_bounded_and_leaves_nothing(self):
        hold = "exec perl -MIO::Socket::INET -e 'my @all; for (1..100) { push @all, IO::Socket::INET->new(" \
            "PeerAddr => \"127.0.0.1\", PeerPort => %d, Timeout => 2) } sleep 1000'" % self.lab.port
        before = self.open_files()
        begun = self.begin("data", hold)
        until(lambda: self.open_files() >= before + 2 * 64)
        time.sleep(0.3)
        # Two for each connection here and one at the API: 64 of the hundred.
        self.assertLessEqual(self.open_files(), before + 3 * 64 + 8)
        self.assertTrue(self.lab.linode("GET", "/regions"))
        self.shell("web", self.curl())
        self.lab.run("kill", "data", "--wait")
        begun.wait(20)
        until(lambda: self.open_files() <= before)
        self.lab.run("power", "data", "on", "--wait")
        self.shell("data", self.curl())


class Changing(MachineCase):
    def test_power_loss_and_images(self):
        self.shell("web", "echo kept >/root/mark; rm /etc/motd")
        until(lambda: self.serves(self.web_address))
        self.lab.run("kill", "web")
        until(lambda: self.state(self.web) == "stopped")
        self.assertFalse(self.serves(self.web_address))
        self.ec2.start_instances(InstanceIds=[self.web])
        until(lambda: self.state(self.web) == "running")
        self.assertEqual(self.shell("web", "cat /root/mark /root/ran"), "kept\nonce")
        self.assertEqual(self.describe(self.web)["PrivateIpAddress"], self.web_address)
        # An image of it as it runs, in one moment, and one with a reboot.
        live = self.ec2.create_image(InstanceId=self.web, Name="live", NoReboot=True)["ImageId"]
        keeper = self.lab.run("pid", "web")
        ready = lambda image: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available"
        until(lambda: ready(live))
        self.assertEqual(self.lab.run("pid", "web"), keeper)
        self.shell("web", "echo later >/root/mark")
        calm = self.ec2.create_image(InstanceId=self.web, Name="calm")["ImageId"]
        until(lambda: ready(calm))
        until(lambda: self.lab.shell("web", "true")[0] == 0)
        self.assertNotEqual(self.lab.run("pid", "web"), keeper)
        one, two = self.launch(live, "one"), self.launch(calm, "two", UserData=SERVE)
        until(lambda: (self.state(one), self.state(two)) == ("running", "running"))
        self.assertEqual(self.shell("one", "cat /root/mark"), "kept")
        self.assertEqual(self.shell("two", "cat /root/mark"), "later")
        self.assertNotEqual(self.lab.shell("two", "test -e /etc/motd")[0], 0)
        ids = {self.shell(name, "cat /etc/machine-id") for name in ("web", "one", "two")}
        self.assertEqual(len(ids), 3)
        # User-data runs once for each new instance.
        until(lambda: self.lab.shell("two", "wc -l </root/ran")[1] == "2")
        # Every one ends where it is: its folder, its processes, its group.
        pids = [int(self.lab.run("pid", name)) for name in ("one", "two")]
        self.assertTrue(self.groups(pids))
        self.ec2.terminate_instances(InstanceIds=[one, two])
        until(lambda: (self.state(one), self.state(two)) == ("terminated", "terminated"))
        self.assertEqual(self.groups(pids), [])
        self.assertFalse(any(os.path.exists("/proc/%d" % pid) for pid in pids))
        self.assertEqual(sorted(os.listdir(os.path.join(self.lab.state, "instances"))), sorted([self.web, self.data]))

    def test_linode_images(self):
        self.shell("data", "echo golden >/root/mark")
        disk = self.lab.linode("GET", "/linode/instances/%s/disks" % self.data)["data"][0]["id"]
        image = self.lab.linode("POST", "/images", {"disk_id": disk, "label": "golden"})["id"]
        until(lambda: self.lab.linode("GET", "/images/" + image)["status"] == "available")
        copy = self.lab.linode("POST", "/linode/instances", {
            "region": "eu-west", "type": "g6-nanode-1", "label": "copy", "root_pass": "correct-Horse-7",
            "image": image})["id"]
        until(lambda: self.lab.shell("copy", "true")[0] == 0)
        self.assertEqual(self.shell("copy", "cat /root/mark"), "golden")
        self.lab.linode("DELETE", "/linode/instances/%d" % copy)
        until(lambda: not os.path.exists(os.path.join(self.lab.state, "instances", str(copy))))

    def test_power_loss_of_a_frozen_one(self):
        keeper = int(self.lab.run("pid", "data"))
        begun = self.begin("data", "exec sleep 1000")
        until(lambda: len(self.inside(keeper)) == 2)  # nsenter and it
        self.lab.run("freeze", "data")
        waiting = self.begin("data", "true")
        until(lambda: len(self.inside(keeper)) == 3)
        self.assertEqual((begun.poll(), waiting.poll()), (None, None))
        self.lab.run("kill", "data")
        self.assertNotEqual(begun.wait(20), 0)
        self.assertNotEqual(waiting.wait(20), 0)
        until(lambda: self.lab.linode("GET", "/linode/instances/" + self.data)["status"] == "offline")
        self.assertEqual(self.groups([keeper]), [])
        self.lab.run("power", "data", "on")
        until(lambda: self.lab.shell("data", "true")[0] == 0)

    def test_it_ends_itself(self):
        self.lab.shell("data", "systemctl poweroff")
        until(lambda: self.lab.linode("GET", "/linode/instances/" + self.data)["status"] == "offline")
        self.lab.run("power", "data", "on")
        until(lambda: self.lab.shell("data", "true")[0] == 0)

    def test_beside_processes(self):
        folder = tempfile.mkdtemp(dir=self.lab.folder)
        with open(os.path.join(folder, "boot"), "w") as boot:
            boot.write("#!/bin/sh\nexec sleep 1000\n")
        os.chmod(os.path.join(folder, "boot"), 0o755)
        process = self.launch(self.lab.add(folder), "process")
        until(lambda: self.state(process) == "running")
        self.assertTrue(self.describe(process)["PrivateIpAddress"].startswith("127."))
        for words in (("cut", "process"), ("freeze", "process"), ("sh", "process", "true"), ("cut", "nobody"),
                      ("power", "process", "sideways")):
            self.lab.run(*words, fails=True)
        self.lab.run("power", "process", "off")
        until(lambda: self.state(process) == "stopped")
        self.ec2.terminate_instances(InstanceIds=[process])

    def test_images_that_are_none(self):
        for text in ("", "layer relative\n", "layer /nowhere/at/all\n", "nonsense\n"):
            folder = tempfile.mkdtemp(dir=self.lab.folder)
            with open(os.path.join(folder, "machine"), "w") as mark:
                mark.write(text)
            self.lab.run("image", "add", folder, "--name", "x", "--region", "eu-west-1", fails=True)


class Ending(MachineCase):
    def nothing_is_left(self):
        until(lambda: not self.leftovers())
        until(lambda: not self.link())

    def test_the_lab_ends_in_every_way(self):
        self.shell("web", "echo kept >/root/mark")
        keepers = self.keepers()
        self.assertTrue(self.leftovers())
        os.kill(self.lab.pid, signal.SIGKILL)
        self.nothing_is_left()
        until(lambda: not self.groups(keepers))
        # The lab and the keepers at once; what is left of the groups goes with the next `up`.
        self.lab.up()
        self.both_alive()
        self.assertEqual(self.shell("web", "cat /root/mark"), "kept")
        keepers = self.keepers()
        os.kill(self.lab.pid, signal.SIGSTOP)  # or it sees its machines end
        for pid in keepers + [self.lab.pid]:
            os.kill(pid, signal.SIGKILL)
        self.nothing_is_left()
        self.lab.up()
        self.both_alive()
        self.assertEqual(self.groups(keepers), [])
        # A frozen one is no trouble.
        keepers = self.keepers()
        self.lab.run("freeze", "data")
        self.lab.down()
        self.assertEqual(self.leftovers(), [])
        self.assertEqual(self.link(), [])
        self.assertEqual(self.groups(keepers), [])


if __name__ == "__main__":
    MachineLab.base = find_base()
    unittest.main(warnings="ignore")
