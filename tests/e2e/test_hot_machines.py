"""drorch moves a real service between real machines: planned, after a power loss, a cut link, a freeze; and home again."""

import json
import os
import time

from harness import check, main, wait_for, world
from machines import HOSTS, MachineWorld, need_machines
from writers import Writers, same_tables

ROUNDS = 10 if os.environ.get("DRORCH_LONG") == "1" else 2


def role(w, site):
    with w.session(site) as session:
        return session.do("hello")["role"]


def is_home(w, site, writers):
    other = "dr" if site == "main" else "main"
    writers.more(site=site)
    check(w.active() == site, f"{site} is active")
    check((role(w, site), role(w, other)) == ("primary", "replica"), "roles")
    writers.nothing_lost(site, other)


def rounds(w):
    for number in range(ROUNDS):
        with Writers(w) as writers:
            writers.more()
            done = w.good("promote", "dr", "--confirm", "dr")
            check("(switchover)" in done, done)
            is_home(w, "dr", writers)
            w.good("failback", "--confirm", "main")
            is_home(w, "main", writers)
        same_tables(w, "main", "dr")
        check({status for status, _ in writers.answers()} <= {201, 503}, f"clean answers: {writers.answers()}")
        print(f"     round {number + 1}: {len(writers.good())} bookings, longest outage {writers.outage()[0]:.2f} s")


def failed_over(w, how, back):
    """`how` takes main away under load; it comes back by `back`, and is the primary again in the end."""
    with Writers(w, timeout=5.0) as writers:
        writers.more(60)
        w.good("promote", "dr", "--dry-run")  # as a controller would have heard of it lately
        how()
        began = time.time()
        done = w.good("promote", "dr", "--mode", "failover", "--confirm", "dr", "--override-rule", "old-site-well",
                      "--reason", "its link is cut") if how.__name__ == "cut" else w.good(
                          "promote", "dr", "--confirm", "dr")
        check("(failover)" in done and "data loss   none" in done, done)
        writers.more(site="dr")
        first = min(a.ended for a in writers.good() if a.site == "dr")
        writers.nothing_lost("dr")
        back()
        w.good("failback", "--confirm", "main")
        is_home(w, "main", writers)
    same_tables(w, "main", "dr")
    steps = w.steps(w.runs()[1]["id"])
    print(f"     {how.__name__}: decision to first booking {first - began:.2f} s; {steps['fence-main']['note']}")


def power_loss(w):
    def power():
        w.lab("kill", w.instance("main"), "--wait")
    failed_over(w, power, lambda: None)


def cut_link(w):
    def cut():
        w.lab("cut", w.instance("main"))
    failed_over(w, cut, lambda: w.lab("join", w.instance("main")))


def frozen(w):
    def freeze():
        w.lab("freeze", w.instance("main"))
    failed_over(w, freeze, lambda: w.lab("thaw", w.instance("main"), good=False))


def machines():
    with world(kind=MachineWorld) as w:
        print(f"     {w.times}")
        for test in (rounds, power_loss, cut_link, frozen):
            began = time.monotonic()
            test(w)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    need_machines()
    main(machines)
