#!/usr/bin/python3
"""What the cloudflare plugin asks the lab, and what the lab answers it, judged by the official description."""
import json
import os
import sys

import judged
import lablib
from recorder import Exchange

TOKEN = {"Authorization": "Bearer recorded", "Content-Type": "application/json"}
REPLY = {"Content-Type": "application/json"}
ZONE = "/client/v4/zones/%032x"
POOL = "/client/v4/accounts/%032x/load_balancers/pools"


def made_up(method, target, body, result):
    reply = {"success": True, "errors": [], "messages": [], "result": result}
    return Exchange(method, target, TOKEN, body and json.dumps(body).encode(), 200, json.dumps(reply).encode(), REPLY)


WRONG = [
    made_up("POST", ZONE % 1 + "/dns_records", {"type": "A", "name": 5, "content": "192.0.2.1"}, {}),
    made_up("POST", POOL % 2, {"name": "one"}, {"name": "one"}),
    made_up("GET", ZONE % 3 + "/load_balancers", None, [{"name": 5}]),
]
if __name__ == "__main__":
    sys.exit(judged.main("cloudflare", os.path.join(lablib.BUILD, "tests/lab/test_lab_cloudflare"), 60, WRONG))
