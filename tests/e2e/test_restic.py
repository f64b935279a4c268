"""MariaDB's backups through restic: made on a live server, restored at first boots, refused where anything is wrong."""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

from databases import Writers
from harness import TIER2, check, main, wait_for, world
from reconcile_world import ReconcileWorld
from restic_world import KEY, LINODE, ResticMixin, ResticWorld, need_restic

ROWS = 100000


def sum_of(host):
    return host.sql("CHECKSUM TABLE shop.items").split()[-1]


def sent(w, before):
    return sum(size for key, size in w.stored().items() if key not in before)


# ---- whole ------------------------------------------------------------------------------------------


def there_and_back():
    with world(kind=ResticWorld) as w:
        w.fill(ROWS)
        first = w.source.backup()
        whole = sent(w, {})
        second = later(w, whole)
        listed(w, first, second)
        writers = Writers([w.source])
        writers.more()
        known = set(writers.acknowledged)
        with watched(w.source) as seen:
            third = w.source.backup()
        writers.stop()
        check({b"restic", b"mariadb-backup"} <= seen, f"seen: {seen}")
        second_opinion(w, third)
        one, two = w.cold("c", 3), w.cold("d", 4)
        made_primary(w, one, third, known)
        made_replica(one, two, third)
        fenced_after_a_restart(one)


def later(w, whole):
    """What restic saves: a second backup sends what has changed."""
    for what, where in (("in one place", f"id < {ROWS // 100}"), ("all over", "id % 100 = 0")):
        before = w.stored()
        w.source.sql(f"UPDATE shop.items SET price = price + 1, text = REVERSE(text) WHERE {where}")
        backup = w.source.backup()
        again = sent(w, before)
        print(f"     {whole / 1e6:.1f} MB for the first backup, {again / 1e6:.2f} MB after 1 % of rows changed {what}")
        if what == "in one place":
            check(again < whole / 4, f"{again} of {whole} bytes were sent again")
    return backup


def listed(w, first, last):
    manifest = last.manifest
    check(manifest["repository"]["name"] == first.manifest["repository"]["name"], "one repository")
    check(manifest["kind"] == "mariadb" and manifest["tool"]["name"] == "restic", manifest)
    check(manifest["mark"]["server_version"] and manifest["mark"]["gtid"] == w.source.sql(
        "SELECT @@gtid_binlog_pos"), manifest["mark"])
    check(manifest["size"] < sum(o["size"] for o in manifest["objects"]), "what older ones need is not its size")
    found = json.loads(w.good("backup", "list", "-o", "json"))["backups"]
    check(len(found) == 3 and not [b for b in found if b.get("problem")], found)
    w.good("backup", "verify", "--all")


def second_opinion(w, backup):
    """restic by itself, at the store: it finds all in order, and no lock."""
    repository = f"s3:http://127.0.0.1:{w.port}/memphis-dr/offsite/{backup.manifest['repository']['name']}"
    done = subprocess.run(
        ["restic", "-r", repository, "--no-cache", "-p", w.secrets / "key", "-o", "s3.bucket-lookup=path", "check",
         "--read-data"], capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(w.folder), "AWS_ACCESS_KEY_ID": w.keys["aws_access_key_id"],
             "AWS_SECRET_ACCESS_KEY": w.keys["aws_secret_access_key"], "AWS_DEFAULT_REGION": TIER2})
    check(done.returncode == 0 and "no errors were found" in done.stdout, done.stdout + done.stderr)


@contextlib.contextmanager
def watched(host):
    """No secret in the words or the environment of what the agent runs."""
    seen, going = set(), [True]
    bad = []

    def look():
        while going[0]:
            for folder in pathlib.Path("/proc").iterdir():
                with contextlib.suppress(OSError):
                    words = (folder / "cmdline").read_bytes()
                    text = words + (folder / "environ").read_bytes()
                    ours = str(host.folder).encode() in text and b"drorch-agent" not in words
                    if not ours or words.split(b"\0")[0] not in (b"restic", b"mariadb-backup", b"setpriv"):
                        continue
                    seen.add(words.split(b"\0")[0])
                    bad.extend(text for secret in (KEY, "agent-secret", "rest:http", "AWS")
                               if secret.encode() in text)
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        going[0] = False
        thread.join()
    check(not bad, bad[:1])


