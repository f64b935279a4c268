"""The inventory: after a promote it has the new host, while every cloud and git are away; and Ansible reads it."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile

from harness import BUILD, DRORCH, SOURCE, TIER2, World, check, main, world

HOST = "memphis-tier2-web-1"


class Ssh(World):
    """Hosts of tier2 can be logged in to."""

    def spec_files(self):
        files = super().spec_files()
        ssh = (f"agent: {{ssh: {{user: ops, identity: {{file: {self.folder}/id}}, "
               f"known_hosts: {self.folder}/known}}, progress: ")
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace("agent: {progress: ", ssh)
        check(ssh in files["services/memphis.yaml"], "the spec has ssh")
        return files


def inventory(w, *arguments):
    """Neither a repository nor plugins: the state alone."""
    done = subprocess.run([DRORCH, "inventory", *arguments], env=w.environment, capture_output=True, text=True,
                          timeout=60)
    check(done.returncode == 0, f"inventory {arguments}: {done}")
    return json.loads(done.stdout)


def wrapper(w):
    """The script of the documentation, as it stands there."""
    text = (SOURCE / "docs/inventory.md").read_text()
    script = w.folder / "hosts"
    script.write_text(re.search(r"^```sh\n(#!.*?)^```", text, re.M | re.S).group(1))
    script.chmod(0o755)
    return script


def ansible(w, *arguments):
    path = f"{DRORCH.parent}:{os.environ['PATH']}"
    done = subprocess.run(["ansible-inventory", "-i", wrapper(w), *arguments],
                          env={**w.environment, "PATH": path, "ANSIBLE_LOCALHOST_WARNING": "false",
                               "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")},
                          capture_output=True, text=True, timeout=120, cwd=w.folder)
    check(done.returncode == 0 and "[WARNING]" not in done.stderr, f"ansible-inventory {arguments}: {done}")
    return json.loads(done.stdout)


def cut_all(w):
    w.lab("down")
    shutil.rmtree(w.repo)


def after_a_promote():
    with world(Ssh) as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        check(inventory(w, "--list") == {"_meta": {"hostvars": {}}}, "nothing is known yet")
        check(w.promote().returncode == 0, "the promote")
        made = w.instances(TIER2)[0]
        tags = w.ec2(TIER2, "DescribeInstances", InstanceId_1=made["id"])
        check(re.search(r"<key>drorch:group</key>\s*<value>web</value>", tags), f"its group is a tag: {tags}")
        cut_all(w)
        found = inventory(w, "--list")
        groups = {name: group["hosts"] for name, group in found.items() if name != "_meta"}
        check(groups == {name: [HOST] for name in (
            "active", "memphis_tier2", "memphis_tier2_web", "provider_aws", "region_us_west_2", "service_memphis")},
            f"its groups: {groups}")
        check(list(found) == sorted(found), "the output is sorted")
        variables = found["_meta"]["hostvars"][HOST]
        check(variables == inventory(w, "--host", HOST), "--host says the same")
        wanted = {"ansible_host": made["address"], "ansible_user": "ops",
                  "ansible_ssh_private_key_file": f"{w.folder}/id",
                  "ansible_ssh_common_args": f"-o UserKnownHostsFile={w.folder}/known -o HostKeyAlias={HOST} -o StrictHostKeyChecking=yes",
                  "drorch_active": True, "drorch_role": "active", "drorch_service": "memphis",
                  "drorch_site": "tier2", "drorch_group": "web", "drorch_provider": "aws",
                  "drorch_region": TIER2, "drorch_instance_id": made["id"], "drorch_instance_type": "t3.large",
                  "drorch_state": "running", "drorch_public_ipv4": made["address"]}
        check(wanted.items() <= variables.items(), f"its variables: {variables}")
        check(inventory(w, "--host", "no-such-host") == {}, "an unknown host has no variables")
        if not shutil.which("ansible-inventory"):
            print("     ansible-inventory is not installed: not read by Ansible")
            return
        theirs = ansible(w, "--list")
        check(theirs["_meta"]["hostvars"][HOST] == variables, f"Ansible reads the same: {theirs}")
        for name, hosts in groups.items():
            check(theirs[name]["hosts"] == hosts, f"Ansible's {name}: {theirs[name]}")
        check(ansible(w, "--host", HOST) == variables, "and by itself")


def an_aborted_promote_leaves_no_host():
    with world() as w:
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "add", "status", "--vendor", "cloudflare", "--operation", "BatchDnsRecords", "--status",
              "400", "--code", "9005")
        check(w.promote().returncode != 0, "no switch: the run fails")
        w.lab("fault", "clear")
        check(HOST in inventory(w, "--list")["_meta"]["hostvars"], "what runs is known")
        check(w.drorch("abort", w.run_id()).returncode == 0, "the abort")
        check(not w.instances(TIER2), "nothing runs")
        check(inventory(w, "--list") == {"_meta": {"hostvars": {}}}, "nothing is known")


# -- what a store may hold -----------------------------------------------------------------------

class Stored:
    """A state folder with these facts, {(service, key): value}, and no cloud at all."""

    def __init__(self, folder, facts):
        self.folder = pathlib.Path(folder)
        self.environment = {**os.environ, "HOME": str(folder), "DRORCH_STATE": str(self.folder / "state")}
        subprocess.run([BUILD / "tests/e2e/stored_run", self.folder / "state", "1"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True, timeout=60)
        with contextlib.closing(sqlite3.connect(self.folder / "state/drorch.db")) as db:
            db.executemany("INSERT INTO facts (service, key, value, changed_ms) VALUES (?, ?, ?, 1)",
                           [(service, key, json.dumps(value) if key != "active-site" else value)
                            for (service, key), value in facts.items()])
            db.commit()


def entry(host, site, group, number=1, **more):
    return {"id": f"i-{site}-{group}-{number}", "host": host, "name": "", "site": site, "group": group,
            "provider": "aws", "region": "us-west-2", "type": "t3.large", "public_ipv4": "",
            "private_ipv4": f"10.0.0.{number}", "state": "running", **more}


def summary(**services):
    return {"commit": "", "services": [
        {"name": name.replace("_", "-"), "sites": [{"name": site, "primary": i == 0} for i, site in enumerate(sites)]}
        for name, sites in services.items()]}


def stored(facts, test):
    with tempfile.TemporaryDirectory(prefix="drorch-inventory-") as folder:
        test(Stored(folder, facts))


def no_value_becomes_a_template():
    evil = "{{ lookup('pipe', 'touch owned') }}"

    def test(w):
        text = json.dumps(inventory(w, "--list"))
        check("{{" not in text and "lookup('" not in text and "\\n" not in text, text)
        names = inventory(w, "--list")
        check(list(names["_meta"]["hostvars"]) == ["memphis-main-web-1"], f"its host is there: {names}")
        check(all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) for name in names), f"names of groups: {names}")
        theirs = ansible(w, "--list") if shutil.which("ansible-inventory") else names
        check(theirs["_meta"]["hostvars"] == names["_meta"]["hostvars"], theirs)

    odd = entry("memphis-main-web-1", "main", evil, id=evil, region=evil, type="a\nb", provider="9" + evil)
    unnamed = entry(evil, "main", "web", 2)
    stored({("", "spec-summary"): summary(memphis=["main"]), ("memphis", "instances"):
            {"at_ms": 1, "instances": [odd, unnamed]}}, test)


def two_things_of_one_name_stay_two():
    def test(w):
        found = inventory(w, "--list")
        hosts = found["_meta"]["hostvars"]
        check({name: v["drorch_instance_id"] for name, v in hosts.items()} == {
            "a-b-c-web-1": "i-b-c-web-1", "a-b-c-web-1-i-c-web-1": "i-c-web-1", "a-b-web-1": "i-b-web-1"}, hosts)
        check(found["a_b_c"]["hosts"] == ["a-b-c-web-1"], f"site b-c of a: {found}")
        check(found["a_b__c"]["hosts"] == ["a-b-c-web-1-i-c-web-1"], f"site c of a-b: {found}")
        check(found["active"]["hosts"] == ["a-b-web-1", "a-b-c-web-1-i-c-web-1"], f"the active sites: {found}")
        check(found["standby"]["hosts"] == ["a-b-c-web-1"], f"the standby: {found}")

    stored({("", "spec-summary"): summary(a=["b-c", "b"], a_b=["c"]), ("a", "active-site"): "b",
            ("a", "instances"): {"at_ms": 1, "instances": [entry("a-b-c-web-1", "b-c", "web"),
                                                           entry("a-b-web-1", "b", "web", 1)]},
            ("a-b", "instances"): {"at_ms": 1, "instances": [entry("a-b-c-web-1", "c", "web")]}}, test)


def only_hosts_that_can_be_reached():
    def test(w):
        hosts = inventory(w, "--list")["_meta"]["hostvars"]
        check({name: v["ansible_host"] for name, v in hosts.items()} ==
              {"m-main-web-1": "10.0.0.1", "m-main-web-4": "192.0.2.4"}, hosts)

    stored({("", "spec-summary"): summary(m=["main"]), ("m", "instances"): {"at_ms": 1, "instances": [
        entry("m-main-web-1", "main", "web", 1),
        entry("m-main-web-2", "main", "web", 2, state="stopped"),
        entry("m-main-web-3", "main", "web", 3, private_ipv4=""),
        entry("m-main-web-4", "main", "web", 4, state="pending", public_ipv4="192.0.2.4")]},
        ("gone", "instances"): {"at_ms": 1, "instances": [entry("gone-main-web-1", "main", "web")]}}, test)


def a_damaged_fact_is_no_answer():
    def test(w):
        done = subprocess.run([DRORCH, "inventory", "--list"], env=w.environment, capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == 1 and not done.stdout and done.stderr, done)

    stored({("", "spec-summary"): summary(m=["main"]), ("m", "instances"): [1, 2]}, test)


main(after_a_promote, no_value_becomes_a_template, two_things_of_one_name_stay_two, only_hosts_that_can_be_reached,
     a_damaged_fact_is_no_answer, an_aborted_promote_leaves_no_host)
