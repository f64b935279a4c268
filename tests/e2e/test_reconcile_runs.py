"""Reconcile runs that do not go well: rolled back where the spec asks for that, and in nobody's way."""

import json

from harness import BUILD, MAIN, NAME, TIER2, check, main, wait_for, world
from reconcile_world import EAST, ZONE, ReconcileWorld
from test_reconcile import entry
from test_reconcile_sites import checks, weights


class Before:
    """What there is: to be compared once a run took back what it did."""

    def __init__(self, w):
        self.w = w
        self.now = self.look()

    def look(self):
        records = {(name, kind, r["content"], r["ttl"], r["comment"])
                   for (name, kind), found in self.w.at_cloudflare().items() for r in found}
        return records, self.w.at_route53(), weights(self.w), set(checks(self.w))

    def again(self, what):
        now = self.look()
        check(now == self.now, f"{what}: {now} is not {self.now}")
        wait_for(f"{what}: no instance", lambda: not self.w.instances(EAST))


def much(w):
    """A bit of everything that can be taken back: records at both, checks, an instance, a weighted name."""
    w.service["safety"]["rollback"] = "on"
    w.service["dns"] = {"a": entry(f"a.{ZONE}", "A", "192.0.2.1"), "b": entry(f"b.{ZONE}", "A", "192.0.2.2")}
    w.commit_specs()
    w.applied("the first records")
    before = Before(w)
    w.hot()
    w.service["traffic"]["shop"] = {
        "name": f"shop.{ZONE}", "type": "A", "policy": {"weighted": {"main": 90, "hot": 10}},
        "paths": [{"provider": "names", "zone": ZONE, "ttl": "60s"}]}
    w.service["dns"] = {"a": entry(f"a.{ZONE}", "A", "192.0.2.11", ttl="10m"), "c": entry(f"c.{ZONE}", "A", "192.0.2.3")}
    w.commit_specs()
    return before


def rolled_back():
    with world(kind=ReconcileWorld) as w:
        w.backup()
        before = much(w)
        wanted = w.targets()
        the_last_step_fails(w, before, wanted)
        the_way_back_fails(w, before)
        all_is_taken_back_on_demand(w, before)
        check(w.targets() == wanted, "the next plan is the same")
        the_next_pass_goes_on(w)
        w.quiet("without a fault")
        check(weights(w) == {"main": 90, "hot": 10} and len(checks(w)) == 2, (weights(w), checks(w)))


def refuse(w, vendor, operation):
    w.lab("fault", "add", "status", "--vendor", vendor, "--operation", operation, "--status", "403", "--code",
          "AccessDenied")


def the_last_step_fails(w, before, wanted):
    """Route 53's records wait for the instance and its check: when they are refused all the rest is done."""
    refuse(w, "route53", "ChangeResourceRecordSets")
    done = w.apply()
    check(done.returncode == 1 and "is rolled-back" in done.stdout and "AccessDenied" in done.stdout, done)
    w.lab("fault", "clear")
    before.again("rolled back")
    steps = {step["state"] for step in w.steps(w.run_id()).values()}
    check("undone" in steps and "done" not in steps - {"done"}, steps)
    check(w.targets() == wanted, "the next plan is the same")
    mutations = len(w.mutations())
    done = w.drorch("resume", w.run_id())
    check("rolled-back" in done.stdout and len(w.mutations()) == mutations, f"it is over: {done}")
    done = w.drorch("abort", w.run_id())
    check(done.returncode == 1 and "nothing to abort" in done.stderr, done)


def fail_both_ways(w):
    """Route 53 refuses what an apply does, and Cloudflare that it is taken back: the run that is left."""
    w.lab("fault", "add", "latency", "--vendor", "route53", "--operation", "ChangeResourceRecordSets", "--ms", "1500")
    refuse(w, "route53", "ChangeResourceRecordSets")
    process = w.start("apply", "--confirm", "memphis")
    wait_for("Cloudflare's records", lambda: w.values_at_cloudflare(f"c.{ZONE}", "A"))
    wait_for("Route 53's call", lambda: w.steps(w.run_id())[f"dns-names-{ZONE.replace('.', '-')}"]["state"] == "running"
             if f"dns-names-{ZONE.replace('.', '-')}" in w.steps(w.run_id()) else w.steps(w.run_id()))
    refuse(w, "cloudflare", "BatchDnsRecords")
    done = w.finish(process)
    check(done.returncode == 1 and "is failed" in done.stdout, done)
    w.lab("fault", "clear")
    check(("left", w.run_id()) in w.findings(), f"a plan tells of it: {w.look()['findings']}")
    return w.run_id()


