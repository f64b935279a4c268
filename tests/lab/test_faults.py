"""The lab's faults, and the death of instances, sites and labs."""
import concurrent.futures
import http.client
import os
import signal
import socket
import time
import unittest

from botocore.exceptions import BotoCoreError

from labtest import Lab, LabCase, until


class Faults(LabCase):
    def test_dropped_reply_after_commit(self):
        image = self.lab.image()
        self.lab.run("fault", "add", "drop", "--operation", "RunInstances", "--count", "1")
        with self.assertRaises(BotoCoreError):
            self.launch(image, ClientToken="once")
        again = self.launch(image, ClientToken="once")
        calls = self.lab.calls("RunInstances")
        self.assertEqual([c["status"] for c in calls], [0, 200])
        self.assertEqual([c["fault"] for c in calls], ["drop", ""])
        self.assertEqual([c["ids"] for c in calls], [[again], [again]])
        self.assertEqual([c["token"] for c in calls], ["once"] * 2)
        self.assertEqual(len(self.lab.run("instances").splitlines()), 1)

    def test_status(self):
        self.lab.run("fault", "add", "status", "--vendor", "ec2", "--status", "500", "--code",
                     "InsufficientInstanceCapacity", "--retry-after", "7", "--count", "1")
        answer = self.refused("InsufficientInstanceCapacity", self.ec2.describe_regions)
        self.assertEqual(answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"], "7")
        self.lab.client("sts").get_caller_identity()
        self.ec2.describe_regions()

    def test_refuse_and_outage(self):
        other = self.lab.client("ec2", "us-east-1")
        self.lab.run("outage", "region", "eu-west-1", "on")
        with self.assertRaises(BotoCoreError):
            self.ec2.describe_regions()
        other.describe_regions()
        self.lab.run("outage", "region", "eu-west-1", "off")
        self.ec2.describe_regions()
        self.lab.run("outage", "provider", "ec2", "on", "--status", "503")
        self.refused("Unavailable", other.describe_regions)
        self.lab.client("sts").get_caller_identity()
        self.lab.run("outage", "provider", "ec2", "off")
        fault = self.lab.run("fault", "add", "refuse")
        with self.assertRaises(BotoCoreError):
            other.describe_regions()
        self.assertEqual(self.lab.run("fault", "clear", fault), "1")
        other.describe_regions()

    def test_half_open_is_bounded(self):
        self.lab.run("fault", "add", "half-open", "--ms", "200", "--count", "1")
        begun = time.monotonic()
        with self.assertRaises(BotoCoreError):
            self.ec2.describe_regions()
        self.assertGreaterEqual(time.monotonic() - begun, 0.2)

    def test_drip_and_truncate(self):
        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
            connection.request("GET", "/client/v4/user/tokens/verify",
                               headers={"Authorization": "Bearer x"})
            return connection.getresponse()
        self.lab.run("fault", "add", "drip", "--ms", "5", "--count", "1")
        begun = time.monotonic()
        length = len(ask().read())
        self.assertGreaterEqual(time.monotonic() - begun, length * 0.005)
        self.lab.run("fault", "add", "truncate", "--count", "1")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            ask().read()
        self.assertEqual(len(caught.exception.partial), length // 2)

    def test_list_lag(self):
        image = self.lab.image()
        self.lab.run("fault", "add", "lag", "--operation", "DescribeInstances", "--ms", "3600000")
        instance = self.launch(image)
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.refused("InvalidInstanceID.NotFound", self.ec2.describe_instances,
                     InstanceIds=[instance])
        self.lab.run("fault", "clear", "lag")
        self.state(instance)

    def test_rate(self):
        self.lab.run("fault", "add", "rate", "--vendor", "ec2", "--burst", "2", "--rate", "0")
        self.ec2.describe_regions()
        self.ec2.describe_regions()
        self.refused("RequestLimitExceeded", self.ec2.describe_regions)

    def test_latency_does_not_serialise(self):
        self.lab.run("latency", "400")
        clients = [self.lab.client("ec2") for _ in range(8)]
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda client: client.describe_regions(), clients))
        self.assertLess(time.monotonic() - begun, 8 * 0.4)
        self.assertTrue(all(c["duration_ms"] >= 400 for c in self.lab.calls("DescribeRegions")))

    def test_bad_commands(self):
        self.lab.run("fault", "add", "nonsense", fails=True)
        self.lab.run("fault", "add", "latency", fails=True)
        self.lab.run("kill", "i-0", fails=True)
        self.lab.run("nonsense", fails=True)


