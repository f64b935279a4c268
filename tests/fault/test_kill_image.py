"""kill -9 of the worker before and after every journal write of an image's build, and of its way back.

After each, `drorch resume` finishes it with one machine launched, which is gone, and one image; or with nothing, where the
playbook fails. The lab's log is the witness.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import Failure, check, main, world  # noqa: E402
from image_world import ROLE, ImageWorld  # noqa: E402
from test_kill_points import MOST, run_killed  # noqa: E402

LONG = os.environ.get("DRORCH_LONG") == "1"
BUILD = ("image", "build", "memphis-site")


class Rounds:
    def __init__(self, w):
        self.w = w
        self.launched = self.made = 0

    def counts(self):
        """Machines and images that were made since the last look."""
        before = self.launched, self.made
        self.launched = len(self.w.launched())
        self.made = len([c for c in self.w.calls(operation="CreateImage") if c["ids"]])
        return self.launched - before[0], self.made - before[1]


def every_point():
    with world(kind=ImageWorld) as w:
        rounds = Rounds(w)
        for point in range(1, MOST, 1 if LONG else 11):  # a round is a whole build
            before = len(w.images())
            if not run_killed(w, BUILD, point):
                check(point > 30, f"only {point} points were met: the kill points are not there")
                print(f"     {point - 1} points")
                return
            run = w.run_id()
            if point % 3 == 0:  # and once more in the recovery
                run_killed(w, ("resume", run), 2)
            if w.run_state() != "completed":
                w.good("resume", run)
            what = f"killed at {point}"
            check(w.run_state() == "completed" and w.run_id() == run, f"{what}: {w.runs()[0]}")
            check(rounds.counts() == (1, 1), f"{what}: machines and images made: {rounds.counts()}")
            check(len(w.images()) == before + 1 and w.images()[0]["available"], f"{what}: {w.images()}")
            w.none_left(what)
        raise Failure(f"more than {MOST} points")


def every_point_of_the_way_back():
    """The playbook fails: what was done is taken back, wherever that was killed."""
    with world(kind=ImageWorld) as w:
        w.role = ROLE + "- name: fail\n  ansible.builtin.command: 'false'\n"
        w.commit_specs()
        rounds = Rounds(w)
        for point in range(1 if LONG else 18, MOST, 1 if LONG else 11):  # until there it is every_point's way
            done = w.drorch(*BUILD, environment={"DRORCH_KILL_AT": str(point)})
            killed = done.returncode == 15
            if killed:
                done = w.drorch("resume", w.run_id())
            what = f"killed at {point}"
            check(done.returncode == 1 and w.run_state() == "rolled-back", f"{what}: {done}")
            check('task "marker : fail" failed' in done.stdout + done.stderr, f"{what}: {done}")
            check(rounds.counts() == (1, 0) and not w.images(), f"{what}: {w.images()}")
            w.none_left(what)
            if not killed:
                check(point > 20, f"only {point} points were met")
                print(f"     {point - 1} points")
                return
        raise Failure(f"more than {MOST} points")


if __name__ == "__main__":
    main(every_point, every_point_of_the_way_back)
