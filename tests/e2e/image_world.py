"""A lab with whole machines at two clouds, and a spec whose images are built by a playbook of the test's own."""

import http.client
import json
import os
import shutil
import subprocess
import sys

from harness import LAB, TIER2, World, check, wait_for

PACKAGES = "openssh-server,python3"
BASE_SECONDS = 400
WEST = "eu-west"

PROVIDERS = """\
apiVersion: drorch/v1
kind: Providers
providers:
  aws:
    plugin: aws
    region: {tier2}
    endpoint: http://127.0.0.1:{port}
    credentials:
      access_key_id: {{file: {credentials}/access-key-id}}
      secret_access_key: {{file: {credentials}/secret-access-key}}
  linode:
    plugin: linode
    endpoint: http://127.0.0.1:{port}
    credentials: {{token: {{file: {credentials}/linode-token}}}}
"""

SERVICE = """\
apiVersion: drorch/v1
kind: Service
metadata: {{name: memphis, owner: platform@memphis.example}}
sites:
  main:
    role: primary
    provider: aws
    region: {tier2}
    instances:
      web: {{count: 0, type: t3.large, image: {{name: memphis-site, newest: true}}}}
    health: {{http: {{scheme: http, path: /healthz, host: www.memphis.example}}}}
images:
  memphis-site:
    provider: aws
    region: {tier2}
    build:
      base: debian-12
      playbook: playbooks/site.yml
      bake: playbooks/bake.yml
      vars: {{marker: {marker}}}
      deadline: 5m
    refresh: 1h
    keep: 2
  linode-site:
    provider: linode
    region: {west}
    build: {{base: debian-12, playbook: playbooks/site.yml, type: g6-nanode-1, vars: {{marker: west}}, deadline: 5m}}
"""

SITE = """\
- hosts: all
  gather_facts: false
  roles: [marker]
"""

ROLE = """\
- name: leave a marker
  ansible.builtin.template: {src: marker.j2, dest: /etc/marker, mode: "0644"}
"""

BAKE = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: say that it is an image
      ansible.builtin.copy: {content: "baked\\n", dest: /etc/baked, mode: "0644"}
"""


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)


def find_base():
    """A Debian that ssh and Ansible can be used on; made once, and kept."""
    if os.geteuid() != 0:
        skip("machines need root")
    for tool in ("systemd-nspawn", "debootstrap", "ip", "nsenter", "unshare", "ansible-playbook", "ssh", "ssh-keygen"):
        if not shutil.which(tool):
            skip("no " + tool)
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"]).returncode:
        skip("no namespaces")
    try:
        done = subprocess.run([LAB, "base", "--include", PACKAGES], capture_output=True, text=True,
                              timeout=BASE_SECONDS)
    except subprocess.TimeoutExpired:
        skip("the base was not made in time")
    if done.returncode:
        skip("no base: " + done.stderr)
    return done.stdout.strip()


class ImageWorld(World):
    """No instance runs; what is built is the test's to say."""

    def __init__(self, folder, **options):
        self.base = find_base()
        self.marker = "first"
        self.site, self.role = SITE, ROLE
        super().__init__(folder, **options)

    def read_credentials(self):
        super().read_credentials()
        path = self.credentials / "linode-token"
        path.write_text(self.keys["linode_token"] + "\n")
        path.chmod(0o600)

    def make_service(self):
        self.bases = {
            "ec2": self.lab("image", "add", self.base, "--name", "debian-12", "--region", TIER2).split()[0],
            "linode": self.lab("image", "add", self.base, "--name", "debian-12", "--region", WEST, "--vendor",
                               "linode").split()[0]}
        self.commit_specs()

    def spec_files(self):
        values = dict(port=self.port, tier2=TIER2, west=WEST, credentials=self.credentials, marker=self.marker)
        return {"providers.yaml": PROVIDERS.format(**values), "services/memphis.yaml": SERVICE.format(**values),
                "playbooks/site.yml": self.site, "playbooks/bake.yml": BAKE,
                "playbooks/roles/marker/tasks/main.yml": self.role,
                "playbooks/roles/marker/templates/marker.j2": "{{ marker }} {{ drorch_service }} {{ drorch_role }}\n"}

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

    def build(self, image="memphis-site", **options):
        return self.drorch("image", "build", image, **options)

    def images(self, image="memphis-site"):
        """As drorch lists them, newest first."""
        listed = json.loads(self.good("image", "list", "-o", "json"))["images"]
        return [i for i in listed if i["image"] == image]

    def machines(self, region=TIER2):
        return [i for i in self.instances(region, alive=False) if i["state"] not in ("terminated", "shutting-down")]

    def none_left(self, what, region=TIER2):
        check(not self.machines(region), f"{what}: machines are left: {self.machines(region)}")
        files = list((self.state / "runs").glob("*.files"))
        check(not files, f"{what}: files are left: {files}")

    def shell(self, name, command, seconds=30):
        done = subprocess.run([LAB, "sh", name, command, "--state", self.lab_state], capture_output=True, text=True,
                              timeout=seconds)
        return done.returncode, (done.stdout + done.stderr).strip()

    def boot(self, image, region=TIER2):
        """An instance of the image at EC2."""
        before = {i["id"] for i in self.machines(region)}
        self.ec2(region, "RunInstances", ImageId=image, MinCount="1", MaxCount="1", InstanceType="t3.micro")
        made = [i["id"] for i in self.machines(region) if i["id"] not in before][0]
        wait_for("the instance", lambda: self.shell(made, "true")[0] == 0)
        return made

    def log(self, run):
        return (self.state / "runs" / f"{run}.log").read_text()

    def jobs(self):
        """The ansible-playbook processes of this world."""
        return subprocess.run(["pgrep", "-f", f"ansible-playboo[k] -i {self.state}/"], capture_output=True,
                              text=True).stdout.split()

    def launched(self):
        return [c for c in self.calls(operation="RunInstances") if c["ids"]]

    def start_at(self, task, role):
        """A build in the background that has come to that task of the role."""
        self.role = role
        self.commit_specs()
        process = self.start("image", "build", "memphis-site")
        wait_for(f"task {task}", lambda: self.runs() and self.steps(self.run_id())["play"]["note"] == f"marker : {task}", 90)
        return process
