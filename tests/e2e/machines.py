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
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from databases import Agent
from harness import AGENT, BUILD, DRORCH, LAB, NAME, SOURCE, TIER2, Failure, World, check, main, wait_for, world

try:
    import yaml
except ImportError:
    yaml = None

MAIN, DR = "eu-west", "us-east"
HOSTS = {"main": "memphis-main-web-1", "dr": "memphis-dr-web-1"}
BOOKING = BUILD / "examples/booking/drorch-booking"
PLUGIN = BUILD / "plugins/aws.so"
PLAYBOOKS = SOURCE / "playbooks"
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
    health: &health
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


def packages():
    """Those that the roles ask for, so that site.yml finds them and needs no network."""
    settings = yaml.safe_load((PLAYBOOKS / "roles/settings/defaults/main.yml").read_text())
    found = {"python3"}.union(*(value for name, value in settings.items() if name.endswith("_packages")))
    return sorted(found)


@functools.lru_cache(maxsize=None)
def base():
    """The image folder of a Debian with the packages in it."""
    done = subprocess.run([LAB, "base", "--include", ",".join(packages())], capture_output=True, text=True,
                          timeout=BASE_SECONDS, check=False)
    check(done.returncode == 0, done.stderr)
    return pathlib.Path(done.stdout.strip())


