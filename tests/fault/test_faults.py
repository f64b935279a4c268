"""Faults of the providers while a cold promote runs: it gets through, or says why and what to do; never twice."""

import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import MAIN, TIER2, check, main, switches, wait_for, world  # noqa: E402


LONG = os.environ.get("DRORCH_LONG") == "1"


class Lost:
    """A world whose main site is lost after a backup, used for many rounds."""

    def __init__(self, w):
        self.w = w
        w.book("guest")
        self.backup = w.backup()
        w.book("late guest")
        w.lose_main()

    def round(self):
        self.w.lab("fault", "clear")
        self.w.reset()
        self.born = {i["id"] for i in self.w.instances(TIER2, alive=False)}
        self.switched = len(switches(self.w))

    def came_through(self, done, what):
        check(done.returncode == 0, f"{what}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        made = {i["id"] for i in self.w.instances(TIER2, alive=False)} - self.born
        check(len(made) == 1, f"{what}: {len(made)} instances were made")
        check(len(switches(self.w)) - self.switched == 1, f"{what}: one switch")
        check(self.w.ask("/healthz")[:2] == (200, "tier2"), f"{what}: tier2 answers")

    def nothing_moved(self, what):
        check(not self.w.instances(TIER2), f"{what}: no instance")
        check(len(switches(self.w)) == self.switched, f"{what}: no switch")


def passing_faults():
    """Each of these is over after a while: the promote comes through."""
    faults = [
        ("latency of every call", ["latency", "--ms", "150"]),
        ("throttled launch", ["status", "--operation", "RunInstances", "--status", "503", "--code",
                              "RequestLimitExceeded", "--count", "3"]),
        ("throttled DNS", ["status", "--vendor", "cloudflare", "--status", "429", "--retry-after", "1", "--count", "2"]),
        ("capacity question dropped", ["drop", "--operation", "RunInstances", "--count", "1"]),
        ("switch dropped after the commit", ["drop", "--vendor", "cloudflare", "--operation", "BatchDnsRecords",
                                             "--count", "1"]),
        ("slow drip of the listing", ["drip", "--operation", "DescribeInstances", "--count", "1", "--ms", "20"]),
        ("refused connections", ["refuse", "--vendor", "ec2", "--count", "2"]),
        ("list lag", ["lag", "--vendor", "ec2", "--ms", "1500"]),
        ("server errors", ["status", "--status", "500", "--vendor", "ec2", "--count", "2"]),
        ("broken bodies", ["body", "--operation", "DescribeInstances", "--count", "1"]),
        ("HTML for the switch's answer", ["body", "--vendor", "cloudflare", "--operation", "BatchDnsRecords",
                                          "--message", "<html>busy</html>", "--status", "200", "--count", "1"]),
        ("locked out for some seconds", ["status", "--vendor", "cloudflare", "--status", "429", "--code", "971",
                                         "--retry-after", "3", "--count", "1"]),
        ("cut bodies", ["truncate", "--operation", "DescribeInstances", "--count", "1"]),
        ("nonsense for the account", ["body", "--operation", "GetCallerIdentity", "--count", "2"]),
        ("nonsense for the token", ["body", "--operation", "VerifyToken", "--count", "2"]),
    ]
    with world() as w:
        lost = Lost(w)
        for what, words in faults:
            lost.round()
            w.lab("fault", "add", *words)
            lost.came_through(w.promote(), what)
            print(f"     {what}")


def at_launch(w, words):
    """Promotes with a fault that meets the launch itself: the question for capacity is the same operation."""
    w.lab("fault", "add", "latency", "--operation", "VerifyToken", "--ms", "2000")
    process = w.start_promote()
    wait_for("the capacity", lambda: w.runs() and w.steps(w.run_id())["capacity-web"]["state"] == "done")
    before = len(w.calls(operation="RunInstances"))
    w.lab("fault", "add", *words)
    w.lab("fault", "clear", "latency")
    done = w.finish(process)
    calls = w.calls(operation="RunInstances")[before:]
    check(calls and words[0] in calls[0]["fault"], f"the fault met the launch: {calls}")
    return done


def launch_faults():
    """Whatever becomes of the launch's answer: one instance."""
    faults = [
        ("launch dropped after the commit", ["drop"]),
        ("launch half-open", ["half-open", "--ms", "1500"]),
        ("launch refused", ["refuse"]),
        ("HTML for the launch's answer", ["body", "--message", "<html>busy</html>", "--status", "200"]),
        ("launch's answer cut", ["truncate"]),
        ("launch answered by 500 after the commit", ["body", "--message", "<html>oops</html>", "--status", "500"]),
    ]
    with world() as w:
        lost = Lost(w)
        for what, words in faults:
            lost.round()
            done = at_launch(w, [*words, "--operation", "RunInstances", "--count", "1"])
            lost.came_through(done, what)
            print(f"     {what}")


def redirects_are_not_followed():
    """Nor believed: the switch was made all the same, which a look finds."""
    with world() as w:
        lost = Lost(w)
        lost.round()
        w.lab("fault", "add", "body", "--operation", "BatchDnsRecords", "--status", "302", "--message",
              "<html>moved</html>")
        before = len(w.calls(operation="BatchDnsRecords"))
        lost.came_through(w.promote(), "a redirect")
        check(len(w.calls(operation="BatchDnsRecords")) == before + 1, "it was asked twice")


def the_target_is_away():
    """Nothing moves without the target's region; when it is back the same run, or a new one, comes through."""
    with world(lab_options=("--boot-delay", "1000")) as w:
        lost = Lost(w)
        lost.round()
        w.lab("outage", "region", TIER2, "on")
        done = w.promote()
        check(done.returncode == 1 and "aws" in done.stderr, f"the target is away: {done}")
        lost.nothing_moved("the target is away")
        check(not w.runs(), "no run was begun")
        w.lab("outage", "region", TIER2, "off")

        # Away in the middle: it waits, and goes on.
        process = w.start_promote()
        wait_for("the instance", lambda: w.instances(TIER2))
        w.lab("outage", "region", TIER2, "on", "--status", "503")
        wait_for("the run to notice", lambda: any(
            c["operation"] == "DescribeInstances" and c["region"] == TIER2 and c["status"] == 503 for c in w.calls()))
        w.lab("outage", "region", TIER2, "off")
        lost.came_through(w.finish(process), "the target was away for a moment")

        if LONG:
            lost.round()
            process = w.start_promote()
            wait_for("a worker", w.worker_pid)
            w.kill_worker()
            w.finish(process)
            w.lab("outage", "region", TIER2, "on")
            done = w.drorch("resume", w.run_id())
            check(done.returncode == 1 and "because" in done.stdout, f"away for good: {done}")
            lost.nothing_moved("the target is away for good")
            w.lab("outage", "region", TIER2, "off")
            lost.came_through(w.drorch("resume", w.run_id()), "the target is back")


def dns_is_away():
    """The provider of the name goes away before the switch: waited for; refused for good: a word, and resume."""
    with world(lab_options=("--boot-delay", "1500")) as w:
        lost = Lost(w)
        lost.round()
        process = w.start_promote()
        wait_for("the instance", lambda: w.instances(TIER2))
        w.lab("outage", "provider", "cloudflare", "on")
        wait_for("the switch to be tried", lambda: w.steps(w.run_id())["switch-www"]["note"])
        check(w.run_state() == "running", "it goes on trying")
        w.lab("outage", "provider", "cloudflare", "off")
        lost.came_through(w.finish(process), "DNS was away for a moment")

        lost.round()
        process = w.start_promote()
        wait_for("the instance", lambda: w.instances(TIER2))
        w.lab("outage", "provider", "cloudflare", "on", "--status", "503" if LONG else "403")
        done = w.finish(process, timeout=300)
        check(done.returncode in (1, 12) and "because" in done.stdout and "cloudflare" in done.stdout,
              f"a clear failure: {done}")
        check(f"drorch resume {w.run_id()}" in done.stdout, "and what to do")
        check(len(switches(w)) == lost.switched, "no switch")
        w.lab("outage", "provider", "cloudflare", "off")
        lost.came_through(w.drorch("resume", w.run_id()), "DNS is back")


def lasting_faults():
    """The promote stops with a clear word; when the fault is over, resume finishes it."""
    with world() as w:
        lost = Lost(w)

        lost.round()
        w.lab("fault", "add", "status", "--operation", "RunInstances", "--status", "500", "--code",
              "InsufficientInstanceCapacity")
        done = w.promote()
        check(done.returncode == 1 and "InsufficientInstanceCapacity" in done.stdout + done.stderr or
              "capacity" in (done.stdout + done.stderr).lower(), f"no capacity: {done.stdout}{done.stderr}")
        lost.nothing_moved("no capacity")
        w.lab("fault", "clear")
        run = w.run_id()
        lost.came_through(w.drorch("resume", run), "resume after no capacity")

        lost.round()
        w.lab("outage", "provider", "s3", "on")
        done = w.promote()
        check(done.returncode not in (0, 15), f"S3 away: exit {done.returncode} {done.stderr}")
        lost.nothing_moved("S3 away")
        w.lab("outage", "provider", "s3", "off")

        lost.round()
        w.lab("fault", "add", "status", "--vendor", "ec2", "--status", "401", "--code", "AuthFailure")
        done = w.promote()
        check(done.returncode in (1, 12), f"bad credentials: exit {done.returncode} {done.stderr}")
        lost.nothing_moved("bad credentials")


def abort_takes_back():
    with world() as w:
        lost = Lost(w)
        lost.round()
        w.lab("fault", "add", "status", "--vendor", "cloudflare", "--operation", "BatchDnsRecords", "--status", "400",
              "--code", "9005")
        done = w.promote()
        check(done.returncode == 1, f"DNS refuses: exit {done.returncode}\n{done.stdout}{done.stderr}")
        check(len(w.instances(TIER2)) == 1, "the instance is there to look at")
        run = w.run_id()
        w.lab("fault", "clear")
        done = w.drorch("abort", run)
        check(done.returncode == 0, f"abort: exit {done.returncode}\n{done.stdout}{done.stderr}")
        wait_for("the instance to go", lambda: not w.instances(TIER2))
        check(w.record_now() == w.main["address"], "the record is as it was")
        status = json.loads(w.good("status", "-o", "json"))["services"][0]
        check(status["active"] == "main" and status["run_state"] == "aborted", status)


def bad_backups_are_refused():
    with world() as w:
        lost = Lost(w)
        prefix = f"/memphis-dr/offsite/{lost.backup}"
        objects = [c["path"] for c in w.calls(operation="PutObject") if prefix in c["path"]]
        part = next(path for path in objects if not path.endswith("manifest.json"))

        lost.round()
        status, body = w.aws("s3", TIER2, "GET", part)
        check(status == 200, "the backup's object")
        spoilt = bytes([body[0] ^ 1]) + body[1:]
        check(w.aws("s3", TIER2, "PUT", part, body=spoilt)[0] == 200, "spoilt")
        done = w.promote()
        check(done.returncode not in (0, 15) and "hash" in done.stderr, f"changed bytes: {done.stderr}")
        lost.nothing_moved("changed bytes")
        listed = json.loads(w.drorch("backup", "verify", "-o", "json").stdout)["backups"]
        check(not listed[0]["complete"], f"verify finds it: {listed}")

        lost.round()
        check(w.aws("s3", TIER2, "PUT", part, body=body[:-1])[0] == 200, "cut")
        done = w.promote()
        check(done.returncode not in (0, 15) and "torn" in done.stderr, f"cut: {done.stderr}")
        check(w.aws("s3", TIER2, "PUT", part, body=body)[0] == 200, "put back")

        lost.round()
        manifest = prefix + "/manifest.json"
        status, text = w.aws("s3", TIER2, "GET", manifest)
        check(w.aws("s3", TIER2, "DELETE", manifest)[0] == 204, "no manifest")
        done = w.promote()
        check(done.returncode not in (0, 15) and "torn" in done.stderr, f"torn: {done.stderr}")
        foreign = json.loads(text)
        foreign["service"] = "nashville"
        check(w.aws("s3", TIER2, "PUT", manifest, body=json.dumps(foreign).encode())[0] == 200, "foreign")
        done = w.promote()
        check(done.returncode not in (0, 15) and "foreign" in done.stderr, f"foreign: {done.stderr}")
        lost.nothing_moved("torn and foreign")
        check(w.aws("s3", TIER2, "PUT", manifest, body=text)[0] == 200, "as it was")
        lost.came_through(w.promote(), "the good backup again")


def git_may_be_away():
    with world() as w:
        lost = Lost(w)
        w.good("backup", "verify")  # reads the spec: from here on its last good commit is known
        w.repo.rename(w.repo.with_name("gone"))
        done = w.promote()
        check("last good commit" in done.stderr, done.stderr)
        check(done.returncode == 0 and w.ask("/healthz")[:2] == (200, "tier2"), done.stdout + done.stderr)


def no_secret_is_written():
    with world() as w:
        lost = Lost(w)
        lost.round()
        lost.came_through(w.promote("-v", "-v"), "promote")
        secrets = [w.keys["aws_secret_access_key"], w.keys["cloudflare_api_token"]]
        for path in pathlib.Path(w.state).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                for secret in secrets:
                    check(secret.encode() not in data, f"{path} holds a secret")


def a_host_that_dies_while_it_restores():
    """Its agent is silent for ever: the provider tells, and the run fails instead of waiting for hours."""
    with world() as w:
        lost = Lost(w)
        lost.round()
        w.good("backup", "verify")
        w.lab("fault", "add", "latency", "--operation", "GetObject", "--ms", "2000")  # time to die in

        def kill():
            instance = wait_for("the instance", lambda: [i for i in w.instances(TIER2) if i["state"] == "running"])[0]
            w.lab("kill", instance["id"])

        killer = threading.Thread(target=kill)
        killer.start()
        done = w.promote()
        killer.join()
        check(done.returncode == 1 and "did not stay up" in done.stdout, f"it says so: {done}")
        check(len(switches(w)) == lost.switched, "traffic was not moved")


def a_provider_that_cannot_tell():
    """A host is silent, and its provider away: the step says both, and goes on when it restores after all."""
    with world(lab_options=("--boot-delay", "1500")) as w:
        lost = Lost(w)
        lost.round()
        w.good("backup", "verify")
        process = w.start_promote()
        wait_for("the launch", lambda: w.instances(TIER2))
        w.lab("fault", "add", "latency", "--operation", "GetObject", "--ms", "15000")
        wait_for("the restore", lambda: w.runs() and w.steps(w.run_id())["restore"]["state"] == "running")
        w.lab("fault", "add", "status", "--operation", "DescribeInstances", "--status", "401", "--code", "AuthFailure")
        wait_for("the word", lambda: "is not known" in (w.steps(w.run_id())["restore"]["note"] or ""), 30)
        w.lab("fault", "clear")
        lost.came_through(w.finish(process), "a provider that cannot tell")


if __name__ == "__main__":
    main(passing_faults, launch_faults, redirects_are_not_followed, the_target_is_away, dns_is_away, lasting_faults,
         abort_takes_back, bad_backups_are_refused, git_may_be_away, no_secret_is_written, a_host_that_dies_while_it_restores,
         a_provider_that_cannot_tell)
