"""What `cmake --install` gives is whole: moved to anywhere, it finds its own parts without a flag, and a
plugin is written against its header alone."""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

from harness import BUILD, SOURCE, check, main

TREE = """
bin/drorch bin/drorch-lab sbin/drorch-agent libexec/drorch/drorch-git lib/drorch/plugins/aws.so
lib/drorch/plugins/cloudflare.so lib/systemd/system/drorch-agent.service
lib/systemd/system/drorch-agent-watch.service lib/systemd/system/drorch-controller.service include/drorch/provider.h
share/doc/drorch/README.md share/doc/drorch/docs/runbook.md share/man/man1/drorch.1
share/bash-completion/completions/drorch
""".split()
COMPILE = "cc -std=c11 -D_GNU_SOURCE -O2 -fPIC -shared -fvisibility=hidden".split()


def run(*words, **options):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, env=environment,
                          stdin=subprocess.DEVNULL, cwd="/", **options)


@contextlib.contextmanager
def installed():
    """The tree, under another name than it was installed to, and a folder beside it."""
    os.umask(0o022)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="drorch-install-"))
    try:
        done = run("cmake", "--install", BUILD, "--prefix", folder / "first")
        check(done.returncode == 0, done.stdout + done.stderr)
        unit = (folder / "first/lib/systemd/system/drorch-agent.service").read_text()
        check(f"ExecStart={folder}/first/sbin/drorch-agent boot" in unit, unit)
        unit = (folder / "first/lib/systemd/system/drorch-agent-watch.service").read_text()
        check(f"ExecStart={folder}/first/sbin/drorch-agent watch" in unit and "@" not in unit, unit)
        unit = (folder / "first/lib/systemd/system/drorch-controller.service").read_text()
        check(f"ExecStart={folder}/first/bin/drorch controller\n" in unit and "@" not in unit, unit)
        (folder / "first").rename(folder / "moved")
        yield folder / "moved", folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def it_finds_its_own_parts():
    with installed() as (tree, folder):
        missing = [path for path in TREE if not (tree / path).exists()]
        check(not missing, f"not installed: {missing}")
        done = run(tree / "bin/drorch", "plugins", "-o", "json")
        names = [p["name"] for p in json.loads(done.stdout)["plugins"] if "refused" not in p]
        check(done.returncode == 0 and {"aws", "cloudflare"} <= set(names), done.stdout + done.stderr)
        for program in ("bin/drorch-lab", "sbin/drorch-agent"):
            done = run(tree / program, "help")
            check(done.returncode == 0, f"{program}: {done.stderr}")
        # Reading specs from git needs drorch-git, and no provider as long as the service is not found.
        specs = folder / "specs"
        check(run(tree / "bin/drorch", "init", specs).returncode == 0, "init")
        for words in (["init", "-q", "-b", "main"], ["add", "-A"],
                      ["-c", "user.name=ops", "-c", "user.email=ops@memphis.example", "commit", "-qm", "Specs"]):
            check(run("git", "-C", specs, *words).returncode == 0, f"git {words}")
        done = run(tree / "bin/drorch", "backup", "list", "elsewhere", "--repo", f"file://{specs}", "--state",
                   folder / "state")
        check(done.returncode == 10 and "no service" in done.stderr, f"{done.returncode}: {done.stderr}")


@contextlib.contextmanager
def web_server(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_backup(bucket, data):
    name = "20261120T195553Z-k3x7qa"
    place = bucket / "offsite" / name
    (place / "data").mkdir(parents=True)
    (place / "data/000000").write_bytes(data)
    (place / "manifest.json").write_text(json.dumps({
        "format": "drorch-backup/1", "id": name, "service": "example", "site": "main",
        "time": "2026-11-20T19:55:53Z", "kind": "directory", "tool": {"name": "by-hand", "version": "1"},
        "mark": {}, "size": len(data),
        "objects": [{"key": "data/000000", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]}))
    (bucket / "index.txt").write_text("".join(
        f"{path.stat().st_size} {path.relative_to(bucket)}\n" for path in sorted(place.rglob("*")) if path.is_file()))
    return name


def a_plugin_needs_one_header():
    with installed() as (tree, folder):
        plugins = folder / "plugins"
        plugins.mkdir()
        done = run(*COMPILE, "-Wall", "-Wextra", "-Werror", "-I", tree / "include", "-o", plugins / "webstore.so",
                   SOURCE / "examples/plugin/webstore.c")
        check(done.returncode == 0, done.stderr)
        done = run(tree / "bin/drorch", "plugins", "--plugins", plugins)
        check(done.returncode == 0 and "webstore 1  ABI 1.2  storage" in done.stdout, done.stdout + done.stderr)

        specs, web = folder / "specs", folder / "web"
        check(run(tree / "bin/drorch", "init", specs).returncode == 0, "init")
        name = write_backup(web / "bucket", b"what was written, " * 5000)
        with web_server(web) as port:
            with open(specs / "providers.yaml", "a", encoding="utf-8") as providers:
                providers.write(f"  mirror:\n    plugin: webstore\n    endpoint: http://127.0.0.1:{port}\n")
            service = specs / "services/example.yaml"
            service.write_text(re.sub(r"store: \{.*\}", "store: {provider: mirror, bucket: bucket, prefix: offsite/}",
                                      service.read_text()))
            common = ("--repo", specs, "--plugins", plugins, "--state", folder / "state", "-o", "json")
            done = run(tree / "bin/drorch", "backup", "verify", *common)
            backup = json.loads(done.stdout)["backups"][0]
            check((backup["id"], backup["verified"], backup["chosen"]) == (name, True, True), done.stdout + done.stderr)
            (web / "bucket/offsite" / name / "data/000000").write_bytes(b"what was WRITTEN, " * 5000)
            done = run(tree / "bin/drorch", "backup", "verify", *common)
            backup = json.loads(done.stdout)["backups"][0]
            check(done.returncode == 1 and "hash differs" in backup["problem"], done.stdout + done.stderr)


if __name__ == "__main__":
    main(it_finds_its_own_parts, a_plugin_needs_one_header)
