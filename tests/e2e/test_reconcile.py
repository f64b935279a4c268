"""Reconcile: `plan` tells what differs and changes nothing, `apply` ends it, once, and only where it is ours."""

import contextlib
import json
import re
import shutil
import sqlite3

from harness import BUILD, MAIN, NAME, TIER2, check, main, wait_for, world
from reconcile_world import EAST, ZONE, ReconcileWorld

BOTH = ["cloudflare", "names"]


def entry(name, kind, *values, providers=BOTH, ttl="5m"):
    return {"name": name, "type": kind, "values": list(values), "providers": providers, "ttl": ttl}


def records():
    """Static records at two providers: made, changed, put back, removed; and nobody else's."""
    with world(kind=ReconcileWorld) as w:
        check(w.findings() == {("stale", "offsite")}, "there is no backup yet, and a plan says so")
        w.backup()
        w.quiet("a good world")
        check(not w.look()["findings"], w.look())
        before = len(w.mutations())
        check(w.drorch("plan").returncode == 0 and w.drorch("diff").returncode == 0, "nothing differs")
        check(len(w.mutations()) == before, "nothing was changed")
        made_and_changed(w)
        drift_is_put_back(w)
        foreign_is_left_until_adopted(w)
        one_bad_record(w)
        a_provider_is_away(w)
        nothing_is_left(w)


def made_and_changed(w):
    foreign = w.add_foreign("TXT", ZONE, '"not ours"')
    w.service["dns"] = {
        "mail": entry(ZONE, "MX", "10 mx1.memphis.example", "20 mx2.memphis.example"),
        "spf": entry("spf.memphis.example", "TXT", '"v=spf1 -all"'),
        "apex": entry(ZONE, "A", "192.0.2.10", "192.0.2.11"),
        "api": entry("api.memphis.example", "CNAME", NAME),
        "ca": entry(ZONE, "CAA", '0 issue "letsencrypt.org"', providers=["names"]),
        "sip": entry("_sip._tcp.memphis.example", "SRV", "10 5 5060 sip.memphis.example", providers=["cloudflare"])}
    w.commit_specs()
    wanted = {("create", f"{ZONE} MX at cloudflare"), ("create", f"{ZONE} MX at names"),
              ("create", f"{ZONE} A at cloudflare"), ("create", f"{ZONE} A at names"),
              ("create", "spf.memphis.example TXT at cloudflare"), ("create", "spf.memphis.example TXT at names"),
              ("create", "api.memphis.example CNAME at cloudflare"), ("create", "api.memphis.example CNAME at names"),
              ("create", f"{ZONE} CAA at names"), ("create", "_sip._tcp.memphis.example SRV at cloudflare")}
    check(w.targets() == wanted, w.targets() ^ wanted)
    written_down(w)
    done = w.drorch("apply")
    check(done.returncode == 3 and "--confirm memphis" in done.stderr and not w.runs(), f"not without the name: {done}")
    done = w.applied("new records")
    check(w.run_state() == "completed" and w.runs()[0]["kind"] == "reconcile", w.runs())
    w.quiet("after the apply")
    check(w.values_at_cloudflare(ZONE, "A") == ["192.0.2.10", "192.0.2.11"], w.at_cloudflare(ZONE))
    check(len(w.at_cloudflare(ZONE)[ZONE, "MX"]) == 2, w.at_cloudflare(ZONE))
    check(len(w.at_route53()[ZONE, "MX", ""]) == 1 and (ZONE, "CAA", "") in w.at_route53(), w.at_route53())

    w.service["dns"]["apex"]["values"] = ["192.0.2.12"]
    w.service["dns"]["spf"]["ttl"] = "10m"
    del w.service["dns"]["mail"]
    w.commit_specs()
    wanted = {(action, f"{name} at {at}") for at in BOTH for action, name in (
        ("update", f"{ZONE} A"), ("update", "spf.memphis.example TXT"), ("delete", f"{ZONE} MX"))}
    check(w.targets() == wanted, w.targets() ^ wanted)
    w.applied("changes")
    w.quiet("after the changes")
    check(w.values_at_cloudflare(ZONE, "A") == ["192.0.2.12"], w.at_cloudflare(ZONE))
    check((ZONE, "MX") not in w.at_cloudflare() and (ZONE, "MX", "") not in w.at_route53(), "what left the spec is gone")
    check(foreign in {r["id"] for r in w.at_cloudflare(ZONE)[ZONE, "TXT"]}, "somebody else's record stays")