def greets(address):
    """Whether an sshd is there."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


# ---- the world --------------------------------------------------------------------------------


class MachineWorld(World):
    """`main` and `dr` at Linode, replicated; the name leads to `main`."""

    image_folder = None

    def make_service(self):
        self.ssh_folder = self.folder / "ssh"
        self.ssh_folder.mkdir(mode=0o700)
        for name in ("controller", "provision"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.ssh_folder / name],
                           check=True)
        (self.ssh_folder / "known_hosts").touch()
        self.times = {}
        self.add_machine_images()
        self.make_zone()
        self.commit_specs()
        with self.timed("launch"):
            self.launch()
        with self.timed("hosts"):
            self.know_hosts()
        with self.timed("site.yml"):
            self.playbook("site.yml")
        with self.timed("traffic"):
            self.good("apply", "--confirm", "memphis")
            wait_for("the service at its main site", lambda: self.ask("/healthz")[:2] == (200, "main"))

    @contextlib.contextmanager
    def timed(self, what):
        began = time.monotonic()
        yield
        self.times[what] = time.monotonic() - began

    def read_credentials(self):
        super().read_credentials()
        path = self.credentials / "linode-token"
        path.write_text(self.keys["linode_token"] + "\n")
        path.chmod(0o600)

    # -- before there are hosts ------------------------------------------------------------------

    def add_machine_images(self):
        """The base, and on top of it the key of whoever sets hosts up."""
        folder = self.folder / "image"
        keys = folder / "root/root/.ssh"
        keys.mkdir(parents=True)
        (folder / "machine").write_text((base() / "machine").read_text())
        shutil.copy(self.ssh_folder / "provision.pub", keys / "authorized_keys")
        keys.chmod(0o700)
        (folder / "root/root").chmod(0o700)
        self.image = self.add_image(folder, MAIN, "--vendor", "linode")

    def make_zone(self):
        self.zone = self.cloudflare("POST", "/zones", {"name": "memphis.example", "account": {"id": "0" * 32}})["id"]

    def spec_files(self):
        values = dict(port=self.port, edge=self.edge, origin=self.origin, main=MAIN, dr=DR, tier2=TIER2, name=NAME,
                      credentials=self.credentials, monitor=self.monitor, image=self.image, ssh=self.ssh_folder)
        return {"providers.yaml": PROVIDERS.format(**values),
                "services/memphis.yaml": SERVICE.replace(" &health", "").format(**values)}

    # -- hosts -----------------------------------------------------------------------------------

    def launch(self):
        """By drorch: an active site without instances is a loss for it, unless it is told otherwise."""
        self.good("apply", "--confirm", "memphis", "--override-rule", "active-lost", "--reason", "its first hosts")
        self.read_hosts()

    def read_hosts(self):
        """name: variables of the inventory."""
        self.hosts = json.loads(self.good("inventory", "--list"))["_meta"]["hostvars"]
        return self.hosts

    def know_hosts(self):
        """Host keys from the machines themselves, under the names that drorch gives the hosts."""
        lines = []
        for name, host in self.hosts.items():
            key = wait_for(f"{name}'s host key", lambda i=host["drorch_instance_id"]: self.host_key(i), BOOT_SECONDS)
            wait_for(f"{name}'s sshd", lambda a=host["ansible_host"]: greets(a), BOOT_SECONDS)
            lines.append(f"{name} {' '.join(key.split()[:2])}\n")
        (self.ssh_folder / "known_hosts").write_text("".join(lines))

    def host_key(self, instance):
        """Once the first boot has made it."""
        done = self.shell(instance, "test -s /var/lib/lab-user-data/id && cat /etc/ssh/ssh_host_ed25519_key.pub")
        return done.stdout if done.returncode == 0 else None

    def shell(self, host, command, seconds=60):
        """A root shell's command in a machine: by its site, its host's name, or its instance's id."""
        host = HOSTS.get(host, host)
        host = self.hosts[host]["drorch_instance_id"] if host in self.hosts else host
        return subprocess.run([LAB, "sh", host, command, "--state", self.lab_state], capture_output=True, text=True,
                              timeout=seconds, check=False)

    def address(self, site):
        return self.hosts[HOSTS[site]]["ansible_host"]

    def sql(self, site, text):
        done = self.shell(site, f"mariadb -BN -e {json.dumps(text)}")
        check(done.returncode == 0, f"{site}: {text}: {done.stderr}")
        return done.stdout.strip()

    def session(self, site):
        """The agent's session there, over ssh, as drorch holds it."""
        name = HOSTS[site]
        return Agent(None, ["ssh", "-T", "-F", "/dev/null", "-i", self.ssh_folder / "controller",
                            *(f"-o{option}" for option in (
                                "BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=3", "ServerAliveInterval=2",
                                "ServerAliveCountMax=2", "StrictHostKeyChecking=yes", f"HostKeyAlias={name}",
                                f"UserKnownHostsFile={self.ssh_folder}/known_hosts")),
                            f"drorch@{self.address(site)}"])

    # -- playbooks -------------------------------------------------------------------------------

    def has_firewall(self):
        """Whether a machine may have one: nspawn leaves it the network's administration only where the lab says so."""
        held = int(self.shell("main", "sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status").stdout, 16)
        return bool(held >> 12 & 1)

    def variables(self):
        key = (self.ssh_folder / "controller.pub").read_text().strip()
        return {"provision_key": str(self.ssh_folder / "provision"), "controller_keys": [key],
                "agent_source": str(AGENT), "agent_plugin_sources": [str(PLUGIN)], "application_source": str(BOOKING),
                "application_port": self.origin, "firewall": self.has_firewall(),
                "store": {"plugin": "aws", "region": TIER2, "bucket": "memphis-dr", "prefix": "offsite/",
                          "endpoint": f"http://127.0.0.1:{self.port}"},
                "store_credentials": {"access_key_id": f"{self.credentials}/access-key-id",
                                      "secret_access_key": f"{self.credentials}/secret-access-key"},
                "firewall_progress": [".".join(self.address("main").split(".")[:3]) + ".0/24"]}

    def inventory_script(self):
        path = self.folder / "hosts"
        if not path.exists():
            path.write_text(f'#!/bin/sh\nexec {DRORCH} inventory "$@"\n')
            path.chmod(0o755)
        return path

    def playbook(self, name, *arguments, good=True):
        """Its recap: {host: {ok, changed, failed, …}}."""
        variables = self.folder / "variables.json"
        variables.write_text(json.dumps(self.variables()))
        done = subprocess.run(
            ["ansible-playbook", "-i", self.inventory_script(), "-e", f"@{variables}", PLAYBOOKS / name, *arguments],
            capture_output=True, text=True, timeout=PLAYBOOK_SECONDS, cwd=self.folder, check=False,
            stdin=subprocess.DEVNULL,
            env={**self.environment, "DRORCH_SECRETS": str(self.folder / "secrets"), "ANSIBLE_NOCOLOR": "1",
                 "ANSIBLE_HOME": str(self.folder / "ansible"), "LC_ALL": "C.UTF-8",
                 "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"), 
                 "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_LOCALHOST_WARNING": "0"})
        (self.folder / "playbook.log").write_text(done.stdout + done.stderr)
        if good:
            check(done.returncode == 0, f"{name}: {done.stdout[-6000:]}{done.stderr[-2000:]}")
        recap = re.findall(r"^(\S+)\s+: (ok=.*)$", done.stdout, re.M)
        return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", words)} for host, words in recap}


if __name__ == "__main__":
    need_machines()

    def try_it():
        with world(kind=MachineWorld) as w:
            print({what: round(seconds, 1) for what, seconds in w.times.items()})
            print(w.hosts)
            print(w.playbook("site.yml"))
            print(w.ask("/healthz"), w.book("guest"))
            print(w.sql("dr", "SELECT * FROM booking.bookings; SHOW SLAVE STATUS\\G"))

    main(try_it)
