"""kill -9 of the worker before and after every journal write of a promote to a page, and of the way home: each point.

After each, `drorch resume` finishes with one switch of the name; the lab's log is the witness.
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import NAME, Failure, check, main, switches, world  # noqa: E402
from page_world import PAGE, PageWorld  # noqa: E402
from test_kill_points import run_killed  # noqa: E402

MOST = 200  # more points than that: something loops


class KilledWorld(PageWorld):
    def reset(self):
        """Nothing was done about it, and nothing was put up."""
        for record in self.cloudflare("GET", f"/zones/{self.zone}/dns_records?name={NAME}"):
            self.cloudflare("DELETE", f"/zones/{self.zone}/dns_records/{record['id']}")
        self.cloudflare("POST", f"/zones/{self.zone}/dns_records", {
            "type": "A", "name": NAME, "content": self.main["address"], "proxied": True, "ttl": 1,
            "comment": "drorch:memphis/www"})
        self.s3("DELETE", f"/{NAME}/drorch-page")
        self.s3("DELETE", f"/{NAME}", {"website": ""})
        shutil.rmtree(self.state, ignore_errors=True)


def finish(w, command, point):
    """Killed at that point, resumed, switched once; False once the kill did not come to pass."""
    before = len(switches(w))
    if not run_killed(w, command, point):
        return False
    w.good("resume", w.run_id())
    count = len(switches(w)) - before
    check(count == 1, f"killed at {point}: {count} switches")
    check('"completed' in w.good("show", w.run_id(), "-o", "json"), f"killed at {point}: the run is completed")
    return True


def every_point(prepare, command, shown):
    with world(KilledWorld) as w:
        point = 1
        while True:
            prepare(w)
            if not finish(w, command, point):
                break
            check(shown(w), f"killed at {point}: {w.show()} {w.records()}")
            point += 1
            if point > MOST:
                raise Failure(f"more than {MOST} points")
        check(point > 15, f"only {point} points were met: the kill points are not there")
        print(f"     {point - 1} points")


def put_up():
    def prepare(w):
        w.reset()

    every_point(prepare, ("promote", "notice", "--confirm", "notice", "--override-rule", "old-site-well", "--reason",
                          "a rehearsal"),
                lambda w: w.show()[2] == PAGE and list(w.records()) == ["CNAME"] and w.active() == "notice")


def home_again():
    def prepare(w):
        w.reset()
        check(w.put_up("--override-rule", "old-site-well", "--reason", "a rehearsal").returncode == 0, "the page is up")

    every_point(prepare, ("failback", "--confirm", "main"),
                lambda w: w.ask("/healthz")[:2] == (200, "main") and w.records() == {"A": w.main["address"]}
                and w.active() == "main")


if __name__ == "__main__":
    main(put_up, home_again)
