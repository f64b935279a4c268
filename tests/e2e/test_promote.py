"""The main job: a site is lost, tier2 is rebuilt from the latest backup and takes the traffic."""

import json
import subprocess

from harness import BUILD, DRORCH, MAIN, TIER2, check, main, switches, wait_for, world


def lost_and_rebuilt():
    with world() as w:
        before = [w.book(f"guest {n}") for n in range(20)]
        backup = w.backup()
        after = [w.book(f"late guest {n}") for n in range(5)]
        check(all(before) and all(after), "every booking is acknowledged")
        w.lose_main()
        wait_for("the site to be lost", lambda: w.ask("/healthz")[0] != 200)
        done = w.promote()
        check(done.returncode == 0, f"promote: {done.returncode}\n{done.stdout}{done.stderr}")
        check(backup in done.stdout, "the plan names the backup")
        check("data loss" in done.stdout and "recovery time" in done.stdout, done.stdout)
        status, site, _ = w.ask("/healthz")
        check((status, site) == (200, "tier2"), f"tier2 answers through the name, not {site} with {status}")
        for number in before:
            check(w.ask(f"/bookings/{number}")[0] == 200, f"booking {number} came back")
        for number in after:
            check(w.ask(f"/bookings/{number}")[0] == 404, f"booking {number} is after the backup")
        check(w.book("first guest at tier2"), "tier2 takes bookings")
        check(len(w.instances(TIER2)) == 1, "one instance")
        check(len(switches(w)) == 2, f"one switch after the first record: {switches(w)}")
        status = json.loads(w.good("status", "-o", "json"))["services"][0]
        check(status["active"] == "tier2", f"the active site is state: {status}")
        own = w.backup(w.instances(TIER2)[0])
        zombie = w.backup()  # main's disk is still there, and its timer does not know better
        listed = {b["id"]: b for b in json.loads(w.good("backup", "list", "-o", "json"))["backups"]}
        check(listed[own]["chosen"], f"what tier2 writes now is the one to take: {listed}")
        check("taken over" in listed[zombie]["problem"], f"the old primary's does not count: {listed[zombie]}")
        again = w.promote()
        check(again.returncode == 13, f"tier2 is active already: exit {again.returncode} {again.stderr}")


def nothing_moves_without_the_name():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        done = w.drorch("promote", "tier2")
        check(done.returncode == 3 and "--confirm tier2" in done.stderr, done.stderr)
        done = w.drorch("promote", "tier2", "--confirm", "main")
        check(done.returncode == 3, done.stderr)
        done = w.drorch("promote", "tier2", "--dry-run")
        check(done.returncode == 0 and "launch-web" in done.stdout, done.stderr)
        check(not w.instances(TIER2) and len(switches(w)) == 1, "nothing was changed")
        check(not [c for c in w.calls(operation="RunInstances") if c["region"] == TIER2], "nothing was launched")


def json_is_lines():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        done = w.promote("-o", "json")
        check(done.returncode == 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        check(lines[-1]["state"] == "completed", lines[-1])
        check(lines[-1]["outcome"]["recovery_time_ms"] > 0, lines[-1])
        steps = {line["step"]: line["state"] for line in lines[:-1]}
        check(steps["commit"] == "done" and steps["switch-www"] == "done", steps)


def a_healthy_site_is_not_thrown_away():
    with world() as w:
        w.book("guest")
        w.backup()
        done = w.promote()
        check(done.returncode == 13 and "old-site-well" in done.stderr, done.stderr)
        check(not w.instances(TIER2), "nothing was launched")
        done = w.promote("--override-rule", "old-site-well", "--reason", "the building burns")
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.ask("/healthz")[1] == "tier2", "tier2 answers")
        check(not w.instances(MAIN), "main was fenced: powered off")
        check("the building burns" in w.good("events"), "the override is on the record")


def the_newest_spec_counts():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        check("recovery time (RTO) 2m" in w.good("promote", "tier2", "--dry-run"), "as committed first")
        files = w.spec_files()
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace("rto: 2m", "rto: 7m")
        w.commit_specs(files)
        shown = w.good("promote", "tier2", "--dry-run")
        check("recovery time (RTO) 7m" in shown and "(RTO) 2m" not in shown, shown)
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace("tier2:", "tier3:")
        w.commit_specs(files)
        done = w.drorch("promote", "tier3", "--dry-run")
        check(done.returncode == 0 and "Promote tier3" in done.stdout, "a site that is new: " + done.stderr)
        w.repo.rename(w.folder / "away")
        done = w.drorch("promote", "tier3", "--dry-run")
        check(done.returncode == 0 and "last good commit" in done.stderr, "without git: " + done.stderr)


def the_command_line_can_go_away():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "3000")
        process = subprocess.Popen(
            [DRORCH, "promote", "tier2", "--confirm", "tier2", "--repo", f"file://{w.repo}", "--plugins",
             BUILD / "plugins", "--state", w.state], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=w.environment, start_new_session=True)
        wait_for("the run to be stored", lambda: json.loads(w.drorch("runs", "-o", "json").stdout or
                                                            '{"runs":[]}')["runs"])
        process.kill()
        process.wait()
        run = w.run_id()
        done = w.drorch("attach", run)
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.ask("/healthz")[1] == "tier2", "the run went on without its terminal")


if __name__ == "__main__":
    main(lost_and_rebuilt, nothing_moves_without_the_name, json_is_lines, a_healthy_site_is_not_thrown_away,
         the_newest_spec_counts, the_command_line_can_go_away)
