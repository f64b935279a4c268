"""Promotes to a hot standby: planned ones lose nothing, unplanned ones what was announced."""

import json
import time

import databases
from harness import check, main, switches, wait_for, world
from hot import HotWorld, Writers, never_two_open


def is_home(w, site):
    other = "main" if site == "dr" else "dr"
    check(w.active() == site, f"{site} is not active")
    check(w.record_now() == w.sites[site]["address"], f"traffic is not at {site}")
    check((w.role(site), w.role(other)) == ("primary", "replica"), f"roles: {w.role(site)}, {w.role(other)}")


def lose_main(w):
    """Its machine has lost its power: server, application and agent."""
    w.servers["main"].kill()
    w.deaths.append(time.time() * 1000)
    w.cut("main")
    w.lab("kill", w.sites["main"]["id"])


def outcome(w, run):
    return json.loads(w.good("show", run, "-o", "json"))["outcome"]


def switchover_there_and_back():
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        before = len(switches(w))
        for site in ("dr", "main", "dr"):
            done = w.good("promote", site, "--confirm", site)
            check("(switchover)" in done and "data loss   none" in done, done)
            writers.more()
            is_home(w, site)
        check(len(switches(w)) == before + 3, "switches")
        writers.stop()
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")
        never_two_open(w)
        print(f"     {len(writers.acknowledged)} writes, longest outage {writers.outage():.2f} s")


def failover_with_semi_sync():
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        w.good("promote", "dr", "--dry-run")  # somebody looked: what main said then is known
        lose_main(w)
        refused = w.drorch("promote", "dr", "--mode", "switchover", "--confirm", "dr")
        check(refused.returncode == 1 and "--mode failover" in refused.stderr, refused.stderr)
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(failover)" in done and "data loss   none" in done, done)
        writers.more()
        writers.stop()
        check(w.active() == "dr" and w.role("dr") == "primary", "dr is not the primary")
        check(not w.lost(writers, "dr"), f"lost: {w.lost(writers, 'dr')}")
        check(outcome(w, w.run_id())["writes_lost"] == 0, outcome(w, w.run_id()))


def home_again_after_a_failover():
    """The old primary was switched off by its power loss: failback starts it, and it rejoins by itself."""
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        lose_main(w)
        w.good("promote", "dr", "--mode", "failover", "--confirm", "dr", "--override-rule", "recovery-point",
               "--reason", "semi-sync")
        writers.more()
        w.servers["main"].start()
        w.cut("main", False)
        refused = w.drorch("promote", "main", "--confirm", "main")
        check(refused.returncode == 1, refused.stderr)
        done = w.good("failback", "--confirm", "main")
        check("by follow" in done, done)
        writers.more()
        writers.stop()
        is_home(w, "main")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")


def what_the_old_primary_had_alone_is_taken_back():
    """Without semi-sync it wrote what nobody has: flashback, with a report, where it is allowed."""
    with world(HotWorld, mode="async", rpo="1h") as w, Writers(w) as writers:
        writers.more()
        w.servers["dr"].sql("STOP SLAVE IO_THREAD")
        w.drorch("promote", "dr", "--dry-run")
        writers.more()
        lose_main(w)
        w.good("promote", "dr", "--confirm", "dr")
        writers.more()
        alone = len(w.lost(writers, "dr"))
        check(alone > 0, "nothing was lost: this shows nothing")
        w.servers["main"].start()
        w.cut("main", False)
        w.ec2("eu-west-2", "StartInstances", InstanceId_1=w.main["id"])
        refused = w.drorch("rejoin", "main", "--allow", "follow", "--confirm", "main")
        check(refused.returncode == 1 and "flashback" in refused.stdout + refused.stderr,
              refused.stdout + refused.stderr)
        done = w.good("rejoin", "main", "--allow", "flashback", "--confirm", "main")
        check("by flashback" in done, done)
        writers.stop()
        w.same()
        diverged = w.steps(w.run_id())["rejoin"]["outputs"]["diverged"]
        check(diverged["transactions"] >= alone, f"{alone} were lost, and the report has {diverged}")


def failover_without_it():
    """What main was last known to have, and what nobody can know: refused, and passed on the record."""
    with world(HotWorld, mode="async", rpo="0s") as w, Writers(w) as writers:
        writers.more()
        w.servers["dr"].sql("STOP SLAVE IO_THREAD")
        there = w.servers["main"].sql("SELECT @@gtid_binlog_pos")
        writers.more()
        w.drorch("promote", "dr", "--dry-run")
        writers.more()
        lose_main(w)
        writers.stop()
        refused = w.drorch("promote", "dr", "--confirm", "dr")
        check(refused.returncode == 13 and "recovery-point" in refused.stderr, refused.stderr)
        check(w.active() == "main", "nothing has moved")
        done = w.good("promote", "dr", "--confirm", "dr", "--override-rule", "recovery-point", "--reason", "it is gone")
        lost, told = len(w.lost(writers, "dr")), outcome(w, w.run_id())["writes_lost"]
        check(0 < told <= lost, f"{told} told, {lost} lost")
        check(f"{told} writes" in done, done)
        check(there.split("-")[0] == "0", there)


def what_fails_goes_back():
    """The new site dies while it is watched: its last writes come home with the traffic."""
    with world(HotWorld, monitor="20s") as w, Writers(w) as writers:
        writers.more()
        promote = w.start("promote", "dr", "--confirm", "dr")
        wait_for("the watch", lambda: w.run_state() == "monitoring")
        writers.more()
        w.lab("kill", w.sites["dr"]["id"])
        done = w.finish(promote)
        check(done.returncode == 1 and w.run_state() == "rolled-back", f"{done.stdout}{done.stderr}")
        writers.more()
        writers.stop()
        is_home(w, "main")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")


def nothing_fits_while_writes_do_not_end():
    """A freeze in vain: writes go on where they were."""
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        with w.servers["main"].hold("LOCK TABLES shop.orders WRITE"):
            done = w.drorch("promote", "dr", "--confirm", "dr")
        check(done.returncode == 1 and w.run_state() == "rolled-back", f"{done.stdout}{done.stderr}")
        writers.more()
        writers.stop()
        is_home(w, "main")


def a_switchover_that_hangs_is_downgraded():
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        with w.servers["main"].hold("LOCK TABLES shop.orders WRITE"):
            promote = w.start("promote", "dr", "--confirm", "dr")
            wait_for("the freeze, or an end", lambda: promote.poll() is not None or
                     w.runs() and w.steps(w.run_id())["freeze"]["state"] == "running")
            if promote.poll() is not None:
                check(False, f"it did not wait: {w.finish(promote)}")
            lose_main(w)
        w.good("promote", "dr", "--mode", "failover", "--confirm", "dr")
        done = w.finish(promote)
        check(done.returncode == 0, f"{done.stdout}{done.stderr}")
        check(w.steps(w.run_id())["wait"]["state"] == "skipped", w.steps(w.run_id()))
        writers.more()
        writers.stop()
        check(w.active() == "dr" and w.role("dr") == "primary", "dr is not the primary")
        check(not w.lost(writers, "dr"), f"lost: {w.lost(writers, 'dr')}")


if __name__ == "__main__":
    databases.need_mariadb()
    main(switchover_there_and_back, failover_with_semi_sync, home_again_after_a_failover, failover_without_it,
         what_the_old_primary_had_alone_is_taken_back, what_fails_goes_back,
         nothing_fits_while_writes_do_not_end, a_switchover_that_hangs_is_downgraded)
