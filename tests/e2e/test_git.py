"""Specs from git: which commit counts, what is refused, and what a promote does when git says otherwise."""

import contextlib
import json
import shutil
import sqlite3
import subprocess

from harness import TIER2, check, main, switches, world

SERVICES = "services/memphis.yaml"


def lost(w):
    w.book("guest")
    w.backup()
    w.lose_main()
    w.lab("fault", "clear")  # main's API is back, its instances are not: no waiting for the dead


def head(w):
    return w.git("rev-parse", "HEAD").strip()


def commit_of(w, run):
    """The commit a run was planned from."""
    with contextlib.closing(sqlite3.connect(f"file:{w.state / 'drorch.db'}?mode=ro", uri=True, timeout=10)) as db:
        return json.loads(db.execute("SELECT plan FROM runs WHERE id = ?", (run,)).fetchone()[0])["commit"]


def dry(w, *options, **others):
    return w.drorch("promote", "tier2", "--dry-run", *options, **others)


def config(w, **repository):
    """A configuration file with these words under `repository`."""
    path = w.folder / "config.yaml"
    words = "".join(f"  {key}: {value}\n" for key, value in repository.items())
    path.write_text("repository:\n" + words)
    return ("--config", str(path))


def a_bad_spec_is_not_used():
    """Its errors are told by file, line and column; the last good commit goes on to serve."""
    with world() as w:
        lost(w)
        check(dry(w).returncode == 0, "the good commit is known")
        good = head(w)
        files = w.spec_files()
        lines = files[SERVICES].splitlines()
        at = next(n for n, line in enumerate(lines, 1) if "strategy: backup-restore" in line)
        files[SERVICES] = files[SERVICES].replace("strategy: backup-restore", "strategy: backup-restor")
        w.commit_specs(files)
        done = w.promote()
        check(f"{SERVICES}:{at}:15: " in done.stderr and "backup-restore" in done.stderr, done.stderr)
        check(f"last good commit, {good[:12]}" in done.stderr, done.stderr)
        check(done.returncode == 0 and w.ask("/healthz")[:2] == (200, "tier2"), f"the promote works: {done}")
        check(commit_of(w, w.run_id()) == good, "planned from the good one")

    with world() as w:
        files = w.spec_files()
        files[SERVICES] += "surprise: true\n"
        w.commit_specs(files)
        done = dry(w)
        check(done.returncode == 1 and f"{SERVICES}:" in done.stderr and "surprise" in done.stderr,
              f"with no good commit before it there is nothing to use: {done}")


def rewritten_history():
    """Refused with a warning, and the last good commit used; followed where that is allowed."""
    with world() as w:
        lost(w)
        first = head(w)
        w.commit_specs()
        check(dry(w).returncode == 0, "two commits")
        good = head(w)

        def refused(what):
            done = dry(w)
            check(done.returncode == 0, f"{what}: the last good one is used: {done}")
            check("rewound" in done.stderr and good[:12] in done.stderr, f"{what}: a warning: {done.stderr}")
            plan = json.loads(dry(w, "-o", "json").stdout)
            check(plan["commit"] == good, f"{what}: planned from {plan['commit']}")

        w.git("reset", "-q", "--hard", first)
        refused("rewind")
        w.commit_specs({"README": "another history\n"})
        refused("force-push")
        done = dry(w, "-o", "json", *config(w, allow_rewind="true"))
        check(done.returncode == 0 and json.loads(done.stdout)["commit"] == head(w), f"allowed: {done}")
        check("rewound" not in done.stderr, done.stderr)
        done = dry(w, "-o", "json")
        check(json.loads(done.stdout)["commit"] == head(w) and "rewound" not in done.stderr,
              f"from there on it is the good one: {done}")


def nothing_to_fetch():
    """Branch gone, remote away, repository empty: the last good commit, or a clear word."""
    with world() as w:
        lost(w)
        empty = w.folder / "empty"
        subprocess.run(["git", "init", "-q", "-b", "main", empty], check=True)
        for repo, word in ((f"file://{empty}", "empty"), (f"file://{w.folder}/nowhere", "nowhere")):
            done = dry(w, repo=repo)
            check(done.returncode in (1, 10) and word in done.stderr, f"{word}: exit {done.returncode} {done.stderr}")
        done = dry(w, "--branch", "release")
        check(done.returncode == 10 and "release" in done.stderr, f"no such branch: {done}")

        check(dry(w).returncode == 0, "the good commit is known")
        good = head(w)
        w.git("branch", "-m", "main", "other")
        done = dry(w)
        check(done.returncode == 0 and "last good commit" in done.stderr and "main" in done.stderr,
              f"branch gone: {done}")
        w.git("branch", "-m", "other", "main")
        w.repo.rename(w.folder / "away")
        done = w.promote()
        check(done.returncode == 0 and "last good commit" in done.stderr, f"remote away: {done}")
        check(commit_of(w, w.run_id()) == good, "planned from the good one")
        check(w.ask("/healthz")[:2] == (200, "tier2"), "tier2 answers")


