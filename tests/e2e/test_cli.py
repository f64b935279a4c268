"""The command line itself: what it refuses, how it ends, and what reaches a terminal. Needs no lab."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import termios
import time
import unicodedata

from harness import BUILD, DRORCH, SOURCE, check, main, wait_for

STORED_RUN = BUILD / "tests" / "e2e" / "stored_run"
EXAMPLE = SOURCE / "examples" / "booking-saas"
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="drorch-cli-") as path:
        yield pathlib.Path(path)


def environment(home, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DRORCH_", "XDG_")) and k != "NO_COLOR"}
    clean.update({"HOME": str(home), "DRORCH_PLUGINS": str(BUILD / "plugins"), "DRORCH_STATE": str(home / "state"),
                  **more})
    return {k: v for k, v in clean.items() if v is not None}


def run(home, *arguments, **options):
    more = options.pop("environment", {})
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([DRORCH, *arguments], env=environment(home, **more), timeout=60, text=True, **options)


class StoredRun:
    """A run that the test drives, by writing into the store what a worker would."""

    def __init__(self, home, steps=4):
        self.process = subprocess.Popen([STORED_RUN, home / "state", str(steps)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.id = self.process.stdout.readline().strip()
        check(self.id.startswith("r-"), f"a run was stored: {self.id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def say(self, *fields):
        self.process.stdin.write("|".join(fields) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        check(answer == "ok", f"{fields}: {answer}")

    def fill(self):
        summary = {"commit": "0123abcd", "services": [{"name": "memphis", "sites": [
            {"name": "main", "primary": True, "strategy": ""}, {"name": "tier2", "primary": False}]}]}
        self.say("?", "*spec-summary", json.dumps(summary))
        self.say("?", "active-site", "tier2^[[31m")
        self.say("?", "backup-latest", json.dumps({"id": "b-1\x1b[31m", "time_ms": 1, "verified": True}))
        self.say("=", "running")
        self.say("step-0", "done", "a note ^[[2J", "")
        self.say("step-1", "failed", "", "an error \u202e^[]0;title")
        self.say("!", "run", "an event ^[[2Jtext")
        self.say("=", "failed")


# -- what makes no sense ------------------------------------------------------------------------

def usage_errors():
    cases = [
        ([], "Usage:"),
        (["promte", "x"], "is it `promote`?"),
        (["zzzzzzzz"], 'no command "zzzzzzzz"'),
        (["-"], 'no command "-"'),
        (["backup"], "list, verify"),
        (["backup", "lst"], "list, verify"),
        (["backup", "--help"], "list, verify"),
        (["promote"], "needs SITE"),
        (["promote", "a", "b"], 'what is "b" for?'),
        (["status", "--servce", "x"], "there is no option --servce"),
        (["runs", "--servce=x"], "is it --service?"),
        (["runs", "--service"], "--service needs NAME"),
        (["runs", "-s"], "-s needs NAME"),
        (["runs", "-s", "a", "--service", "b"], "given twice"),
        (["runs", "-o", "json", "-o", "json"], "given twice"),
        (["runs", "-o", "yaml"], "table or json"),
        (["runs", "--quiet=yes"], "takes no value"),
        (["runs", "-Z"], "no option -Z"),
        (["runs", "-vq"], "the opposite"),
        (["inventory"], "--list"),
        (["inventory", "--list", "--host", "x"], "--list"),
        (["status", "--", "--help"], 'what is "--help" for?'),
        (["help", "stauts"], "is it `status`?"),
        (["help", "backup", "lst"], "list, verify"),
        (["show", "x"] + ["-v"] * 70, "more than"),
        (["promote", "x", "--override-rule", "r"], "--reason"),
        (["promote", "x", "--reason", "r"], "--override-rule"),
        (["promote", "x", "-o", "json"], "--confirm x"),
        (["--", "sta\x1b[31mtus"], "\\x1b[31m"),
    ]
    with folder() as home:
        for arguments, expected in cases:
            done = run(home, *arguments)
            check(done.returncode == 3, f"{arguments}: exit {done.returncode} {done.stderr}")
            check(expected in done.stderr, f"{arguments}: {expected!r} is not in {done.stderr!r}")
            check(done.stdout == "", f"{arguments}: no data on an error: {done.stdout!r}")
            check(not HIDDEN.search(done.stderr), f"{arguments}: {done.stderr!r}")
        check(not (home / "state").exists(), "a usage error leaves nothing behind")


def words_and_options_mix():
    with folder() as home:
        for arguments in (["-o", "json", "version"], ["version", "-ojson"], ["version", "--output=json"],
                          ["--output", "json", "-vv", "version"], ["version", "-vvojson"], ["--version", "-o", "json"],
                          ["-Vo", "json"]):
            done = run(home, *arguments)
            check(done.returncode == 0, f"{arguments}: {done.returncode} {done.stderr}")
            check(json.loads(done.stdout)["version"] == 1, f"{arguments}: {done.stdout}")
        for arguments in (["help"], ["--help"], ["promote", "--help"], ["help", "backup", "list"], ["help", "backup"],
                          ["-h"], ["help", "--", "status"]):
            done = run(home, *arguments)
            check(done.returncode == 0 and done.stdout and not done.stderr, f"{arguments}: {done}")


def exit_codes():
    with folder() as home:
        done = run(home, "show", "r-none")
        check(done.returncode == 10, f"no state at all: {done}")
        with StoredRun(home) as stored:
            check(run(home, "show", "r-none").returncode == 10, "no such run")
            check(run(home, "attach", "r-none").returncode == 10, "no such run to attach")
            check(run(home, "abort", "r-none").returncode == 10, "no such run to abort")
            stored.fill()
            check(run(home, "attach", stored.id).returncode == 1, "a failed run ends with 1")
            stored.say("=", "waiting-for-human")
            check(run(home, "attach", stored.id).returncode == 14, "a human is waited for")
            stored.say("=", "running")
        done = run(home, "attach", stored.id)
        check(done.returncode == 15 and f"drorch resume {stored.id}" in done.stderr, f"nobody drives it: {done}")
        with StoredRun(home) as stored:
            stored.say("=", "completed")
            done = run(home, "attach", stored.id)
            check(done.returncode == 0 and "1m 1s, objective 2m: met" in done.stdout, done)
            done = run(home, "abort", stored.id)
            check(done.returncode == 1 and "nothing to abort" in done.stderr, done)
        done = run(home, "status", "--state", "/dev/null/x")
        check(done.returncode == 1 and "/dev/null/x" in done.stderr, done)
        done = run(home, "validate", home / "none")
        check(done.returncode == 10 and str(home / "none") in done.stderr, done)
        done = run(home, "promote", "x")
        check(done.returncode == 1 and "--repo" in done.stderr and "DRORCH_REPO" in done.stderr, done)


def exit_codes_of_promote():
    with folder() as home:
        shutil.copytree(EXAMPLE, home / "specs")
        promote = ["promote", "--repo", home / "specs", "--service", "memphis", "--confirm"]
        done = run(home, *promote, "dr9", "dr9")
        check(done.returncode == 10 and '"dr9"; it has main, ' in done.stderr, f"no such site: {done}")
        done = run(home, "promote", "main", "--repo", home / "specs", "--service", "x", "--confirm", "main")
        check(done.returncode == 10 and "it has memphis" in done.stderr, f"no such service: {done}")
        done = run(home, "backup", "list", "memphis", "--repo", home / "specs", environment={"AWS_ACCESS_KEY_ID": None})
        check(done.returncode == 12, f"a service that is named is no usage error: {done}")
        done = run(home, "plugins", "--plugins", home / "none")
        check(done.returncode == 10 and "--plugins" in done.stderr, f"no plugin folder: {done}")
        done = run(home, *promote, "main", "main")
        check(done.returncode == 13 and "active site" in done.stderr, f"it is active already: {done}")
        done = run(home, "backup", "list", "--repo", home / "specs", environment={"AWS_ACCESS_KEY_ID": None})
        check(done.returncode == 12 and "AWS_ACCESS_KEY_ID" in done.stderr, f"no credentials: {done}")
        with StoredRun(home) as stored:
            done = run(home, *promote, "tier2", "tier2")
            check(done.returncode == 11 and f"drorch abort {stored.id}" in done.stderr, f"a run is open: {done}")
        (home / "specs" / "providers.yaml").write_text("apiVersion: drorch/v2\n")
        done = run(home, *promote, "tier2", "tier2")
        check(done.returncode == 1 and "providers.yaml:1:" in done.stderr, f"a spec that is not valid: {done}")


# -- -o json ------------------------------------------------------------------------------------

def json_everywhere():
    with folder() as home:
        def documents(*arguments, code=0):
            done = run(home, *arguments, "-o", "json")
            check(done.returncode == code, f"{arguments}: {done}")
            check(not HIDDEN.search(done.stdout), f"{arguments}: {done.stdout!r}")
            found = [json.loads(line) for line in done.stdout.splitlines()]
            check(all(d["version"] == 1 for d in found), f"{arguments}: {found}")
            return found

        check(documents("status")[0]["services"] == [], "nothing known yet")
        check(documents("runs")[0]["runs"] == [], "no runs yet")
        check(documents("events") == [], "no events yet")
        check(not (home / "state").exists(), "looking makes no state")
        documents("version")
        documents("plugins")
        documents("init", str(home / "specs"))
        check(documents("validate", str(home / "specs"))[0]["valid"], "the starter is valid")
        (home / "specs" / "providers.yaml").write_text("apiVersion: drorch/v2\n")
        check(documents("validate", str(home / "specs"), code=1)[0]["errors"], "errors are data")
        check("$schema" in json.loads(run(home, "schema").stdout), "the schema is JSON by itself")
        with StoredRun(home) as stored:
            stored.fill()
            status = documents("status")[0]
            check(status["commit"] == "0123abcd" and status["services"][0]["run"] == stored.id, status)
            check(documents("runs")[0]["runs"][0]["state"] == "failed", "the run is listed")
            check(documents("runs", "--service", "other")[0]["runs"] == [], "of that service only")
            check(len(documents("show", stored.id)[0]["steps"]) == 4, "its steps")
            check(documents("events")[-1]["seq"] >= 1, "its events")
            lines = documents("attach", stored.id, code=1)
            check(lines[-1]["state"] == "failed" and lines[0]["step"] == "step-0", lines)
        done = run(home, "show", "r-none", "-o", "json")
        error = json.loads(done.stderr)
        check((done.returncode, error["code"], error["version"]) == (10, "ENOTFOUND", 1), done)


def a_damaged_store_is_no_answer():
    with folder() as home:
        with StoredRun(home) as stored:
            stored.fill()
        shutil.copytree(EXAMPLE, home / "specs")
        with contextlib.closing(sqlite3.connect(home / "state" / "drorch.db")) as database:
            database.execute("ALTER TABLE runs RENAME TO lost")
        for arguments in (["status"], ["runs"], ["show", stored.id],
                          ["promote", "main", "--service", "memphis", "--repo", home / "specs", "--confirm", "main"]):
            done = run(home, *arguments)
            check(done.returncode == 1 and done.stderr.startswith("drorch: ") and not done.stdout,
                  f"{arguments}: exit {done.returncode} {done}")


def nothing_stored_moves_the_cursor():
    with folder() as home:
        with StoredRun(home) as stored:
            stored.fill()
            for arguments in (["status"], ["runs"], ["events"], ["show", stored.id], ["show", stored.id, "--journal"],
                              ["attach", stored.id]):
                done = run(home, *arguments)
                check(not HIDDEN.search(done.stdout + done.stderr), f"{arguments}: {done.stdout!r}")
                check("\\x1b" in done.stdout or arguments == ["runs"], f"{arguments} shows it escaped: {done.stdout!r}")


# -- streams ------------------------------------------------------------------------------------

def streams_that_are_not_there():
    with folder() as home:
        for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
            done = subprocess.run(["sh", "-c", f'"$0" status {closed}', DRORCH], env=environment(home), timeout=60,
                                  capture_output=True, text=True)
            check(done.returncode == 0, f"{closed}: {done}")
        # What the program opens must not land on a closed 1 or 2, to be written into.
        with StoredRun(home) as stored:
            stored.fill()
        for closed in ("1>&-", "2>&-", "1>&- 2>&-"):
            subprocess.run(["sh", "-c", f'"$0" show none {closed}; "$0" events {closed}', DRORCH],
                           env=environment(home), timeout=60, capture_output=True)
        check(run(home, "events").returncode == 0, "the store was not written over")
        for command in (["version"], ["schema"], ["help"], ["status"], ["completion"], ["init", str(home / "s")]):
            with open("/dev/full", "w") as full:
                done = run(home, *command, stdout=full)
            check(done.returncode == 1, f"a full disk: {command}: {done}")
            check(done.stderr.count("standard output: ") == 1, f"said once: {done.stderr!r}")
        for _ in range(3):
            done = subprocess.run(["bash", "-c", '"$0" schema | head -1 >/dev/null; exit ${PIPESTATUS[0]}', DRORCH],
                                  env=environment(home), timeout=60, capture_output=True, text=True)
            check(done.returncode == 0 and not done.stderr, f"a reader that has enough: {done}")
        read, write = os.pipe()
        os.close(read)
        done = run(home, "help", stdout=write)
        os.close(write)
        check(done.returncode == 0 and not done.stderr, f"a reader that is gone: {done}")


def without_a_home():
    with folder() as home:
        done = run(home, "status", environment={"HOME": None, "DRORCH_STATE": None}, user=65534) \
            if os.geteuid() == 0 and os.access(DRORCH, os.X_OK) and readable_by_all() else None
        if done:
            check(done.returncode == 1 and "--state" in done.stderr and "DRORCH_STATE" in done.stderr, done)
        for command in (["version"], ["help"], ["schema"], ["validate", EXAMPLE]):
            done = run(home, *command, environment={"HOME": None, "DRORCH_STATE": None, "PATH": None})
            check(done.returncode == 0, f"{command} needs no home: {done}")


def readable_by_all():
    return all(path.stat().st_mode & 0o001 for path in DRORCH.parents)


# -- a terminal ---------------------------------------------------------------------------------

class Terminal:
    """drorch on a terminal of its own, and what stands on that terminal's screen."""

    def __init__(self, home, columns, rows, *arguments, **more):
        self.columns = columns or 80
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(DRORCH, [str(DRORCH), *arguments], environment(home, **{"TERM": "xterm", **more}))

    def read(self, wanted=None, seconds=30):
        """Until `wanted` was written, or the program ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if wanted and wanted in self.text:
                return
            if not select.select([self.fd], [], [], 0.1)[0]:
                continue
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            self.text += chunk.decode(errors="replace")
        check(not wanted or wanted in self.text, f"{wanted!r} on the terminal: {self.text!r}")

    def wait(self):
        self.read()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

    def screen(self):
        """A small terminal: every line that stands there in the end. Fails where a line wraps."""
        lines, row = {}, 0
        for token in re.findall("\x1b\\[[0-9;]*[A-Za-z]|\r?\n|\r|[^\x1b\r\n]+|.", self.text, re.S):
            if token.startswith("\x1b["):
                count = int(token[2:-1] or 1) if token[-1] in "AJK" and token[2:-1].isdigit() else 1
                check(token[-1] in "AKJm", f"only these are used: {token!r}")
                if token[-1] == "A":
                    row -= count
                    check(row >= 0, "the cursor does not climb past the top")
                elif token[-1] == "J":
                    lines = {r: t for r, t in lines.items() if r < row}
            elif token.endswith("\n"):
                row += 1
            elif token != "\r":
                check(not HIDDEN.search(token), f"{token!r}")
                lines[row] = lines.get(row, "") + token if lines.get((row, "open")) else token
                lines[(row, "open")] = True
            if token.endswith("\n") or token.endswith("A"):
                lines = {r: t for r, t in lines.items() if not isinstance(r, tuple)}
        shown = [lines[r] for r in sorted(r for r in lines if isinstance(r, int))]
        return shown


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def the_live_table_stays_in_place():
    note = "restoring \u6f22\u5b57 " * 8 + "^[[2J " + "caf\u00e9 " * 30
    for columns in (0, 1, 7, 40, 80, 200):
        with folder() as home, StoredRun(home) as stored:
            stored.say("=", "running")
            terminal = Terminal(home, columns, 30, "attach", stored.id)
            terminal.read("\x1b[4A")
            for step in range(4):
                stored.say(f"step-{step}", "running", f"{step} {note}", "")
                mark = len(terminal.text)
                wait_for("a redraw", lambda: terminal.read(seconds=0.2) or terminal.text.count("\x1b[4A", mark) > 1)
                stored.say(f"step-{step}", "done", note, "")
            stored.say("=", "completed")
            check(terminal.wait() == 0, terminal.text)
            table = [line for line in terminal.screen() if line.startswith("✓")]
            check(len(table) == 4, f"{columns}: four steps, once each: {terminal.screen()}")
            live = terminal.text[:terminal.text.index("Run " + stored.id)]
            for line in re.sub("\x1b\\[[0-9;]*[A-Za-z]", "", live).split("\r\n"):
                check(columns in (1,) or width(line) <= (columns or 80), f"{columns}: {width(line)}: {line!r}")


def a_low_screen_shows_what_goes_on():
    with folder() as home, StoredRun(home, 30) as stored:
        stored.say("=", "running")
        for step in range(20):
            stored.say(f"step-{step}", "done", "", "")
        stored.say("step-20", "running", "the twentieth", "")
        terminal = Terminal(home, 80, 10, "attach", stored.id)
        terminal.read("\x1b[9A")
        check("the twentieth" in terminal.text, terminal.text)
        stored.say("=", "completed")
        check(terminal.wait() == 0, terminal.text)
        terminal.screen()


def a_key_stops_the_looking_not_the_run():
    with folder() as home, StoredRun(home) as stored:
        stored.say("=", "running")
        stored.say("step-0", "running", "under way", "")
        terminal = Terminal(home, 80, 24, "attach", stored.id)
        terminal.read("under way")
        os.write(terminal.fd, b"\x03")
        check(terminal.wait() == 15, terminal.text)
        check(f"drorch attach {stored.id}" in terminal.text, terminal.text)
        shown = json.loads(run(home, "show", stored.id, "-o", "json").stdout)
        check(shown["state"] == "running", f"the run was left alone: {shown}")
        # The same for who follows through a pipe.
        process = subprocess.Popen([DRORCH, "attach", stored.id], env=environment(home), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        stored.say("step-0", "done", "", "")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        check(process.returncode == 15 and "goes on" in errors, f"{process.returncode} {errors}")


def colors_only_where_wanted():
    with folder() as home, StoredRun(home) as stored:
        stored.fill()
        for more, color, live in (({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"NO_COLOR": ""}, True, True),
                                  ({"TERM": "dumb"}, False, False)):
            terminal = Terminal(home, 80, 24, "attach", stored.id, **more)
            check(terminal.wait() == 1, terminal.text)
            check(("\x1b[32m" in terminal.text) == color, f"{more}: {terminal.text!r}")
            check(("\x1b[K" in terminal.text) == live, f"{more}: {terminal.text!r}")
        check("\x1b" not in run(home, "attach", stored.id).stdout, "none in a pipe")


# -- help for shells and people -----------------------------------------------------------------

def bash_completes():
    script = """
