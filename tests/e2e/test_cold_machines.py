"""Both hot sites are lost: a third one is made of a backup that the standby put into S3, by an image that holds no data, at
its first boot; and what was in the backup is there, no more and no less. When main is back, it goes home without a loss."""

import json
import time

from harness import BUCKET, TIER2, check, main, wait_for, world
from machines import DR, HOSTS, MAIN, NAME, PROVIDERS, SERVICE, MachineWorld, baked, need_machines
from writers import Writers, same_tables

COLD = """\
  tier2:
    strategy: backup-restore
    restores: offsite
    objectives: {{rto: 10m, rpo: 1h}}
    provider: aws
    region: {tier2}
    instances:
      web: {{count: 1, type: t3.large, image: {{name: memphis-cold, newest: true}}}}
    agent:
      progress: {{port: 8480}}
      ssh: {{user: drorch, identity: {{file: {ssh}/controller}}, known_hosts: {ssh}/known_hosts}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s

backups:
  offsite:
    source: dr
    store: {{provider: aws, bucket: {bucket}, prefix: offsite/}}
    schedule: {{every: 1h}}
    max_age: 1h
    retention: {{daily: 7}}

traffic:
"""


class ColdWorld(MachineWorld):
    """The hot pair, whose standby is backed up, and an image for a cold site, that drorch has built."""

    def make_service(self):
        self.create_bucket(BUCKET)
        super().make_service()
        self.add_image(self.machine_image(baked(), "below"), TIER2, name="machine")
        with self.timed("image build"):
            self.disk = self.build("memphis-cold")

    def variables(self):
        return {**super().variables(), "backup_what": "database", "backup_sites": ["dr"],
                "restore_limits": {"store_away": "4s"},
                "firewall_progress": ["198.18.0.0/15"]}

    def add_cold_image(self, key):
        """The newest of its name from now on: the one that was built, with another backup key."""
        image = self.machine_image(self.disk, "cold-other")
        path = image / "root/etc/drorch/credentials/backup-key"
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_text(key + "\n")
        path.chmod(0o600)
        return self.add_image(image, TIER2, name="memphis-cold")

    def spec_files(self):
        values = dict(port=self.port, edge=self.edge, origin=self.origin, main=MAIN, dr=DR, tier2=TIER2, name=NAME,
                      credentials=self.credentials, monitor=self.monitor, image=self.image, ssh=self.ssh_folder,
                      bucket=BUCKET)
        files, images = self.image_files(built="memphis-cold", provider="aws", region=TIER2, type="t3.large")
        files["playbooks/ansible.cfg"] = "[tags]\nrun = host\n"  # the rest is in the image that it begins with
        return {**files, "providers.yaml": PROVIDERS.format(**values),
                "services/memphis.yaml": SERVICE.replace("traffic:\n", COLD).format(**values) + images}

    def back_up(self, site):
        """As its timer does it: the manifest."""
        done = self.shell(site, "drorch-agent backup --config /etc/drorch/agent.yaml -o json", 120)
        check(done.returncode == 0, f"backup: {done}")
        return json.loads(done.stdout)


def bookings(w, where):
    done = w.shell(where, "mariadb -BNe 'SELECT id FROM booking.bookings'")
    check(done.returncode == 0, done)
    return set(done.stdout.split())


def sequence(gtid):
    return int(gtid.split("-")[2])


def backed_up(w):
    """A full one at rest, and one more while guests book: (manifest, how many bookings it must hold, which at least,
    which at most)."""
    with Writers(w) as writers:
        writers.more(200)
    w.back_up("dr")
    count, gtid = len(bookings(w, "main")), w.sql("main", "SELECT @@gtid_binlog_pos")
    with Writers(w) as writers:
        writers.more(200)
        wait_for("dr to have them", lambda: not writers.lost("dr")["dr"])
        before = writers.acknowledged()
        manifest = w.back_up("dr")
        writers.more(100)
    check(manifest["site"] == "dr" and manifest["kind"] == "mariadb", manifest)
    # Each booking is one transaction, and there were no others.
    exactly = count + sequence(manifest["mark"]["gtid"]) - sequence(gtid)
    return manifest, exactly, before, bookings(w, "main")


