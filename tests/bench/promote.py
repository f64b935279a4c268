"""A cold promote over the lab, in turns with a bare client that makes the same calls."""

import json
import statistics
import sys
import uuid

import harness
from harness import MAIN, NAME, TIER2, check, wait_for
from path import Calls, critical_path, own_time

FLOOR = harness.BUILD / "tests" / "bench" / "bench-floor"
RATIO_GOAL = 1.05
MEMORY_GOAL = 20  # MiB


def lose(world):
    """Two backups of real bookings, then the main site loses its power."""
    for n in range(2):
        for guest in range(20):
            check(world.book(f"guest {n}.{guest}"), "a booking is acknowledged")
        world.backup()
    world.lab("kill", world.main["id"])
    wait_for("the site to be lost", lambda: world.ask("/healthz")[0] != 200)


def prepare(world):
    """Nothing at tier2, the name at the dead site, a fresh store that knows the backup as verified."""
    world.reset()
    wait_for("the edge to follow", lambda: world.ask("/healthz")[0] != 200)
    world.good("backup", "verify")


def once(world, measure):
    """One promote, prepared beforehand: what measure says of it."""
    output = world.folder / "output"
    output.unlink(missing_ok=True)
    done = measure([harness.DRORCH, "promote", "tier2", "--confirm", "tier2", "--repo", f"file://{world.repo}",
                    "--plugins", harness.BUILD / "plugins", "--state", world.state],
                   output=str(output), environment=world.environment)[0]
    check(done["exit"] == 0, f"promote: exit {done['exit']}\n{output.read_text()}")
    check(world.ask("/healthz")[1] == "tier2", "tier2 answers after the promote")
    return done


def floor(world, measure):
    given = {"port": world.port, "edge": world.edge, "origin": world.origin, "agent": world.agent_port,
             "credentials": world.credentials, "bucket": harness.BUCKET, "prefix": "offsite/", "region": TIER2,
             "from-region": MAIN, "service": "memphis", "site": "tier2", "from-site": "main",
             "image": "memphis-site", "type": "t3.large", "name": NAME, "zone": "memphis.example",
             "old-address": world.main["address"], "run": f"floor-{uuid.uuid4().hex[:12]}"}
    done = measure([FLOOR, *(f"{name}={value}" for name, value in given.items())])[0]
    check(done["exit"] == 0, f"the floor failed: exit {done['exit']}")
    check(world.ask("/healthz")[1] == "tier2", "tier2 answers after the floor")
    return done


def observed(world, what, measure):
    """One run, and what the lab saw of it."""
    prepare(world)
    before = len(world.calls())
    run = what(world, measure)
    (instance,) = world.instances(TIER2)
    run["by"] = Calls(world.calls()[before:])
    run["instance"] = json.loads((world.lab_state / "state" / f"instance-{instance['id']}.json").read_text())
    run["console"] = (world.lab_state / "instances" / instance["id"] / "console.log").read_text()
    return run


def rounds(world, count, measure, bench):
    """In turns, and who begins changes, so that the machine's moods meet both alike."""
    mine, bare = [], []
    for n in range(count):
        both = [(mine, once), (bare, floor)]
        for runs, what in both if n % 2 == 0 else reversed(both):
            runs.append(observed(world, what, measure))
        print(f"{bench}: round {n + 1}: {mine[-1]['wall_us'] / 1000:.0f} ms, floor "
              f"{bare[-1]['wall_us'] / 1000:.0f} ms", file=sys.stderr)
    return mine, bare


def middle(values):
    return statistics.median(values)


def add_parts(report, bench, what, dictionaries):
    for part in dictionaries[0]:
        report.add(bench, f"  {what}: {part}", middle(d[part] for d in dictionaries), "ms")


def add_calls(report, bench, mine, bare):
    least = middle(len(run["by"].once) for run in bare)
    report.add(bench, "calls, each once", middle(len(run["by"].once) for run in mine), "calls")
    report.add(bench, "  least possible", least, "calls")
    report.add(bench, "polls of the boot", middle(len(run["by"].polls) for run in mine), "calls")
    report.add(bench, "  the bare client's", middle(len(run["by"].polls) for run in bare), "calls")


def run(world, options, report, measure, bench, region_lost):
    world.lab("latency", str(options.latency))
    world.lab("outage", "region", MAIN, "on" if region_lost else "off")
    try:
        mine, bare = rounds(world, options.rounds, measure, bench)
    finally:
        world.lab("outage", "region", MAIN, "off")
        world.lab("latency", "0")
    paths = [critical_path(run) for run in mine]
    wall, least = middle(run["wall_us"] for run in mine) / 1000, middle(run["wall_us"] for run in bare) / 1000
    report.add(bench, "wall time", wall, "ms")
    report.add(bench, "  over the critical path", middle(
        run["wall_us"] / 1000 / sum(path.values()) for run, path in zip(mine, paths)), "ratio", RATIO_GOAL)
    report.add(bench, "  over the bare client", wall / least, "ratio", RATIO_GOAL)
    report.add(bench, "  the same, best rounds", min(run["wall_us"] for run in mine) / min(
        run["wall_us"] for run in bare), "ratio")
    report.add(bench, "bare client", least, "ms")
    report.add(bench, "critical path", middle(sum(path.values()) for path in paths), "ms")
    add_parts(report, bench, "path", paths)
    report.add(bench, "own time", middle(
        run["wall_us"] / 1000 - sum(path.values()) for run, path in zip(mine, paths)), "ms")
    add_parts(report, bench, "own", [own_time(run) for run in mine])
    add_calls(report, bench, mine, bare)
    report.add(bench, "peak memory, command", max(r["rss_kib"] for r in mine) / 1024, "MiB", MEMORY_GOAL)
    report.add(bench, "peak memory, worker", max(p["rss_kib"] for r in mine for p in r["left"]) / 1024, "MiB",
               MEMORY_GOAL)