def signed_commits():
    """With allowed_signers only a commit signed by one of them is acted on."""
    with world() as w:
        lost(w)
        for name in ("ops", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", w.folder / name],
                           check=True)
        signers = w.folder / "allowed_signers"
        signers.write_text("ops@memphis.example " + (w.folder / "ops.pub").read_text())
        wanted = config(w, verify=f"{{allowed_signers: {signers}}}")

        def sign(name):
            w.git("-c", "gpg.format=ssh", "-c", f"user.signingkey={w.folder / name}", "commit", "-q",
                  "--allow-empty", "-S", "-m", "Signed")

        done = dry(w, *wanted)
        check(done.returncode == 13 and "not signed" in done.stderr, f"unsigned: exit {done.returncode} {done.stderr}")
        sign("stranger")
        done = dry(w, *wanted)
        check(done.returncode == 13 and "no good signature" in done.stderr, f"a stranger's: {done}")
        sign("ops")
        good = head(w)
        done = dry(w, "-o", "json", *wanted)
        check(done.returncode == 0 and json.loads(done.stdout)["commit"] == good, f"signed: {done}")
        w.commit_specs()
        done = w.promote(*wanted)
        check("not signed" in done.stderr and f"last good commit, {good[:12]}" in done.stderr, done.stderr)
        check(done.returncode == 0 and w.ask("/healthz")[:2] == (200, "tier2"), f"the signed one serves: {done}")
        check(commit_of(w, w.run_id()) == good, "planned from the signed one")


def in_a_folder_and_beside_another():
    """--path; a working copy as --repo, uncommitted; two services and --service."""
    with world() as w:
        lost(w)
        files = w.spec_files()
        files["services/nashville.yaml"] = files[SERVICES].replace("name: memphis", "name: nashville", 1) \
            .replace("www.memphis.example", "www.nashville.example").replace("offsite/", "nashville/")
        for name in list(files):
            (w.repo / name).unlink(missing_ok=True)
        w.commit_specs({f"dr/{name}": text for name, text in files.items()})
        done = dry(w)
        check(done.returncode != 0, f"nothing at the top: {done}")
        done = dry(w, "--path", "dr")
        check(done.returncode == 3 and "--service" in done.stderr, f"which service? {done}")
        done = dry(w, "--path", "dr", "--service", "chicago")
        check(done.returncode == 10 and "chicago" in done.stderr, f"no such service: {done}")
        done = dry(w, "--path", "dr", "--service", "nashville")
        check(done.returncode != 0, f"nashville has neither backup nor record: {done}")
        done = w.promote("--path", "dr", "--service", "memphis")
        check(done.returncode == 0 and w.ask("/healthz")[:2] == (200, "tier2"), f"memphis: {done}")
        done = w.drorch("promote", "tier2", "--path", "dr", "--service", "memphis", "--dry-run")
        check(done.returncode == 13, f"it is active there: {done}")

        w.reset()
        shutil.rmtree(w.repo / "dr")
        for name, text in w.spec_files().items():
            path = w.repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = w.promote(repo=str(w.repo))
        check(done.returncode == 0 and w.ask("/healthz")[:2] == (200, "tier2"), f"from the working copy: {done}")


def a_run_keeps_its_commit():
    """Planned from one commit, killed, resumed after another was pushed that changes or removes its site."""
    with world() as w:
        lost(w)
        good = head(w)
        gone = w.spec_files()
        text = gone[SERVICES]
        start, end = text.index("  tier2:\n"), text.index("backups:\n")
        gone[SERVICES] = text[:start] + "\n" + text[end:]
        changed = w.spec_files()
        changed[SERVICES] = changed[SERVICES].replace("type: t3.large", "type: t3.nano").replace("count: 1", "count: 2")
        for what, files in (("removed", gone), ("changed", changed), ("not even YAML", {SERVICES: "a: [\n"})):
            for point in ("8", "22"):
                w.reset()
                w.git("reset", "-q", "--hard", good)
                born = {i["id"] for i in w.instances(TIER2, alive=False)}
                before = len(switches(w))
                done = w.promote(environment={"DRORCH_KILL_AT": point})
                if done.returncode == 0:
                    print("     SKIPPED a_run_keeps_its_commit: built without DRORCH_FAULTS")
                    return
                check(done.returncode == 15, f"killed at {point}: {done}")
                run = w.run_id()
                w.commit_specs(files)
                done = w.drorch("resume", run)
                check(done.returncode == 0, f"site {what}, killed at {point}: {done}")
                check(commit_of(w, run) == good, "its commit")
                made = [i for i in w.instances(TIER2, alive=False) if i["id"] not in born]
                check(len(made) == 1, f"{what}: one instance, as planned: {made}")
                check(len(switches(w)) - before == 1, f"{what}: one switch")
                check(w.ask("/healthz")[:2] == (200, "tier2"), f"{what}: tier2 answers")
        check('<instanceType>t3.large</instanceType>' in w.ec2(TIER2, "DescribeInstances", InstanceId_1=made[0]["id"]),
              "of the type that was planned")


if __name__ == "__main__":
    main(a_bad_spec_is_not_used, rewritten_history, nothing_to_fetch, signed_commits, in_a_folder_and_beside_another,
         a_run_keeps_its_commit)
