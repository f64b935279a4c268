"""A service with a hot standby: two MariaDB servers that replicate, an application before each, and the lab around them.

The instances are the lab's processes; the databases run beside them, each on its instance's own address, and `ssh` is
a script that runs the host's agent: the agents, the servers and the replication are the real ones. Machines that really
boot are in test_machines_hot.py.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import textwrap
import threading
import time

import databases
from harness import AGENT, MAIN, NAME, TIER2, World, check, wait_for

APP = """\
#!/usr/bin/python3
import http.server, json, os, pathlib, subprocess, threading, time
address, port = os.environ["LAB_ADDRESS"], int(os.environ["LAB_PORT"])
told = pathlib.Path("{told}") / (address + ".json")
while not told.exists():
    time.sleep(0.02)
SITE = json.loads(told.read_text())

class Database:
    def __init__(self):
        self.lock, self.client = threading.Lock(), None

    def ask(self, text):
        with self.lock:
            try:
                if not self.client or self.client.poll() is not None:
                    self.client = subprocess.Popen(["{mariadb}", "--no-defaults", "-BNn", "-S", SITE["socket"], "-u",
                        "app", "shop"], env={{"MYSQL_PWD": "app-secret"}}, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                self.client.stdin.write(text + "\\n")
                self.client.stdin.flush()
                return self.client.stdout.readline().strip()
            except OSError:
                self.client = None
                return ""

databases = [Database() for _ in range(4)]
looker = Database()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("X-Drorch-Site", SITE["site"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        well = looker.ask("SELECT @@global.read_only;") == "0"
        self.answer(200 if well else 503, "well" if well else "read-only")
    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        writer, number = int(row["writer"]), int(row["number"])
        said = databases[writer % 4].ask(
            "INSERT INTO orders VALUES (%d, %d); SELECT %d;" % (writer, number, number))
        self.answer(201 if said == str(number) else 503, said)
    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

Server((address, port), Handler).serve_forever()
"""

SSH = """\
#!/bin/bash
# What ssh does with a forced command, and with a host that cannot be reached.
for word in "$@"; do
	case $word in
	HostKeyAlias=*) host=${word#HostKeyAlias=} ;;
	rsync) fetch=1 ;;
	esac
done
# One host reads another's files: which it may as long as that may be read from.
if [ -n "${fetch:-}" ]; then
	while [ "$1" != rsync ]; do
		host=$1
		shift
	done
	[ ! -e "HOSTS/$host/cut" ] || { echo "ssh: no route to host $host" >&2; exit 255; }
	if [ -e "HOSTS/$host/once" ]; then
		mv "HOSTS/$host/once" "HOSTS/$host/unreadable"
	elif [ -e "HOSTS/$host/unreadable" ]; then
		echo "rsync: permission denied" >&2
		exit 3
	fi
	exec "$@"
fi
[ -e "HOSTS/$host" ] || { echo "ssh: no host $host" >&2; exit 255; }
if [ -e "HOSTS/$host/cut" ]; then
	sleep 3
	echo "ssh: connect to host $host port 22: Connection timed out" >&2
	exit 255
fi
exec "$(cat "HOSTS/$host/agent")" session --config "HOSTS/$host/agent.yaml"
"""

SERVICE = """\
apiVersion: drorch/v1
kind: Service
metadata: {{name: memphis, owner: platform@memphis.example}}
objectives: {{rto: 2m, rpo: {rpo}}}

sites:
  main:
    role: primary
    provider: aws
    region: {main}
    instances:
      web: {{count: 1, type: t3.large, image: {{name: memphis-site, newest: true}}}}
    agent: {{ssh: {{user: drorch, identity: {{file: /nobody}}, known_hosts: /nobody}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s
  dr:
    strategy: {strategy}
    follows: main
    replication: {{mode: {mode}, port: {database}}}
    provider: aws
    region: {dr}
    instances:
{groups}    agent: {{ssh: {{user: drorch, identity: {{file: /nobody}}, known_hosts: /nobody}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s

traffic:
  www:
    name: {name}
    type: A
    policy: failover
    paths:
      - {{provider: cloudflare, zone: memphis.example, proxied: true}}
    verify: {{scheme: http, address: 127.0.0.1, port: {edge}, timeout: 1m}}

safety:
  cool_down: 0s
  monitor: {monitor}
"""

CONFIG = """\
service: memphis
site: {site}
state: {folder}/state
store: {{plugin: aws, region: us-west-2, bucket: memphis-dr}}
source: {{kind: directory, path: {folder}/data}}
database:
  kind: mariadb
  socket: {folder}/socket
  user: {me}
  role: {role}
  boot_file: {folder}/boot.cnf
  keep: [admin]
  replication: {{user: repl, password: {{file: {secrets}/repl}}, tls: false}}
"""


class Writers:
    """Guests: each sends its next order through the edge until it is told to stop.

    A replica that was away catches up only with guests that take a breath: a `pause` in seconds between their orders.
    """

    def __init__(self, world, count=4, pause=0):
        self.world, self.going, self.pause = world, True, pause
        self.acknowledged = {}  # (writer, number): when, monotonic
        self.threads = [threading.Thread(target=self.write, args=(k,)) for k in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, writer):
        number, connection = 0, None
        while self.going:
            time.sleep(self.pause)
            number += 1
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.world.edge, timeout=10)
                connection.request("POST", "/orders", json.dumps({"writer": writer, "number": number}),
                                   {"Host": NAME, "Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status == 201:
                    self.acknowledged[writer, number] = time.monotonic()
                    time.sleep(0.005)  # what a replica of two cores can follow
                else:
                    time.sleep(0.01)
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.01)

    def more(self, count=40, seconds=60):
        wanted = len(self.acknowledged) + count
        wait_for(f"{count} more orders", lambda: len(self.acknowledged) >= wanted, seconds)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(timeout=60)

    def outage(self):
        """The longest time without an acknowledged write, in seconds."""
        times = sorted(self.acknowledged.values())
        return max(b - a for a, b in zip(times, times[1:]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class HotWorld(World):
    STRATEGY, DR_TYPE = "hot-standby", "t3.large"
    GROUPS = "web: {count: 1, type: t3.large, image: {name: memphis-site, newest: true}}\n"

    def __init__(self, folder, mode="semi-sync", rpo="0s", **options):
        self.mode, self.rpo, self.servers, self.deaths = mode, rpo, {}, []
        super().__init__(folder, **options)
        (self.folder / "bin").mkdir()
        self.hosts = self.folder / "hosts"
        self.hosts.mkdir()
        ssh = self.folder / "bin" / "ssh"
        ssh.write_text(SSH.replace("HOSTS", str(self.hosts)))
        ssh.chmod(0o755)
        self.environment["PATH"] = f"{self.folder}/bin:{self.environment['PATH']}"

    def make_service(self):
        image = self.folder / "image"
        image.mkdir()
        (self.folder / "told").mkdir()
        (image / "boot").write_text(self.application())
        (image / "boot").chmod(0o755)
        self.add_images(str(image))
        self.sites = {"main": self.start_site("main", MAIN), "dr": self.start_site("dr", TIER2, self.DR_TYPE)}
        self.main = self.sites["main"]
        self.make_databases()
        zone = self.cloudflare("POST", "/zones", {"name": "memphis.example", "account": {"id": "0" * 32}})
        self.zone = zone["id"]
        self.record = self.cloudflare("POST", f"/zones/{self.zone}/dns_records", {
            "type": "A", "name": NAME, "content": self.main["address"], "proxied": True, "ttl": 1,
            "comment": "drorch:memphis/www"})["id"]
        wait_for("the service at its main site", lambda: self.ask("/healthz")[0] == 200)
        self.commit_specs()

    def application(self):
        """The program that an instance runs."""
        return APP.format(told=self.folder / "told", mariadb=databases.program("mariadb"))

    def start_site(self, site, region, kind="t3.large"):
        tags = {f"TagSpecification_1_Tag_{n}_{k}": v for n, pair in enumerate(
            (("drorch:service", "memphis"), ("drorch:site", site), ("drorch:group", "web"),
             ("Name", f"memphis-{site}-web")), 1) for k, v in zip(("Key", "Value"), pair)}
        self.ec2(region, "RunInstances", ImageId=self.amis[region], MinCount="1", MaxCount="1",
                 InstanceType=kind, TagSpecification_1_ResourceType="instance", **tags)
        return wait_for(f"{site} to run", lambda: next(
            (i for i in self.instances(region) if i["state"] == "running"), None))

    def make_databases(self):
        root = self.folder / "databases"
        root.mkdir()
        for path in (self.folder, root):
            path.chmod(0o755)
        self.secrets = root / "secrets"
        self.secrets.mkdir(mode=0o700)
        (self.secrets / "repl").write_text("repl-secret\n")
        (self.secrets / "repl").chmod(0o600)
        shutil.copytree(databases.prepared() / "tls", root / "tls")
        self.database_port = databases.free_port()
        for number, site in enumerate(("main", "dr"), 1):
            server = databases.Server(root, site, number, databases.prepared() / "data")
            server.options = server.options.replace(f"port={server.port}\n", f"port={self.database_port}\n").replace(
                "bind-address=127.0.0.1,127.0.0.2", f"bind-address={self.sites[site]['address']}")
            server.options = server.options.replace(
                "log-bin=", "slave-parallel-threads=4\nslave-parallel-mode=optimistic\nbinlog-format=ROW\nlog-bin=")
            if self.mode == "async":  # see docs/agent.md: a primary that drops what no replica has would drop all
                server.options = server.options.replace("init-rpl-role=SLAVE\n", "")
            server.port = self.database_port
            self.servers[site] = server
            databases.first_start(server, self.secrets)
            server.sql("DROP USER repl@'127.%'; CREATE USER repl@'127.%' IDENTIFIED BY 'repl-secret';"
                       "GRANT REPLICATION SLAVE, REPLICA MONITOR ON *.* TO repl@'127.%';"
                       f"CREATE OR REPLACE USER `{databases.ME}`@localhost IDENTIFIED VIA unix_socket;"
                       f"GRANT {', '.join(databases.GRANTS + databases.REJOIN_GRANTS)} ON *.* TO `{databases.ME}`@localhost")
            (server.folder / "agent.yaml").write_text(CONFIG.format(
                site=site, folder=server.folder, me=databases.ME, secrets=self.secrets,
                role="primary" if site == "main" else "replica"))
            (server.folder / "agent").write_text(str(AGENT))
            (self.hosts / f"memphis-{site}-web-1").symlink_to(server.folder)
        main, dr = self.servers["main"], self.servers["dr"]
        with main.agent() as one, dr.agent() as two:
            one.do("thaw", epoch=1)
            main.sql("CREATE DATABASE shop; CREATE TABLE shop.orders "
                     "(writer INT, number INT, PRIMARY KEY (writer, number))")
            two.do("follow", epoch=1, host=self.sites["main"]["address"], port=main.port)
            one.do("promote", epoch=1, semi_sync=self.mode == "semi-sync")
        for site, server in self.servers.items():
            told = self.folder / "told" / f"{self.sites[site]['address']}.json"
            told.with_suffix(".new").write_text(json.dumps({"site": site, "socket": f"{server.folder}/socket"}))
            told.with_suffix(".new").rename(told)  # the application waits for it, and reads it at once

    def spec_files(self):
        files = super().spec_files()
        files["services/memphis.yaml"] = SERVICE.format(
            rpo=self.rpo, main=MAIN, dr=TIER2, name=NAME, origin=self.origin, edge=self.edge,
            monitor=self.monitor, mode=self.mode, database=self.database_port, strategy=self.STRATEGY,
            groups=textwrap.indent(self.GROUPS, " " * 6))
        return files

    def cut(self, site, on=True):
        """Its agent cannot be reached any more, also by sessions that are open."""
        path = self.servers[site].folder / "cut"
        path.touch() if on else path.unlink(missing_ok=True)

    def role(self, site):
        with self.servers[site].agent() as agent:
            return agent.do("hello")["role"]

    def role_log(self, site):
        paths = [self.servers[site].folder / "state" / name for name in ("roles.1.jsonl", "roles.jsonl")]
        return [json.loads(line) for path in paths if path.exists() for line in path.read_text().splitlines()]

    def lost(self, writers, site):
        acknowledged = set(writers.acknowledged)  # before the look: more come meanwhile
        rows = self.servers[site].sql("SELECT writer, number FROM shop.orders").splitlines()
        return acknowledged - {tuple(map(int, row.split())) for row in rows}

    def same(self):
        """Both databases hold the same, once the replica has caught up."""
        sums = lambda: {s.sql("CHECKSUM TABLE shop.orders") for s in self.servers.values()}
        return wait_for("equal tables", lambda: len(sums()) == 1)

    def end(self):
        super().end()
        for server in self.servers.values():
            server.end()


def intervals(rows):
    """When a host may have been open, by its own role log: [(since, until)] in wall milliseconds. The log says
    "open" before it is, and "closed" after it is; a host that died open was closed by its death, which the next line
    tells the end of."""
    found, since = [], None
    for row in rows:
        if row["open"] and since is None:
            since = row["wall_ms"]
        elif not row["open"] and since is not None:
            found.append((since, row["wall_ms"]))
            since = None
    return found + ([(since, float("inf"))] if since is not None else [])


def never_two_open(w):
    """No moment at which both could be written to, by their role logs. What was killed while it was open is closed
    from then on: `w.deaths` has when main was."""
    for start, end in intervals(w.role_log("main")):
        end = min([end, *(d for d in w.deaths if start <= d)])
        for other_start, other_end in intervals(w.role_log("dr")):
            check(end <= other_start or other_end <= start,
                  f"both were open: main {start}..{end}, dr {other_start}..{other_end}")
