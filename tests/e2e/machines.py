"""Two sites of real Debian machines in the lab: MariaDB, replicated, under the booking service, set up by our own
playbooks, behind the edge. For end-to-end tests, and for the quickstart.

    with world(kind=MachineWorld) as w: ...

needs root and systemd-nspawn; `need_machines()` ends a test as skipped where they are not. What takes minutes is made
once and kept beside the lab's base: the packages, and an image that bake.yml has made of a host.
"""

import contextlib
import fcntl
import functools
import hashlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time

from databases import Agent
from harness import BUILD, DRORCH, LAB, NAME, SOURCE, TIER2, Failure, World, check, wait_for, world

try:
    import yaml
except ImportError:
    yaml = None

MAIN, DR = "eu-west", "us-east"
HOSTS = {"main": "memphis-main-web-1", "dr": "memphis-dr-web-1"}
SCHEMA = SOURCE / "examples/booking/schema.sql"
# What is installed on the machines: they have no libraries for a build with sanitizers.
HOST_BUILD = pathlib.Path(os.environ.get("DRORCH_HOST_BUILD", BUILD)).resolve()
AGENT = HOST_BUILD / "agent/drorch-agent"
BOOKING = HOST_BUILD / "examples/booking/drorch-booking"
PLUGIN = HOST_BUILD / "plugins/aws.so"
PLAYBOOKS = SOURCE / "playbooks"
# What the playbooks make of hosts here that is not their default. It is in a baked image too.
SETTINGS = {"files_every": "1s", "self_fence_after": "10s"}
BASE_SECONDS, PLAYBOOK_SECONDS, BOOT_SECONDS = 900, 900, 120

PROVIDERS = """\
apiVersion: drorch/v1
kind: Providers
providers:
  linode:
    plugin: linode
    endpoint: http://127.0.0.1:{port}
    credentials: {{token: {{file: {credentials}/linode-token}}}}
  aws:
    plugin: aws
    region: {tier2}
    endpoint: http://127.0.0.1:{port}
    credentials:
      access_key_id: {{file: {credentials}/access-key-id}}
      secret_access_key: {{file: {credentials}/secret-access-key}}
  cloudflare:
    plugin: cloudflare
    endpoint: http://127.0.0.1:{port}
    credentials: {{token: {{file: {credentials}/cloudflare-token}}}}
"""

SERVICE = """\
apiVersion: drorch/v1
kind: Service
metadata: {{name: memphis, owner: platform@memphis.example}}
objectives: {{rto: 2m, rpo: 0s}}

sites:
  main:
    role: primary
    provider: linode
    region: {main}
    instances:
      web: {{count: 1, type: g6-standard-4, image: {image}}}
    agent: {{ssh: {{user: drorch, identity: {{file: {ssh}/controller}}, known_hosts: {ssh}/known_hosts}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s
  dr:
    strategy: hot-standby
    follows: main
    provider: linode
    region: {dr}
    instances:
      web: {{count: 1, type: g6-standard-4, image: {image}}}
    agent: {{ssh: {{user: drorch, identity: {{file: {ssh}/controller}}, known_hosts: {ssh}/known_hosts}}}}
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

# What our playbooks make of a machine of an image named `machine`.
IMAGES = """\
images:
  {built}:
    provider: {provider}
    region: {region}
    build:
      base: machine
      type: {type}
      playbook: playbooks/site.yml
      bake: playbooks/bake.yml
      vars: {{secrets: {secrets}}}
      deadline: 15m
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need_machines():
    """Ends the test as skipped where machines, or what makes services of them, cannot be had."""
    if os.geteuid() != 0:
        skip("machines need root")
    for tool in ("systemd-nspawn", "debootstrap", "ip", "nsenter", "unshare", "ansible-playbook", "ssh", "openssl"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip(f"not installed: {tool}")
    if yaml is None:
        skip("not installed: python3-yaml")
    if b"libasan" in subprocess.run(["ldd", AGENT], capture_output=True, check=False).stdout:
        skip("the machines' programs would be built with sanitizers: name another build in DRORCH_HOST_BUILD")
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text() and \
            subprocess.run(["modprobe", "overlay"], check=False).returncode:
        skip("no overlayfs")
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False).returncode:
        skip("no namespaces")
    try:
        base()
    except (Failure, subprocess.TimeoutExpired) as failure:
        skip(f"no base: {failure}")


