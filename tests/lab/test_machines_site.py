#!/usr/bin/python3
"""Machines as a service's hosts: what `base --site` holds, ssh without a question, S3 from within, and power failing."""
import os
import subprocess
import tempfile
import time
import unittest

from labtest import until
from machinelab import MachineCase, MachineLab, find_base

UNITS_OFF = ("mariadb.service", "mariadb.socket", "nftables.service")


class SiteCase(MachineCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="drorch-lab-keys-")
        cls.addClassCleanup(folder.cleanup)
        cls.keys = folder.name
        cls.identity = os.path.join(cls.keys, "id")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.identity], check=True)
        with open(cls.identity + ".pub") as key:
            cls.user_data = "#!/bin/sh\nmkdir -p -m 700 /root/.ssh\necho '%s' >/root/.ssh/authorized_keys\n" % (
                key.read().strip())
        super().setUpClass()

    def ssh(self, host, command, known, *options):
        """As a person does it: nothing is asked, nothing is trusted unseen."""
        return subprocess.run(
            ["ssh", "-F", "/dev/null", "-i", self.identity, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
             "-o", "GlobalKnownHostsFile=/dev/null", "-o", "UserKnownHostsFile=" + known, "-o", "ConnectTimeout=5",
             *options, "root@" + host, command], capture_output=True, text=True, timeout=30)

    def known(self, *names):
        path = os.path.join(self.keys, "known_hosts-" + "-".join(names))
        with open(path, "w") as out:
            out.write(self.lab.run("known-hosts", *names) + "\n")
        return path

    def linode_status(self):
        return self.lab.linode("GET", "/linode/instances/" + self.data)["status"]

    def within(self, seconds, what):
        """How long it took, at most that."""
        begun = time.monotonic()
        until(what, seconds)
        return time.monotonic() - begun


