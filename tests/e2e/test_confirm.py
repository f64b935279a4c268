"""A promote on a real terminal: it asks before anything moves, shows the table, and can be left alone."""

import json
import os

from harness import BUILD, TIER2, check, main, switches, wait_for, world
from test_cli import Terminal


def terminal(w, *arguments):
    return Terminal(w.folder, 100, 30, "promote", "tier2", "--repo", f"file://{w.repo}", "--plugins",
                    str(BUILD / "plugins"), "--state", str(w.state), *arguments)


def asked_by_name():
    with world() as w:
        w.book("guest")
        backup = w.backup()
        w.lose_main()
        asked = "Type the site's name to go on: "
        for keys, code in ((b"main\n", 3), (b"\n", 3), (b"TIER2\n", 3), (b"\x04", 130), (b"\x03", -2)):
            t = terminal(w)
            t.read(asked)
            before = t.text[:t.text.index(asked)]
            check(backup in before and "data loss" in before, f"the plan comes first: {before}")
            os.write(t.fd, keys)
            ended = t.wait()
            check(ended == code, f"{keys}: exit {ended} {t.text}")
        check(not w.instances(TIER2) and len(switches(w)) == 1, "nothing was changed")
        check(json.loads(w.good("runs", "-o", "json"))["runs"] == [], "no run was stored")

        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "2000")
        t = terminal(w)
        t.read(asked)
        os.write(t.fd, b"tier2\n")
        t.read("▸ launch instances")
        os.write(t.fd, b"\x03")
        check(t.wait() == 15, t.text)
        check(f"drorch attach {w.run_id()}" in t.text, t.text)
        t.screen()
        done = w.drorch("attach", w.run_id())
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.ask("/healthz")[1] == "tier2", "the run went on without its reader")
        check(len(w.instances(TIER2)) == 1, "one instance")


if __name__ == "__main__":
    main(asked_by_name)