# ---- what is made once ------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def base():
    """The image folder of a Debian with the packages that site.yml wants: it finds them, and needs no network."""
    done = subprocess.run([LAB, "base", "--site"], capture_output=True, text=True, timeout=BASE_SECONDS, check=False)
    check(done.returncode == 0, done.stderr)
    return pathlib.Path(done.stdout.strip())


def playbook_files():
    """{path: text} of our playbooks, as they stand in a repository of specs."""
    return {f"playbooks/{path.relative_to(PLAYBOOKS)}": path.read_text() for path in sorted(PLAYBOOKS.rglob("*"))
            if path.is_file() and "secrets" not in path.parts and not path.name.startswith(".")}


@functools.lru_cache(maxsize=None)
def baked():
    """The image folder of what `drorch image build` makes of the base by our playbooks: kept beside it, made anew when
    either changes. The programs are no part of it: they are another build's the next time."""
    made_of = json.dumps([str(base()), SETTINGS, playbook_files()], sort_keys=True)
    digest = hashlib.sha256(made_of.encode())
    made = base().parent.parent / f"{base().parent.name}-baked-{digest.hexdigest()[:12]}"
    with open(f"{made}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with world(kind=Bakery) as w:
                w.take(w.disk, made)
    return made


def greets(address):
    """Whether an sshd is there."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


# ---- the world --------------------------------------------------------------------------------


class Machines(World):
    """A lab with machines that playbooks can be run on. What a site needs beyond that is its own."""

    def make_service(self):
        self.times, self.hosts, self.deaths = {}, {}, []
        self.ssh_folder = self.folder / "ssh"
        self.ssh_folder.mkdir(mode=0o700)
        for name in ("controller", "provision"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.ssh_folder / name],
                           check=True)
        (self.ssh_folder / "known_hosts").touch()

    @contextlib.contextmanager
    def timed(self, what):
        began = time.monotonic()
        yield
        self.times[what] = round(time.monotonic() - began, 1)

    def read_credentials(self):
        super().read_credentials()
        path = self.credentials / "linode-token"
        path.write_text(self.keys["linode_token"] + "\n")
        path.chmod(0o600)

    def machine_image(self, below, name="image"):
        """An image folder on that one, and on top of it the key of whoever sets hosts up."""
        folder = self.folder / name
        keys = folder / "root/root/.ssh"
        keys.mkdir(parents=True)
        layers = (below / "machine").read_text()
        if (below / "root").exists():
            layers = f"layer {below}/root\n" + layers
        (folder / "machine").write_text(layers)
        shutil.copy(self.ssh_folder / "provision.pub", keys / "authorized_keys")
        keys.chmod(0o700)
        (folder / "root/root").chmod(0o700)
        return folder

    def add_machine_image(self, below):
        """A Linode image of it."""
        return self.add_image(self.machine_image(below), MAIN, "--vendor", "linode")

    # -- hosts: name: variables, as Ansible has them -----------------------------------------------

    def know_hosts(self, file="known_hosts"):
        """Their keys, as the lab made them, under the names that drorch gives the hosts."""
        lines = []
        for name, host in self.hosts.items():
            known = self.lab("known-hosts", host["drorch_instance_id"])
            lines.append(f"{name} {' '.join(known.splitlines()[0].split()[1:3])}\n")
            wait_for(f"{name}'s sshd", lambda a=host["ansible_host"]: greets(a), BOOT_SECONDS)
        (self.ssh_folder / file).write_text("".join(lines))

    def shell(self, host, command, seconds=60):
        """A root shell's command in a machine: by its site, its host's name, or its instance's id."""
        host = HOSTS.get(host, host)
        host = self.hosts[host]["drorch_instance_id"] if host in self.hosts else host
        return subprocess.run([LAB, "sh", host, command, "--state", self.lab_state], capture_output=True, text=True,
                              timeout=seconds, check=False)

    # -- playbooks -------------------------------------------------------------------------------

    def variables(self):
        key = (self.ssh_folder / "controller.pub").read_text().strip()
        return {"provision_key": str(self.ssh_folder / "provision"), "controller_keys": [key],
                "agent_source": str(AGENT), "agent_plugin_sources": [str(PLUGIN)], "application_source": str(BOOKING),
                "application_schema": str(SCHEMA), "application_port": self.origin, **SETTINGS,
                "store": {"plugin": "aws", "region": TIER2, "bucket": "memphis-dr", "prefix": "offsite/",
                          "endpoint": f"http://127.0.0.1:{self.port}"},
                "store_credentials": {"access_key_id": f"{self.credentials}/access-key-id",
                                      "secret_access_key": f"{self.credentials}/secret-access-key"}}

    def playbook(self, name, *arguments, good=True, inventory=None):
        """Its recap: {host: {ok, changed, failed, …}}."""
        variables = self.folder / "variables.json"
        variables.write_text(json.dumps(self.variables()))
        done = subprocess.run(
            ["ansible-playbook", "-i", inventory or self.inventory(), "-e", f"@{variables}", PLAYBOOKS / name, *arguments],
            capture_output=True, text=True, timeout=PLAYBOOK_SECONDS, cwd=self.folder, check=False,
            stdin=subprocess.DEVNULL,
            env={**self.environment, "DRORCH_SECRETS": str(self.folder / "secrets"), "ANSIBLE_NOCOLOR": "1",
                 "ANSIBLE_HOME": str(self.folder / "ansible"), "LC_ALL": "C.UTF-8",
                 "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"), "ANSIBLE_LOCALHOST_WARNING": "0",
                 "ANSIBLE_RETRY_FILES_ENABLED": "0"})
        self.said = done.stdout + done.stderr
        (self.folder / "playbook.log").write_text(self.said)
        if good:
            check(done.returncode == 0, f"{name}: {done.stdout[-6000:]}{done.stderr[-2000:]}")
        recap = re.findall(r"^(\S+)\s+: (ok=.*)$", done.stdout, re.M)
        return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", words)} for host, words in recap}

    # -- images ----------------------------------------------------------------------------------

    def image_files(self, **values):
        """For the specs' repository: ({path: text} of our playbooks, the spec's images)."""
        variables = {key: value for key, value in self.variables().items() if key != "provision_key"}
        return ({**playbook_files(), "playbooks/group_vars/build.yml": json.dumps(variables)},
                IMAGES.format(secrets=self.folder / "secrets", **values))

    def build(self, name):
        """The disk of the image that drorch makes now."""
        self.good("image", "build", name, timeout=PLAYBOOK_SECONDS)
        made = next(i for i in json.loads(self.good("image", "list", "-o", "json"))["images"] if i["image"] == name)
        disk = self.lab_state / "images" / made["id"].replace("/", "-")
        left = [str(path) for pattern in (
            "var/lib/mysql/*", "etc/mysql/drorch-tls/*", "etc/mysql/mariadb.conf.d/*-host.cnf",
            "etc/mysql/mariadb.conf.d/zz-*", "var/lib/drorch-agent/*", "var/lib/cloud/instances/*", "etc/ssh/ssh_host_*",
            "etc/systemd/system/multi-user.target.wants/mariadb.service") for path in (disk / "root").glob(pattern)
            if path.is_file() or path.is_dir()]
        check(not left, f"an image has what is one host's own: {left}")
        check((disk / "root/etc/machine-id").read_text() == "", "an image has no machine id")
        check("drorch-build" not in (disk / "root/root/.ssh/authorized_keys").read_text(), "the build's key")
        return disk

    def linode(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, "/v4" + path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.keys["linode_token"],
                            "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        check(response.status == 200, f"{method} {path}: {answer}")
        return answer


class Bakery(Machines):
    """A service that has no hosts yet, and an image of what they are to be."""

    def make_service(self):
        super().make_service()
        self.add_image(self.machine_image(base()), MAIN, "--vendor", "linode", name="machine")
        self.commit_specs()
        self.disk = self.build("memphis-base")

    def spec_files(self):
        values = dict(port=self.port, edge=self.edge, origin=self.origin, main=MAIN, dr=DR, tier2=TIER2, name=NAME,
                      credentials=self.credentials, monitor=self.monitor, ssh=self.ssh_folder,
                      image="{name: memphis-base, newest: true}")
        files, images = self.image_files(built="memphis-base", provider="linode", region=MAIN, type="g6-standard-4")
        return {**files, "providers.yaml": PROVIDERS.format(**values),
                "services/memphis.yaml": SERVICE.format(**values) + images}

    def take(self, disk, to):
        """It appears whole."""
        new = to.with_name(to.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run(["cp", "-a", disk, new], check=True)
        # Of the layers only the base stays: what was on top of it here is in a folder that goes.
        layers = [line for line in (new / "machine").read_text().splitlines() if str(self.folder) not in line]
        (new / "machine").write_text("\n".join(layers) + "\n")
        shutil.rmtree(new / "root/root/.ssh", ignore_errors=True)
        new.rename(to)


class MachineWorld(Machines):
    """`main` and `dr` at Linode, replicated; the name leads to `main`."""

    def make_service(self):
        super().make_service()
        with self.timed("image"):
            self.image = self.add_machine_image(baked())
        self.make_zone()
        self.commit_specs()
        with self.timed("launch"):
            self.launch()
        with self.timed("site.yml"):
            self.playbook("site.yml", "--tags", "host")
        with self.timed("traffic"):
            self.good("apply", "--confirm", "memphis")
            wait_for("the service at its main site", lambda: self.ask("/healthz")[:2] == (200, "main"))
            self.record = next(r["id"] for r in self.cloudflare("GET", f"/zones/{self.zone}/dns_records")
                               if (r["name"], r["type"]) == (NAME, "A"))

    def make_zone(self):
        self.zone = self.cloudflare("POST", "/zones", {"name": "memphis.example", "account": {"id": "0" * 32}})["id"]

    def spec_files(self):
        values = dict(port=self.port, edge=self.edge, origin=self.origin, main=MAIN, dr=DR, tier2=TIER2, name=NAME,
                      credentials=self.credentials, monitor=self.monitor, image=self.image, ssh=self.ssh_folder)
        return {"providers.yaml": PROVIDERS.format(**values), "services/memphis.yaml": SERVICE.format(**values)}

    # -- hosts -----------------------------------------------------------------------------------

    def launch(self):
        """By drorch."""
        self.good("apply", "--confirm", "memphis")
        self.read_hosts()
        self.know_hosts()

    def read_hosts(self):
        self.hosts = json.loads(self.good("inventory", "--list"))["_meta"]["hostvars"]
        return self.hosts

    def address(self, site):
        return self.hosts[HOSTS[site]]["ansible_host"]

    def instance(self, site):
        """Its id, which is what `drorch-lab cut`, `kill` and the like want."""
        return self.hosts[HOSTS[site]]["drorch_instance_id"]

    def sql(self, site, text):
        done = self.shell(site, f"mariadb -BN -e {shlex.quote(text)}")
        check(done.returncode == 0, f"{site}: {text}: {done.stderr}")
        return done.stdout.strip()

    def role_log(self, site):
        text = self.shell(site, "cd /var/lib/drorch-agent && cat roles.1.jsonl roles.jsonl 2>/dev/null").stdout
        check(text, f"{site} has no role log")
        return [json.loads(line) for line in text.splitlines()]

    def session(self, site):
        """The agent's session there, over ssh, as drorch holds it."""
        name = HOSTS[site]
        return Agent(None, ["ssh", "-T", "-F", "/dev/null", "-i", self.ssh_folder / "controller",
                            *(f"-o{option}" for option in (
                                "BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=3", "ServerAliveInterval=2",
                                "ServerAliveCountMax=2", "StrictHostKeyChecking=yes", f"HostKeyAlias={name}",
                                f"UserKnownHostsFile={self.ssh_folder}/known_hosts")),
                            f"drorch@{self.address(site)}"])

    @contextlib.contextmanager
    def heard(self, site):
        """As by a controller, which looks every two seconds: a primary that hears nobody closes itself."""
        over = threading.Event()

        def look():
            with self.session(site) as session, contextlib.suppress(OSError, Failure):  # its host may be ended
                while not over.wait(2):
                    session.do("hello")
        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def inventory(self):
        """The script of docs/inventory.md."""
        path = self.folder / "hosts"
        if not path.exists():
            path.write_text(f'#!/bin/sh\nexec {DRORCH} inventory "$@"\n')
            path.chmod(0o755)
        return path
