"""kill -9 of the worker at journal points of a promote that grows: one replica, launched once, and never a lost write.

A round takes a resize each way, so it is every fifteenth point; DRORCH_LONG=1 takes each.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import databases  # noqa: E402
from harness import TIER2, check, main, switches, wait_for, world  # noqa: E402
from hot import Writers, never_two_open  # noqa: E402
from small import PilotWorld  # noqa: E402

MOST = 400  # more points than that: something loops
STEP = 1 if os.environ.get("DRORCH_LONG") == "1" else 15
SMALL = {"web": ["t3.small"]}
FULL = {"web": ["t3.large"], "worker": ["t3.medium", "t3.medium"]}


def one_round(w, writers, point):
    """False once the kill did not come to pass."""
    before, off = len(switches(w)), w.off
    done = w.drorch("promote", "dr", "--confirm", "dr", environment={"DRORCH_KILL_AT": str(point)})
    if done.returncode == 15:
        w.good("resume", w.run_id())
    else:
        check(done.returncode == 0, f"point {point}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    check(w.types() == FULL, f"killed at {point}: {w.types()}")
    check(w.off == off + 1, f"killed at {point}: the data host was off {w.off - off} times")
    check(len(switches(w)) == before + 1, f"killed at {point}: {len(switches(w)) - before} switches")
    check((w.role("dr"), w.role("main")) == ("primary", "replica"), f"killed at {point}: roles")
    writers.more(4)
    w.good("promote", "main", "--confirm", "main")
    w.good("apply", "--confirm", "memphis")
    check(w.types() == SMALL and len(w.instances(TIER2)) == 1, f"killed at {point}: {w.types()} after apply")
    wait_for("writes to wait for dr", lambda: w.servers["main"].sql("SELECT @@rpl_semi_sync_master_enabled") == "1")
    return done.returncode == 15


def points_of_a_promote_that_grows():
    with world(PilotWorld) as w, Writers(w, 2, pause=0.05) as writers:
        point = 1
        while one_round(w, writers, point):
            point += STEP
            check(point < MOST, f"more than {MOST} points")
        writers.stop()
        check(point > 40, f"only {point} points were met: the kill points are not there")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")
        never_two_open(w)
        print(f"     {point - 1} points, {len(writers.acknowledged)} writes")


if __name__ == "__main__":
    databases.need_mariadb()
    main(points_of_a_promote_that_grows)
