"""The worker that is started while a promote still looks: it takes over, or leaves without a trace."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import TIER2, check, main, process_words, switches, wait_for, world  # noqa: E402

LATENCY = "400"  # of every call: the looking takes two in a row, the worker comes after one


def workers(w):
    """Those of this world, by what they were told to drive: pid to word."""
    found = {}
    for entry in os.listdir("/proc"):
        words = process_words(entry) if entry.isdigit() else []
        if str(w.state).encode() in words and words[1] == b"worker":
            found[int(entry)] = words[2].decode()
    return found


def waiting(w):
    return [pid for pid, word in workers(w).items() if word == "-"]


def looking(w):
    """A promote that looks, and the worker that waits for its run."""
    process = w.start_promote()
    (pid,) = wait_for("a worker that waits", lambda: waiting(w))
    return process, pid


def lost(w):
    w.book("guest")
    w.backup()
    w.good("backup", "verify")
    w.lose_main()
    w.lab("fault", "clear")  # main's API is back, its instances are not: no waiting for the dead
    w.lab("latency", LATENCY)


def it_drives_the_run():
    with world() as w:
        lost(w)
        process, pid = looking(w)
        check(not w.runs(), "there is no run yet")
        check(wait_for("a worker", w.worker_pid) == pid, "the one that waited took the lease")
        run = w.run_id()
        w.lab("latency", "0")
        done = w.finish(process)
        check(done.returncode == 0 and f"Run {run}" in done.stdout, f"promoted: {done}")
        log = (w.state / "runs" / f"{run}.log").read_text()
        check(f"run {run} is completed" in log, f"it writes the run's log: {log}")
        wait_for("the worker's end", lambda: not workers(w))


def refused_it_is_gone():
    with world() as w:
        w.book("guest")
        w.backup()
        w.good("backup", "verify")
        w.lab("latency", LATENCY)
        process = w.start("promote", "tier2", "--confirm", "tier2", "--backup", "none-such")
        wait_for("a worker that waits", lambda: waiting(w))
        done = w.finish(process)
        check(done.returncode != 0, f"there is no such backup: {done}")
        check(not workers(w), "nothing is left when the command has ended")
        check(not w.runs() and not w.instances(TIER2), "and nothing was done")


def killed_with_its_command():
    with world() as w:
        lost(w)
        process, _ = looking(w)
        process.kill()
        w.finish(process)
        wait_for("the worker's end", lambda: not workers(w))
        check(not w.runs() and not w.instances(TIER2), "nothing was done")
        w.lab("latency", "0")
        check(w.promote().returncode == 0, "nothing is in the way of the next")


def killed_before_it_is_told():
    """Another one takes its place."""
    with world() as w:
        lost(w)
        process, pid = looking(w)
        os.kill(pid, signal.SIGKILL)
        check(wait_for("a worker", w.worker_pid) != pid, "another one drives")
        check(list(workers(w).values()) == [w.run_id()], "started with the run's id")
        w.lab("latency", "0")
        done = w.finish(process)
        check(done.returncode == 0, f"promoted: {done}")
        check(len(switches(w)) == 2, "the first record and one switch")


def without_a_word_there_is_none():
    """A plan that is only looked at, or asks for the site's name first, starts nothing."""
    with world() as w:
        lost(w)
        w.lab("latency", "0")
        for arguments in (("--confirm", "tier2", "--dry-run"), ("--confirm", "tier3"), ()):
            process = w.start("promote", "tier2", *arguments)
            seen = []
            while process.poll() is None:
                seen += workers(w)
            w.finish(process)
            check(not seen and not w.runs(), f"{arguments}: no worker")


if __name__ == "__main__":
    main(it_drives_the_run, refused_it_is_gone, killed_with_its_command, killed_before_it_is_told,
         without_a_word_there_is_none)