def the_way_back_fails(w, before):
    """The run stays open, says so, and `resume` goes on with the way back, not forward."""
    done = w.drorch("resume", fail_both_ways(w))
    check(done.returncode == 1 and "is rolled-back" in done.stdout, done)
    before.again("rolled back in two goes")
    check(not w.findings(), "and nothing is left to tell")


def the_next_pass_goes_on(w):
    """Nobody has to see to such a run: what it left is there to be seen, and is put in order."""
    broken = fail_both_ways(w)
    done = w.drorch("controller", "--once", timeout=120)
    check(done.returncode == 0, f"the controller goes on: {done}")
    check(w.run_id() != broken and w.run_state() == "completed", w.runs())
    states = {run["id"]: run["state"] for run in w.runs()}
    check(states[broken] == "completed-with-exceptions", states)
    events = w.good("events", "-o", "json")
    check("another run goes on from what it left" in events and broken in events, events)
    done = w.drorch("resume", broken)
    check("rolled-back" not in done.stdout, f"it is over: {done}")


def all_is_taken_back_on_demand(w, before):
    """`abort` of an apply under way."""
    w.lab("fault", "add", "latency", "--vendor", "route53", "--operation", "ChangeResourceRecordSets", "--ms", "1500")
    process = w.start("apply", "--confirm", "memphis")
    wait_for("Cloudflare's records", lambda: w.values_at_cloudflare(f"c.{ZONE}", "A"))
    done = w.drorch("abort", w.run_id())
    check(done.returncode == 0, done)
    w.finish(process)
    w.lab("fault", "clear")
    check(w.run_state() == "aborted", w.runs())
    before.again("aborted")


# ---- beside a promote -----------------------------------------------------------------------------

ANYWAY = ("--override-rule", "old-site-well", "--reason", "a test")


def a_promote_goes_first():
    """A reconcile run under way gives way, whether its provider is slow or silent; and keeps quiet while a promote is open."""
    with world(kind=ReconcileWorld) as w:
        w.book("guest")
        w.backup()
        under_way(w, "slow", "latency", "--ms", "3000")
        check(w.active() == "main" and w.run_state() == "aborted", w.runs())
        under_way(w, "silent", "half-open", "--ms", "60000")
        w.lab("fault", "clear")
        w.applied("what was left")
        w.quiet("the next pass goes on from the truth")


def under_way(w, name, *fault):
    """An apply hangs in its call to Route 53; a promote is asked for; it fails at its launch, and so stays open."""
    w.service["dns"][name] = entry(f"{name}.{ZONE}", "A", "192.0.2.7", providers=["names"])
    w.commit_specs()
    w.lab("fault", "add", *fault, "--vendor", "route53", "--operation", "ChangeResourceRecordSets")
    process = w.start("apply", "--confirm", "memphis")
    wait_for("the change", lambda: w.runs() and w.runs()[0]["state"] == "running" and w.worker_pid())
    apply_run = w.run_id()
    wait_for("the step", lambda: [s for s in w.steps(apply_run).values() if s["state"] == "running"])
    w.lab("fault", "add", "status", "--operation", "RunInstances", "--region", TIER2, "--status", "500", "--code",
          "InsufficientInstanceCapacity")
    done = w.promote(*ANYWAY)
    check(done.returncode == 1 and "InsufficientInstanceCapacity" in done.stdout, f"{name}: the promote ran: {done}")
    promote = w.run_id()
    check(promote != apply_run, "a run of its own")
    states = {run["id"]: run["state"] for run in w.runs()}
    check(states[apply_run] == "completed-with-exceptions", states)
    shown = w.good("show", apply_run, "-o", "json")
    check("gave way" in json.loads(shown)["outcome"]["error"], shown)
    first = w.finish(process)
    check(first.returncode != 0, f"the apply did not do all: {first}")
    before = len(w.mutations())
    done = w.apply()
    check(done.returncode == 11 and promote in done.stderr, f"silent while a promote is open: {done}")
    check(w.drorch("plan").returncode == 11 and len(w.mutations()) == before, "and changes nothing")
    w.lab("fault", "clear")
    check(w.drorch("abort", promote).returncode == 0, "abort")


if __name__ == "__main__":
    main(rolled_back, a_promote_goes_first)
