#!/usr/bin/python3
"""What the linode plugin asks the lab, and what the lab answers it, judged by the official description."""
import json
import os
import sys

import judged
import lablib
from recorder import Exchange

TOKEN = {"Authorization": "Bearer recorded", "Content-Type": "application/json"}
REPLY = {"Content-Type": "application/json"}


def made_up(method, target, body, reply):
    return Exchange(method, target, TOKEN, body and json.dumps(body).encode(), 200, json.dumps(reply).encode(), REPLY)


WRONG = [
    made_up("POST", "/v4/linode/instances/4242/resize", {"allow_auto_disk_resize": True}, {}),
    made_up("POST", "/v4/linode/instances/4243/resize", {"type": "g6-standard-2"}, {"status": "started"}),
    made_up("GET", "/v4/linode/instances/4244", None, {"id": 4244, "status": "asleep"}),
]
sys.exit(judged.main("linode", os.path.join(lablib.BUILD, "tests/plugins/test_linode_lab"), 60, WRONG))
