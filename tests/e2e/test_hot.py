"""Promotes to a hot standby: planned ones lose nothing, unplanned ones what was announced, and the way home."""

import databases
from harness import check, main, switches, wait_for, world
from hot import HotWorld, Writers


def test_switchover_and_failback():
    with world(HotWorld) as w, Writers(w) as writers:
        writers.more()
        before = len(switches(w))
        done = w.good("promote", "dr", "--confirm", "dr")
        check("switchover" in done, done)
        writers.more()
        writers.stop()
        check(w.active() == "dr" and w.record_now() == w.sites["dr"]["address"], "traffic is not at dr")
        check(not w.lost(writers, "dr"), f"lost: {w.lost(writers, 'dr')}")
        check((w.role("main"), w.role("dr")) == ("replica", "primary"), "roles")
        check(len(switches(w)) == before + 1, "switches")
        print(done, writers.outage(), len(writers.acknowledged))
        w.same()


if __name__ == "__main__":
    databases.need_mariadb()
    main(test_switchover_and_failback)
