"""A page before a hot pair: the data stays where it is behind it, and the next promote stands on that."""

import time

from harness import check, main, wait_for, world
from hot import HotWorld, never_two_open
from page_world import PAGE, PageWorld


class HotPageWorld(HotWorld):
    bucket, page = PageWorld.bucket, PAGE
    s3, make_bucket, make_public = PageWorld.s3, PageWorld.make_bucket, PageWorld.make_public
    show, put_up, records, settle = PageWorld.show, PageWorld.put_up, PageWorld.records, PageWorld.settle

    def spec_files(self):
        return PageWorld.add_notice(self, super().spec_files())

    def make_service(self):
        super().make_service()
        self.make_bucket()


def lose(w, site):
    w.servers[site].kill()
    w.deaths.append(time.time() * 1000)
    w.cut(site)
    w.lab("kill", w.sites[site]["id"])


def the_standby_takes_over_from_the_page():
    with world(HotPageWorld) as w:
        w.settle()
        w.good("promote", "dr", "--dry-run")  # what main said then is known
        lose(w, "main")
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.show()[2] == PAGE and w.role("dr") == "replica", "the page is up, and dr as it was")
        done = w.drorch("apply", "--confirm", "memphis")
        check(w.role("dr") == "replica", f"a pass leaves dr behind the page: {done.stdout}")
        done = w.drorch("promote", "dr", "--confirm", "dr")
        check(done.returncode == 0 and "data loss   none" in done.stdout, done.stdout + done.stderr)
        check(w.role("dr") == "primary" and w.active() == "dr", w.role("dr"))
        check(w.records() == {"A": w.sites["dr"]["address"]}, w.records())
        never_two_open(w)


def home_from_the_page():
    """Main is well, and open: only the traffic moved, there and back."""
    with world(HotPageWorld) as w:
        w.settle()
        done = w.put_up("--override-rule", "old-site-well", "--reason", "the application is broken")
        check(done.returncode == 0, done.stdout + done.stderr)
        check("to change" not in w.drorch("plan").stdout, w.drorch("plan").stdout)
        done = w.drorch("promote", "main", "--confirm", "main")
        check(done.returncode == 0 and "none is moved" in done.stdout, done.stdout + done.stderr)
        check((w.role("main"), w.role("dr")) == ("primary", "replica"), "roles")
        wait_for("main to answer", lambda: w.records() == {"A": w.sites["main"]["address"]})
        never_two_open(w)


if __name__ == "__main__":
    main(the_standby_takes_over_from_the_page, home_from_the_page)
