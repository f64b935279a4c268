"""A lab in the background, as a team runs it, and boto3 to ask it with."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import lablib

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError as missing:
    lablib.skip("boto3 is not installed (%s)" % missing)

BOOT = """#!/bin/sh
echo "$LAB_ADDRESS $LAB_PORT $LAB_INSTANCE_ID $LAB_REGION" >who
[ -z "$LAB_USER_DATA" ] || cp "$LAB_USER_DATA" got
setsid sleep 1000 &
echo $! >escaped
exec sleep 1000
"""


class Lab:
    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="drorch-lab-")
        self.state = os.path.join(self.folder, "state")
        self.options = options
        self.up()

    def up(self):
        self.run("up", *self.options)
        with open(os.path.join(self.state, "lab.json")) as note:
            note = json.load(note)
        self.port, self.pid, self.edge_port = note["port"], note["pid"], note["edge_port"]
        self.dns_ports = {v: note[v + "_dns_port"] for v in ("route53", "cloudflare")}
        with open(os.path.join(self.state, "credentials")) as lines:
            self.keys = dict(line.strip().split("=", 1) for line in lines)

    def run(self, *words, fails=False):
        done = subprocess.run([lablib.PROGRAM, *words, "--state", self.state], capture_output=True,
                              text=True, timeout=60)
        if (done.returncode != 0) != fails:
            raise AssertionError("%s: %d %s" % (words, done.returncode, done.stderr))
        return done.stdout.strip()

    def client(self, service, region="eu-west-1", **other):
        given = dict(aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
                     aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"])
        given.update(other)
        return boto3.client(service, region_name=region,
                            endpoint_url="http://127.0.0.1:%d" % self.port,
                            config=Config(retries={"total_max_attempts": 1},
                                          connect_timeout=10, read_timeout=20), **given)

    def image(self, boot=BOOT, region="eu-west-1", name="base"):
        folder = tempfile.mkdtemp(dir=self.folder)
        with open(os.path.join(folder, "boot"), "w") as program:
            program.write(boot)
        os.chmod(os.path.join(folder, "boot"), 0o755)
        return self.run("image", "add", folder, "--name", name, "--region", region)

    def calls(self, operation=None):
        with open(os.path.join(self.state, "calls.jsonl")) as lines:
            calls = [json.loads(line) for line in lines]
        return [call for call in calls if operation in (None, call["operation"])]

    def file(self, instance, name):
        return os.path.join(self.state, "instances", instance, "disk", name)

    def processes(self):
        """Everything that runs for this lab's instances, by its environment or folder."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                here = os.readlink("/proc/%s/cwd" % pid)
                with open("/proc/%s/stat" % pid) as stat:
                    dead = stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if here.startswith(self.state + "/instances/") and not dead:
                found.append(int(pid))
        return found

    def down(self):
        self.run("down")

    def close(self):
        self.down()
        with open(os.path.join(self.state, "lab.log")) as log:
            log = log.read()
        if "Sanitizer" in log or "runtime error" in log:
            raise AssertionError(log)
        shutil.rmtree(self.folder, ignore_errors=True)


def until(what, seconds=20):
    """Waits for a condition with a bound; its value, or a failure."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not in %d s" % seconds)
        time.sleep(0.02)


class LabCase(unittest.TestCase):
    options = ()

    def setUp(self):
        self.lab = Lab(*self.options)
        self.addCleanup(self.lab.close)
        self.ec2 = self.lab.client("ec2")

    def refused(self, code, call, *words, **given):
        with self.assertRaises(ClientError) as caught:
            call(*words, **given)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response

    def state(self, instance, ec2=None):
        found = (ec2 or self.ec2).describe_instances(InstanceIds=[instance])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    def launch(self, image, ec2=None, **given):
        given = dict(dict(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro"), **given)
        return (ec2 or self.ec2).run_instances(**given)["Instances"][0]["InstanceId"]

    def running(self, image, ec2=None, **given):
        instance = self.launch(image, ec2, **given)
        until(lambda: self.state(instance, ec2) == "running")
        until(lambda: os.path.exists(self.lab.file(instance, "escaped")))
        return instance
