"""Machine images, built by a playbook on real machines of both clouds: what is built boots, and what fails leaves nothing."""

import contextlib
import sqlite3
import subprocess
import time

from harness import TIER2, check, main, wait_for, world
from image_world import ROLE, WEST, ImageWorld

SLOW = ROLE + """\
- name: take long
  ansible.builtin.command: sleep 60
"""

FAILING = ROLE + """\
- name: ask for the impossible
  ansible.builtin.command: sh -c 'echo no such luck >&2; exit 3'
"""


def built_at_ec2():
    with world(kind=ImageWorld) as w:
        done = w.build()
        check(done.returncode == 0, done.stdout + done.stderr)
        run = w.run_id()
        made = w.images()
        check(len(made) == 1 and made[0]["available"] and not made[0]["stale"], made)
        check(made[0]["base"] == w.bases["ec2"] and made[0]["run"] == run, made)
        check(len(made[0]["playbook_sha256"]) == 64, made)
        w.none_left("built")
        text = w.log(run)
        check("play: TASK [marker : leave a marker]" in text, text)
        check("bake: TASK [say that it is an image]" in text, text)
        step = w.steps(run)
        check("changed=1" in step["play"]["note"] and made[0]["id"] in step["verify"]["note"], step)
        machine = w.boot(made[0]["id"])
        check(w.shell(machine, "cat /etc/marker /etc/baked") == (0, "first memphis build\nbaked"), w.shell(
            machine, "cat /etc/marker /etc/baked"))
        check(w.shell(machine, "grep -c drorch-build /root/.ssh/authorized_keys")[1] == "0", "the build's key is in the image")
        w.ec2(TIER2, "TerminateInstances", InstanceId_1=machine)
        # What a site with `newest` boots is this one, and the next is made of the next playbook.
        w.marker = "second"
        w.commit_specs()
        w.good("image", "build", "memphis-site")
        two = w.images()
        check(len(two) == 2 and two[1]["id"] == made[0]["id"], two)
        check(two[0]["playbook_sha256"] == two[1]["playbook_sha256"], "the same playbook")
        plan = w.good("plan", "memphis")
        check("image build memphis-site" not in plan, plan)
        check("image build linode-site" in plan, plan)


def built_at_linode():
    with world(kind=ImageWorld) as w:
        done = w.build("linode-site", repo=str(w.repo))  # a working copy, without a commit
        check(done.returncode == 0, done.stdout + done.stderr)
        made = w.images("linode-site")
        check(len(made) == 1 and made[0]["base"] == w.bases["linode"] and len(made[0]["playbook_sha256"]) == 64, made)
        w.none_left("built", WEST)
        started = w.linode("POST", "/linode/instances", {
            "region": WEST, "type": "g6-nanode-1", "label": "try", "root_pass": "correct-Horse-7",
            "image": made[0]["id"]})
        wait_for("the instance", lambda: w.shell("try", "true")[0] == 0)
        check(w.shell("try", "cat /etc/marker") == (0, "west memphis build"), w.shell("try", "cat /etc/marker"))
        w.linode("DELETE", f"/linode/instances/{started['id']}")


def a_failing_playbook():
    with world(kind=ImageWorld) as w:
        w.role = FAILING
        w.commit_specs()
        done = w.build()
        check(done.returncode == 1 and w.run_state() == "rolled-back", done)
        said = done.stdout + done.stderr
        check('task "marker : ask for the impossible" failed' in said and "no such luck" in said, said)
        check(not w.images(), w.images())
        w.none_left("failed")
        w.role = ROLE
        w.commit_specs()
        done = w.build()
        check(done.returncode == 0, done.stdout + done.stderr)