class Site(SiteCase):
    def test_it_boots_well(self):
        for name in ("web", "data"):
            self.assertEqual(self.shell(name, "systemctl is-system-running --wait; systemctl --failed --no-legend"),
                             "running")
            for unit in UNITS_OFF:
                self.assertEqual(self.lab.shell(name, "systemctl is-active " + unit)[1], "inactive")
                # Off, not masked: who wants it enables it.
                self.assertEqual(self.lab.shell(name, "systemctl is-enabled " + unit)[1], "disabled")
            self.shell(name, "systemctl is-active ssh; python3 -c 'import pymysql, apt'; sudo -n true; restic version; "
                             "command -v rsync lsyncd nft mariadb-backup zstd curl ip")

    def test_the_lab_knows_the_keys(self):
        addresses = {"web": self.web_address, "data": self.data_address}
        everything = self.known()
        for name, address in addresses.items():
            until(lambda: self.ssh(address, "true", everything).returncode == 0)
            self.assertEqual(self.ssh(address, "cat /proc/1/comm", self.known(name)).stdout, "systemd\n")
            # By name too, where the name leads there.
            self.assertEqual(self.ssh(address, "true", everything, "-o", "HostKeyAlias=" + name).returncode, 0)
        # Each has its own.
        self.assertNotEqual(self.ssh(self.web_address, "true", self.known("data")).returncode, 0)
        self.assertNotEqual(self.ssh(self.web_address, "true", everything, "-o", "HostKeyAlias=data").returncode, 0)
        self.lab.run("known-hosts", "nobody", fails=True)
        # Known as soon as it is launched, also when it comes from another one's image, whose key it has not.
        image = self.ec2.create_image(InstanceId=self.web, Name="copied", NoReboot=True)["ImageId"]
        until(lambda: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
        copy = self.launch(image, "copy", UserData=self.user_data)
        lines = {name: self.lab.run("known-hosts", name) for name in ("web", "copy")}
        self.assertNotEqual(lines["web"].split()[1:], lines["copy"].split()[1:])
        address = self.describe(copy)["PrivateIpAddress"]
        until(lambda: self.ssh(address, "true", self.known("copy")).returncode == 0)
        # It outlasts a boot.
        self.lab.run("kill", "copy", "--wait")
        self.lab.run("power", "copy", "on", "--wait")
        self.assertEqual(self.lab.run("known-hosts", "copy"), lines["copy"])
        until(lambda: self.ssh(address, "true", self.known("copy")).returncode == 0)
        self.ec2.terminate_instances(InstanceIds=[copy])

    def test_a_disk_leads_nowhere_else(self):
        # What a machine makes of its own folders must not be followed by us.
        outside = os.path.join(self.lab.folder, "outside")
        os.mkdir(outside)
        self.launch(self.lab.add(), "trap")
        until(lambda: self.lab.shell("trap", "rm -rf /etc/ssh; ln -s %s /etc/ssh" % outside)[0] == 0)
        with open(os.path.join(outside, "ssh_host_x_key.pub"), "w") as key:
            key.write("ssh-ed25519 AAAA\n")
        self.lab.run("known-hosts", "trap", fails=True)
        trap = self.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["trap"]}])
        trap = trap["Reservations"][0]["Instances"][0]["InstanceId"]
        image = self.ec2.create_image(InstanceId=trap, Name="trap", NoReboot=True)["ImageId"]
        until(lambda: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
        two = self.launch(image, "trap2")
        until(lambda: self.state(two) == "stopped")
        self.assertEqual(os.listdir(outside), ["ssh_host_x_key.pub"])
        self.ec2.terminate_instances(InstanceIds=[trap, two])

    def test_restic_to_both_stores(self):
        self.lab.client("s3").create_bucket(
            Bucket="copies", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.lab.linode("POST", "/object-storage/buckets", {"label": "copies", "region": "eu-west"})
        keys = {"web": ("$AWS_ACCESS_KEY_ID", "$AWS_SECRET_ACCESS_KEY"),
                "data": ("$LINODE_ACCESS_KEY_ID", "$LINODE_SECRET_ACCESS_KEY")}
        for name, (key, secret) in keys.items():
            restic = ("export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s RESTIC_PASSWORD=x "
                      "RESTIC_REPOSITORY=s3:http://127.0.0.1:%d/copies/%s; restic -q --no-cache " %
                      (key, secret, self.lab.port, name))
            self.shell(name, restic + "init", seconds=60)
            self.shell(name, "head -c 20000000 /dev/urandom >/root/much; sha256sum /root/much >/root/sum")
            self.shell(name, restic + "backup /root/much", seconds=60)
            self.shell(name, "rm /root/much; " + restic + "restore latest --target /; sha256sum -c /root/sum", seconds=60)
            # Cut off, it waits; back again, it goes on.
            self.lab.run("cut", name)
            self.addCleanup(self.lab.run, "join", name)
            listing = self.begin(name, restic + "snapshots")
            time.sleep(1)
            self.assertIsNone(listing.poll())
            self.lab.run("join", name)
            self.assertEqual(listing.wait(60), 0)
        made = {call.get("machine") for call in self.lab.calls("PutObject")}
        self.assertEqual(made, {self.web, self.data})


class Power(SiteCase):
    def test_commits_survive_power_loss(self):
        self.assertNotEqual(self.lab.shell("web", "test -e /var/lib/mysql/mysql")[0], 0)
        self.shell("web", "systemctl start mariadb", seconds=60)
        self.shell("web", "mariadb -e 'CREATE DATABASE d; CREATE TABLE d.t (n INT PRIMARY KEY)'")
        write = "for i in $(seq 100000); do echo \"INSERT INTO d.t VALUES ($i); SELECT $i;\"; done | " \
            "mariadb -NBn >/root/acknowledged"
        self.begin("web", write)
        until(lambda: int(self.shell("web", "cat /root/acknowledged 2>/dev/null | wc -l")) > 200)
        self.lab.run("kill", "web", "--wait")
        self.assertEqual(self.state(self.web), "stopped")
        self.lab.run("power", "web", "on", "--wait")
        self.shell("web", "systemctl start mariadb", seconds=60)
        kept = int(self.shell("web", "mariadb -NBe 'SELECT COUNT(*) FROM d.t'"))
        heard = int(self.shell("web", "grep -c '^[0-9]*$' /root/acknowledged"))
        self.assertGreater(heard, 200)
        # At most the one that was under way is more.
        self.assertIn(kept - heard, (0, 1))
        self.assertEqual(self.shell("web", "mariadb -NBe 'CHECK TABLE d.t'").split()[-1], "OK")

    def off_and_on(self, how, seconds, force):
        """Powered off by both clouds' APIs in that state of theirs."""
        for name in ("web", "data"):
            self.lab.run(how, name)
            self.addCleanup(self.lab.run, "join", name)
        self.ec2.stop_instances(InstanceIds=[self.web], Force=force)
        self.lab.linode("POST", "/linode/instances/%s/shutdown" % self.data)
        took = self.within(seconds, lambda: self.state(self.web) == "stopped")
        self.within(max(seconds, 5) - took, lambda: self.linode_status() == "offline")
        for name in ("web", "data"):
            self.lab.run("pid", name, fails=True)
            self.lab.run("join", name)
        self.ec2.start_instances(InstanceIds=[self.web])
        self.lab.linode("POST", "/linode/instances/%s/boot" % self.data)
        self.both_alive()

    def test_power_off_by_the_clouds(self):
        for name in ("web", "data"):
            self.shell(name, "echo kept >/root/mark")
        self.off_and_on("freeze", 1.5, True)
        self.off_and_on("freeze", 5, False)
        self.off_and_on("cut", 5, False)
        self.off_and_on("kill", 1.5, True)
        for name in ("web", "data"):
            self.assertEqual(self.shell(name, "cat /root/mark"), "kept")

    def test_waiting(self):
        for words in (("kill", "data"), ("power", "data", "on"), ("power", "data", "off"), ("power", "data", "on")):
            self.lab.run(*words, "--wait")
            state = "running" if words[-1] == "on" else "stopped"
            self.assertEqual(self.lab.run("state", "data"), state)
            self.assertEqual(self.linode_status(), {"stopped": "offline"}.get(state, state))
        self.lab.run("cut", "data", "--wait", fails=True)
        self.lab.run("state", "nobody", fails=True)


if __name__ == "__main__":
    MachineLab.base = find_base("--site")
    unittest.main(warnings="ignore")
