"""Two hundred services, one controller: every one looked at within its period, with few calls and little CPU time."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import harness
from fleet import Service

SERVICES = 200
RECORDS = 5
PERIOD = 60  # s
PERIODS = 2.5
JITTER = 1.1  # a period is given or taken a tenth
ZONES = {"cloudflare": ["shared-a.example", "shared-b.example"], "r53": ["shared-c.example"]}


def services():
    places = [(provider, zone) for provider, zones in ZONES.items() for zone in zones]
    made = []
    for n in range(SERVICES):
        provider, zone = places[n % len(places)]
        made.append(Service(f"many-{n}", {provider: RECORDS}, zone=zone))
    return made


def command(world, *arguments):
    return [harness.DRORCH, "controller", "--repo", f"file://{world.repo}", "--plugins", harness.BUILD / "plugins",
            "--state", world.state, *arguments]


def is_there():
    return "controller" in subprocess.run([harness.DRORCH, "help"], capture_output=True, text=True).stdout


def cpu_s(pid):
    """User and system time so far, with that of the children it waited for: git's."""
    words = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def visits(world):
    """When each service was last looked at, ms, and its state."""
    with contextlib.closing(sqlite3.connect(f"file:{world.state / 'drorch.db'}?mode=ro", uri=True, timeout=10)) as db:
        rows = db.execute("SELECT service, value FROM facts WHERE key = 'reconcile'").fetchall()
    return {service: json.loads(value) for service, value in rows}


def watch(world, process, seconds):
    """Every time at which a service was seen to have been looked at."""
    seen, end = {}, time.monotonic() + seconds
    while time.monotonic() < end:
        harness.check(process.poll() is None, "the controller goes on")
        for service, fact in visits(world).items():
            times = seen.setdefault(service, [])
            if fact["visited_ms"] and (not times or times[-1] != fact["visited_ms"]):
                times.append(fact["visited_ms"])
        time.sleep(1)
    return seen


def run(world, options, report, measure):
    if not is_there():
        report.skip("controller", "this drorch has no `drorch controller`")
        return
    world.use(services())
    seed = subprocess.run(command(world, "--once"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, env=world.environment)
    harness.check(seed.returncode == 0, f"controller --once: {seed.returncode} {seed.stderr[-2000:]}")
    print("controller: seeded", file=sys.stderr)
    world.lab("latency", str(options.latency))
    began_ms = time.time() * 1000
    with (world.folder / "controller.log").open("w") as log:
        process = subprocess.Popen(command(world, "--period", f"{PERIOD}s"), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, env=world.environment, start_new_session=True)
        try:
            # The first round is that of the start: all services at once.
            harness.wait_for("the first round", lambda: process.poll() is not None or all(
                fact["visited_ms"] > began_ms for fact in visits(world).values()), 120)
            measured(world, report, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            world.lab("latency", "0")


def measured(world, report, process):
    offset, cpu, began = world.log_end(), cpu_s(process.pid), time.monotonic()
    seen = watch(world, process, PERIOD * PERIODS)
    seconds = time.monotonic() - began
    cpu = cpu_s(process.pid) - cpu
    calls, _ = world.calls_after(offset)
    gaps = [(later - first) / 1000 for times in seen.values() for first, later in zip(times, times[1:])]
    restless = [fact["state"] for fact in visits(world).values() if fact["state"] != "steady"]
    report.add("controller", "services", len(seen), "")
    report.add("controller", "  longest time between two looks", max(gaps), "s", PERIOD * JITTER + 1)
    report.add("controller", "  looked at fewer than twice", sum(len(times) < 3 for times in seen.values()), "",
               0)
    report.add("controller", "  not at rest", len(restless), "", 0)
    report.add("controller", "  calls in a period", len(calls) * PERIOD / seconds, "calls")
    report.add("controller", "  turned away (429, Throttling)", sum(
        call["status"] in (429, 503) or call["fault"] not in (None, "") for call in calls), "calls", 0)
    report.add("controller", "  that change something", sum(
        call["method"] != "GET" and not call["operation"].startswith(("Describe", "List", "Get"))
        for call in calls), "calls", 0)
    report.add("controller", "  CPU time in a period", cpu * PERIOD / seconds, "s")
    report.add("controller", "  of one processor", 100 * cpu / seconds, "%")
    report.add("controller", "  peak memory", rss_mib(process.pid), "MiB")