def made_primary(w, host, backup, known):
    progress = host.boot(backup, epoch=7).wait("ready")
    check(progress["recovery_gtid"] == backup.gtid, progress)
    check(progress["recovery_time"] == backup.manifest["time"], progress)
    check(progress["done_bytes"] == progress["total_bytes"] == backup.manifest["size"], progress)
    check(host.sql("SELECT @@gtid_current_pos, @@gtid_binlog_state, @@read_only").split() ==
          [backup.gtid, backup.gtid, "0"], "position and role")
    lease = json.loads((host.folder / "state" / "lease.json").read_text())
    check(lease["epoch"] == 7 and lease["role"] == "primary" and not lease["pending"], lease)
    rows = {tuple(map(int, row.split())) for row in host.sql("SELECT * FROM shop.orders").splitlines()}
    check(known and not known - rows, f"{len(known - rows)} rows from before the backup are missing")
    check(sum_of(host) == sum_of(w.source), "other rows")
    if os.getuid() == 0:
        check({path.owner() for path in [host.folder / "data", *(host.folder / "data").rglob("*")]} == {"mysql"},
              "right owner")
    check((host.folder / "service.log").read_text() == "started primary\n", "the service")


def made_replica(primary, host, backup):
    """Another host of the same backup follows the new primary from there."""
    primary.sql("INSERT INTO shop.orders VALUES (-1, 1)")
    boot = host.boot(backup, role="standby", epoch=7)
    boot.wait("ready")
    check(host.sql("SELECT @@read_only") == "1", "a standby opened")
    with host.agent() as agent:
        agent.do("follow", epoch=7, host="127.0.0.1", port=primary.port)
        agent.do("wait", position=primary.sql("SELECT @@gtid_binlog_pos"))
    check(host.sql("SELECT COUNT(*) FROM shop.orders WHERE writer = -1") == "1", "what came after the backup")
    boot.stop()


def fenced_after_a_restart(host):
    subprocess.run(["/bin/sh", host.folder / "stop"], check=True, timeout=60)
    host.boots[-1].stop()
    again = host.boot(host.made_of, epoch=7)
    again.wait("ready")
    check("was restored before" in again.said(), again.said())
    check(host.sql("SELECT @@global.read_only") == "1", "with an epoch on record a host boots fenced")
    check(host.sql("SELECT COUNT(*) FROM shop.orders WHERE writer = -1") == "1", "its own data is there")
    with host.agent() as agent:
        agent.do("thaw", epoch=8)


# ---- from a replica ---------------------------------------------------------------------------------


def from_a_replica():
    with world(kind=ResticWorld) as w:
        w.fill(1000)
        first = w.source.backup()
        replica = w.cold("d", 4)
        replica.boot(first, role="standby").wait("ready")
        with w.source.agent() as agent:
            agent.do("thaw", epoch=1)
        with replica.agent() as agent:
            agent.do("follow", epoch=1, host="127.0.0.1", port=w.source.port)
            w.fill_more(500)
            position = w.source.sql("SELECT @@gtid_binlog_pos")
            agent.do("wait", position=position)
        backup = replica.backup()
        check(backup.gtid == position, f"{backup.gtid}, not {position}")
        check(backup.manifest["site"] == "tier2", "labelled with where it was taken")
        made = w.cold("e", 5)
        progress = made.boot(backup).wait("ready")
        check(progress["recovery_gtid"] == position and made.sql("SELECT @@read_only") == "0", progress)
        check(sum_of(made) == sum_of(w.source), "the replica's rows")
        replica.sql("STOP SLAVE IO_THREAD")
        done = replica.try_backup()
        check(done.returncode == 1 and b"replication from 127.0.0.1" in done.stderr, done.stderr)


