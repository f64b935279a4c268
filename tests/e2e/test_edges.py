"""Edges of the promote: what was looked at has changed, what is asked for is unusual, what is undone is half done."""

import os
import pty
import re
import subprocess
import time

from harness import BUCKET, BUILD, DRORCH, MAIN, TIER2, check, main, switches, wait_for, world


def lost(w):
    w.book("guest")
    backup = w.backup()
    w.lose_main()
    return backup


def an_old_plan_is_not_run():
    """Confirmed after another operator's promote came through: no second instance, no second switch."""
    with world() as w:
        lost(w)
        ours, theirs = pty.openpty()
        late = subprocess.Popen([DRORCH, "promote", "tier2", "--repo", f"file://{w.repo}", "--plugins",
                                 BUILD / "plugins", "--state", w.state], stdin=theirs, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=w.environment, bufsize=0)
        heard = b""
        while b"Type the site" not in heard:
            heard += late.stderr.read(1) or check(False, heard)
        check(w.promote().returncode == 0, "the first promote")
        os.write(ours, b"tier2\n")
        out, err = late.communicate(timeout=120)
        os.close(ours)
        os.close(theirs)
        check(late.returncode == 1 and b"by now tier2 is the active site" in err, f"{late.returncode} {out} {err}")
        check(len(w.instances(TIER2)) == 1, "one instance")
        check(len(switches(w)) == 2, "one switch")


def a_worker_by_hand_writes_no_news():
    """Without its starter's pipe the number 3 is the database's."""
    with world() as w:
        lost(w)
        w.lab("fault", "add", "status", "--operation", "RunInstances", "--status", "500", "--code",
              "InsufficientInstanceCapacity")
        check(w.promote().returncode == 1, "no capacity")
        w.lab("fault", "clear")
        other = w.folder / "other"
        done = subprocess.run(["sh", "-c", f'exec "$@" 3<>{other}', "sh", DRORCH, "worker", w.run_id(), "--repo",
                               f"file://{w.repo}", "--plugins", BUILD / "plugins", "--state", w.state],
                              env=w.environment, capture_output=True, text=True, timeout=120)
        check(done.returncode == 0, done.stdout + done.stderr)
        check(other.read_bytes() == b"", "nothing was written into a file that is not a pipe")


def a_throttled_provider_fences_all_the_same():
    """What the old site's health check cannot reach is not dead: its provider is asked again, and stops it."""
    with world() as w:
        w.book("guest")
        w.backup()
        w.point_at("127.0.0.99")
        w.lab("fault", "add", "status", "--operation", "DescribeInstances", "--region", MAIN, "--status", "503",
              "--code", "RequestLimitExceeded", "--count", "12")
        done = w.promote()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(not w.instances(MAIN), "main was powered off")


def no_address_proves_no_death():
    """Neither stopped nor seen dead: the traffic stays until somebody can tell."""
    with world() as w:
        w.book("guest")
        w.backup()
        w.cloudflare("DELETE", f"/zones/{w.zone}/dns_records/{w.record}")
        w.lab("outage", "region", MAIN, "on")
        late = subprocess.Popen([DRORCH, "promote", "tier2", "--confirm", "tier2", "--repo", f"file://{w.repo}",
                                 "--plugins", BUILD / "plugins", "--state", w.state], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=w.environment)
        wait_for("the fence to say so", lambda: "nothing tells whether main is dead" in w.drorch("show").stdout, 60)
        check(late.poll() is None, "it waits")
        check(len(switches(w)) == 2, "nothing but the test itself changed the record")
        w.lab("outage", "region", MAIN, "off")
        out, err = late.communicate(timeout=120)
        check(late.returncode == 0, out + err)
        check(not w.instances(MAIN), "main was powered off")


def spoil(w, backup):
    """Its database keeps its size and loses its truth."""
    status, listing = w.aws("s3", TIER2, "GET", f"/{BUCKET}", {"prefix": f"offsite/{backup}/", "list-type": "2"})
    check(status == 200, listing)
    keys = [k for k in re.findall(r"<Key>([^<]+)</Key>", listing.decode()) if not k.endswith("manifest.json")]
    check(keys, listing)
    for key in keys:
        _, body = w.aws("s3", TIER2, "GET", f"/{BUCKET}/{key}")
        check(w.aws("s3", TIER2, "PUT", f"/{BUCKET}/{key}", body=bytes(255 - b for b in body))[0] == 200, key)


