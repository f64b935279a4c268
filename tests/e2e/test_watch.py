"""drorch-agent's watch beside real MariaDB servers: who is not counted on closes itself, and nobody else does."""

import contextlib
import json
import signal
import threading
import time

from databases import Writers, need_mariadb, pair
from harness import Failure, check, main, wait_for

AFTER = 3.0
WITHIN = AFTER + 2.5  # two ticks and the peers' last chance, on a busy machine
TEXT = f"{int(AFTER)}s"


def is_open(server):
    """A fence also cuts who is still logging in: then again."""
    for _ in range(5):
        with contextlib.suppress(Failure):
            return server.sql("SELECT @@read_only") == "0"
    return server.sql("SELECT @@read_only") == "0"


def closes(server, since, within=WITHIN):
    """Waits for it, and says how long after `since` it was."""
    wait_for(f"{server.name} to fence itself", lambda: not is_open(server))
    took = time.monotonic() - since
    check(took < within, f"it took {took:.1f} s")
    return took


def stays_open(server, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check(is_open(server), f"{server.name} fenced itself: {(server.folder / 'watch.log').read_text()}")
        time.sleep(0.2)


class Controller:
    """Looks every now and then, as drorch does."""

    def __init__(self, server):
        self.agent, self.going = server.agent(), True
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while self.going:
            self.agent.do("status")
            time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()


def without_semi_sync(a):
    """So that commits do not wait for a peer that is gone."""
    with a.agent() as one:
        one.do("promote", epoch=1)


def intervals(server):
    """When the role log says that it was open, as (from, until); None: still."""
    found, since = [], None
    for line in server.roles():
        if line["open"] and since is None:
            since = line["wall_ms"]
        elif not line["open"] and since is not None:
            found.append((since, line["wall_ms"]))
            since = None
    return found + ([(since, None)] if since else [])


def never_two(*servers):
    """The checker: no two of them were open at once."""
    spans = [(begin, end or float("inf"), server.name) for server in servers for begin, end in intervals(server)]
    for one in spans:
        for two in spans:
            check(one[2] == two[2] or one[1] <= two[0] or two[1] <= one[0], f"two open at once: {one}, {two}")


def either_is_enough():
    """A controller's outage alone never fences, nor a peer's alone."""
    with pair() as (a, b), a.watch(TEXT, b) as watch:
        stays_open(a, AFTER + 2)
        with a.agent() as one:
            said = one.do("status")
            check(said["heard_ms"] < 1000 and said["heard_peer_ms"] < 1000 and said["watched_ms"] < 1500, said)
            check(said["self_fence_after_ms"] == 1000 * AFTER and not said["self_fenced"], said)
            check(said["self_fence_within_ms"] == 1000 * AFTER + 8000, said)
        without_semi_sync(a)
        with Controller(a):
            b.kill()
            stays_open(a, AFTER + 2)
        watch.stop()
        check([line["open"] for line in a.roles()] == [True], a.roles())


def both_are_gone():
    """Then it is read-only in time, whoever writes; it stays so, also over a restart, until a session opens it."""
    with pair() as (a, b), a.watch(TEXT, b):
        without_semi_sync(a)
        writers = Writers([a])
        try:
            writers.more()
            b.kill()
            closes(a, time.monotonic())
        finally:
            writers.stop()
        wait_for("the role log", lambda: not a.roles()[-1]["open"])
        check(a.roles()[-1]["cause"] == "watch" and not writers.lost(a), a.roles())
        lease = json.loads((a.folder / "state" / "lease.json").read_text())
        check(lease["fenced"] and lease["role"] == "primary" and lease["epoch"] == 1, lease)
        a.kill()
        a.start()
        check(not is_open(a), "it opened at its start")
        with a.agent() as one:
            said = one.do("hello")
            check(said["self_fenced"] and said["fenced"] and said["self_fenced_since"], said)
            check(said["pending"] == "", said)
            time.sleep(1.5)
            check(not is_open(a), "it opened because somebody looked")
            one.refuse("ESAFETY", "thaw", epoch=1)
            one.do("thaw", epoch=1, unfence=True)
            check(not one.do("hello")["self_fenced"], "fenced still")
            check([line["open"] for line in a.roles()[-2:]] == [False, True], a.roles())
        closes(a, time.monotonic())


def peers_that_do_not_confirm():
    """One that hangs costs a second; one that was promoted, that follows another or has withdrawn does not count."""
    with pair() as (a, b), a.watch(TEXT, b) as watch:
        without_semi_sync(a)
        b.signal(signal.SIGSTOP)
        closes(a, time.monotonic())
        b.signal(signal.SIGCONT)
        for epoch, how in ((2, "withdraw"), (3, "other"), (4, "promote")):
            with a.agent() as one, b.agent() as two:
                two.do("follow", epoch=epoch, host="127.0.0.1", port=a.port)
                one.do("thaw", epoch=epoch, unfence=True)
                check(not two.do("status")["replica"]["broken"], "it does not follow")
                stays_open(a, AFTER + 1)
                began = time.monotonic()
                if how == "withdraw":
                    check(two.do("withdraw", epoch=epoch)["already"] is False, "withdrawn before?")
                    check(two.do("withdraw", epoch=epoch)["already"], "it may be repeated")
                    one.refuse("ESAFETY", "withdraw", epoch=epoch)
                elif how == "other":
                    b.sql("STOP SLAVE; CHANGE MASTER TO MASTER_HOST='127.0.0.9'; START SLAVE")
                else:
                    two.do("promote", epoch=epoch)
            closes(a, began, WITHIN + 1)
        watch.stop()


def a_frozen_host_wakes():
    """All of a host stands still, and the other is promoted. It closes in its first tick, though a request of the
    controller from before has waited all the time in its session."""
    with pair() as (a, b), a.watch(TEXT, b) as watch, a.agent() as one, b.agent() as two:
        without_semi_sync(a)
        one.do("status")
        for process in (watch.process, a.process, one.process):
            process.send_signal(signal.SIGSTOP)
        one.send("status")
        time.sleep(AFTER + 0.5)
        two.do("promote", epoch=2)
        time.sleep(0.5)
        for process in (one.process, a.process, watch.process):
            process.send_signal(signal.SIGCONT)
        closes(a, time.monotonic(), 1.9)
        check(one.line()["result"]["heard_ms"] > 1000 * AFTER, "what had waited was counted")
        with a.agent() as late:
            late.refuse("ESAFETY", "thaw", epoch=1)


def a_word_that_waited_too_long():
    """It came while the host stood still, and says that it shall open: by now another has."""
    with pair() as (a, b), a.watch(TEXT, b) as watch, a.agent() as one, b.agent() as two:
        without_semi_sync(a)
        one.do("freeze", epoch=2)
        for process in (watch.process, a.process, one.process):
            process.send_signal(signal.SIGSTOP)
        one.send("thaw", epoch=2)
        time.sleep(AFTER + 0.5)
        two.do("promote", epoch=3)
        for process in (one.process, a.process, watch.process):
            process.send_signal(signal.SIGCONT)
        check(one.line()["error"]["code"] == "EAGAIN", "it was obeyed")
        check(not is_open(a), "open")
        never_two(a, b)
        check(one.ask("thaw", epoch=2).get("result"), "asked again it counts")


def a_hung_server_is_killed():
    """It cannot be made read-only: it is killed, and its next start is."""
    with pair() as (a, b), a.watch(TEXT, b):
        without_semi_sync(a)
        began = time.monotonic()
        a.signal(signal.SIGSTOP)
        b.kill()
        a.process.wait(timeout=30)
        check(time.monotonic() - began < AFTER + 8, "too late")
        a.start()
        check(not is_open(a), "it opened at its start")
        wait_for("the fence to be on record", lambda: any(a.roles()) and not a.roles()[-1]["open"])
        with a.agent() as one:
            check(one.do("hello")["self_fenced"] and one.do("hello")["pending"] == "", "not on record")


def a_commit_that_waits_for_a_replica():
    """With semi-sync a commit waits for ever for a peer that is gone. It does not keep the host open."""
    with pair() as (a, b), a.watch(TEXT, b):
        writers = Writers([a])
        try:
            writers.more()
            with a.agent() as one:
                said = one.do("status")
            check(said["semi_sync_master_on"] and said["semi_sync_timeout_ms"] > 86400000, said)
            check(said["semi_sync_no_tx"] == 0 and said["semi_sync_yes_tx"] > 0, said)
            b.kill()
            began, count = time.monotonic(), len(writers.acknowledged)
            closes(a, began)
            check(len(writers.acknowledged) <= count + 3, "acknowledged without a replica")
        finally:
            writers.stop()


def a_new_watch_gives_no_new_grace():
    with pair() as (a, b):
        without_semi_sync(a)
        b.kill()
        with a.watch("20s", b) as first:
            wait_for("its first tick", lambda: a.roles())
            first.kill()
        time.sleep(AFTER)
        with a.watch(TEXT, b):
            closes(a, time.monotonic(), 2)
            with a.watch(TEXT, b) as second:
                check(second.process.wait(timeout=30) == 11, "two watches")


def sessions_win():
    """Sessions open again and again what the watch closes: each verb ends well or was told why not, and the log says
    open wherever it was."""
    with pair() as (a, b), a.watch("1s", b):
        wait_for("the watch to find a open", a.roles)
        without_semi_sync(a)
        b.kill()
        end, opened, epoch = time.monotonic() + 12, 0, 2
        while time.monotonic() < end:
            with a.agent() as one:
                answer = one.ask("thaw", epoch=epoch, unfence=True, deadline_ms=1000)
                epoch += 1
                check("result" in answer or answer["error"]["code"] in ("ESAFETY", "EAGAIN", "ETIMEDOUT"), answer)
                if "result" in answer:
                    opened += 1
                    if is_open(a):
                        check(a.roles()[-1]["open"] or not is_open(a), "open, and the log says closed")
            time.sleep(0.9 + 0.01 * (epoch % 40))
        check(opened > 3, "never opened")
        wait_for("the last fence", lambda: not is_open(a))
        wait_for("the log", lambda: not a.roles()[-1]["open"])
        times = [line["boot_ms"] for line in a.roles()]
        check(times == sorted(times), "the log is not in order")


def switched_in_turn():
    """Ten switches under watches: by the logs never two open at once."""
    with pair() as (a, b), a.watch("30s", b), b.watch("30s", a):
        old, new = a, b
        for epoch in range(2, 12):
            with old.agent() as one, new.agent() as two:
                one.do("freeze", epoch=epoch)
                position = one.do("position")
                check(position["final"] and position["time_ms"] > 0, position)
                two.do("wait", position=position["position"])
                one.do("fence", epoch=epoch)
                two.do("promote", epoch=epoch, position=position["position"])
                one.do("follow", epoch=epoch, host="127.0.0.1", port=new.port)
            old, new = new, old
        never_two(a, b)
        check(len(intervals(a)) >= 5, a.roles())


need_mariadb()
main(either_is_enough, both_are_gone, peers_that_do_not_confirm, a_frozen_host_wakes, a_word_that_waited_too_long,
     a_hung_server_is_killed, a_commit_that_waits_for_a_replica, a_new_watch_gives_no_new_grace, sessions_win, switched_in_turn)
