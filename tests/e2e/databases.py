"""Two real MariaDB servers in a folder of their own, an agent's session beside each, and applications that write.

Standard library and MariaDB's own client only. A `with pair()` block leaves no process.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from harness import AGENT, Failure, check, wait_for

GRANTS = ["READ_ONLY ADMIN", "REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "SLAVE MONITOR",
          "CONNECTION ADMIN", "RELOAD", "PROCESS"]
REJOIN_GRANTS = ["BINLOG ADMIN", "BINLOG REPLAY"]
SEED_GRANTS = ["RELOAD", "PROCESS", "BINLOG MONITOR"]
ME = pwd.getpwuid(os.getuid()).pw_name
# Who a server is where we are root; the account is mariadb-server's, and the programs come without it.
ACCOUNT = "mysql" if any(entry.pw_name == "mysql" for entry in pwd.getpwall()) else "nobody"
OPTIONS = """\
[mariadbd]
datadir={folder}/data
tmpdir={folder}/tmp
socket={folder}/socket
port={port}
bind-address=127.0.0.1,127.0.0.2
pid-file={folder}/pid
log-error={folder}/error.log
plugin-load-add=auth_socket
server-id={number}
log-bin=binlog
log-slave-updates=ON
binlog-format=ROW
gtid-strict-mode=ON
sync-binlog=1
innodb-flush-log-at-trx-commit=1
innodb-buffer-pool-size=16M
innodb-log-file-size=8M
init-rpl-role=SLAVE
rpl-semi-sync-slave-enabled=ON
rpl-semi-sync-slave-kill-conn-timeout=1
rpl-semi-sync-master-wait-point=AFTER_SYNC
ssl-cert={folder.parent}/tls/cert.pem
ssl-key={folder.parent}/tls/key.pem
slave-net-timeout=4
!include {folder}/boot.cnf
"""
# What systemctl does where there is one.
SCRIPTS = {"start": 'cd /; exec 0<&- >/dev/null 2>&1; setsid {words} & for _ in $(seq 200); do [ ! -S {folder}/socket ] || exit 0; '
                    'sleep 0.05; done; exit 1',
           "stop": 'rm -f {folder}/stopping; kill -TERM $(cat {folder}/pid) || exit 0; '
                   'for _ in $(seq 600); do [ -e {folder}/pid ] || exit 0; sleep 0.05; done; exit 1',
           "kill": 'kill -KILL $(cat {folder}/pid)'}
CONFIG = """\
service: memphis
site: {name}
state: {folder}/state
store: {{plugin: aws, region: us-west-2, bucket: memphis-dr}}
source: {{kind: directory, path: {folder}/data}}
database:
  kind: mariadb
  socket: {folder}/socket
  {account}
  role: {role}
  boot_file: {folder}/boot.cnf
  keep: [admin]
  replication: {{user: repl, password: {{file: {secrets}/repl}}, ca: {folder.parent}/tls/{ca}}}
  server:
    data: {folder}/data
    start: [{folder}/start]
    stop: [{folder}/stop]
    kill: [{folder}/kill]
{more}check: {{paths: [{folder}/data], services: [mariadb]}}
"""


def need_mariadb():
    """Ends the test as skipped where there is no server to have."""
    missing = [word for word in ("mariadbd", "mariadb", "mariadb-install-db", "openssl") if not program(word)]
    if missing:
        print(f"skipped: not installed: {' '.join(missing)}")
        sys.exit(77)


def program(word):
    return shutil.which(word, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A MariaDB server; starts and dies as often as the test wants."""

    def __init__(self, root, name, number, template):
        self.name, self.number, self.process, self.agents = name, number, None, []
        self.folder = root / name
        self.folder.mkdir()
        shutil.copytree(template, self.folder / "data")
        (self.folder / "boot.cnf").write_text("# until the agent writes it\n")
        self.port = free_port()
        self.options = OPTIONS.format(folder=self.folder, port=self.port, number=number)
        (self.folder / "my.cnf").write_text(self.options)
        (self.folder / "state").mkdir()
        (self.folder / "tmp").mkdir()
        for word, text in SCRIPTS.items():
            path = self.folder / word
            path.write_text("#!/bin/sh\n" + text.format(folder=self.folder, words=" ".join(self.words())) + "\n")
            path.chmod(0o755)
        if os.getuid() == 0:
            for path in [self.folder, *self.folder.rglob("*")]:
                shutil.chown(path, ACCOUNT)
            shutil.chown(self.folder / "state", "root")

    def words(self):
        return [program("mariadbd"), f"--defaults-file={self.folder}/my.cnf",
                *([f"--user={ACCOUNT}"] if os.getuid() == 0 else [])]

    def start(self):
        self.process = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        wait_for(f"server {self.name}", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise Failure(f"server {self.name} has ended: {(self.folder / 'error.log').read_text()[-2000:]}")
        return self.client("-e", "SELECT 1").returncode == 0

    def client(self, *words, user="admin", password="", text=None):
        return subprocess.run(
            [program("mariadb"), "--no-defaults", "-BN", "-S", f"{self.folder}/socket", "-u", user, *words],
            env={**os.environ, "MYSQL_PWD": password}, input=text, capture_output=True, text=True, timeout=60,
            check=False)

    def sql(self, text):
        done = self.client(text="SET SESSION sql_log_bin=0;" + text if "GRANT" in text or "USER" in text
                           or "REVOKE" in text else text)
        check(done.returncode == 0, f"{self.name}: {text}: {done.stderr}")
        return done.stdout.strip()

    def hold(self, text, user="admin", password=""):
        """A client that has run `text` and stays connected, so that its locks stay too."""
        held = Held(subprocess.Popen(
            [program("mariadb"), "--no-defaults", "-BNn", "-S", f"{self.folder}/socket", "-u", user],
            env={**os.environ, "MYSQL_PWD": password}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True))
        check(held.goes_on(text), f"{self.name}: {text}")
        return contextlib.closing(held)

    def watch(self, after, *peers):
        """A `drorch-agent watch` that closes this server so long after nobody counted on it."""
        text = (self.folder / "agent.yaml").read_text().split("self_fence:")[0]
        (self.folder / "agent.yaml").write_text(
            f"{text}self_fence: {{after: {after}, "
            f"peers: [{', '.join(f'{{host: 127.0.0.1, port: {peer.port}}}' for peer in peers)}]}}\n")
        watch = Watch(self)
        self.agents.append(watch)
        return watch

    def roles(self):
        """What the role log says: a list of its lines."""
        path = self.folder / "state" / "roles.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def agent(self, **options):
        agent = Agent(self, **options)
        self.agents.append(agent)
        return agent

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def adopt(self):
        """Whoever started it last."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "pid").read_text())
            if pid != self.process.pid:
                if isinstance(self.process, subprocess.Popen):
                    self.process.poll()
                self.process = Adopted(pid)

    def end(self):
        for agent in self.agents:
            agent.kill()
        self.adopt()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()


class Adopted:
    """A server that somebody else has started, as what Popen gives."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        try:
            return None if pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" else 0
        except OSError:
            return 0

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout=60):
        wait_for(f"the end of {self.pid}", lambda: self.poll() is not None, timeout)
        return 0


