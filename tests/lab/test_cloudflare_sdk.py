#!/usr/bin/python3
"""The official Cloudflare SDK, from npm, against the lab."""
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
    install = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent", "cloudflare"],
                             cwd=folder, capture_output=True, text=True, timeout=180)
    if install.returncode != 0:
        lablib.skip("npm cannot install the SDK: " + install.stderr[-300:])
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cloudflare_sdk.mjs")
    shutil.copy(script, folder)
    lab = lablib.Lab()
    code = subprocess.run([node, "cloudflare_sdk.mjs", "http://127.0.0.1:%d/client/v4" % lab.port,
                           lab.token], cwd=folder, timeout=100).returncode
except subprocess.TimeoutExpired as error:
    if lab:
        raise
    lablib.skip("npm does not answer: %s" % error)
finally:
    if lab:
        lab.stop()
    shutil.rmtree(folder)
sys.exit(code)