def any_backup_can_be_had():
    """By name an old one; by itself the newest good one, however many before it are bad."""
    with world() as w:
        backups = []
        for guest in range(4):
            w.book(f"guest {guest}")
            second = int(time.time())
            wait_for("the next second: ids tell of seconds", lambda: int(time.time()) > second)
            backups.append(w.backup())
        w.lose_main()
        done = w.promote("--dry-run", "--backup", backups[0])
        check(done.returncode == 0 and backups[0] in done.stdout, done.stdout + done.stderr)
        for backup in backups[1:]:
            spoil(w, backup)
        done = w.promote()
        check(done.returncode == 0 and f"backup      {backups[0]}" in done.stdout, done.stdout + done.stderr)


def an_abort_finds_what_lists_do_not_show_yet():
    """An instance that is made and not listed yet is terminated all the same."""
    with world() as w:
        lost(w)
        w.lab("fault", "add", "lag", "--operation", "DescribeInstances", "--ms", "5000")
        process = w.start_promote()
        wait_for("the launch", lambda: w.runs() and w.steps(w.run_id())["launch-web"]["state"] == "done")
        check(len(w.instances(TIER2)) == 1, "an instance")
        done = w.drorch("abort", w.run_id())
        w.finish(process)
        check(done.returncode == 0, done.stdout + done.stderr)
        check(not w.instances(TIER2), "nothing is left behind")


def an_abort_starts_what_is_left():
    """What was terminated meanwhile cannot be started, and does not keep the rest from it."""
    with world() as w:
        w.ec2(MAIN, "RunInstances", ImageId=w.amis[MAIN], MinCount="1", MaxCount="1", InstanceType="t3.large",
              TagSpecification_1_ResourceType="instance",
              **{"TagSpecification_1_Tag_1_Key": "drorch:service", "TagSpecification_1_Tag_1_Value": "memphis",
                 "TagSpecification_1_Tag_2_Key": "drorch:site", "TagSpecification_1_Tag_2_Value": "main"})
        wait_for("two at main", lambda: len([i for i in w.instances(MAIN) if i["state"] == "running"]) == 2)
        w.book("guest")
        w.backup()
        w.lab("fault", "add", "latency", "--operation", "RunInstances", "--ms", "2000")
        process = w.start_promote("--override-rule", "old-site-well", "--reason", "a test")
        wait_for("the fence", lambda: w.runs() and w.steps(w.run_id())["fence-main"]["state"] == "done")
        gone = next(i for i in w.instances(MAIN, alive=False) if i["id"] != w.main["id"])
        w.ec2(MAIN, "TerminateInstances", InstanceId_1=gone["id"])
        done = w.drorch("abort", w.run_id())
        w.finish(process)
        check(done.returncode == 0, done.stdout + done.stderr)
        wait_for("main again", lambda: [i["id"] for i in w.instances(MAIN)] == [w.main["id"]])


def a_changed_working_copy_does_not_go_on():
    """What was planned with one region is not launched in another."""
    with world() as w:
        lost(w)
        copy = str(w.repo)
        w.lab("fault", "add", "status", "--operation", "RunInstances", "--status", "500", "--code",
              "InsufficientInstanceCapacity")
        done = w.drorch("promote", "tier2", "--confirm", "tier2", repo=copy)
        check(done.returncode == 1, done.stdout + done.stderr)
        w.lab("fault", "clear")
        path = w.repo / "services/memphis.yaml"
        text = path.read_text()
        path.write_text(text.replace("t3.large", "t3.small"))
        w.drorch("resume", w.run_id(), repo=copy)
        check(w.run_state() == "failed" and not w.instances(TIER2), "it was refused")
        check("not the one that run" in w.good("events"), "and says why")
        path.write_text(text)
        done = w.drorch("resume", w.run_id(), repo=copy)
        check(done.returncode == 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main(an_old_plan_is_not_run, a_worker_by_hand_writes_no_news, a_throttled_provider_fences_all_the_same,
         no_address_proves_no_death, any_backup_can_be_had,
         an_abort_finds_what_lists_do_not_show_yet,
         an_abort_starts_what_is_left, a_changed_working_copy_does_not_go_on)
