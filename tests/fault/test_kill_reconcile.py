"""kill -9 of the worker before and after every journal write of an apply, and of its way back: each point.

The apply launches, starts and ends instances and sets records at two providers. After each kill `drorch resume` finishes it
with one instance a wish and one change of DNS; the lab's log is the witness.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import TIER2, Failure, check, main, wait_for, world  # noqa: E402
from reconcile_world import EAST, ZONE, ReconcileWorld  # noqa: E402
from test_kill_points import MOST, run_killed  # noqa: E402
from test_reconcile import entry  # noqa: E402

LONG = os.environ.get("DRORCH_LONG") == "1"
APPLY = ("apply", "--confirm", "memphis")
COLD = {"drorch:service": "memphis", "drorch:site": "tier2", "drorch:group": "web"}


def states(w, region):
    return {i["id"]: i["state"] for i in w.instances(region, alive=False) if i["state"] != "terminated"}


class Rounds:
    """One world, put into the same state before each round: a stopped standby and one too few, a cold site that runs
    something, two records to make and one to remove at each provider."""

    def __init__(self, w, rollback="off"):
        self.w = w
        w.backup()
        w.hot(count=1)
        w.service["safety"]["rollback"] = rollback
        w.lab("ec2", "limits", "off")
        w.lab("ec2", "quota", "2000")
        w.launch(EAST, {"drorch:service": "another", "drorch:site": "hot"})
        w.launch(TIER2, {"drorch:service": "another", "drorch:site": "tier2"})
        w.add_foreign("TXT", f"first.{ZONE}", '"somebody else"')
        self.settle({"old": entry(f"old.{ZONE}", "A", "192.0.2.1")}, 1)
        self.foreign = self.others()

    def settle(self, dns, count):
        w = self.w
        w.service["dns"] = dns
        w.hot(count=count)
        w.commit_specs()
        w.applied("the round's beginning")

    def others(self):
        w = self.w
        ours = self.ours()
        return ({i for region in (EAST, TIER2) for i in states(w, region)} - ours,
                {r["id"] for found in w.at_cloudflare().values() for r in found
                 if not (r["comment"] or "").startswith("drorch:memphis/")})

    def mine(self, region):
        """Ours of the region and their states, as one look has them."""
        now, ours = states(self.w, region), self.ours()
        return {i: state for i, state in now.items() if i in ours}

    def ours(self):
        found = set()
        for region in (EAST, TIER2):
            text = self.w.ec2(region, "DescribeInstances", Filter_1_Name="tag:drorch:service", Filter_1_Value_1="memphis")
            found |= {i for i in states(self.w, region) if i in text}
        return found

    def begin(self):
        w = self.w
        self.settle({"old": entry(f"old.{ZONE}", "A", "192.0.2.1")}, 1)
        wait_for("one standby", lambda: len(self.mine(EAST)) == 1)
        self.standby = list(self.mine(EAST))
        w.ec2(EAST, "StopInstances", InstanceId_1=self.standby[0])
        w.launch(TIER2, COLD)
        wait_for("the stop", lambda: states(w, EAST)[self.standby[0]] == "stopped")
        self.leftover = wait_for("the leftover", lambda: [
            i for i, state in self.mine(TIER2).items() if state == "running"])
        w.service["dns"] = {"new": entry(f"new.{ZONE}", "A", "192.0.2.3"), "more": entry(f"more.{ZONE}", "MX", "10 mx.example")}
        w.hot(count=2)
        w.commit_specs()
        self.calls = len(w.calls())

    def changed(self, operation):
        return [c for c in self.w.calls()[self.calls:] if c["operation"] == operation and c["ids"] and c["status"] == 200]

    def done(self, what):
        """All as wanted, each thing once."""
        w = self.w
        standby = self.mine(EAST)
        check(len(standby) == 2 and self.standby[0] in standby, f"{what}: {standby}")
        wait_for(f"{what}: both run", lambda: {self.mine(EAST).get(i) for i in standby} == {"running"})
        wait_for(f"{what}: no leftover", lambda: not [i for i in self.leftover if i in states(w, TIER2)])
        check(len(self.changed("RunInstances")) == 1, f"{what}: {self.changed('RunInstances')}")
        check(len(self.changed("BatchDnsRecords")) == 1, f"{what}: {self.changed('BatchDnsRecords')}")
        check(len(self.changed("ChangeResourceRecordSets")) == 1, f"{what}: {self.changed('ChangeResourceRecordSets')}")
        check(w.values_at_cloudflare(f"new.{ZONE}", "A") == ["192.0.2.3"] and not w.at_cloudflare(f"old.{ZONE}"), what)
        check((f"new.{ZONE}", "A", "") in w.at_route53() and (f"old.{ZONE}", "A", "") not in w.at_route53(), what)
        check(self.others() == self.foreign, f"{what}: what is not ours was touched")

    def back(self, what):
        """All as it was before, but for what has no way back."""
        w = self.w
        standby = {i for i, state in self.mine(EAST).items() if state != "shutting-down"}
        check(standby == set(self.standby), f"{what}: {standby}")
        wait_for(f"{what}: stopped again", lambda: states(w, EAST)[self.standby[0]] == "stopped")
        check(w.values_at_cloudflare(f"old.{ZONE}", "A") == ["192.0.2.1"] and not w.at_cloudflare(f"new.{ZONE}"), what)
        check((f"old.{ZONE}", "A", "") in w.at_route53() and (f"new.{ZONE}", "A", "") not in w.at_route53(), what)
        check(self.others() == self.foreign, f"{what}: what is not ours was touched")


def every_point():
    with world(kind=ReconcileWorld) as w:
        rounds = Rounds(w)
        for point in range(1, MOST):
            rounds.begin()
            if not run_killed(w, APPLY, point):
                check(point > 12, f"only {point} points were met: the kill points are not there")
                print(f"     {point - 1} points")
                return
            run = w.run_id()
            if point % 3 == 0:  # and once more in the recovery
                run_killed(w, ("resume", run), 2)
            if w.run_state() != "completed":
                w.good("resume", run)
            check(w.run_state() == "completed" and w.run_id() == run, f"killed at {point}: {w.runs()[0]}")
            rounds.done(f"killed at {point}")
        raise Failure(f"more than {MOST} points")


def every_point_of_the_way_back():
    """Route 53 refuses, and all the rest is taken back: `resume` finishes that, wherever it was killed."""
    with world(kind=ReconcileWorld) as w:
        rounds = Rounds(w, "on")
        for point in range(1 if LONG else 12, MOST, 1 if LONG else 2):  # until there it is every_point's way
            rounds.begin()
            w.lab("fault", "add", "status", "--operation", "ChangeResourceRecordSets", "--status", "403", "--code",
                  "AccessDenied")
            done = w.drorch(*APPLY, environment={"DRORCH_KILL_AT": str(point)})
            killed = done.returncode == 15
            if killed:
                done = w.drorch("resume", w.run_id())
            check(done.returncode == 1 and w.run_state() == "rolled-back", f"killed at {point}: {done}")
            rounds.back(f"killed at {point}")
            w.lab("fault", "clear")
            if not killed:
                check(point > 20, f"only {point} points were met")
                print(f"     {point - 1} points")
                return
        raise Failure(f"more than {MOST} points")


def each_write():
    """The state's disk is full at one write, of the command line or of its worker: the next try finishes it."""
    with world(kind=ReconcileWorld) as w:
        rounds = Rounds(w)
        for at in range(1, MOST, 1 if LONG else 3):
            rounds.begin()
            done = w.drorch(*APPLY, environment={"DRORCH_FAIL_WRITE_AT": str(at)})
            what = f"write {at} fails"
            logs = "".join(path.read_text() for path in w.state.glob(f"runs/{w.run_id()}.log"))
            if done.returncode == 0 and "disk is full" not in done.stdout + done.stderr + logs:
                check(at > 10, f"only {at - 1} writes were met")
                return
            check(done.returncode in (0, 1, 15), f"{what}: {done}")
            if w.run_state() != "completed":
                w.good("resume", w.run_id())
            w.applied(f"{what}, with room again")  # where the command line itself could not write
            rounds.done(what)
        raise Failure(f"more than {MOST} writes")


if __name__ == "__main__":
    main(every_point, every_point_of_the_way_back, each_write)
