"""kill -9 of the worker before and after every journal write of a failover and of the failback behind it: every sixth
point, with DRORCH_LONG=1 each of them.

The primary loses its power, the standby takes over, the primary comes back and takes over again. Whatever is killed,
`drorch resume` finishes it; no acknowledged write is lost (semi-sync), the traffic is switched once a run, and the role
logs of the hosts never show two that could be written to.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import databases  # noqa: E402
from harness import MAIN, Failure, check, main, switches, world  # noqa: E402
from hot import HotWorld, Writers, never_two_open  # noqa: E402
from test_hot import lose_main  # noqa: E402

STEP = 1 if os.environ.get("DRORCH_LONG") == "1" else 6
MOST = 200  # more points than that: something loops


def killed(w, point, *command):
    """Runs it with the worker killed at that point, and to its end; was it?"""
    before = len(switches(w))
    done = w.drorch(*command, environment={"DRORCH_KILL_AT": str(point)})
    if done.returncode == 15:
        w.good("resume", w.run_id())
    else:
        check(done.returncode == 0, f"point {point}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    check(len(switches(w)) == before + 1, f"{command[0]} killed at {point}: {len(switches(w)) - before} switches")
    return done.returncode == 15


def one_round(w, writers, point):
    """False once neither kill came to pass."""
    w.good("promote", "dr", "--dry-run")
    lose_main(w)
    one = killed(w, point, "promote", "dr", "--confirm", "dr")
    check(w.active() == "dr" and w.role("dr") == "primary", f"killed at {point}: dr is active")
    writers.more(4)
    w.servers["main"].start()
    w.cut("main", False)
    w.ec2(MAIN, "StartInstances", InstanceId_1=w.main["id"])
    other = killed(w, point, "failback", "--confirm", "main")
    check((w.role("main"), w.role("dr")) == ("primary", "replica"), f"killed at {point}: roles")
    writers.more(4)
    check(w.ask("/healthz")[:2] == (200, "main"), f"killed at {point}: main answers")
    return one or other


def points_of_a_failover_and_its_failback():
    with world(HotWorld) as w, Writers(w, 2) as writers:
        point = 1
        while one_round(w, writers, point):
            point += STEP
            if point > MOST:
                raise Failure(f"more than {MOST} points")
        writers.stop()
        check(point > 30, f"only {point} points were met: the kill points are not there")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")
        never_two_open(w)
        print(f"     up to point {point - STEP}, {len(writers.acknowledged)} writes")


if __name__ == "__main__":
    databases.need_mariadb()
    main(points_of_a_failover_and_its_failback)
