#!/usr/bin/python3
"""The official Linode SDK, from npm, against the lab."""
import os
import shutil
import subprocess
import sys
import tempfile

import lablib

node, npm = lablib.find_program("node"), lablib.find_program("npm")
if not node or not npm:
    lablib.skip("node and npm are not installed")
folder = tempfile.mkdtemp(prefix="drorch-sdk-test.")
lab = None
try:
    install = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent", "@linode/api-v4"],
                             cwd=folder, capture_output=True, text=True, timeout=180)
    if install.returncode != 0:
        lablib.skip("npm cannot install the SDK: " + install.stderr[-300:])
    shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linode_sdk.mjs"), folder)
    lab = lablib.Lab()
    os.mkdir(os.path.join(folder, "image"))
    with open(os.path.join(folder, "image", "boot"), "w") as boot:
        boot.write("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(boot.name, 0o755)
    image = lab.command("image", "add", os.path.dirname(boot.name), "--name", "base", "--region", "eu-west",
                        "--vendor", "linode").strip()
    with open(os.path.join(lab.dir, "credentials")) as file:
        token = dict(line.strip().split("=", 1) for line in file)["LINODE_TOKEN"]
    code = subprocess.run([node, "linode_sdk.mjs", "http://127.0.0.1:%d" % lab.port, token, image], cwd=folder,
                          timeout=100).returncode
except subprocess.TimeoutExpired as error:
    if lab:
        raise
    lablib.skip("npm does not answer: %s" % error)
finally:
    if lab:
        lab.stop()
    shutil.rmtree(folder)
sys.exit(code)
