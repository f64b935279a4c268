"""A service whose standby runs small in peace: the hot standby's world, with a data host that stops to be resized."""

import contextlib
import re
import threading
import time

from harness import TIER2, Failure
from hot import HotWorld


class SmallWorld(HotWorld):
    """The database of dr stops and starts with its instance, and its agent cannot be reached meanwhile."""

    DR_TYPE = "t3.small"

    def make_service(self):
        super().make_service()
        self.going, self.off = True, 0  # off: how often the data host was
        self.power = threading.Thread(target=self.follow_power)
        self.power.start()

    def follow_power(self):
        server, host, on = self.servers["dr"], self.sites["dr"]["id"], True
        while self.going:
            with contextlib.suppress(Failure):
                state = next((i["state"] for i in self.instances(TIER2, alive=False) if i["id"] == host), "")
                if on and state in ("stopping", "stopped"):
                    on, self.off = False, self.off + 1
                    self.cut("dr")
                    server.stop()
                elif not on and state == "running":
                    server.start()
                    self.cut("dr", False)
                    on = True
            time.sleep(0.1)

    def types(self):
        """What runs at dr: the sorted types of each group."""
        found = {}
        for text in re.split("<instancesSet>", self.ec2(TIER2, "DescribeInstances"))[1:]:
            for item in re.findall(r"<instanceId>.*?(?=<instanceId>|$)", text, re.S):
                group = re.search(r"<key>drorch:group</key><value>(.*?)</value>", item)
                if group and re.search(r"<instanceState>.*?<name>(running|pending)</name>", item, re.S):
                    found.setdefault(group[1], []).append(re.search("<instanceType>(.*?)</instanceType>", item)[1])
        return {group: sorted(types) for group, types in found.items()}

    def end(self):
        self.going = False
        if hasattr(self, "power"):
            self.power.join(timeout=60)
        super().end()


class PilotWorld(SmallWorld):
    STRATEGY = "pilot-light"
    GROUPS = """\
web: {count: 1, type: t3.large, image: {name: memphis-site, newest: true}, standby: {type: t3.small}}
worker: {count: 2, type: t3.medium, image: {name: memphis-site, newest: true}}
"""


class WarmWorld(SmallWorld):
    STRATEGY = "warm-standby"
    GROUPS = """\
web: {count: 1, type: t3.large, image: {name: memphis-site, newest: true}, standby: {type: t3.small}}
worker: {count: 2, type: t3.medium, image: {name: memphis-site, newest: true}, standby: {count: 1, type: t3.small}}
"""