def lose_both(w):
    """main loses its power, and has a change of its tables then that no backup has; of dr nothing is left."""
    w.sql("main", "CREATE TABLE booking.late (id INT PRIMARY KEY)")
    w.shell("main", "touch /srv/memphis/of-main")
    w.lab("kill", w.instance("main"), "--wait")
    w.lab("kill-site", DR)
    wait_for("dr to be gone", lambda: not w.instances(DR))


def nothing_is_left(w):
    wait_for("nothing at tier2", lambda: not w.instances(TIER2))
    check(w.active() == "main", f"{w.active()} is active")


def store_is_away(w):
    w.lab("outage", "provider", "s3", "on", "--status", "503")
    done = w.promote()
    w.lab("outage", "provider", "s3", "off")
    check(done.returncode == 1 and "the backups offsite" in done.stderr, f"{done}")
    print(f"     without S3: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    nothing_is_left(w)


def key_is_another(w):
    """The agent tells, drorch shows it; nothing is put in place, and an abort leaves nothing behind."""
    image = w.add_cold_image("not-the-key-of-these-backups")
    done = w.promote()
    check(done.returncode == 1 and w.run_state() == "failed", f"{done}")
    said = "the key (backup.encryption.key) does not open the backup's repository"
    check(said in done.stdout, f"{done}")
    host = w.instances(TIER2)[0]["id"]
    check(w.shell(host, "test ! -e /var/lib/mysql/mysql -a ! -e /var/lib/mysql.drorch-restore").returncode == 0,
          "something was put in place")
    check(w.shell(host, "systemctl is-active mariadb").stdout.strip() == "inactive", "a server runs")
    w.good("abort", w.run_id())
    nothing_is_left(w)
    w.ec2(TIER2, "DeregisterImage", ImageId=image)


def restoring(w):
    """A promote whose new host has begun to read the backup, slowly, when the store goes away."""
    w.lab("fault", "add", "latency", "--vendor", "s3", "--operation", "GetObject", "--ms", "500")
    promote = w.start("promote", "tier2", "--confirm", "tier2")
    wait_for("the restore", lambda: "restoring" in (note_of(w) or "") and "%" in note_of(w), 120)
    w.lab("outage", "provider", "s3", "on", "--status", "503")
    return promote


def note_of(w):
    steps = w.steps(w.run_id()) if w.run_state() == "running" else {}
    return steps.get("restore", {}).get("note")


def store_returns(w):
    w.lab("outage", "provider", "s3", "off")
    w.lab("fault", "clear")


def store_is_lost(w):
    """In the middle of a restore, for good: a clear end in time, and nothing is left after the abort."""
    promote, began = restoring(w), time.monotonic()
    try:
        done = w.finish(promote)
        took = time.monotonic() - began
    finally:
        store_returns(w)
    check(done.returncode == 1 and w.run_state() == "failed" and took < 60, f"{took:.0f} s: {done.stdout}{done.stderr}")
    check("the store has been away for" in done.stdout and "`drorch abort` ends" in done.stdout, done.stdout)
    print(f"     {took:.1f} s after S3 was gone: {w.steps(w.run_id())['restore']['error']}")
    host = w.instances(TIER2)[0]["id"]
    check(w.shell(host, "test ! -e /var/lib/mysql/mysql -a ! -e /var/lib/mysql.drorch-restore").returncode == 0,
          "something was put in place")
    w.good("abort", w.run_id())
    nothing_is_left(w)


def restored(w, manifest, exactly, before, after):
    """Though the store goes away in the middle of it, for a while."""
    began = time.monotonic()
    promote = restoring(w)
    try:
        wait_for("the word", lambda: "the store is away" in (note_of(w) or ""), 20)
        print(f"     {note_of(w)}")
    finally:
        store_returns(w)
    done = w.finish(promote)
    check(done.returncode == 0, f"{done.stdout}{done.stderr}")
    took = time.monotonic() - began
    check(w.active() == "tier2", f"{w.active()} is active")
    host = w.instances(TIER2)[0]["id"]
    there, gtid = bookings(w, host), manifest["mark"]["gtid"]
    check(before <= there <= after, f"lacks {len(before - there)}, has {len(there - after)} that main had not")
    check(len(there) == exactly, f"{len(there)} bookings, and {exactly} up to {gtid}")
    state = json.loads(w.shell(host, "cat /var/lib/drorch-agent/restored.json").stdout)
    check(state["gtid"] == gtid and state["done"], f"{state}, not {gtid}")
    check(w.shell(host, "mariadb -BNe 'SELECT @@gtid_slave_pos'").stdout.strip() == gtid, "the server's position")
    check(w.shell(host, "systemctl is-enabled mariadb").stdout.strip() == "disabled", "the agent starts the server")
    status, site, _ = w.ask("/bookings", "POST", {"guest": "Ada", "room": "1"})
    check((status, site) == (201, "tier2"), f"{status} by {site}")
    print(f"     {len(there)} bookings of {gtid}, {took:.1f} s after the word")


def home_again(w):
    """main's machine is back, with writes that were lost long ago. It and the cold site are made hosts for each other, and
    drorch does the rest."""
    HOSTS["tier2"] = "memphis-tier2-web-1"
    w.lab("power", w.instance("main"), "on", "--wait")
    w.read_hosts()
    w.hosts.pop(HOSTS["dr"], None)
    w.know_hosts()
    with w.heard("tier2"), w.heard("main"):
        with w.timed("site.yml for both"):
            w.playbook("site.yml", "--tags", "host", "-e", "target=memphis_main:memphis_tier2", "-e", "primary_host=")
        goes_home(w)
        cold_again(w)


def goes_home(w):
    with Writers(w, timeout=5.0) as writers:
        writers.more(60, site="tier2")
        done = w.good("failback", "--confirm", "main", timeout=300)
        writers.more(60, site="main")
        check("main follows tier2 by reseed" in done, done)
    writers.nothing_lost("main")
    same_tables(w, "main", "tier2")
    check(w.active() == "main", f"{w.active()} is active")
    note = w.steps(w.run_id())["rejoin"]["note"]
    check("flashback is no way: 1 of them change tables (DDL)" in note, note)
    print(f"     {note}")
    print(f"     {len(writers.good())} bookings, longest outage {writers.outage()[0]:.2f} s; {w.times['site.yml for both']} s of site.yml")
    check(w.shell("main", "ls /srv/memphis /srv/memphis.drorch-old").stdout.count("of-main") == 1, "main's own files")


def cold_again(w):
    """Nothing of the cold site stays, and nobody waits for it."""
    with Writers(w, timeout=5.0) as writers:
        writers.more(10)
        w.good("apply", "--confirm", "memphis", "--override-rule", "max-changes", "--reason", "dr is started, too",
               timeout=300)
        wait_for("nothing at tier2", lambda: not w.instances(TIER2))
        writers.more(30, site="main")


def machines():
    with world(kind=ColdWorld) as w:
        print(f"     {w.times}")
        began = time.monotonic()
        backup = backed_up(w)
        print(f"     backed_up ({time.monotonic() - began:.1f} s)", flush=True)
        lose_both(w)
        for test in (key_is_another, store_is_away, store_is_lost):
            began = time.monotonic()
            test(w)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        for test, *arguments in ((restored, *backup), (home_again,)):
            began = time.monotonic()
            test(w, *arguments)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    need_machines()
    main(machines)
