"""drorch moves a real service between real machines: planned, after a power loss, a cut link, a freeze; and home again."""

import os
import time

from harness import check, main, world
from hot import intervals, never_two_open
from machines import MachineWorld, need_machines
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


def files_go_along(w):
    """Uploaded right before the move, with no timer left to fetch them."""
    for site in ("main", "dr"):
        w.shell(site, "systemctl stop drorch-files.timer")
    with Writers(w) as writers:
        for at, to, words in (("main", "dr", ("promote", "dr", "--confirm", "dr")),
                              ("dr", "main", ("failback", "--confirm", "main"))):
            name = f"/srv/memphis/of-{at}"
            w.shell(at, f"head -c 300000 /dev/urandom >{name} && chown booking: {name}")
            w.good(*words)
            is_home(w, to, writers)
            sums = {w.shell(site, f"sha256sum {name}; stat -c %U:%a {name}").stdout for site in (at, to)}
            check(len(sums) == 1 and "booking" in sums.pop(), f"{name} at {to}: {sums}")
            steps = w.steps(w.run_id())
            print(f"     to {to}: {steps['sync-files-ahead']['note']}; in the freeze: {steps['sync-files']['note']}, "
                  f"{steps['sync-files']['ended_ms'] - steps['freeze']['ended_ms']} ms; writes waited "
                  f"{steps['promote']['ended_ms'] - steps['freeze']['started_ms']} ms for the new primary")
    for site in ("main", "dr"):
        w.shell(site, "systemctl start drorch-files.timer")


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
        w.deaths.append(w.steps(w.run_id())["fence-main"]["ended_ms"])  # it is off by then
        writers.more(site="dr")
        first = min(a.ended for a in writers.good() if a.site == "dr")
        writers.nothing_lost("dr")
        back()
        w.good("failback", "--confirm", "main")
        is_home(w, "main", writers)
    same_tables(w, "main", "dr")
    never_two_open(w)
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


def home_by_failback(w, writers):
    w.good("failback", "--confirm", "main")
    is_home(w, "main", writers)


def stale_primary_returns(w):
    """main is up and cut off, and its provider's API is away: that it fences itself is all that is left. It is waited
    for; and when main can be reached again, it is closed, and stays so."""
    began_ms = time.time() * 1000
    with Writers(w, timeout=5.0) as writers:
        writers.more(60)
        w.good("promote", "dr", "--dry-run")
        with w.session("main") as session:
            within = session.do("status")["self_fence_within_ms"] / 1000
        w.lab("cut", w.instance("main"))
        w.lab("outage", "provider", "linode", "on")
        cut, told = time.time(), ""
        try:
            promote = w.start("promote", "dr", "--mode", "failover", "--confirm", "dr", "--override-rule",
                              "old-site-well", "--reason", "its link is cut")
            while promote.poll() is None and time.time() < cut + within + 60:
                if w.run_state() == "running":
                    note = w.steps(w.run_id())["fence-main"]["note"] or ""
                    told = note if "fences itself within" in note else told
                time.sleep(0.3)
            done = w.finish(promote)
        finally:
            w.lab("outage", "provider", "linode", "off")
        check(done.returncode == 0 and "data loss   none" in done.stdout, f"{done.stdout}{done.stderr}")
        check("main fences itself within" in told, f"the step told {told!r}")
        fence = w.steps(w.run_id())["fence-main"]
        check(fence["outputs"]["method"] == "self-fenced", fence)
        writers.more(site="dr")
        first = min(a.ended for a in writers.good() if a.site == "dr")
        check(first - cut > within, f"it waited {first - cut:.1f} s of {within} s")
        writers.nothing_lost("dr")
        w.lab("join", w.instance("main"))
        with w.session("main") as session:
            hello, status = session.do("hello"), session.do("status")
            check(status["read_only"] and hello["fenced"] and hello["self_fenced"], f"{hello} {status}")
            session.refuse("ESAFETY", "thaw", epoch=hello["epoch"])
        writers.more(site="dr")
        spans = [[span for span in intervals(w.role_log(site)) if span[1] > began_ms] for site in ("main", "dr")]
        check(len(spans[0]) == len(spans[1]) == 1, spans)
        never_two_open(w)
        home_by_failback(w, writers)
    same_tables(w, "main", "dr")
    never_two_open(w)
    print(f"     it closed itself {spans[0][0][1] / 1000 - cut:.1f} s after the cut; dr opened "
          f"{(spans[1][0][0] - spans[0][0][1]) / 1000:.1f} s later")


def replication_cut_before_the_loss(w):
    """From then on nothing is acknowledged; so what main alone has when it dies was promised to nobody."""
    with Writers(w, timeout=3.0) as writers:
        writers.more(60)
        w.good("promote", "dr", "--dry-run")
        w.sql("dr", "STOP SLAVE IO_THREAD")
        stopped = time.time()
        time.sleep(3)
        late = [a for a in writers.good() if a.began > stopped]
        check(not late, f"acknowledged without a replica: {late[:3]}")
        alone = set(w.sql("main", "SELECT @@gtid_binlog_pos").split())
        w.lab("kill", w.instance("main"), "--wait")
        w.deaths.append(time.time() * 1000)
        check(alone != set(w.sql("dr", "SELECT @@gtid_slave_pos").split()), "main had nothing alone: this shows nothing")
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(failover)" in done and "data loss   none" in done, done)
        writers.more(site="dr")
        writers.nothing_lost("dr")
        home_by_failback(w, writers)
    same_tables(w, "main", "dr")
    never_two_open(w)


def machines():
    with world(kind=MachineWorld) as w:
        print(f"     {w.times}")
        for test in (rounds, files_go_along, power_loss, cut_link, frozen, stale_primary_returns,
                     replication_cut_before_the_loss):
            began = time.monotonic()
            test(w)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    need_machines()
    main(machines)
