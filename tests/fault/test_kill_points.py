"""kill -9 of the worker before and after every journal write of a cold promote: each point, not a sample.

After each, `drorch resume` finishes with one instance and one switch; the lab's log is the witness.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import TIER2, Failure, check, main, switches, world  # noqa: E402

MOST = 400  # more points than that: something loops
LONG = os.environ.get("DRORCH_LONG") == "1"


def run_killed(w, command, at):
    """Runs it with the worker killed at its `at`-th point; was it?"""
    done = w.drorch(*command, environment={"DRORCH_KILL_AT": str(at)})
    if done.returncode == 15:
        check("drorch resume" in done.stderr, f"it says how to go on: {done.stderr}")
        return True
    check(done.returncode == 0, f"point {at}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return False


def one_round(w, points):
    """Kills at each of `points` in turn, in the run and in its recoveries; False once a kill did not come to pass."""
    w.reset()
    born = {i["id"] for i in w.instances(TIER2, alive=False)}
    before = len(switches(w))
    if not run_killed(w, ("promote", "tier2", "--confirm", "tier2"), points[0]):
        return False
    run = w.run_id()
    for point in points[1:]:
        if not run_killed(w, ("resume", run), point):
            break
    else:
        w.good("resume", run)
    made = {i["id"] for i in w.instances(TIER2, alive=False)} - born
    check(len(made) == 1, f"killed at {points}: {len(made)} instances were made")
    check(len(w.instances(TIER2)) == 1, f"killed at {points}: the instance runs")
    count = len(switches(w)) - before
    check(count == 1, f"killed at {points}: {count} switches")
    check(w.ask("/healthz")[:2] == (200, "tier2"), f"killed at {points}: tier2 answers")
    check('"completed"' in w.good("show", run, "-o", "json"), f"killed at {points}: the run is completed")
    return True




def every_point():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "clear")  # main's API is back, its instances are not: no waiting for the dead
        point = 1
        while one_round(w, (point,)):
            point += 1
            if point > MOST:
                raise Failure(f"more than {MOST} points")
        check(point > 30, f"only {point} points were met: the kill points are not there")
        print(f"     {point - 1} points")


def kills_in_the_recovery():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "clear")  # main's API is back, its instances are not: no waiting for the dead
        firsts = range(1, 60) if LONG else (6, 14, 22, 30, 38, 46)
        for first in firsts:
            for second in (range(1, 20) if LONG else (2, 5)):
                if not one_round(w, (first, second, 3)):
                    return


if __name__ == "__main__":
    main(every_point, kills_in_the_recovery)
