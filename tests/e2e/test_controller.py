"""The controller, as a process: what a commit changes, what somebody changes behind its back, what is away."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess

from harness import check, main, process_words, wait_for, world

ENTRY = """
dns:
  mail:
    name: memphis.example
    type: MX
    values: ["10 {host}.memphis.example"]
    providers: [cloudflare]
    zone: memphis.example
"""
SECOND = """\
apiVersion: drorch/v1
kind: Service
metadata: {name: nashville}
sites:
  main:
    role: primary
    provider: aws
    region: eu-west-2
    instances: {web: {count: 0, type: t3.large, image: {name: memphis-site, newest: true}}}
    health: {http: {scheme: http, port: 8080, path: /healthz, status: 200}}
"""
SERVICE = "services/memphis.yaml"


class Controller:
    """`drorch controller` in a world, its log in a file."""

    def __init__(self, w, *options, environment=None):
        self.w = w
        self.log = w.folder / f"controller-{len(list(w.folder.glob('controller-*')))}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                w.command("controller", "--poll", "1s", "--period", "2s", *options), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env={**w.environment, **(environment or {})})

    def text(self):
        return self.log.read_text()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        check("Sanitizer" not in self.text(), self.text())
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        stop_workers(self.w)


def stop_workers(w):
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            words = process_words(entry)
            if b"worker" in words and str(w.state).encode() in words:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(entry), signal.SIGKILL)


@contextlib.contextmanager
def controller(w, *options, **more):
    made = Controller(w, *options, **more)
    try:
        yield made
    except BaseException:
        print(made.text()[-6000:])
        raise
    finally:
        made.end()


def spec(w, host="mx1", extra=None):
    files = w.spec_files()
    files[SERVICE] += ENTRY.format(host=host)
    files.update(extra or {})
    return files


def status(w):
    return json.loads(w.good("status", "-o", "json"))


def service(w, name="memphis"):
    return next((s for s in status(w)["services"] if s["name"] == name), {})


def state(w, name="memphis"):
    return service(w, name).get("reconcile", {}).get("state")


def head(w):
    return w.git("rev-parse", "HEAD").strip()


def mail(w):
    return [r["content"] for r in w.cloudflare("GET", f"/zones/{w.zone}/dns_records?per_page=100") if r["type"] == "MX"]


def mail_id(w):
    return next(r["id"] for r in w.cloudflare("GET", f"/zones/{w.zone}/dns_records?per_page=100") if r["type"] == "MX")


def settled(w, commit=None):
    def is_settled():
        seen = service(w).get("reconcile", {})
        return seen.get("state") == "steady" and seen.get("applied") == (commit or head(w))
    wait_for("the service to be as the spec says", is_settled, 90)


def events(w):
    return w.good("events")


def commits_are_applied_and_drift_is_put_back():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        with controller(w) as c:
            wait_for("the first record", lambda: mail(w) == ["mx1.memphis.example"], 90)
            settled(w)
            w.commit_specs(spec(w, "mx2"))
            wait_for("the commit to be applied", lambda: mail(w) == ["mx2.memphis.example"], 90)
            settled(w)
            w.cloudflare("PATCH", f"/zones/{w.zone}/dns_records/{mail_id(w)}", {"content": "elsewhere.example"})
            wait_for("the drift to be put back", lambda: mail(w) == ["mx2.memphis.example"], 90)
            settled(w)
            shown = w.good("status")
            check("RECONCILE" in shown and "steady" in shown and "NEXT PASS" in shown and head(w) in shown, shown)
            check("controller: " in shown and "does not run" not in shown, shown)
            second = w.drorch("controller")
            check(second.returncode == 11 and "another controller" in second.stderr, f"a second one: {second}")
            check(c.stop() == 0, "a stop is no failure")
        check("does not run" in w.good("status"), "status tells that it is gone")
        holders = holders_of(w)
        check(not holders, f"no lease is left: {holders}")
        check(not any(run["state"] != "completed" for run in w.runs()), f"runs: {w.runs()}")


def holders_of(w):
    with contextlib.closing(sqlite3.connect(f"file:{w.state}/drorch.db?mode=ro", uri=True, timeout=10)) as db:
        return [row[0] for row in db.execute("SELECT holder FROM leases") if row[0]]


def a_bad_commit_and_git_away():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        good = head(w)
        with controller(w) as c:
            settled(w)
            files = spec(w)
            files[SERVICE] += "surprise: true\n"
            w.commit_specs(files)
            bad = head(w)
            wait_for("status to name it", lambda: status(w).get("attempt", {}).get("commit") == bad)
            before = c.text().count("surprise")
            check(status(w)["attempt"]["error"] and f"last attempted: {bad}" in w.good("status"), w.good("status"))
            w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{mail_id(w)}")
            wait_for("the last good commit to be kept to", lambda: mail(w) == ["mx1.memphis.example"], 90)
            settled(w, good)
            told = [line for line in events(w).splitlines() if "is not followed" in line]
            check(len(told) == 1, f"one event a commit: {told}")
            check(before == c.text().count("surprise") == 1, "its errors are printed once")
            w.repo.rename(w.folder / "away")
            wait_for("status to say so", lambda: status(w)["attempt"]["commit"] == "")
            w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{mail_id(w)}")
            wait_for("git not to be needed", lambda: mail(w) == ["mx1.memphis.example"], 90)
            (w.folder / "away").rename(w.repo)
            w.commit_specs(spec(w, "mx3"))
            wait_for("git to be heard again", lambda: mail(w) == ["mx3.memphis.example"], 90)
            settled(w)
            check(c.stop() == 0, "stop")


def a_shrunken_tree_is_asked_about():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w, extra={"services/nashville.yaml": SECOND}))
        with controller(w) as c:
            settled(w)
            wait_for("the other", lambda: state(w, "nashville") == "steady")
            good = head(w)
            w.git("rm", "-q", "services/nashville.yaml")
            w.commit_specs(spec(w, "mx2"))
            small = head(w)
            wait_for("the rule", lambda: status(w).get("attempt", {}).get("rule") == "shrunken-tree")
            error = status(w)["attempt"]["error"]
            check("nashville" in error and "drorch accept" in error, error)
            check(mail(w) == ["mx1.memphis.example"], "nothing of it is applied")
            check(w.drorch("accept", small).returncode == 3, "not without a reason")
            check(w.drorch("accept", good, "--reason", "x").returncode == 10, "not another one")
            w.good("accept", small[:12], "--reason", "nashville was sold")
            wait_for("it to be applied", lambda: mail(w) == ["mx2.memphis.example"], 90)
            settled(w)
            check([s["name"] for s in status(w)["services"]] == ["memphis"], "its row is gone")
            told = events(w)
            check("shrunken-tree overridden" in told and "nashville was sold" in told, told)
            w.git("rm", "-q", "-r", "services", "providers.yaml")
            w.git("commit", "-q", "-m", "Empty")
            wait_for("an empty tree", lambda: "no spec at all" in status(w)["attempt"]["error"])
            check(c.stop() == 0, "stop")
        check(mail(w) == ["mx2.memphis.example"], "nothing was destroyed")


def paused_services_wait():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        with controller(w) as c:
            settled(w)
            check(w.drorch("pause", "memphis", "--for", "1h").returncode == 3, "a reason is needed")
            check(w.drorch("pause", "chicago", "--for", "1h", "--reason", "x").returncode == 10, "no such service")
            w.good("pause", "memphis", "--for", "1h", "--reason", "moving house")
            wait_for("the pause", lambda: state(w) == "paused", 60)
            w.commit_specs(spec(w, "mx2"))
            wait_for("the commit to be followed", lambda: head(w)[:12] in c.text(), 60)
            wait_for("another look", lambda: state(w) == "paused", 60)
            check(mail(w) == ["mx1.memphis.example"], "it is left alone")
            check("moving house" in w.good("status"), w.good("status"))
            w.good("unpause", "memphis")
            wait_for("it to be applied", lambda: mail(w) == ["mx2.memphis.example"], 90)
            settled(w)
            check(w.drorch("unpause", "memphis").returncode == 10, "it is not paused any more")
            check(c.stop() == 0, "stop")


def a_lost_run_is_taken_over():
    """A promote whose terminal and worker are gone is finished by the controller."""
    with world() as w:
        w.commit_specs(spec(w))
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "3000")
        process = w.start_promote()
        wait_for("the launch", lambda: w.runs() and w.steps(w.run_id()).get("launch-web", {}).get("state") == "running",
                 60)
        w.kill_worker()
        process.kill()
        w.finish(process)
        w.lab("fault", "clear")
        with controller(w) as c:
            wait_for("the promote to be finished", lambda: any(
                r["kind"] == "promote" and r["state"] == "completed" for r in w.runs()), 120)
            check("nobody drove this run" in events(w), events(w))
            check(w.ask("/healthz")[:2] == (200, "tier2"), "tier2 answers")
            check(len(w.instances("us-west-2", alive=False)) == 1, "one instance")
            check(c.stop() == 0, "stop")


def a_provider_goes_and_comes():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        with controller(w) as c:
            settled(w)
            w.lab("fault", "add", "status", "--vendor", "cloudflare", "--status", "503")
            wait_for("the failure", lambda: state(w) == "failed", 90)
            check("failed" in w.good("status"), "status says so")
            w.lab("fault", "clear")
            settled(w)
            check(c.stop() == 0, "stop")


def a_hook_polls_at_once():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        secret = w.folder / "secret"
        secret.write_text("tell nobody\n")
        secret.chmod(0o600)
        config = w.folder / "config.yaml"
        config.write_text(f"controller: {{webhook_secret: {{file: {secret}}}, listen: \"127.0.0.1:0\"}}\n")
        config.chmod(0o600)
        with Hooked(w, config) as c:
            port = int(wait_for("the port", lambda: re.search(r"listening on port (\d+)", c.text()), 60).group(1))
            settled(w)
            w.commit_specs(spec(w, "mx2"))
            check(post(port, b"{}", "0" * 64) == 401, "not signed")
            signature = hmac.new(b"tell nobody", b"{}", hashlib.sha256).hexdigest()
            for _ in range(20):
                check(post(port, b"{}", signature) == 202, "signed")
            wait_for("the commit", lambda: mail(w) == ["mx2.memphis.example"], 90)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/healthz")
            check(connection.getresponse().status == 200, "alive")
            w.commit_specs(spec(w, "mx3"))
            c.process.send_signal(signal.SIGHUP)
            wait_for("SIGHUP to poll too", lambda: mail(w) == ["mx3.memphis.example"], 90)
            check(c.stop() == 0, "stop")
        check("tell nobody" not in c.text(), "the secret is in no log")


class Hooked(Controller):
    """One that would not poll by itself for an hour."""

    def __init__(self, w, config):
        self.w = w
        self.log = w.folder / "controller-hooked.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                w.command("controller", "--poll", "1h", "--period", "2s", "--config", config),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=w.environment)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if failure[0]:
            print(self.text()[-6000:])
        self.end()


def post(port, body, signature):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/hook", body, {"X-Hub-Signature-256": "sha256=" + signature})
    code = connection.getresponse().status
    connection.close()
    return code


def once():
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        done = w.drorch("controller", "--once")
        check(done.returncode == 0 and mail(w) == ["mx1.memphis.example"], f"once: {done}")
        done = w.drorch("controller", "--once")
        check(done.returncode == 0 and len(w.runs()) == 1, f"nothing more to do: {done}")
        files = spec(w)
        files[SERVICE] += "surprise: true\n"
        w.commit_specs(files)
        done = w.drorch("controller", "--once")
        check(done.returncode == 1 and "surprise" in done.stderr, f"a bad commit: {done}")
        w.commit_specs(spec(w))
        done = w.drorch("controller", "--once", repo=str(w.repo))
        check(done.returncode == 1 and "folder" in done.stderr, f"a folder: {done}")


def killed_in_the_middle():
    """kill -9 of the controller and of its worker: the next one goes on."""
    with world() as w:
        w.backup()
        w.commit_specs(spec(w))
        w.lab("fault", "add", "latency", "--vendor", "cloudflare", "--ms", "700")
        with controller(w) as c:
            wait_for("a run", lambda: w.runs(), 90)
            c.process.kill()
            c.process.wait()
            stop_workers(w)
        w.lab("fault", "clear")
        with controller(w) as c:
            settled(w)
            check(mail(w) == ["mx1.memphis.example"], "one record")
            check(c.stop() == 0, "stop")


if __name__ == "__main__":
    main(commits_are_applied_and_drift_is_put_back, a_bad_commit_and_git_away, a_shrunken_tree_is_asked_about,
         paused_services_wait, a_lost_run_is_taken_over, a_provider_goes_and_comes, a_hook_polls_at_once, once,
         killed_in_the_middle)
