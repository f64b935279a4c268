"""The state's disk is full, once at each write and for good: the run stops with a word, resume finishes it."""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import TIER2, Failure, check, main, switches, wait_for, world  # noqa: E402

LONG = os.environ.get("DRORCH_LONG") == "1"
MOST = 300


def sound(w, what):
    with contextlib.closing(sqlite3.connect(f"file:{w.state / 'drorch.db'}?mode=ro", uri=True, timeout=10)) as db:
        check(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{what}: the database is sound")
    done = w.drorch("status", "-o", "json")
    check(done.returncode == 0 and json.loads(done.stdout), f"{what}: status answers: {done}")


def finish(w, what):
    """With room again: a run that was stored is resumed, else the promote is made."""
    if w.runs():
        state = w.run_state()
        done = w.drorch("resume", w.run_id()) if state != "completed" else None
    else:
        done = w.promote()
    check(done is None or done.returncode == 0, f"{what}, with room again: {done}")
    check(w.run_state() == "completed" and len(w.runs()) == 1, f"{what}: {w.runs()}")


def lost(w):
    w.book("guest")
    w.backup()
    w.lose_main()
    w.lab("fault", "clear")  # main's API is back, its instances are not: no waiting for the dead


def each_write():
    """The counter is each process's own: the same N fails a write of the command line or of its worker."""
    with world() as w:
        lost(w)
        failed = 0
        for at in range(1, MOST):
            w.reset()
            born = {i["id"] for i in w.instances(TIER2, alive=False)}
            before = len(switches(w))
            done = w.promote(environment={"DRORCH_FAIL_WRITE_AT": str(at)})
            what = f"write {at} fails"
            if done.returncode == 0 and not seen(w, done):
                check(at > 15, f"only {at - 1} writes were met")
                print(f"     {at - 1} writes, {failed} stopped a run")
                return
            if done.returncode != 0:
                failed += 1
                check(done.returncode in (1, 15), f"{what}: exit {done.returncode} {done.stderr}")
                check(seen(w, done), f"{what}: it says why: {done}")
            sound(w, what)
            finish(w, what)
            made = {i["id"] for i in w.instances(TIER2, alive=False)} - born
            check(len(made) == 1, f"{what}: {len(made)} instances were made")
            check(len(switches(w)) - before == 1, f"{what}: {len(switches(w)) - before} switches")
            check(w.ask("/healthz")[:2] == (200, "tier2"), f"{what}: tier2 answers")
        raise Failure(f"more than {MOST} writes")


def the_first_writes_of_a_worker():
    """In a promote the command line's own writes fail first: here only the worker writes."""
    with world() as w:
        lost(w)
        for at in range(1, 9):
            w.reset()
            born = {i["id"] for i in w.instances(TIER2, alive=False)}
            before = len(switches(w))
            what = f"the worker's write {at} fails"
            done = w.promote(environment={"DRORCH_KILL_AT": "1"})
            check(done.returncode == 15, f"{what}: {done}")
            done = w.drorch("resume", w.run_id(), environment={"DRORCH_FAIL_WRITE_AT": str(at)})
            check(done.returncode in (1, 15) and seen(w, done), f"{what}: {done}")
            sound(w, what)
            finish(w, what)
            made = {i["id"] for i in w.instances(TIER2, alive=False)} - born
            check(len(made) == 1 and len(switches(w)) - before == 1, f"{what}: one instance, one switch")


def seen(w, done):
    """Was the full disk told of: to who asked, in the events, or in the worker's log?"""
    logs = "".join(p.read_text() for p in w.state.glob("runs/*.log"))
    return "disk is full" in done.stdout + done.stderr + logs


def a_disk_that_stays_full():
    """From some write on all fail: nothing is done that could not be written down before."""
    with world() as w:
        lost(w)
        for at in range(1, 60) if LONG else (3, 10, 18):
            w.reset()
            born = {i["id"] for i in w.instances(TIER2, alive=False)}
            before = len(switches(w))
            what = f"all writes from {at} on fail"
            done = w.promote(environment={"DRORCH_FAIL_WRITE_AT": f"{at}+"})
            if LONG and done.returncode == 0 and at > 15:
                break  # there are no more writes
            check(done.returncode in (1, 15), f"{what}: {done}")
            sound(w, what)
            finish(w, what)
            made = {i["id"] for i in w.instances(TIER2, alive=False)} - born
            check(len(made) == 1 and len(switches(w)) - before == 1, f"{what}: one instance, one switch")


def a_real_full_disk():
    """A small file system as the state folder."""
    if os.geteuid() != 0:
        print("     SKIPPED a_real_full_disk: only root can mount")
        return
    with world(lab_options=("--boot-delay", "1000")) as w:
        lost(w)
        w.state.mkdir(mode=0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", w.state],
                                 capture_output=True, text=True)
        if mounted.returncode:
            print(f"     SKIPPED a_real_full_disk: {mounted.stderr.strip()}")
            return
        try:
            process = w.start_promote()
            wait_for("the instance", lambda: w.instances(TIER2))
            filler = w.state / "filler"
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 512)
            done = w.finish(process)
            check(done.returncode in (1, 15), f"it stops: {done}")
            check(w.drorch("status").returncode == 0, "status answers on a full disk")
            told = done.stdout + done.stderr + "".join(p.read_text() for p in w.state.glob("runs/*.log"))
            check("full" in told or "space" in told or "nobody drives" in told, f"a word: {told}")
            filler.unlink()
            sound(w, "a full disk")
            finish(w, "a full disk")
            check(len(w.instances(TIER2, alive=False)) == 1 and len(switches(w)) == 2, "one instance, one switch")
        finally:
            w.end()
            subprocess.run(["umount", "-l", w.state], check=True)


if __name__ == "__main__":
    main(each_write, the_first_writes_of_a_worker, a_disk_that_stays_full, a_real_full_disk)