def of_a_replica_in_the_middle():
    """It applies in parallel, and the first of two transactions waits for a lock: the second is prepared, and in no log."""
    with world(kind=ResticWorld) as w:
        w.fill(1000)
        replica = w.cold("d", 4)
        replica.boot(w.source.backup(), role="standby").wait("ready")
        replica.sql("SET GLOBAL slave_parallel_threads=4")
        with w.source.agent() as agent:
            agent.do("thaw", epoch=1)
        with replica.agent() as agent:
            agent.do("follow", epoch=1, host="127.0.0.1", port=w.source.port)
            agent.do("wait", position=w.source.sql("SELECT @@gtid_binlog_pos"))
        before, rows = w.source.sql("SELECT @@gtid_binlog_pos"), sum_of(w.source)
        with replica.hold("BEGIN; SELECT id INTO @id FROM shop.items WHERE id = 1 FOR UPDATE"):
            w.source.sql("UPDATE shop.items SET price = 2 WHERE id = 1; INSERT INTO shop.orders VALUES (7, 1)")
            wait_for("it to be prepared", lambda: "(PREPARED)" in replica.sql("SHOW ENGINE INNODB STATUS"))
            backup = replica.backup()
        check(backup.gtid == before, f"{backup.gtid}, not {before}")
        made = w.cold("e", 5)
        made.boot(backup, role="standby").wait("ready")
        check(sum_of(made) == rows and not made.sql("SELECT * FROM shop.orders"), "what was not committed is there")
        with made.agent() as agent:
            agent.do("follow", epoch=1, host="127.0.0.1", port=w.source.port)
            agent.do("wait", position=w.source.sql("SELECT @@gtid_binlog_pos"))
        check(sum_of(made) == sum_of(w.source) and made.sql("SELECT * FROM shop.orders").split() == ["7", "1"], "rows")


def written_by_another():
    """What a server has in its log under another's number is in the position too."""
    with world(kind=ResticWorld) as w:
        w.source.sql("SET SESSION server_id = 77; INSERT INTO shop.orders VALUES (7, 1)")
        position = w.source.sql("SELECT @@gtid_binlog_pos")
        check(position.startswith("0-77-"), position)
        backup = w.source.backup()
        check(backup.gtid == position, f"{backup.gtid}, not {position}")
        host = w.cold()
        host.boot(backup).wait("ready")
        check(host.sql("SELECT * FROM shop.orders").split() == ["7", "1"], "the row")


def no_epoch_opens_again():
    """Where nobody ever had a lease, a reboot brings the service back."""
    with world(kind=ResticWorld) as w:
        backup = w.source.backup()
        host = w.cold()
        boot = host.boot(backup)
        boot.wait("ready")
        boot.stop()
        subprocess.run(["/bin/sh", host.folder / "stop"], check=True, timeout=60)
        host.boot(backup).wait("ready")
        check(host.sql("SELECT @@read_only") == "0", "still the one primary")


# ---- refusals ---------------------------------------------------------------------------------------


def refused(host, backup, words, **options):
    boot = host.boot(backup, **options)
    said = boot.wait("failed")["error"]
    check(words in said, f"{words!r} is not in: {said}")
    check(KEY not in boot.said(), "the key was told")
    host.nothing_in_place(words)
    boot.stop()


def refusals():
    with world(kind=ResticWorld) as w:
        w.fill(20000)
        backup = w.source.backup()
        host = w.cold()
        host.configure(key="another key")
        refused(host, backup, "does not open the backup's repository")
        w.source.configure(key="another key")
        done = w.source.try_backup()
        check(done.returncode == 12 and b"does not open the backup's repository" in done.stderr, done.stderr)
        w.source.configure()
        host.configure(key="")
        refused(host, backup, "the backup's key")
        host.configure()
        damaged(w, host, backup)
        (host.folder / "data").mkdir()
        (host.folder / "data" / "ibdata1").write_text("precious")
        boot = host.boot(backup)
        check("never overwrites" in boot.wait("failed")["error"], boot.said())
        boot.stop()
        check((host.folder / "data" / "ibdata1").read_text() == "precious", "data was touched")
        shutil.rmtree(host.folder / "data")
        store_away(w, host, backup)
        full_disk(w, host, backup)
        host.boot(backup).wait("ready")


def damaged(w, host, backup):
    largest = max(backup.manifest["objects"], key=lambda o: o["size"])["key"]
    key = next(k for k in backup.keys() if k.endswith(largest))
    body = w.get_stored(key)
    w.put_stored(key, body[:1000] + bytes([body[1000] ^ 1]) + body[1001:])
    refused(host, backup, "is not what was backed up")
    done = w.drorch("backup", "verify")
    check(done.returncode == 1 and "its hash differs" in done.stdout + done.stderr, done)
    w.delete_stored(key)
    refused(host, backup, "not")
    check("torn:" in w.drorch("backup", "list").stdout, "torn")
    w.put_stored(key, body)
    manifest = f"offsite/{backup.id}/manifest.json"
    body = w.get_stored(manifest)
    w.delete_stored(manifest)
    refused(host, backup, "manifest.json")
    w.put_stored(manifest, body.replace(b'"mariadb"', b'"sqlite"'))
    refused(host, backup, "not the one that was chosen")
    w.put_stored(manifest, body)