source <("$0" completion)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _drorch; echo "${COMPREPLY[*]}"; }
complete -p drorch
try drorch pro
try drorch backup ""
try drorch promote tier2 --dr
try drorch runs -o j
try drorch st
try drorch w
"""
    with folder() as home:
        done = subprocess.run(["bash", "--norc", "-uc", script, DRORCH], env=environment(home), capture_output=True,
                              text=True, timeout=60)
        check(done.returncode == 0 and not done.stderr, done)
        lines = done.stdout.splitlines()
        check("_drorch" in lines[0], lines)
        check(lines[1] == "promote", lines)
        check(lines[2].startswith("list verify --config"), lines)
        check(lines[3] == "--dry-run", lines)
        check(lines[4] == "json", lines)
        check(lines[5] == "status", lines)
        check(lines[6] == "", f"what is hidden stays so: {lines}")


def the_man_page_is_whole():
    with folder() as home:
        page = run(home, "man").stdout
        for words in (".SH NAME", ".SS drorch promote \\fISITE\\fR", "\\-\\-override\\-rule", ".SH EXIT STATUS",
                      "DRORCH_STATE", "DRORCH_ALLOWED_SIGNERS", "/etc/drorch/config.yaml"):
            check(words in page, f"{words} in the man page")
        check("drorch worker" not in page, "what is hidden stays so")
        check((BUILD / "share/man/man1/drorch.1").read_text() == page, "the one that is installed")
        if subprocess.run(["sh", "-c", "command -v groff"], capture_output=True).returncode == 0:
            done = subprocess.run(["groff", "-man", "-ww", "-z"], input=page, capture_output=True, text=True)
            check(not done.stderr, done.stderr)


if __name__ == "__main__":
    main(usage_errors, words_and_options_mix, exit_codes, exit_codes_of_promote, json_everywhere,
         a_damaged_store_is_no_answer, nothing_stored_moves_the_cursor, streams_that_are_not_there, without_a_home,
         the_live_table_stays_in_place, a_low_screen_shows_what_goes_on, a_key_stops_the_looking_not_the_run,
         colors_only_where_wanted, bash_completes, the_man_page_is_whole)