def refused_before_anything():
    with world(kind=ImageWorld) as w:
        done = w.build("nonsense")
        check(done.returncode == 10 and "memphis-site, linode-site" in done.stderr, done)
        path = w.repo / "services/memphis.yaml"
        text = path.read_text()
        w.commit_specs({"services/memphis.yaml": text.replace("base: debian-12", "base: debian-13")})
        done = w.build()
        check(done.returncode == 10 and 'no image "debian-13"' in done.stderr, done)
        w.commit_specs({"services/memphis.yaml": text.replace("playbooks/site.yml", "playbooks/none.yml")})
        done = w.build()
        check(done.returncode == 10 and "services/memphis.yaml:" in done.stderr and "none.yml" in done.stderr, done)
        w.commit_specs({"services/memphis.yaml": text})
        done = w.build(environment={"PATH": "/nonexistent"})
        check(done.returncode == 1 and "apt-get install ansible-core" in done.stderr, done)
        check(not w.runs() and not w.calls(operation="RunInstances"), "nothing was begun")


def keys_of_ones_own():
    """An identity by reference lets us in, and stays where it is; a machine whose key is not the known one is not built on."""
    with world(kind=ImageWorld) as w:
        key, known = w.folder / "key", w.folder / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        known.write_text("")
        text = w.spec_files()["services/memphis.yaml"]

        def ssh(how):
            w.commit_specs({"services/memphis.yaml": text.replace("      bake:", f"      ssh: {how}\n      bake:")})
        for reference in (f"{{file: {key}}}", f"{{command: [cat, {key}]}}"):
            ssh(f"{{identity: {reference}}}")
            done = w.build()
            check(done.returncode == 0 and key.exists(), done)
            w.none_left(reference)
        ssh(f"{{known_hosts: {known}}}")
        done = w.build()
        check(done.returncode == 1 and "another key than the known one" in done.stdout + done.stderr, done)
        w.none_left("another key")


def killed_in_the_playbook():
    """The playbook goes on without its worker, and is not begun twice."""
    with world(kind=ImageWorld) as w:
        process = w.start_at("take a while", ROLE + """\
- name: count how often
  ansible.builtin.shell: echo once >>/etc/often
- name: take a while
  ansible.builtin.command: sleep 5
""")
        w.kill_worker()
        w.finish(process)
        check(w.jobs(), "the playbook goes on")
        w.good("resume", w.run_id())
        w.none_left("resumed")
        check(len(w.launched()) == 1, w.launched())
        machine = w.boot(w.images()[0]["id"])
        check(w.shell(machine, "cat /etc/often") == (0, "once"), w.shell(machine, "cat /etc/often"))


def aborted_in_the_playbook():
    with world(kind=ImageWorld) as w:
        process = w.start_at("take long", SLOW)
        began = time.monotonic()
        w.good("abort", w.run_id())
        check(time.monotonic() - began < 40, "it does not wait for the playbook")
        w.finish(process)
        check(w.run_state() == "aborted" and not w.images(), w.runs())
        w.none_left("aborted")
        check(not w.jobs(), "the playbook goes on")


def gives_way():
    """Another build waits for the first; what it gives way to has it taken back at once."""
    with world(kind=ImageWorld) as w:
        process = w.start_at("take long", SLOW)
        run = w.run_id()
        done = w.build("linode-site")
        check(done.returncode == 11 and run in done.stderr, done)
        with contextlib.closing(sqlite3.connect(w.state / "drorch.db", timeout=10)) as db:
            db.execute("UPDATE runs SET abort_wanted = 2 WHERE id = ?", (run,))  # as a promote asks for it
            db.commit()
        done = w.finish(process, 60)
        check(done.returncode == 1 and w.run_state() == "rolled-back", done)
        check("it gave way to another run" in done.stdout + done.stderr, done)
        w.none_left("given way")
        check(not w.jobs(), "the playbook goes on")


if __name__ == "__main__":
    main(built_at_ec2, built_at_linode, a_failing_playbook, refused_before_anything, keys_of_ones_own,
         killed_in_the_playbook, aborted_in_the_playbook, gives_way)