def begun(w, host, backup):
    """A boot whose restic has begun to read, slowly."""
    w.lab("fault", "add", "latency", "--vendor", "s3", "--ms", "400")
    boot = host.boot(backup)
    wait_for("the restore to begin", lambda: boot.progress().get("total_bytes"))
    return boot


def store_away(w, host, backup):
    """Bounded and said; and got over where the store comes back in time."""
    host.configure(deadline="10s")
    w.lab("fault", "add", "half-open", "--vendor", "s3", "--operation", "GetObject", "--ms", "600000")
    boot = host.boot(backup)
    check("manifest.json" in boot.wait("failed", 60)["error"], boot.said())
    boot.stop()
    w.lab("fault", "clear")
    boot = begun(w, host, backup)
    w.lab("fault", "add", "half-open", "--vendor", "s3", "--operation", "GetObject", "--ms", "600000")
    said = boot.wait("failed", 60)["error"]
    check("time" in said or "answer" in said, said)
    host.nothing_in_place("a store that hangs")
    check(not children_of(boot.process.pid), "restic was left")
    boot.stop()
    w.lab("fault", "clear")
    host.configure()
    boot = begun(w, host, backup)
    w.lab("outage", "provider", "s3", "on")
    wait_for("the word", lambda: "the store is away" in boot.progress()["error"])
    w.lab("outage", "provider", "s3", "off")
    w.lab("fault", "clear")
    now = boot.wait("ready")
    check(now["error"] == "" and now["recovery_gtid"] == backup.gtid, now)
    boot.stop()
    host.empty()
    store_gone(w, host, backup)
    host.configure()
    w.lab("fault", "add", "half-open", "--vendor", "s3", "--operation", "PutObject", "--ms", "600000")
    before = manifests(w)
    w.source.configure(deadline="12s")
    w.fill_more(1000)
    done = w.source.try_backup()
    check(done.returncode == 1 and done.stderr, done)
    check(manifests(w) == before, "a manifest of what was never put")
    w.lab("fault", "clear")
    w.lab("outage", "provider", "s3", "on", "--status", "503")
    back = threading.Timer(2.0, w.lab, ("outage", "provider", "s3", "off"))
    back.start()
    w.source.configure()
    w.source.backup()
    back.join()


def store_gone(w, host, backup):
    """For good, in the middle: not waited for until the deadline."""
    host.configure(deadline="10m")
    text = (host.folder / "agent.yaml").read_text()
    (host.folder / "agent.yaml").write_text(text.replace("restore: {", "restore: {store_away: 4s, "))
    boot = begun(w, host, backup)
    w.lab("outage", "provider", "s3", "on")
    began = time.monotonic()
    said = boot.wait("failed", 60)["error"]
    check("the store has been away for" in said and time.monotonic() - began < 30, said)
    host.nothing_in_place("a store that is gone")
    check(not children_of(boot.process.pid), "restic was left")
    boot.stop()
    w.lab("outage", "provider", "s3", "off")
    w.lab("fault", "clear")


