"""Faults of the providers while a cold promote runs: it gets through, or says why and what to do; never twice."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import MAIN, TIER2, check, main, switches, wait_for, world  # noqa: E402


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
        ("launch answered too late: dropped after the commit", ["drop", "--operation", "RunInstances", "--count", "1"]),
        ("switch dropped after the commit", ["drop", "--vendor", "cloudflare", "--operation", "BatchDnsRecords",
                                             "--count", "1"]),
        ("half-open launch", ["half-open", "--operation", "RunInstances", "--count", "1", "--ms", "2000"]),
        ("slow drip of the listing", ["drip", "--operation", "DescribeInstances", "--count", "1", "--ms", "20"]),
        ("refused connections", ["refuse", "--vendor", "ec2", "--count", "2"]),
        ("list lag", ["lag", "--vendor", "ec2", "--ms", "1500"]),
        ("server errors", ["status", "--status", "500", "--vendor", "ec2", "--count", "2"]),
        ("broken bodies", ["body", "--operation", "DescribeInstances", "--count", "1"]),
        ("cut bodies", ["truncate", "--operation", "DescribeInstances", "--count", "1"]),
    ]
    with world() as w:
        lost = Lost(w)
        for what, words in faults:
            lost.round()
            w.lab("fault", "add", *words)
            lost.came_through(w.promote(), what)
            print(f"     {what}")


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


if __name__ == "__main__":
    main(passing_faults, lasting_faults, abort_takes_back, bad_backups_are_refused, git_may_be_away,
         no_secret_is_written)
