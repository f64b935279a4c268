"""kill -9 of the worker before and after every journal write of a switchover: each point, not a sample.

The service goes to and fro between its sites while guests write; after each kill `drorch resume` finishes the run. No
acknowledged write may be lost, the traffic is switched once, and in the end both databases hold the same.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import databases  # noqa: E402
from harness import Failure, check, main, switches, world  # noqa: E402
from hot import HotWorld, Writers, never_two_open  # noqa: E402

MOST = 400  # more points than that: something loops


def one_round(w, writers, to, point):
    """False once the kill did not come to pass."""
    other = "main" if to == "dr" else "dr"
    before = len(switches(w))
    done = w.drorch("promote", to, "--confirm", to, environment={"DRORCH_KILL_AT": str(point)})
    if done.returncode == 15:
        w.good("resume", w.run_id())
    else:
        check(done.returncode == 0, f"point {point}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    check(len(switches(w)) == before + 1, f"killed at {point}: {len(switches(w)) - before} switches")
    check(w.active() == to, f"killed at {point}: {to} is active")
    check((w.role(to), w.role(other)) == ("primary", "replica"), f"killed at {point}: roles")
    writers.more(4)
    check(w.ask("/healthz")[:2] == (200, to), f"killed at {point}: {to} answers")
    return done.returncode == 15


def every_point_of_a_switchover():
    with world(HotWorld) as w, Writers(w, 2) as writers:
        point = 1
        while one_round(w, writers, "dr" if point % 2 else "main", point):
            point += 1
            if point > MOST:
                raise Failure(f"more than {MOST} points")
        writers.stop()
        check(point > 30, f"only {point} points were met: the kill points are not there")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")
        never_two_open(w)
        print(f"     {point - 1} points, {len(writers.acknowledged)} writes")


if __name__ == "__main__":
    databases.need_mariadb()
    main(every_point_of_a_switchover)
