"""What the application keeps beside its database goes where the service goes: an upload that was acknowledged is there after
a switchover, home again and on the way back; and where the files cannot be had, nothing moves."""

import contextlib
import http.client
import json
import shutil
import subprocess
import sys
import threading
import time

import databases
from harness import AGENT, NAME, check, main, wait_for, world
from hot import HotWorld, Writers
from test_hot import is_home, lose_main

FILES = """\
files:
  directories: [{{path: {own}, from: {other}}}]
  ssh: {{identity: /nobody, known_hosts: /nobody}}
"""


class FilesWorld(HotWorld):
    """Each site has a folder of uploads, which its agent fetches from the other's."""

    def make_databases(self):
        super().make_databases()
        self.uploads = {site: self.folder / "uploads" / site for site in self.sites}
        for site, other in (("main", "dr"), ("dr", "main")):
            self.uploads[site].mkdir(parents=True)
            server = self.servers[site]
            path = server.folder / "agent.yaml"
            path.write_text(path.read_text() + FILES.format(own=self.uploads[site], other=self.uploads[other]))
            (self.hosts / self.sites[site]["address"]).symlink_to(server.folder)

    def fetch(self, site):
        """As a host's timer does it."""
        done = subprocess.run([AGENT, "sync-files", "--config", self.servers[site].folder / "agent.yaml"],
                              env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, done)

    def files(self, site):
        return {path.name for path in self.uploads[site].iterdir()}


class Uploader(Writers):
    """One more guest, whose orders come with a file: it is written first, as an application would, and then the order."""

    def __init__(self, w):
        super().__init__(w)
        self.kept = set()
        self.threads.append(threading.Thread(target=self.upload))
        self.threads[-1].start()

    def upload(self):
        number = 0
        while self.going:
            number += 1
            site = self.world.record_now() == self.world.sites["dr"]["address"] and "dr" or "main"
            name = f"upload-{number}"
            (self.world.uploads[site] / name).write_text(f"{number} " * 500)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.world.edge, timeout=10)
                connection.request("POST", "/orders", json.dumps({"writer": 99, "number": number}),
                                   {"Host": NAME, "Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status == 201 and response.getheader("X-Drorch-Site") == site:
                    self.kept.add(name)
                connection.close()
            time.sleep(0.01)

    def more_files(self, count=20):
        wanted = len(self.kept) + count
        wait_for(f"{count} more uploads", lambda: len(self.kept) >= wanted)

    def nothing_lost(self, site):
        kept = set(self.kept)  # before the look
        lacks = kept - self.world.files(site)
        check(not lacks, f"{site} lacks {len(lacks)} of {len(kept)} uploads: {sorted(lacks)[:5]}")


def uploads_go_along():
    with world(FilesWorld, monitor="20s") as w, Uploader(w) as writers:
        (w.uploads["dr"] / "stale").write_text("main has it not")
        writers.more_files()
        promote = w.start("promote", "dr", "--confirm", "dr")
        wait_for("the watch, or an end", lambda: promote.poll() is not None or w.run_state() == "monitoring", 60)
        if promote.poll() is not None:
            check(False, f"it did not get so far: {w.finish(promote)}")
        writers.more_files()
        steps = w.steps(w.run_id())
        check(steps["sync-files-ahead"]["state"] == steps["sync-files"]["state"] == "done", steps)
        check("stale" not in w.files("dr"), "what main has not is removed")
        print(f"     ahead: {steps['sync-files-ahead']['note']}\n     in the freeze: {steps['sync-files']['note']}, "
              f"{steps['sync-files']['ended_ms'] - steps['freeze']['ended_ms']} ms")
        # Of the new primary nobody fetches anything over its own, and the old one follows it.
        with w.servers["dr"].agent() as agent:
            agent.refuse("ESAFETY", "sync-files", epoch=agent.do("hello")["epoch"])
        # While dr is watched it dies: what was uploaded there comes home too.
        w.lab("kill", w.sites["dr"]["id"])
        done = w.finish(promote)
        check(done.returncode == 1 and w.run_state() == "rolled-back", f"{done.stdout}{done.stderr}")
        writers.more_files()
        writers.stop()
        writers.nothing_lost("main")
        is_home(w, "main")
        check(not w.lost(writers, "main"), "orders")
        print(f"     {len(writers.kept)} uploads, longest outage {writers.outage():.2f} s")


def there_and_back_and_over():
    with world(FilesWorld) as w, Uploader(w) as writers:
        for site in ("dr", "main"):
            writers.more_files()
            w.good("promote", site, "--confirm", site)
            writers.more_files(1)
            writers.nothing_lost(site)
            is_home(w, site)
        writers.more_files()
        # They cannot be had when writes have stopped: nothing has moved, and writes go on.
        (w.servers["main"].folder / "once").touch()
        done = w.drorch("promote", "dr", "--confirm", "dr")
        check(done.returncode == 1 and w.run_state() == "rolled-back", f"{done.stdout}{done.stderr}")
        check("permission denied" in done.stdout + done.stderr, done.stdout + done.stderr)
        check(w.steps(w.run_id())["sync-files"]["state"] == "failed", w.steps(w.run_id()))
        writers.more_files()
        is_home(w, "main")
        (w.servers["main"].folder / "unreadable").unlink()
        # Its timer, and what is told of it.
        writers.stop()
        w.fetch("dr")
        with w.servers["dr"].agent() as agent:
            files = agent.do("status")["files"]
            check(0 <= files["age_ms"] < 30000 and files["from"] == w.sites["main"]["address"], files)
            checks = agent.do("check")["checks"]["files"]
            check(checks["ok"] and checks["unit"] == "s", checks)
        (w.uploads["main"] / "late").write_text("nobody fetches it any more")
        time.sleep(1)
        w.fetch("main")  # a primary fetches nothing
        check("late" in w.files("main"), "its own files stay")
        w.good("promote", "dr", "--dry-run")
        lose_main(w)
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(failover)" in done and "files       as main had them" in done, done)
        outcome = json.loads(w.good("show", w.run_id(), "-o", "json"))["outcome"]
        check(1000 <= outcome["files_age_ms"] < 60000, outcome)
        check("late" not in w.files("dr"), "nobody had it")
        writers.nothing_lost("dr")


if __name__ == "__main__":
    databases.need_mariadb()
    for tool in ("rsync", "flock"):
        if not shutil.which(tool):
            print(f"skipped: not installed: {tool}")
            sys.exit(77)
    main(uploads_go_along, there_and_back_and_over)