def written_down(w):
    """The plan as people and programs read it."""
    done = w.drorch("plan", "memphis", "--detailed-exitcode")
    check(done.returncode == 2 and "10 to create" in done.stdout, done)
    done = w.drorch("plan", "-o", "markdown", "--detailed-exitcode")
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    check(done.returncode == 2 and len(rows) == 12, done)
    check(all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows), f"six bars a row: {rows}")
    check(done.stdout.startswith("### memphis (main is active)"), done)
    done = w.drorch("diff")
    check(done.returncode == 0 and f"record {ZONE} MX at names" in done.stdout and "+ " in done.stdout, done)
    change = w.look()["changes"][0]
    check(set(change) == {"action", "thing", "target", "before", "after", "step"}, change)


def drift_is_put_back(w):
    """By hand at both providers: other values, and one that is gone."""
    record = w.at_cloudflare(ZONE)[ZONE, "A"][0]
    w.cloudflare("PATCH", f"/zones/{w.zone}/dns_records/{record['id']}", {"content": "203.0.113.9"})
    record = w.at_cloudflare()["api.memphis.example", "CNAME"][0]
    w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{record['id']}")
    w.change_route53(("UPSERT", ZONE, "A", 300, "203.0.113.9"))
    check(w.targets() == {("update", f"{ZONE} A at cloudflare"), ("update", f"{ZONE} A at names"),
                          ("create", "api.memphis.example CNAME at cloudflare")}, w.targets())
    w.applied("drift")
    w.quiet("after the drift")
    check(w.values_at_cloudflare(ZONE, "A") == ["192.0.2.12"], "put back at Cloudflare")
    check(w.at_route53()[ZONE, "A", ""] == ["192.0.2.12"], f"put back at Route 53: {w.at_route53()}")
    w.point_at("203.0.113.77")  # the public name itself
    check(w.targets() == {("update", f"{NAME} A at cloudflare")}, w.targets())
    w.applied("the name")
    check(w.record_now() == w.main["address"] and w.ask("/healthz")[:2] == (200, "main"), "the name is back")


def foreign_is_left_until_adopted(w):
    w.add_foreign("A", "shop.memphis.example", "198.51.100.1")
    w.service["dns"]["shop"] = entry("shop.memphis.example", "A", "198.51.100.2", providers=["cloudflare"])
    w.commit_specs()
    check(w.findings() == {("foreign", "shop.memphis.example A at cloudflare")}, w.findings())
    check(not w.targets(), "and nothing is planned about it")
    done = w.apply()
    check(done.returncode == 0 and "drorch adopt memphis 'shop.memphis.example A'" in done.stdout, done)
    check(w.values_at_cloudflare("shop.memphis.example", "A") == ["198.51.100.1"], "it is as it was")
    done = w.drorch("adopt", "memphis", "other.memphis.example A", "--confirm", "memphis")
    check(done.returncode == 10, f"nothing of that name: {done}")
    w.service["dns"]["spf"]["ttl"] = "20m"
    w.commit_specs()
    done = w.drorch("adopt", "memphis", "shop.memphis.example A", "--confirm", "memphis")
    check(done.returncode == 0 and "1 to adopt" in done.stdout, done)
    check(w.targets() == {("update", f"spf.memphis.example TXT at {at}") for at in BOTH}, f"only what was named: {w.targets()}")
    w.applied("the rest")
    record = w.at_cloudflare()["shop.memphis.example", "A"][0]
    check((record["content"], record["comment"]) == ("198.51.100.2", "drorch:memphis/shop"), record)
    w.quiet("after the adoption")


def one_bad_record(w):
    """Cloudflare takes no CNAME beside an A; of a batch of many only that one is missing."""
    w.add_foreign("A", "bad.memphis.example", "198.51.100.9")
    for number in range(12):
        w.service["dns"][f"many-{number}"] = entry(f"n{number}.memphis.example", "A", f"192.0.2.{100 + number}",
                                                   providers=["cloudflare"])
    w.service["dns"]["bad"] = entry("bad.memphis.example", "CNAME", NAME, providers=["cloudflare"])
    w.commit_specs()
    done = w.apply()
    check(done.returncode == 1 and "bad.memphis.example CNAME" in done.stdout, done)
    check("1 of 13 record sets were refused" in done.stdout, done)
    check(w.run_state() == "completed-with-exceptions", w.runs())
    for number in range(12):
        check(w.values_at_cloudflare(f"n{number}.memphis.example", "A") == [f"192.0.2.{100 + number}"],
              f"n{number} went in")
    check(w.targets() == {("create", "bad.memphis.example CNAME at cloudflare")}, w.targets())
    del w.service["dns"]["bad"]
    w.commit_specs()
    w.quiet("without the bad one")