class Held:
    def __init__(self, process):
        self.process = process

    def goes_on(self, text):
        """Whether the server does it, and still speaks to us then."""
        with contextlib.suppress(OSError):
            self.process.stdin.write(text + "; SELECT 'held';\n")
            self.process.stdin.flush()
        return self.process.stdout.readline().strip() == "held"

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


class Agent:
    """One `drorch-agent session`, spoken to as a controller does."""

    def __init__(self, server, words=None, env=None):
        self.words = words or [AGENT, "session", "--config", server.folder / "agent.yaml"]
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.count = 0

    def send(self, verb, **fields):
        self.count += 1
        line = json.dumps({"id": str(self.count), "verb": verb, **fields})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, seconds=60):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        check(ready, "the agent does not answer")
        line = self.process.stdout.readline()
        check(line, "the agent has ended")
        return json.loads(line)

    def ask(self, verb, **fields):
        """The whole answer."""
        self.send(verb, **fields)
        answer = self.line()
        check(answer["id"] == str(self.count), f"{verb}: {answer}")
        return answer

    def do(self, verb, **fields):
        """The result of a verb that must succeed."""
        answer = self.ask(verb, **fields)
        check("result" in answer, f"{verb}: {answer}")
        return answer["result"]

    def refuse(self, code, verb, **fields):
        """The error of one that must not."""
        answer = self.ask(verb, **fields)
        check(answer.get("error", {}).get("code") == code, f"{verb} is not {code}: {answer}")
        return answer

    def finish(self):
        """The end of its input is the end of it, without a leak."""
        self.process.stdin.close()
        check(self.process.wait(timeout=60) == 0, "the session ended badly")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Watch:
    def __init__(self, server):
        self.log = open(server.folder / "watch.log", "ab")
        self.process = subprocess.Popen([AGENT, "watch", "--config", server.folder / "agent.yaml"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        check(self.process.wait(timeout=30) == 0, "the watch ended badly")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Writers:
    """Applications that commit one row after the other on whichever server lets them, and remember which commits
    were acknowledged."""

    def __init__(self, servers, count=3):
        self.servers, self.acknowledged, self.going = servers, set(), True
        self.threads = [threading.Thread(target=self.write, args=(k,)) for k in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, writer):
        number, turn = 0, 0
        while self.going:
            server = self.servers[turn % len(self.servers)]
            client = subprocess.Popen(
                [program("mariadb"), "--no-defaults", "-BNn", "-S", f"{server.folder}/socket", "-u", "app", "shop"],
                env={**os.environ, "MYSQL_PWD": "app-secret"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)
            try:
                while self.going:
                    number += 1
                    client.stdin.write(f"INSERT INTO orders VALUES ({writer}, {number}); SELECT {number};\n")
                    client.stdin.flush()
                    if client.stdout.readline().strip() != str(number):
                        break  # refused, or nobody knows
                    self.acknowledged.add((writer, number))
            except OSError:
                pass
            client.kill()
            client.wait()
            client.stdout.close()
            with contextlib.suppress(OSError):
                client.stdin.close()
            turn += 1
            time.sleep(0.02)

    def more(self, count=30):
        """Waits for so many acknowledged commits from now on."""
        wanted = len(self.acknowledged) + count
        wait_for(f"{count} more commits", lambda: len(self.acknowledged) >= wanted)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(timeout=60)

    def lost(self, server):
        there = {tuple(map(int, row.split())) for row in server.sql("SELECT * FROM shop.orders").splitlines()}
        return self.acknowledged - there


@functools.lru_cache(maxsize=None)
def prepared():
    """What every pair begins from, made once: an empty data folder, and certificates."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="drorch-db-first-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    root.chmod(0o755)
    (root / "tmp").mkdir()  # a server that starts removes the temporary tables that it finds, whoever's they are
    words = [program("mariadb-install-db"), "--no-defaults", f"--datadir={root}/data", f"--tmpdir={root}/tmp",
             "--skip-test-db", "--auth-root-authentication-method=normal"]
    if os.getuid() == 0:
        shutil.chown(root / "tmp", ACCOUNT)
        words.append(f"--user={ACCOUNT}")
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    check(done.returncode == 0, done.stderr + done.stdout)
    make_tls(root / "tls")
    return root


def make_tls(folder):
    """A certificate for 127.0.0.1 that signs itself, and another that is nobody's."""
    folder.mkdir()
    for name in ("cert", "stranger"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out",
             folder / f"{name}.pem", "-keyout", folder / ("key.pem" if name == "cert" else "stranger-key.pem")],
            check=True, capture_output=True)
    for path in folder.iterdir():
        path.chmod(0o644)


def configure(server, role, secrets, ca="cert.pem", more=""):
    """Server a knows the agent by its socket, server b by a password."""
    account = f"user: {ME}" if server.name == "a" else f"user: drorch\n  password: {{file: {secrets}/agent}}"
    (server.folder / "agent.yaml").write_text(CONFIG.format(
        name=server.name, folder=server.folder, account=account, role=role, secrets=secrets, ca=ca, more=more))


def make_accounts(server):
    how = "VIA unix_socket" if server.name == "a" else "BY 'agent-secret'"
    server.agent_user = f"`{ME}`@localhost" if server.name == "a" else "drorch@localhost"
    server.sql(f"CREATE OR REPLACE USER {server.agent_user} IDENTIFIED {how};"
               f"GRANT {', '.join(GRANTS + REJOIN_GRANTS)} ON *.* TO {server.agent_user};"
               "CREATE USER seed@localhost IDENTIFIED BY 'seed-secret \\\\ \"#';"
               f"GRANT {', '.join(SEED_GRANTS)} ON *.* TO seed@localhost;"
               "CREATE USER repl@'127.%' IDENTIFIED BY 'repl-secret' REQUIRE SSL;"
               "GRANT REPLICATION SLAVE, REPLICA MONITOR ON *.* TO repl@'127.%';"
               "CREATE USER app@localhost IDENTIFIED BY 'app-secret';"
               "GRANT ALL ON shop.* TO app@localhost")


@contextlib.contextmanager
def pair():
    """Servers a and b; a is the primary of epoch 1, and b its replica, with semi-sync."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="drorch-db-"))
    servers = []
    try:
        root.chmod(0o755)
        secrets = root / "secrets"
        secrets.mkdir(mode=0o700)
        for name in ("agent", "repl", "seed"):
            more = ' \\ "#' if name == "seed" else ""
            (secrets / name).write_text(f"{name}-secret{more}\n")
            (secrets / name).chmod(0o600)
        shutil.copytree(prepared() / "tls", root / "tls")
        for number, name in enumerate("ab", 1):
            servers.append(Server(root, name, number, prepared() / "data"))
        for server in servers:
            server.secrets = secrets
        starters = [threading.Thread(target=first_start, args=(server, secrets)) for server in servers]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join()
        check(all(hasattr(server, "agent_user") for server in servers), "a server did not start")
        a, b = servers
        attach(a, b)
        yield a, b
    finally:
        for server in servers:
            server.end()
        shutil.rmtree(root, ignore_errors=True)


def first_start(server, secrets):
    words = server.folder / "my.cnf"
    words.write_text(server.options + f"init-file={server.folder}/first.sql\n")
    (server.folder / "first.sql").write_text(
        "SET SESSION sql_log_bin=0;\nRENAME USER root@localhost TO admin@localhost;\n")
    server.start()
    words.write_text(server.options)
    make_accounts(server)
    configure(server, "primary" if server.name == "a" else "replica", secrets)


def attach(a, b):
    """By the verbs alone."""
    with a.agent() as one, b.agent() as two:
        one.do("thaw", epoch=1)
        two.do("follow", epoch=1, host="127.0.0.1", port=a.port)
        check(one.do("promote", epoch=1, semi_sync=True)["semi_sync"], "no semi-sync")
    a.sql("CREATE DATABASE shop")
    a.sql("CREATE TABLE shop.orders (writer INT, number INT, PRIMARY KEY (writer, number))")

