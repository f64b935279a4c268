"""What the lab's tests share: a lab of its own in a folder of its own, and a loud skip."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.environ.get("DRORCH_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
PROGRAM = os.path.join(BUILD, "lab", "drorch-lab")
START_SECONDS = 30


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)


def find_program(*names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    return None


class Lab:
    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="drorch-lab-test.")
        self.options = list(options)
        self.process = None
        try:
            self.start()
        except BaseException:
            if self.process:
                self.kill()
            shutil.rmtree(self.dir)
            raise

    def start(self):
        note = os.path.join(self.dir, "lab.json")
        if os.path.exists(note):
            os.unlink(note)
        self.process = subprocess.Popen(
            [PROGRAM, "up", "--foreground", "--state", self.dir] + self.options,
            stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not os.path.exists(note):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the lab does not start")
            time.sleep(0.01)
        with open(note) as file:
            told = json.load(file)
        self.port, self.edge_port = told["port"], told["edge_port"]
        self.origin_port = told["origin_port"]
        with open(os.path.join(self.dir, "credentials")) as file:
            values = dict(line.strip().split("=", 1) for line in file)
        self.access_key = values["AWS_ACCESS_KEY_ID"]
        self.secret_key = values["AWS_SECRET_ACCESS_KEY"]
        self.token = values["CLOUDFLARE_API_TOKEN"]
        self.account = values["LAB_ACCOUNT"]

    def command(self, *words):
        return subprocess.run([PROGRAM] + list(words) + ["--state", self.dir], check=True,
                              capture_output=True, text=True, timeout=30).stdout

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(30)
        shutil.rmtree(self.dir)
        if code != 0:
            raise RuntimeError("the lab ended with %d" % code)


def main():
    return 0 if unittest.main(module="__main__", exit=False).result.wasSuccessful() else 1
