"""Promotes to a pilot light and to a warm standby: they grow first, and then it is a hot promote."""

import databases
from harness import check, main, wait_for, world
from hot import Writers
from small import PilotWorld, WarmWorld
from test_hot import is_home, lose_main, outcome

SMALL = {"web": ["t3.small"]}
PAUSE = 0.05
FULL = {"web": ["t3.large"], "worker": ["t3.medium", "t3.medium"]}


def semi_sync(w, site):
    return w.servers[site].sql("SELECT @@rpl_semi_sync_master_enabled") == "1"


def a_pilot_light_grows_and_shrinks_again():
    """While its only replica is off, the primary's guests notice nothing; nobody waits for minutes in the freeze."""
    with world(PilotWorld) as w, Writers(w, pause=PAUSE) as writers:
        w.good("apply", "--confirm", "memphis")
        check(w.types() == SMALL, w.types())
        writers.more()
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(switchover)" in done and "writes are on main alone" in done, done)
        is_home(w, "dr")
        check(w.types() == FULL and w.off == 1, f"{w.types()}, off {w.off} times")
        check(semi_sync(w, "dr"), "writes at dr do not wait for main")
        steps = w.steps(w.run_id())
        check(steps["freeze"]["started_ms"] >= max(s["ended_ms"] for i, s in steps.items() if i.startswith(
            ("boot", "open", "guard", "resize", "launch"))), steps)
        writers.more()
        w.good("promote", "main", "--confirm", "main")
        is_home(w, "main")
        check(w.types() == FULL, "nothing is made small while it is the way back")
        writers.more()
        w.good("apply", "--confirm", "memphis")
        check(w.types() == SMALL and w.off == 2, f"{w.types()}, off {w.off} times")
        wait_for("semi-sync with dr", lambda: semi_sync(w, "main"))
        writers.more()
        writers.stop()
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")
        check(writers.outage() < 8, f"longest outage {writers.outage():.2f} s")
        print(f"     {len(writers.acknowledged)} writes, longest outage {writers.outage():.2f} s")


def a_warm_standby_takes_over_a_lost_site():
    """What its replica received and had not applied must not go with the restart."""
    with world(WarmWorld) as w, Writers(w, pause=PAUSE) as writers:
        w.good("apply", "--confirm", "memphis")
        check(w.types() == {"web": ["t3.small"], "worker": ["t3.small"]}, w.types())
        writers.more()
        w.good("promote", "dr", "--dry-run")
        lose_main(w)
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(failover)" in done and "data loss   none" in done, done)
        writers.more()
        writers.stop()
        check(w.active() == "dr" and w.role("dr") == "primary", "dr is not the primary")
        check(w.types() == FULL and w.off == 1, f"{w.types()}, off {w.off} times")
        check(not w.lost(writers, "dr"), f"lost: {w.lost(writers, 'dr')}")


def as_it_is():
    with world(WarmWorld) as w, Writers(w, pause=PAUSE) as writers:
        w.good("apply", "--confirm", "memphis")
        writers.more()
        before = w.types()
        w.good("promote", "dr", "--as-is", "--confirm", "dr")
        writers.more()
        writers.stop()
        is_home(w, "dr")
        check(w.types() == before and w.off == 0, f"{w.types()}, off {w.off} times")
        check(not w.lost(writers, "dr"), f"lost: {w.lost(writers, 'dr')}")


def what_cannot_be_resized_stays_behind():
    """The provider refuses: writes never stop, and the standby is what it was."""
    with world(WarmWorld) as w, Writers(w, pause=PAUSE) as writers:
        w.good("apply", "--confirm", "memphis")
        writers.more()
        w.lab("fault", "add", "status", "--operation", "ModifyInstanceAttribute", "--code", "Unsupported", "--status",
              "400")
        done = w.drorch("promote", "dr", "--confirm", "dr")
        check(done.returncode == 1 and w.run_state() == "rolled-back", f"{done.stdout}{done.stderr}")
        # It may be off for less time than the world looks away.
        stops = [call for call in w.calls(operation="StopInstances") if w.sites["dr"]["id"] in call["ids"]]
        check(len(stops) == 1 and semi_sync(w, "main"), f"{stops}, or main does not wait for dr again")
        w.lab("fault", "clear")
        check(w.types() == {"web": ["t3.small"], "worker": ["t3.small"]}, w.types())
        writers.more()
        writers.stop()
        is_home(w, "main")
        for site in w.servers:
            w.same()
            check(not w.lost(writers, site), f"lost at {site}: {w.lost(writers, site)}")


def main_dies_while_its_replica_is_off():
    """The worst moment: what main acknowledged alone is lost, and counted as that."""
    with world(PilotWorld) as w, Writers(w, pause=PAUSE) as writers:
        w.good("apply", "--confirm", "memphis")
        writers.more()
        w.lab("fault", "add", "status", "--operation", "ModifyInstanceAttribute", "--code", "RequestLimitExceeded",
              "--status", "503")
        promote = w.start("promote", "dr", "--confirm", "dr")
        wait_for("dr to be off", lambda: w.off == 1)
        writers.more()
        lose_main(w)
        w.lab("fault", "clear")
        w.good("promote", "dr", "--mode", "failover", "--confirm", "dr")
        done = w.finish(promote)
        check(done.returncode == 0, f"{done.stdout}{done.stderr}")
        check(w.steps(w.run_id())["guard-dr"]["state"] == "skipped", w.steps(w.run_id()))
        acknowledged = len(writers.acknowledged)
        writers.more()
        writers.stop()
        check(w.active() == "dr" and w.role("dr") == "primary", "dr is not the primary")
        lost, told = len(w.lost(writers, "dr")), outcome(w, w.run_id())["writes_lost"]
        check("recovery_point_ms" not in outcome(w, w.run_id()), outcome(w, w.run_id()))
        check(0 < lost < acknowledged and told <= lost, f"{lost} lost, {told} told")  # told: those that a look saw


if __name__ == "__main__":
    databases.need_mariadb()
    main(a_pilot_light_grows_and_shrinks_again, a_warm_standby_takes_over_a_lost_site, as_it_is,
         what_cannot_be_resized_stays_behind, main_dies_while_its_replica_is_off)
