"""`drorch abort`: takes back what a promote did, in every state of it, and never leaves traffic at nothing."""

import http.client
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import MAIN, NAME, TIER2, Failure, check, main, switches, wait_for, world  # noqa: E402

MOST = 60  # more points in an abort than that: something loops
LONG = os.environ.get("DRORCH_LONG") == "1"
ANYWAY = ("--override-rule", "old-site-well", "--reason", "a test")


def prepare(w):
    w.book("guest")
    w.backup()


def start_main_again(w):
    """As an operator would, in the provider's console."""
    stopped = [i for i in w.instances(MAIN, alive=False) if i["id"] == w.main["id"] and i["state"] == "stopped"]
    if stopped:
        w.ec2(MAIN, "StartInstances", InstanceId_1=w.main["id"])
    wait_for("main to answer", lambda: answers(w, w.main["address"]))


def answers(w, address):
    connection = http.client.HTTPConnection(address, w.origin, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": NAME})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def all_taken_back(w, what):
    wait_for(f"{what}: tier2 to be empty", lambda: not w.instances(TIER2))
    check(w.record_now() == w.main["address"], f"{what}: the record is at main")
    check(w.active() == "main", f"{what}: main is the active site")
    check(w.run_state() == "aborted", f"{what}: the run is {w.run_state()}")


def while_instances_boot():
    """The worker lives: it sees the wish, takes back its instance and lets main run again."""
    with world(lab_options=("--boot-delay", "4000")) as w:
        prepare(w)
        process = w.start_promote(*ANYWAY)
        wait_for("the instance", lambda: w.instances(TIER2))
        wait_for("main to be fenced", lambda: not w.instances(MAIN))
        run = w.run_id()
        done = w.drorch("abort", run)
        check(done.returncode == 0, f"abort: exit {done.returncode}\n{done.stdout}{done.stderr}")
        first = w.finish(process)
        check(first.returncode == 1 and "aborted" in first.stdout, f"promote says so: {first}")
        check(len(switches(w)) == 1, "the record was never touched")
        all_taken_back(w, "while booting")
        check([i["id"] for i in w.instances(MAIN)] == [w.main["id"]], "main was started again")
        wait_for("main to answer", lambda: w.ask("/healthz")[:2] == (200, "main"), 60)


def after_the_worker_was_killed():
    with world(lab_options=("--boot-delay", "1500")) as w:
        prepare(w)
        process = w.start_promote(*ANYWAY)
        wait_for("the instance", lambda: w.instances(TIER2))
        wait_for("main to be fenced", lambda: not w.instances(MAIN))
        w.kill_worker()
        done = w.finish(process)
        check(done.returncode == 15 and "drorch resume" in done.stderr, f"nobody drives it: {done}")
        run = w.run_id()
        done = w.drorch("abort", run)
        check(done.returncode == 0, f"abort: exit {done.returncode}\n{done.stdout}{done.stderr}")
        all_taken_back(w, "killed")
        wait_for("main to answer", lambda: w.ask("/healthz")[:2] == (200, "main"), 60)
        again = w.drorch("abort", run)
        check(again.returncode == 1 and "nothing to abort" in again.stderr, f"an aborted run: {again}")


def a_list_that_lags():
    """An instance that no list shows yet is known by the launch's answer: it goes all the same."""
    with world() as w:
        prepare(w)
        w.lose_main()
        w.lab("fault", "clear")
        w.lab("fault", "add", "latency", "--operation", "VerifyToken", "--ms", "1500")
        process = w.start_promote()
        wait_for("the run", w.runs)  # it has seen the images: from here on nothing new is shown
        w.lab("fault", "add", "lag", "--vendor", "ec2", "--ms", "4000")
        wait_for("the launch", lambda: w.runs() and w.steps(w.run_id())["launch-web"]["state"] == "done")
        done = w.drorch("abort", w.run_id())
        check(done.returncode == 0, f"abort: {done}")
        w.finish(process)
        wait_for("the instance to go", lambda: not w.instances(TIER2))


def after_the_switch():
    """Main dead: traffic stays at tier2, and that is said. Main there again: traffic goes back."""
    with world(monitor="10m") as w:
        prepare(w)
        w.lose_main()
        process = w.start_promote()
        wait_for("the run to watch the new site", lambda: w.run_state() == "monitoring")
        address = w.instances(TIER2)[0]["address"]
        run = w.run_id()
        done = w.drorch("abort", run)
        check(done.returncode == 0, f"abort: exit {done.returncode}\n{done.stdout}{done.stderr}")
        check("stays where it is" in done.stdout and "main does not answer" in done.stdout,
              f"it says what it left: {done.stdout}")
        w.finish(process)
        check(w.record_now() == address, "traffic is at tier2")
        check(w.active() == "tier2", "tier2 is the active site")
        check(len(w.instances(TIER2)) == 1, "its instance stays")
        check(w.run_state() == "aborted", "the run is over")
        check(w.ask("/healthz")[:2] == (200, "tier2"), "tier2 answers")

        w.reset()
        process = w.start_promote()
        wait_for("the run to watch the new site", lambda: w.run_state() == "monitoring")
        w.lab("restore-site", MAIN)
        wait_for("main to answer", lambda: answers(w, w.main["address"]))
        done = w.drorch("abort", w.run_id())
        check(done.returncode == 0, f"abort: exit {done.returncode}\n{done.stdout}{done.stderr}")
        w.finish(process)
        all_taken_back(w, "main is back")
        check(w.ask("/healthz")[:2] == (200, "main"), "main answers through the name")


def a_completed_run_is_not_aborted():
    with world() as w:
        prepare(w)
        w.lose_main()
        done = w.promote()
        check(done.returncode == 0, done.stdout + done.stderr)
        calls = len(w.calls())
        done = w.drorch("abort", w.run_id())
        check(done.returncode == 1 and "nothing to abort" in done.stderr, f"refused: {done}")
        check(len(w.calls()) == calls, "and nobody was asked anything")
        check(w.ask("/healthz")[:2] == (200, "tier2") and w.active() == "tier2", "all is as it was")


def rounds(w, get_there, check_end, stride=1):
    """Kills the worker at each point of the abort in turn; then `abort` or `resume` finishes it."""
    for point in range(1, MOST + 1, 1 if LONG else stride):
        w.reset()
        start_main_again(w)
        wait_for("main through the name", lambda: w.ask("/healthz")[:2] == (200, "main"))
        run = get_there()
        launched = len(w.calls(operation="RunInstances"))
        done = w.drorch("abort", run, environment={"DRORCH_KILL_AT": str(point)})
        what = f"abort killed at {point}"
        if done.returncode == 15:
            live = [i["address"] for i in w.instances(TIER2) + w.instances(MAIN, alive=False)]
            check(w.record_now() in live, f"{what}: the record points at {w.record_now()}")
            done = w.drorch("abort" if point % 4 < 2 else "resume", run)
            code = w.run_state()
            check(code == "aborted", f"{what}, finishing it: {code}, {done}")
        else:
            check(done.returncode == 0, f"{what}: {done}")
            check(point > 4, f"only {point - 1} points were met")
            print(f"     {point - 1} points at most")
            return
        check(len(w.calls(operation="RunInstances")) == launched, f"{what}: nothing was launched")
        check_end(what)
    raise Failure(f"more than {MOST} points")


def killed_before_the_switch():
    """The fence and the launch are taken back."""
    with world() as w:
        prepare(w)

        def get_there():
            w.lab("fault", "add", "status", "--vendor", "cloudflare", "--operation", "BatchDnsRecords", "--status",
                  "400", "--code", "9005")
            done = w.promote(*ANYWAY)
            check(done.returncode == 1 and not w.instances(MAIN), f"DNS refuses: {done}")
            w.lab("fault", "clear")
            return w.run_id()

        def check_end(what):
            all_taken_back(w, what)
            check([i["id"] for i in w.instances(MAIN)] == [w.main["id"]], f"{what}: main was started again")

        rounds(w, get_there, check_end)


def killed_after_the_switch():
    """Traffic goes back to a main that answers; the instance goes; each once."""
    with world(monitor="10m") as w:
        prepare(w)

        def get_there():
            process = w.start_promote(*ANYWAY)
            wait_for("the run to watch the new site", lambda: w.run_state() == "monitoring")
            w.kill_worker()
            w.finish(process)
            start_main_again(w)
            get_there.switched = len(switches(w))
            return w.run_id()

        def check_end(what):
            all_taken_back(w, what)
            check(len(switches(w)) == get_there.switched + 1, f"{what}: one switch back")
            check(w.ask("/healthz")[:2] == (200, "main"), f"{what}: main answers")

        rounds(w, get_there, check_end, stride=3)


def killed_in_the_fence():
    """What the fence stopped is known before it is stopped: an abort starts it again, wherever the promote died."""
    with world() as w:
        prepare(w)
        for point in range(1, 40) if LONG else range(14, 24):
            w.reset()
            start_main_again(w)
            done = w.promote(*ANYWAY, environment={"DRORCH_KILL_AT": str(point)})
            check(done.returncode == 15, f"killed at {point}: {done}")
            done = w.drorch("abort", w.run_id())
            what = f"promote killed at {point}, aborted"
            check(done.returncode == 0, f"{what}: {done}")
            all_taken_back(w, what)
            check([i["id"] for i in w.instances(MAIN)] == [w.main["id"]], f"{what}: main runs")


if __name__ == "__main__":
    main(while_instances_boot, after_the_worker_was_killed, a_list_that_lags, after_the_switch,
         a_completed_run_is_not_aborted, killed_before_the_switch, killed_after_the_switch,
         killed_in_the_fence)
