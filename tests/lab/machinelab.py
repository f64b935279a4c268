"""What the tests of machines share: a base, a lab of two machines, and looks at what is left of it."""
import base64
import glob
import http.client
import json
import os
import subprocess
import unittest

import lablib
from labtest import Lab, until

BASE_SECONDS = 240
# User-data that is a service: the base has no other web server than the one that perl can be.
SERVE = """#!/usr/bin/perl
use IO::Socket::INET;
open(my $ran, '>>', '/root/ran'); print $ran "once\\n"; close($ran);
my $at = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
while (my $to = $at->accept) { <$to>; print $to "HTTP/1.0 200 OK\\r\\n\\r\\nhere"; close($to); }
"""


def find_base(*words):
    """The image folder of `drorch-lab base WORDS`, made where it is not there yet; a loud skip where that cannot be."""
    if os.geteuid() != 0:
        lablib.skip("machines need root")
    for tool in ("systemd-nspawn", "debootstrap", "ip", "nsenter", "unshare", "ssh-keygen", "ssh"):
        if not lablib.find_program(tool):
            lablib.skip("no " + tool)
    with open("/proc/filesystems") as known:
        if "overlay" not in known.read() and subprocess.run(["modprobe", "overlay"]).returncode:
            lablib.skip("no overlayfs")
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"]).returncode:
        lablib.skip("no namespaces")
    try:
        done = subprocess.run([lablib.PROGRAM, "base", *words], capture_output=True, text=True, timeout=BASE_SECONDS)
    except subprocess.TimeoutExpired:
        lablib.skip("the base was not made in time")
    if done.returncode:
        lablib.skip("no base: " + done.stderr)
    return done.stdout.strip()


class MachineLab(Lab):
    base = None  # what add() makes an image of

    def add(self, folder=None, vendor="ec2", region="eu-west-1"):
        return self.run("image", "add", folder or self.base, "--name", "debian", "--region", region, "--vendor", vendor)

    def shell(self, name, command, seconds=30):
        """(exit code, output) of a command in a machine; the keys are in its environment."""
        done = subprocess.run([lablib.PROGRAM, "sh", name, command, "--state", self.state], capture_output=True,
                              text=True, timeout=seconds, env=dict(os.environ, **self.keys))
        return done.returncode, (done.stdout + done.stderr).strip()

    def ask(self, method, path, body, token):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.keys[token], "Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status != 200:
            raise AssertionError("%s %s: %d %s" % (method, path, response.status, text))
        return json.loads(text)

    def linode(self, method, path, body=None):
        return self.ask(method, "/v4" + path, body, "LINODE_TOKEN")

    def cloudflare(self, method, path, body=None):
        return self.ask(method, "/client/v4" + path, body, "CLOUDFLARE_API_TOKEN")["result"]

    def close(self):
        said = ""
        for path in glob.glob(self.state + "/instances/*/console.log"):
            with open(path, errors="replace") as log:
                said += log.read()
        super().close()
        if "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(said)


class MachineCase(unittest.TestCase):
    """One lab for all tests of a class; machine `web` at EC2, machine `data` at Linode."""
    user_data = SERVE

    @classmethod
    def setUpClass(cls):
        cls.lab = MachineLab()
        cls.addClassCleanup(cls.lab.close)
        cls.ec2 = cls.lab.client("ec2")
        cls.image = cls.lab.add()
        cls.web = cls.launch(cls.image, "web", UserData=cls.user_data)
        made = cls.lab.linode("POST", "/linode/instances", {
            "region": "eu-west", "type": "g6-nanode-1", "label": "data", "root_pass": "correct-Horse-7",
            "image": cls.lab.add(vendor="linode", region="eu-west"), "tags": ["a=b"],
            "metadata": {"user_data": base64.b64encode(cls.user_data.encode()).decode()}})
        cls.data = str(made["id"])
        cls.data_address = made["ipv4"][0]
        cls.web_address = cls.describe(cls.web)["PrivateIpAddress"]
        cls.both_alive()

    @classmethod
    def both_alive(cls):
        until(lambda: all(cls.lab.shell(name, "true")[0] == 0 for name in ("web", "data")))

    @classmethod
    def describe(cls, instance):
        return cls.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    @classmethod
    def launch(cls, image, name, **given):
        return cls.ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
            **given)["Instances"][0]["InstanceId"]

    def state(self, instance):
        return self.describe(instance)["State"]["Name"]

    def shell(self, name, command, **given):
        code, text = self.lab.shell(name, command, **given)
        self.assertEqual(code, 0, text)
        return text

    def serves(self, address, seconds=0.5, port=8080, host=None):
        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            connection.request("GET", "/", headers={"Host": host} if host else {})
            return connection.getresponse().read() == b"here"
        except OSError:
            return False
        finally:
            connection.close()

    def leftovers(self):
        """Processes that have anything of this lab: its folder among their words, their folder or their mounts."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid():
                continue
            try:
                with open("/proc/%s/mountinfo" % pid) as mounts, open("/proc/%s/cmdline" % pid) as words:
                    if self.lab.folder in mounts.read() + words.read() + os.readlink("/proc/%s/cwd" % pid):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def groups(self, pids):
        return [path for path, folders, _ in os.walk("/sys/fs/cgroup") for folder in folders
                if folder in {"drorch-lab-%d" % pid for pid in pids}]

    def begin(self, name, command):
        process = subprocess.Popen([lablib.PROGRAM, "sh", name, command, "--state", self.lab.state],
                                   stderr=subprocess.DEVNULL, env=dict(os.environ, **self.lab.keys))
        self.addCleanup(process.kill)
        return process

    def inside(self, keeper):
        """The processes of commands in that keeper's machine."""
        found = set()
        for path in glob.glob("/sys/fs/cgroup/**/drorch-lab-%d/sh/cgroup.procs" % keeper, recursive=True):
            with open(path) as pids:
                found.update(pids.read().split())
        return found

    def keepers(self):
        return [int(self.lab.run("pid", name)) for name in ("web", "data")]

    def link(self):
        """The host's interface of this lab."""
        wanted = ".".join(self.web_address.split(".")[:3]) + ".254"
        shown = json.loads(subprocess.run(["ip", "-j", "address"], capture_output=True, check=True).stdout)
        return [i["ifname"] for i in shown if any(a.get("local") == wanted for a in i.get("addr_info", []))]
