"""A switchover under writers, in turns with a bare client that does the same by hand; and failovers after a power loss.

The bare client holds its sessions with both agents open, as drorch does, and speaks to them and to Cloudflare in the
order in which the calls need each other: freeze, position, then the wait beside the fence, promote, health, the record.
"""

import http.client
import statistics
import threading
import time

import databases
import harness
from harness import NAME, check
from hot import HotWorld, Writers
from test_hot import lose_main

WRITERS = 8
RATIO_GOAL = 1.3
OUTAGE_GOAL = 3000  # ms
FAILOVER_GOAL = 10000  # ms


class Bare:
    """The same as drorch's switchover, without plan, journal, store or second process."""

    def __init__(self, world):
        self.world = world
        self.agents = {site: server.agent() for site, server in world.servers.items()}

    def epoch(self):
        return max(agent.do("hello")["epoch"] for agent in self.agents.values()) + 1

    def follow(self, old, new, epoch):
        self.agents[old].do("follow", epoch=epoch, host=self.world.sites[new]["address"], port=self.world.database_port)
        self.agents[new].do("promote", epoch=epoch, semi_sync=True)

    def switch(self, old, new):
        one, two, epoch = self.agents[old], self.agents[new], self.epoch()
        one.do("freeze", epoch=epoch)
        position = one.do("position")["position"]
        two.send("wait", position=position)
        one.do("fence", epoch=epoch)
        check("result" in two.line(), "the replica has every write")
        two.do("promote", epoch=epoch, position=position)
        follower = threading.Thread(target=self.follow, args=(old, new, epoch))
        follower.start()
        self.until_well(self.world.sites[new]["address"], self.world.origin, new)
        self.world.point_at(self.world.sites[new]["address"])
        self.until_well("127.0.0.1", self.world.edge, new)
        follower.join()

    @staticmethod
    def until_well(address, port, site):
        for _ in range(20000):
            connection = http.client.HTTPConnection(address, port, timeout=5)
            connection.request("GET", "/healthz", headers={"Host": NAME})
            response = connection.getresponse()
            connection.close()
            if response.status == 200 and response.getheader("X-Drorch-Site") == site:
                return
            time.sleep(0.002)
        raise harness.Failure(f"{site} does not answer")

    def close(self):
        for agent in self.agents.values():
            agent.kill()


def outage_of(writers, act):
    """The longest time without an acknowledged write around `act`, in milliseconds."""
    writers.more(WRITERS * 5)
    began = time.monotonic()
    act()
    writers.more(WRITERS * 5)
    times = sorted(t for t in writers.acknowledged.values() if t > began - 1)
    return 1000 * max(b - a for a, b in zip(times, times[1:]))


def switchovers(world, options, report):
    """There and back by each in turns: where drorch's store says that the service is, there it is."""
    bare, outages = Bare(world), {"drorch": [], "bare": []}
    ways = {"drorch": lambda old, new: world.good("promote", new, "--confirm", new), "bare": bare.switch}
    with Writers(world, WRITERS) as writers:
        for turn in range(options.rounds):
            for who in (("drorch", "bare") if turn % 2 else ("bare", "drorch")):
                for old, new in (("main", "dr"), ("dr", "main")):
                    outages[who].append(outage_of(writers, lambda: ways[who](old, new)))
        writers.stop()
        lost = {site: len(world.lost(writers, site)) for site in world.servers}
    bare.close()
    world.same()
    ours, floor = (statistics.median(outages[who]) for who in ("drorch", "bare"))
    report.add("switchover", "write outage, over the bare client's", ours / floor, "", RATIO_GOAL)
    report.add("switchover", "write outage", ours, "ms", OUTAGE_GOAL)
    report.add("switchover", "worst write outage", max(outages["drorch"]), "ms", OUTAGE_GOAL)
    report.add("switchover", "write outage, bare client", floor, "ms")
    report.add("switchover", "acknowledged writes lost", sum(lost.values()), "", 0)
    report.add("switchover", "acknowledged writes", len(writers.acknowledged), "")


def failovers(world, options, report):
    """From the decision, the command's start, to the first write that the new site acknowledges."""
    times, lost = [], 0
    for _ in range(max(2, options.rounds // 2)):
        with Writers(world, WRITERS) as writers:
            writers.more()
            world.good("promote", "dr", "--dry-run")  # as a controller would have heard of main lately
            lose_main(world)
            time.sleep(1)  # nobody decides at once, and no write of before is taken for one of after
            began = time.monotonic()
            world.good("promote", "dr", "--confirm", "dr")
            writers.more()
            writers.stop()
            times.append(1000 * (min(t for t in writers.acknowledged.values() if t > began) - began))
            lost += len(world.lost(writers, "dr"))
        world.servers["main"].start()
        world.cut("main", False)
        world.good("failback", "--confirm", "main")
    report.add("switchover", "failover, decision to first write", statistics.median(times), "ms", FAILOVER_GOAL)
    report.add("switchover", "failover, acknowledged writes lost", lost, "", 0)


def run(world, options, report):
    world.lab("latency", str(options.latency))
    switchovers(world, options, report)
    failovers(world, options, report)


def pair():
    databases.need_mariadb()
    return harness.world(kind=HotWorld)