class Deaths(LabCase):
    def test_kill_and_site(self):
        image = self.lab.image()
        one, two = self.running(image), self.running(image)
        self.lab.run("kill", one)
        until(lambda: self.state(one) == "stopped")
        self.assertEqual(self.state(two), "running")
        self.ec2.start_instances(InstanceIds=[one])
        until(lambda: self.state(one) == "running")
        self.assertEqual(self.lab.run("kill-site", "eu-west-1"), "2 instances killed")
        self.assertEqual(self.lab.processes(), [])
        with self.assertRaises(BotoCoreError):
            self.ec2.describe_regions()
        self.assertEqual(self.lab.run("restore-site", "eu-west-1"), "2 instances booting")
        until(lambda: self.state(one) == "running" and self.state(two) == "running")

    def test_down_and_up_again(self):
        image = self.lab.image()
        instance, other = self.running(image), self.running(image)
        self.ec2.stop_instances(InstanceIds=[other], Force=True)
        until(lambda: self.state(other) == "stopped")
        seen = len(self.lab.calls())
        self.lab.down()
        self.assertEqual(self.lab.processes(), [])
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.lab.port), 5)
        self.lab.up()
        self.ec2 = self.lab.client("ec2")
        until(lambda: self.state(instance) == "running")
        self.assertEqual(self.state(other), "stopped")
        self.ec2.describe_images(ImageIds=[image])
        self.assertGreater(self.lab.calls()[seen]["seq"], seen)

    def test_kill_of_the_lab(self):
        instance = self.running(self.lab.image())
        self.assertGreaterEqual(len(self.lab.processes()), 3)
        os.kill(self.lab.pid, signal.SIGKILL)
        until(lambda: self.lab.processes() == [])
        self.lab.up()
        self.ec2 = self.lab.client("ec2")
        until(lambda: self.state(instance) == "running")
        os.kill(self.lab.pid, signal.SIGKILL)
        self.lab.down()
        self.assertEqual(self.lab.processes(), [])

    def test_kill_of_a_keeper(self):
        instance = self.running(self.lab.image())
        with open(self.lab.file(instance, "escaped")) as escaped:
            escaped = int(escaped.read())
        keeper = [int(word[4:]) for word in self.lab.run("instances").split()
                  if word.startswith("pid=")][0]
        os.kill(keeper, signal.SIGKILL)
        until(lambda: self.state(instance) == "stopped")
        self.lab.down()
        until(lambda: not os.path.exists("/proc/%d" % escaped))
        self.assertEqual(self.lab.processes(), [])

    def test_labs_side_by_side(self):
        other = Lab()
        self.addCleanup(other.close)
        self.running(self.lab.image())
        theirs = self.running_in(other)
        addresses = [line.split()[2] for lab in (self.lab, other)
                     for line in lab.run("instances").splitlines()]
        self.assertEqual(len(set(addresses)), 2)
        self.lab.down()
        self.assertEqual(self.state(theirs, other.client("ec2")), "running")
        other.run("up", fails=True)

    def running_in(self, lab):
        ec2 = lab.client("ec2")
        instance = self.launch(lab.image(), ec2)
        until(lambda: self.state(instance, ec2) == "running")
        return instance


if __name__ == "__main__":
    unittest.main(warnings="ignore")
