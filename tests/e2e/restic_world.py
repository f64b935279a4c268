"""A lab with its object stores, a MariaDB server that is backed up, and hosts that are made from its backups."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from databases import Server, first_start, need_mariadb, prepared, program
from harness import AGENT, BUCKET, TIER2, Failure, World, check, wait_for

KEY = "canary-of-the-backup's-key"
CONFIG = """\
service: memphis
site: {site}
plugins: {plugins}
state: {folder}/state
store:
{store}
  bucket: {bucket}
  prefix: offsite/
source: {{kind: mariadb, path: {folder}/data}}
backup: {{part_mib: 4, deadline: {deadline}, encryption: {{key: {{file: {secrets}/key}}}}}}
restore: {{deadline: {deadline}, owner: mysql}}
listen: {{address: 127.0.0.1, port: 0}}
database:
  kind: mariadb
  socket: {folder}/socket
  user: drorch
  password: {{file: {secrets}/agent}}
  role: {role}
  boot_file: {folder}/boot.cnf
  keep: [admin]
  server: {{start: [/bin/sh, {folder}/start], stop: [/bin/sh, {folder}/stop]}}
  replication: {{user: repl, password: {{file: {secrets}/repl}}, ca: {tls}/cert.pem}}
start: {{command: [/bin/sh, -c, 'echo started $DRORCH_ROLE >>{folder}/service.log; exec sleep 1000']}}
"""
AWS = """\
  plugin: aws
  region: {region}
  endpoint: http://127.0.0.1:{port}
  path_style: true
  credentials: {{access_key_id: {{file: {keys}/access-key-id}}, secret_access_key: {{file: {keys}/secret-access-key}}}}"""
LINODE = """\
  plugin: linode
  region: eu-west
  endpoint: http://127.0.0.1:{port}
  s3_endpoint: http://127.0.0.1:{port}
  credentials:
    token: {{file: {keys}/linode-token}}
    access_key_id: {{file: {keys}/linode-id}}
    secret_access_key: {{file: {keys}/linode-secret}}"""
# As with a unit of systemd's, there is never a second one: the server holds the lock.
START = """\
exec 9>{folder}/start.lock
flock -n 9 || exit 0
setsid {mariadbd} --defaults-file={folder}/my.cnf {user} </dev/null >/dev/null 2>&1 &
"""
STOP = """\
pid=$(cat {folder}/pid 2>/dev/null)
[ -n "$pid" ] || exit 0
kill $pid
while grep -q mariadbd /proc/$pid/cmdline 2>/dev/null; do sleep 0.05; done
"""


def need_restic():
    need_mariadb()
    missing = [word for word in ("restic", "mariadb-backup") if not program(word)]
    if missing:
        print(f"skipped: not installed: {' '.join(missing)}")
        sys.exit(77)


class Host(Server):
    """A server with an agent that knows the store."""

    def __init__(self, w, name, number, site, role):
        super().__init__(w.databases, name, number, prepared() / "data")
        self.world, self.site, self.secrets = w, site, w.secrets
        words = dict(folder=self.folder, mariadbd=program("mariadbd"), user="--user=mysql" if os.getuid() == 0 else "")
        (self.folder / "start").write_text(START.format(**words))
        (self.folder / "stop").write_text(STOP.format(**words))
        self.role, self.boots = role, []

    def configure(self, deadline="2m", key=None, store=None):
        secrets = self.secrets if key is None else self.folder / "secrets"
        if key is not None:
            shutil.copytree(self.secrets, secrets, dirs_exist_ok=True)
            (secrets / "key").write_text(key + "\n")
        (self.folder / "agent.yaml").write_text(CONFIG.format(
            site=self.site, plugins=self.world.plugins, folder=self.folder, tls=self.folder.parent / "tls", bucket=BUCKET, secrets=secrets,
            role=self.role, deadline=deadline,
            store=(store or AWS).format(region=TIER2, port=self.world.port, keys=self.world.credentials)))

    def command(self, verb, *words):
        return [AGENT, verb, "--config", self.folder / "agent.yaml", *words]

    def try_backup(self, *words, timeout=120):
        return subprocess.run(self.command("backup", "-o", "json", *words), capture_output=True, timeout=timeout,
                              check=False)

    def backup(self, *words):
        """The manifest, as the object it is; `sha256` beside it."""
        done = self.try_backup(*words)
        check(done.returncode == 0, f"backup: {done.stderr.decode()}")
        check(KEY.encode() not in done.stdout + done.stderr, "the key was told")
        self.log = done.stderr.decode()
        left = [str(path) for path in (self.folder / "state").rglob("*") if path.name != "backup.lock"
                and path.name != "last.json" and path.is_file()]
        check(not [path for path in left if "/backup/" in path], f"left behind: {left}")
        return Backup(done.stdout)

    # -- made from a backup -----------------------------------------------------------------

    def empty(self):
        """As its image is: without data, and nothing on record."""
        self.end()
        subprocess.run(["/bin/sh", self.folder / "stop"], timeout=60, check=False)
        for path in ("data", "state"):
            shutil.rmtree(self.folder / path, ignore_errors=True)
        (self.folder / "boot.cnf").write_text("")
        (self.folder / "service.log").unlink(missing_ok=True)

    def boot(self, backup, role="primary", epoch=None, store_region=TIER2):
        self.made_of = backup
        words = {"drorch": 1, "service": "memphis", "site": self.site, "role": role, "run": "r-1",
                 "backup": {"id": backup.id, "policy": "offsite", "manifest_sha256": backup.sha256,
                            "store": {"bucket": BUCKET, "prefix": "offsite/", "region": store_region}}}
        if epoch:
            words["epoch"] = epoch
        (self.folder / "user-data.json").write_text(json.dumps(words))
        boot = Boot(self)
        self.boots.append(boot)
        return boot

    def nothing_in_place(self, what):
        there = [path.name for path in self.folder.iterdir() if path.name.startswith("data")]
        check(not there, f"{what}: {there}")

    def end(self):
        for boot in getattr(self, "boots", []):
            boot.kill()
        wait_for("the server's end", self.kill_servers)
        (self.folder / "pid").unlink(missing_ok=True)
        super().end()

    def kill_servers(self):
        """Whether none is left of those that the start command began."""
        alive = False
        for folder in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if f"--defaults-file={self.folder}/my.cnf".encode() in (folder / "cmdline").read_bytes():
                    alive = True
                    os.kill(int(folder.name), signal.SIGKILL)
        return not alive


class Backup:
    def __init__(self, text):
        self.manifest = json.loads(text)
        self.id = self.manifest["id"]
        self.sha256 = hashlib.sha256(text).hexdigest()
        self.gtid = self.manifest["mark"]["gtid"]

    def keys(self, kind=""):
        folder = self.manifest["repository"]["name"]
        return [f"offsite/{folder}/{o['key']}" for o in self.manifest["objects"] if o["key"].startswith(kind)]


class Boot:
    """One `drorch-agent boot`."""

    def __init__(self, host):
        self.log = host.folder / f"boot-{len(host.boots)}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(host.command("boot", "--user-data", host.folder / "user-data.json"),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)

    def said(self):
        return self.log.read_text(errors="replace")

    def progress(self):
        found = re.search(r"progress on (http\S+)", self.said())
        if not found:
            return {}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(found[1], timeout=5) as answer:
            return json.loads(answer.read())

    def wait(self, state, seconds=120):
        """The progress, once it says so. Another end is a failure."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.progress()
            if now.get("state") == state:
                return now
            if now.get("state") in ("ready", "failed") or self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failure(f"not {state}: {self.progress() if self.process.poll() is None else ''} {self.said()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class ResticMixin:
    """For a World: the databases beside it. `source` is the server that is backed up."""

    def make_databases(self):
        self.databases = pathlib.Path(tempfile.mkdtemp(prefix="drorch-restic-"))
        self.databases.chmod(0o755)
        shutil.copytree(prepared() / "tls", self.databases / "tls")
        self.secrets = self.databases / "secrets"
        self.secrets.mkdir(mode=0o700)
        for name, text in (("key", KEY), ("repl", "repl-secret"), ("agent", "agent-secret")):
            (self.secrets / name).write_text(text + "\n")
            (self.secrets / name).chmod(0o600)
        self.hosts = []
        self.source = self.host("s", 1, "main", "primary")
        first_start(self.source, self.secrets)
        self.source.configure()
        self.source.sql("GRANT BINLOG MONITOR ON *.* TO drorch@localhost")
        self.source.sql("CREATE DATABASE shop")
        self.source.sql("CREATE TABLE shop.orders (writer INT, number INT, PRIMARY KEY (writer, number))")
        self.source.sql("CREATE TABLE shop.items (id INT PRIMARY KEY, price INT, text VARCHAR(300))")

    def host(self, name, number, site, role):
        host = Host(self, name, number, site, role)
        self.hosts.append(host)
        return host

    def cold(self, name="c", number=3):
        """A host as its image has it: configured, and without data."""
        host = self.host(name, number, "tier2", "replica")
        host.empty()
        host.configure()
        return host

    def fill(self, rows, first=1):
        self.rows = first + rows
        self.source.sql(
            "USE shop; INSERT INTO shop.items SELECT seq, 1, CONCAT_WS('-', SHA2(seq, 512), SHA2(seq + 0.5, 512)) "
            f"FROM seq_{first}_to_{first + rows - 1}")

    def fill_more(self, rows):
        self.fill(rows, self.rows)

    def stored(self, prefix="offsite/"):
        """{key: bytes} below the prefix."""
        found, token = {}, None
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            status, answer = self.aws("s3", TIER2, "GET", "/" + BUCKET, query)
            check(status == 200, f"list: {status}")
            text = answer.decode()
            found.update((k, int(size)) for k, size in re.findall(
                r"<Key>([^<]*)</Key>.*?<Size>(\d+)</Size>", text, re.S))
            token = re.search(r"<NextContinuationToken>([^<]*)<", text)
            token = token and token[1]
            if not token:
                return found

    def get_stored(self, key):
        status, body = self.aws("s3", TIER2, "GET", f"/{BUCKET}/{key}")
        check(status == 200, f"get {key}: {status}")
        return body

    def put_stored(self, key, body):
        status, answer = self.aws("s3", TIER2, "PUT", f"/{BUCKET}/{key}", body=body)
        check(status == 200, f"put {key}: {answer}")

    def delete_stored(self, key):
        status, _ = self.aws("s3", TIER2, "DELETE", f"/{BUCKET}/{key}")
        check(status == 204, f"delete {key}: {status}")

    def end(self):
        super().end()
        for host in getattr(self, "hosts", []):
            host.end()
        if not os.environ.get("DRORCH_KEEP") and getattr(self, "databases", None):
            shutil.rmtree(self.databases, ignore_errors=True)


class ResticWorld(ResticMixin, World):
    """Stores and databases alone: no site runs."""

    def make_service(self):
        self.create_bucket(BUCKET)
        self.commit_specs()
        self.make_databases()