def a_provider_is_away(w):
    """The other one's records are set all the same."""
    w.lab("outage", "provider", "route53", "on")
    w.service["dns"]["new"] = entry("new.memphis.example", "A", "192.0.2.50")
    w.commit_specs()
    done = w.drorch("plan", "--detailed-exitcode")
    check(done.returncode == 1 and f"unknown: {ZONE} its records" in done.stdout, f"unknown: {done}")
    check(done.stdout.count("unknown: ") == 2, f"and not said for every name: {done}")
    w.lab("outage", "provider", "route53", "off")
    w.lab("fault", "add", "status", "--vendor", "route53", "--status", "403", "--count", "1")
    check({at.split()[-1] for _, at in w.targets()} == {"cloudflare"}, "back in the middle of a look: nothing is removed")
    w.lab("fault", "clear")
    w.lab("outage", "provider", "route53", "on", "--status", "403")  # no: at once, and not after some tries
    done = w.apply()
    check(done.returncode == 1 and "not everything could be looked at" in done.stderr, done)
    check(w.run_state() == "completed", w.runs())
    check(w.values_at_cloudflare("new.memphis.example", "A") == ["192.0.2.50"], "Cloudflare has it")
    done = w.apply()
    check(done.returncode == 1, f"nothing to do is not all well: {done}")
    w.lab("outage", "provider", "route53", "off")
    check(w.targets() == {("create", "new.memphis.example A at names")}, w.targets())
    w.applied("the provider is back")
    w.quiet("all providers")


def nothing_is_left(w):
    """A zone that the spec names no more is looked at until nothing of ours is there."""
    w.service["dns"] = {}
    w.commit_specs()
    check({at.split()[-1] for _, at in w.targets()} == set(BOTH), w.targets())
    w.lab("outage", "provider", "route53", "on", "--status", "403")
    check(w.apply().returncode == 1, "one of two cannot be asked")
    w.lab("outage", "provider", "route53", "off")
    w.applied("the other one's")
    check(not w.at_route53(), f"all of Route 53's were ours: {w.at_route53()}")
    w.quiet("without records")
    asked = len(w.calls(vendor="route53"))
    w.quiet("nobody asks there any more")
    check(len(w.calls(vendor="route53")) == asked, w.calls(vendor="route53")[asked:])


# ---- plans in files ----------------------------------------------------------------------------


def plan_files():
    """`apply FILE` does exactly what was reviewed, once, or says what has changed since."""
    with world(kind=ReconcileWorld) as w:
        w.book("guest")
        w.backup()
        file = str(w.folder / "plan.json")
        exactly_once(w, file)
        stale(w, file)
        promoted_between(w, file)
        after_a_failover(w)


def planned(w, file, change):
    """A spec with one more record, and its plan in the file."""
    w.service["dns"][change] = entry(f"{change}.memphis.example", "TXT", f'"{change}"', providers=["cloudflare"])
    w.commit_specs()
    done = w.drorch("plan", "-o", file, "--detailed-exitcode")
    check(done.returncode == 2 and f"drorch apply {file}" in done.stderr, done)


def refused(w, file, word):
    before = w.mutations(), len(w.runs())
    done = w.drorch("apply", file)
    check(done.returncode == 1 and "nothing was done" in done.stderr and word in done.stderr, f"{word}: {done}")
    check((w.mutations(), len(w.runs())) == before, f"{word}: nothing was done")


def exactly_once(w, file):
    planned(w, file, "one")
    done = w.drorch("apply", file)
    check(done.returncode == 0, f"agreed to when it was reviewed: {done}")
    check(w.run_id() == json.loads(open(file).read())["services"][0]["plan"]["id"], "the run is the plan's")
    check(w.values_at_cloudflare("one.memphis.example", "TXT") == ['"one"'], w.at_cloudflare())
    refused(w, file, "was applied already")
    record = w.at_cloudflare()["one.memphis.example", "TXT"][0]
    w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{record['id']}")
    refused(w, file, "was applied already")
    w.applied("put back")
    done = w.drorch("apply", str(w.folder / "lab" / "lab.json"))
    check(done.returncode == 1 and "is no plan of drorch" in done.stderr, f"another file: {done}")