def full_disk(w, host, backup):
    if os.getuid() != 0:
        return
    size = backup.manifest["mark"]["bytes"]
    for megabytes, words in ((size // 2 >> 20, "the disk is full"), ((size >> 20) + 1, "the disk is full")):
        host.empty()
        small = host.folder / "small"
        small.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", small],
                          capture_output=True, check=False).returncode:
            print("     no tmpfs to be had: a full disk was not tried")
            return
        try:
            text = (host.folder / "agent.yaml").read_text()
            (host.folder / "agent.yaml").write_text(text.replace(
                "restore: {", f"restore: {{path: {small}/data, ").replace(
                    f"state: {host.folder}/state", f"state: {small}/state"))
            boot = host.boot(backup)
            said = boot.wait("failed")["error"]
            boot.stop()
            check(words in said, said)
            check(not [p for p in small.iterdir() if p.name.startswith("data")], "left behind")
        finally:
            subprocess.run(["umount", "-l", small], check=True)
            host.configure()
    host.empty()


def left_where_objects_miss():
    """What restic would rely on, and is not there, is put again."""
    with world(kind=ResticWorld) as w:
        w.fill(20000)
        first = w.source.backup()
        largest = max(first.keys("data/"), key=lambda key: w.stored()[key])
        body = w.get_stored(largest)
        w.put_stored(largest, body[:-100])
        second = w.source.backup()
        check("is damaged, and left" in w.source.log, w.source.log)
        check(second.manifest["repository"]["name"] != first.manifest["repository"]["name"], "the same repository")
        w.delete_stored(max(second.keys("data/"), key=lambda key: w.stored()[key]))
        third = w.source.backup()
        check(third.manifest["repository"]["name"] != second.manifest["repository"]["name"], "the same repository")
        w.delete_stored(next(iter(third.keys("index/"))))
        last = w.source.backup()
        host = w.cold()
        host.boot(last).wait("ready")
        check(sum_of(host) == sum_of(w.source), "rows")


# ---- killed -----------------------------------------------------------------------------------------


def children_of(agent):
    """Processes that a backup of this agent's host runs."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            if str(agent).encode() in words and words.split(b"\0")[0] in (b"restic", b"mariadb-backup"):
                found.append(folder.name)
            elif f"/proc/{agent}/fd/".encode() in words and b"drorch-agent" not in words:
                found.append(folder.name)
    return found


def manifests(w):
    return {key for key in w.stored() if key.endswith("manifest.json")}


def killed_backup():
    with world(kind=ResticWorld) as w:
        w.fill(20000)
        whole = w.source.backup()
        moments = 0
        for delay in (0.05, 0.3, 0.6, 1.0, 1.5, 2.0):
            w.fill_more(2000)
            before = manifests(w)
            process = subprocess.Popen(w.source.command("backup"), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.kill()
            if process.wait() == -signal.SIGKILL:
                moments += 1
                check(manifests(w) == before, f"a backup killed after {delay} s has a manifest")
            wait_for("its children's end", lambda p=process.pid: not children_of(p))
        check(moments >= 3, f"only {moments} were killed in the middle")
        killed_at_put(w)
        last = w.source.backup()
        check(last.manifest["repository"] != whole.manifest["repository"], "another snapshot")
        w.good("backup", "verify", "--all")
        made = w.cold()
        made.boot(last).wait("ready")
        check(sum_of(made) == sum_of(w.source), "rows")


def killed_at_put(w):
    """While each kind of object is on its way."""
    for kind in ("/data/", "/index/", "/snapshots/", "manifest.json"):
        w.fill_more(2000)
        before = manifests(w)
        w.lab("fault", "add", "late", "--vendor", "s3", "--operation", "PutObject", "--ms", "1500")
        seen = len(w.calls(operation="PutObject"))
        process = subprocess.Popen(w.source.command("backup"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # One that is done, though its answer is late, counts as not known: killed before it is heard.
        wait_for(kind, lambda k=kind: [key for key in w.stored() if k in key and key not in known(w, before)] or
                 process.poll() is not None or len(w.calls(operation="PutObject")) > seen + 50, 60)
        process.kill()
        process.wait()
        w.lab("fault", "clear")
        check(kind == "manifest.json" or manifests(w) == before, f"killed at {kind}")
        known(w, before, forget=True)


def known(w, before, forget=False):
    """The keys there were when this was first asked for."""
    if forget or getattr(w, "known_for", None) is not before:
        w.known_for, w.known_keys = before, set() if forget else set(w.stored())
    return w.known_keys


def killed_restore():
    with world(kind=ResticWorld) as w:
        w.fill(20000)
        backup = w.source.backup()
        host = w.cold()
        moments = set()
        for delay in (0.02, 0.4, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.3, 2.6):
            host.empty()
            boot = host.boot(backup, epoch=3)
            time.sleep(delay)
            with contextlib.suppress(Exception):
                moments.add(boot.progress()["state"])
            boot.kill()
            wait_for("its children's end", lambda p=boot.process.pid: not children_of(p))
            progress = host.boot(backup, epoch=3).wait("ready")
            check(progress["recovery_gtid"] == backup.gtid, progress)
            check(host.sql("SELECT @@gtid_current_pos, @@read_only").split() == [backup.gtid, "0"],
                  f"killed after {delay} s")
            check(sum_of(host) == sum_of(w.source), f"killed after {delay} s: other rows")
        check("restoring" in moments, f"killed at {moments}")


# ---- retention --------------------------------------------------------------------------------------


class RetentionWorld(ResticMixin, ReconcileWorld):
    def make_service(self):
        super().make_service()
        self.make_databases()


def age(w, backup, days):
    """The backup, as if it was made so many days ago."""
    key = f"offsite/{backup.id}/manifest.json"
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    name = now.strftime("%Y%m%dT%H%M%SZ-") + backup.id[-6:]
    manifest = w.get_stored(key).replace(backup.id.encode(), name.encode(), 1)
    time_ = backup.manifest["time"].encode()
    w.put_stored(f"offsite/{name}/manifest.json", manifest.replace(time_, now.strftime("%Y-%m-%dT%H:%M:%SZ").encode()))
    w.delete_stored(key)
    return name


def retention():
    with world(kind=RetentionWorld) as w:
        w.fill(3000)
        first = w.source.backup()
        w.fill_more(1000)
        second, newest = w.source.backup(), w.source.backup("--full")
        one, two = (f"offsite/{b.manifest['repository']['name']}/" for b in (second, newest))
        check(one != two and first.keys()[0].startswith(one), "two repositories")
        old = {days: age(w, backup, days) for days, backup in ((5, first), (2, second))}
        w.service["backups"]["offsite"]["retention"] = {"daily": 3}
        w.commit_specs()
        check(not w.targets(), f"all are kept: {w.targets()}")
        yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        broken = yesterday.strftime("offsite/%Y%m%dT%H%M%SZ-broken/manifest.json")
        w.put_stored(broken, b"{")
        w.service["backups"]["offsite"]["retention"] = {"daily": 2}
        w.commit_specs()
        done = w.apply()
        check(done.returncode == 1 and "may need the same objects" in done.stdout, done)
        check({f"offsite/{name}/manifest.json" for name in old.values()} <= set(w.stored()), "neither is gone")
        w.delete_stored(broken)
        shutil.rmtree(w.state, ignore_errors=True)
        before = w.stored(one)
        w.applied("thinned out")
        check(f"offsite/{old[5]}/manifest.json" not in w.stored(), "it is gone")
        check(w.stored(one) == before, "what the next one needs stays")
        w.good("backup", "verify", "--all")
        host = w.cold()
        older = second
        older.id, older.sha256 = old[2], hashlib.sha256(w.get_stored(f"offsite/{old[2]}/manifest.json")).hexdigest()
        host.boot(older).wait("ready")
        check(sum_of(host) == sum_of(w.source), "and can be restored")
        w.service["backups"]["offsite"]["retention"] = {"daily": 1}
        w.commit_specs()
        w.applied("the newest alone")
        check(not w.stored(one) and w.stored(two), f"the repository goes with its last backup: {w.stored(one)}")
        w.good("backup", "verify", "--all")
        w.quiet("nothing more goes")


# ---- Linode -----------------------------------------------------------------------------------------


def at_linode():
    with world(kind=ResticWorld) as w:
        for name, key in (("linode-token", "linode_token"), ("linode-id", "linode_access_key_id"),
                          ("linode-secret", "linode_secret_access_key")):
            (w.credentials / name).write_text(w.keys[key] + "\n")
            (w.credentials / name).chmod(0o600)
        script = pathlib.Path(__file__).with_name("s3.py")
        done = subprocess.run(
            [sys.executable, script, "PUT", f"http://127.0.0.1:{w.port}/memphis-dr"], capture_output=True, text=True,
            timeout=60, check=False, env={**os.environ, "AWS_ACCESS_KEY_ID": w.keys["linode_access_key_id"],
                                          "AWS_SECRET_ACCESS_KEY": w.keys["linode_secret_access_key"]})
        check(done.returncode == 0, done.stderr)
        w.fill(5000)
        w.source.configure(store=LINODE)
        w.source.backup()
        w.fill_more(500)
        backup = w.source.backup()
        check(not w.stored(), "nothing is at S3")
        host = w.cold()
        host.configure(store=LINODE)
        host.boot(backup, store_region="eu-west").wait("ready")
        check(sum_of(host) == sum_of(w.source), "rows")


need_restic()
main(there_and_back, from_a_replica, of_a_replica_in_the_middle, written_by_another, no_epoch_opens_again, refusals, left_where_objects_miss, killed_backup, killed_restore, retention, at_linode)
