"""Two at once: promotes, resumes, a worker that sleeps past its lease. One drives, the others say who."""

import os
import signal
import time

from harness import TIER2, check, main, switches, wait_for, world

LEASE_SECONDS = 15


def lost(w):
    w.book("guest")
    w.backup()
    w.lose_main()


def once(w, switched=2):
    check(len(w.instances(TIER2, alive=False)) == 1, f"one instance: {w.instances(TIER2, alive=False)}")
    check(len(switches(w)) == switched, f"one switch after the first record: {switches(w)}")
    check(w.ask("/healthz")[:2] == (200, "tier2"), "tier2 answers")


def fail_at_launch(w):
    """A run that failed and is open."""
    w.lab("fault", "add", "status", "--operation", "RunInstances", "--status", "500", "--code",
          "InsufficientInstanceCapacity")
    done = w.promote()
    check(done.returncode == 1, f"no capacity: {done}")
    w.lab("fault", "clear")
    return w.run_id()


def two_promotes():
    with world() as w:
        lost(w)
        both = [w.start_promote() for _ in range(4)]
        done = [w.finish(process) for process in both]
        codes = sorted(d.returncode for d in done)
        check(codes == [0, 11, 11, 11], f"one runs, the others are refused: {done}")
        runs = w.runs()
        check(len(runs) == 1 and runs[0]["state"] == "completed", f"one run: {runs}")
        for other in done:
            if other.returncode == 11:
                check(runs[0]["id"] in other.stderr, f"its run is named: {other.stderr}")
        once(w)


def a_failed_run_is_open():
    with world() as w:
        lost(w)
        run = fail_at_launch(w)
        done = w.promote()
        check(done.returncode == 11, f"exit {done.returncode}: {done.stderr}")
        for word in (run, f"drorch resume {run}", f"drorch abort {run}"):
            check(word in done.stderr, f"it says {word}: {done.stderr}")
        check(len(w.runs()) == 1, "no second run")
        check(w.drorch("abort", run).returncode == 0, "abort")
        done = w.promote()
        check(done.returncode == 0, f"after the abort a new one runs: {done}")
        once(w)


def two_resumes():
    """One worker; the other command follows the same run to the same end."""
    with world() as w:
        lost(w)
        run = fail_at_launch(w)
        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "500")
        done = [w.finish(process) for process in [w.start("resume", run) for _ in range(3)]]
        for one in done:
            check(one.returncode == 0 and "completed" in one.stdout, f"it follows to the end: {done}")
        journal = w.good("show", run, "--journal")
        check(sum(" intent " in line and "commit" in line for line in journal.splitlines()) == 1,
              f"driven once:\n{journal}")
        once(w)


def a_sleeper_does_nothing():
    """Stopped past its lease, its run taken over and finished: awake again, it changes nothing (P4)."""
    with world() as w:
        lost(w)
        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "2500", "--count", "2")
        process = w.start_promote()
        sleeper = wait_for("the worker to launch", lambda: launching(w))
        os.kill(sleeper, signal.SIGSTOP)
        try:
            run = w.run_id()
            check(w.drorch("promote", "tier2", "--confirm", "tier2").returncode == 11, "its lease is still good")
            time.sleep(LEASE_SECONDS + 1)  # not a guess: this is what a lease is
            done = w.drorch("resume", run)
            check(done.returncode == 0, f"taken over: {done}")
            once(w)
            calls = changes(w)
        finally:
            os.kill(sleeper, signal.SIGCONT)
        wait_for("the sleeper to end", lambda: not os.path.exists(f"/proc/{sleeper}/exe") or
                 open(f"/proc/{sleeper}/stat").read().rsplit(")", 1)[1].split()[0] == "Z")
        check(changes(w) == calls, f"awake again it changed something: {changes(w)[len(calls):]}")
        check(w.run_state() == "completed", "the run stays completed")
        check(w.active() == "tier2", "the active site stays")
        first = w.finish(process)
        check(first.returncode == 0 or first.returncode == 15 and f"drorch resume {run}" in first.stderr,
              f"whoever followed the sleeper saw the run's end, or heard that nobody drives it: {first}")
        once(w)


def launching(w):
    if not w.runs():
        return 0
    steps = w.steps(w.run_id())
    return w.worker_pid() if steps["launch-web"]["state"] == "running" else 0


def changes(w):
    """Every call that changes something, as the clouds saw it."""
    return [(c["operation"], c["status"]) for c in w.calls()
            if c["method"] != "GET" and not c["operation"].startswith(("Describe", "Get", "List", "Head"))]


def all_killed():
    """The command line and its worker at once."""
    with world(lab_options=("--boot-delay", "1000")) as w:
        lost(w)
        process = w.start_promote()
        wait_for("the instance", lambda: w.instances(TIER2))
        pid = wait_for("a worker", w.worker_pid)
        process.kill()
        os.kill(pid, signal.SIGKILL)
        w.finish(process)
        run = w.run_id()
        check(w.run_state() == "running", "nobody could say more")
        done = w.drorch("attach", run)
        check(done.returncode == 15 and f"drorch resume {run}" in done.stderr, f"attach says what to do: {done}")
        done = w.drorch("resume", run)
        check(done.returncode == 0, f"resume: {done}")
        once(w)


if __name__ == "__main__":
    main(two_promotes, a_failed_run_is_open, two_resumes, a_sleeper_does_nothing, all_killed)