def stale(w, file):
    planned(w, file, "two")
    w.service["objectives"]["rto"] = "3m"
    w.commit_specs()
    refused(w, file, "the spec was changed")
    planned(w, file, "two")
    w.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    refused(w, file, "at another commit")
    planned(w, file, "two")
    w.add_foreign("TXT", "two.memphis.example", '"by hand"')
    refused(w, file, "what is there is no longer what it was")
    for record in w.at_cloudflare()["two.memphis.example", "TXT"]:
        w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{record['id']}")
    w.plugins = w.folder / "plugins"
    shutil.copytree(BUILD / "plugins", w.plugins, ignore=lambda _, names: [n for n in names if not n.endswith(".so")])
    with open(w.plugins / "cloudflare.so", "ab") as other:
        other.write(b" ")  # a plugin all the same, and another file
    refused(w, file, "a plugin was changed")
    w.plugins = BUILD / "plugins"
    check(w.drorch("apply", file).returncode == 0, "with all as it was it is applied")
    w.quiet("after the file")


def promoted_between(w, file):
    planned(w, file, "three")
    done = w.promote("--override-rule", "old-site-well", "--reason", "a test")
    check(done.returncode == 0, done)
    refused(w, file, "another site is active")
    w.applied("with tier2 active")


def after_a_failover(w):
    """The state decides, not the spec; a cold site ends what it ran once it is not active, and no name leads there."""
    shown = w.look()
    check(shown["active"] == "tier2" and not shown["changes"], f"quiet with tier2 active: {shown}")
    instance = w.instances(TIER2)[0]
    w.set_active("main")
    w.ec2(MAIN, "StartInstances", InstanceId_1=w.main["id"])  # the fence had stopped it
    wait_for("main", lambda: [i for i in w.instances(MAIN) if i["state"] == "running"])
    check(w.targets() == {("update", f"{NAME} A at cloudflare")}, f"not while a name leads there: {w.targets()}")
    w.applied("the name goes home")
    check(w.ask("/healthz")[:2] == (200, "main"), "main answers")
    w.lab("outage", "provider", "cloudflare", "on", "--status", "403")
    check(not w.targets() and ("left", f"{instance['id']} of tier2 at aws") in w.findings(), "not while nobody can tell")
    w.lab("outage", "provider", "cloudflare", "off")
    check(w.targets() == {("delete", f"{instance['id']} of tier2 at aws")}, w.targets())
    w.applied("leftovers")
    wait_for("tier2 to be empty", lambda: not w.instances(TIER2))
    check([i["id"] for i in w.instances(MAIN)] == [w.main["id"]], "main runs")
    w.quiet("after the failback")


def begins_early():
    """What the last look read is asked for before the spec is read: no call more, and nothing that the spec does not name."""
    with world(kind=ReconcileWorld) as w:
        w.service["dns"]["a"] = entry("a.memphis.example", "A", "192.0.2.1", providers=BOTH)
        w.commit_specs()
        w.applied("a record")

        def asked(*arguments):
            before = len(w.calls())
            check(w.drorch("plan", "--detailed-exitcode", *arguments).returncode == 0, "quiet")
            return sorted(call["operation"] for call in w.calls()[before:])

        early = asked()
        check(early == asked("memphis"), "the same calls again, and no other")
        with contextlib.closing(sqlite3.connect(w.state / "drorch.db", timeout=10)) as db:
            db.execute("DELETE FROM facts WHERE key IN ('looked-from', 'plan-begins-with')")
            check(db.total_changes == 2, "what was looked at is remembered")
            db.commit()
        late = asked()
        check(early == late, f"as many as without: {early} {late}")
        w.service["dns"] = {}
        w.commit_specs()
        check(w.targets() == {("delete", "a.memphis.example A at cloudflare"), ("delete", "a.memphis.example A at names")},
              f"a newer commit counts: {w.targets()}")
        w.applied("without it")
        w.quiet("without it")
        w.extra_providers = {}
        w.commit_specs()
        asked()
        check("ListHostedZonesByName" not in asked(), "an account that is gone is not asked")


if __name__ == "__main__":
    main(records, plan_files, begins_early)
