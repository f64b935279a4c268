#!/usr/bin/env python3
"""Measures drorch beside its floor; see docs/bench.md. Run by scripts/bench."""

import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import traceback

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import controller  # noqa: E402
import fleet  # noqa: E402
import harness  # noqa: E402  (beside the end-to-end tests)
import promote  # noqa: E402
import reconcile  # noqa: E402
import switchover  # noqa: E402
import terraform  # noqa: E402
from report import Report  # noqa: E402

MEASURE = harness.BUILD / "tests" / "bench" / "bench-measure"
MEMORY_GOAL = 20  # MiB
STARTUP_GOAL = 5  # ms


def measure(arguments, rounds=1, output="/dev/null", environment=None):
    """Runs a program so many times: a dictionary a round (see measure.c)."""
    done = subprocess.run([MEASURE, "--rounds", str(rounds), "--output", output, "--", *map(str, arguments)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment, timeout=600)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(lines) != rounds:
        raise harness.Failure(f"{arguments[0]} could not be measured")
    return lines


def bench_promote(world, options, report):
    """Power is lost at the main site; its provider answers."""
    promote.run(world, options, report, measure, "promote", region_lost=False)


def bench_region(world, options, report):
    """The main site's whole region is away, its provider's API too."""
    promote.run(world, options, report, measure, "region", region_lost=True)


def bench_startup(world, options, report):
    """What does little, in turns with one that does nothing."""
    used(world)
    state = ["--state", world.state]
    programs = {"nothing": ["/bin/true"], "version": [harness.DRORCH, "--version"],
                "status": [harness.DRORCH, "status", *state]}
    times = {name: [] for name in programs}
    for _ in range(10):
        for name, arguments in programs.items():
            for line in measure(arguments, 20, environment=world.environment):
                harness.check(line["exit"] == 0, f"{name}: exit {line['exit']}")
                times[name].append(line["wall_us"] / 1000)
    for name in ("version", "status"):
        report.add("startup", name, statistics.median(times[name]), "ms", STARTUP_GOAL)
    report.add("startup", "floor (/bin/true)", statistics.median(times["nothing"]), "ms")


def bench_memory(world, options, report):
    used(world)
    state, plugins = ["--state", world.state], ["--plugins", harness.BUILD / "plugins"]
    programs = {"status": ["status", *state], "validate": ["validate", world.repo, *plugins],
                "backup list": ["backup", "list", "--repo", f"file://{world.repo}", *state, *plugins]}
    for name, arguments in programs.items():
        lines = measure([harness.DRORCH, *arguments], 5, environment=world.environment)
        harness.check(all(line["exit"] == 0 for line in lines), f"{name}: {lines}")
        report.add("memory", name, max(line["rss_kib"] for line in lines) / 1024, "MiB", MEMORY_GOAL)
    promote.prepare(world)
    done = promote.once(world, measure)
    report.add("memory", "promote", done["rss_kib"] / 1024, "MiB", MEMORY_GOAL)
    report.add("memory", "promote's worker", max(p["rss_kib"] for p in done["left"]) / 1024, "MiB", MEMORY_GOAL)


def bench_reconcile(world, options, report):
    """Passes over thousands of things that are as wanted."""
    reconcile.run(world, options, report, measure)


def bench_first_apply(world, options, report):
    """A thousand things that are not there yet."""
    reconcile.first_apply(world, options, report, measure)


def bench_controller(world, options, report):
    """Two hundred services, one controller, a minute's period."""
    controller.run(world, options, report, measure)


def bench_terraform(world, options, report):
    """As many records by both, over the same moto_server."""
    terraform.run(world, options, report, measure)


def bench_switchover(world, options, report):
    """Two databases that replicate, under eight writers."""
    switchover.run(world, options, report)


def used(world):
    """A store with runs in it."""
    if json.loads(world.drorch("runs", "-o", "json").stdout or '{"runs":[]}')["runs"]:
        return
    promote.prepare(world)
    promote.once(world, measure)


@contextlib.contextmanager
def booking():
    """The service of the end-to-end tests, its main site lost."""
    with harness.world() as world:
        world.lab("ec2", "limits", "off")  # rounds launch faster than any team would
        promote.lose(world)
        yield world


def many():
    """Room for thousands."""
    return harness.world(kind=fleet.Fleet)


# Where each is measured; those of one world follow each other in the same lab.
BENCHES = {booking: {"promote": bench_promote, "region": bench_region, "startup": bench_startup,
                     "memory": bench_memory},
           many: {"reconcile": bench_reconcile, "first-apply": bench_first_apply, "controller": bench_controller,
                  "terraform": bench_terraform},
           switchover.pair: {"switchover": bench_switchover}}
NAMES = [name for benches in BENCHES.values() for name in benches]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--rounds", type=int, default=7, help="of promote, each beside one of the floor")
    parser.add_argument("--latency", type=int, default=50, help="of every call to the lab, ms")
    parser.add_argument("--sizes", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1000, 10000, 50000], help="of the passes: 1000,10000,50000")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown or options.rounds < 1:
        parser.error(f"no such bench: {', '.join(unknown)}" if unknown else "at least one round")
    report = Report(options.json)
    try:
        for world, benches in BENCHES.items():
            wanted = [bench for name, bench in benches.items() if name in (options.names or NAMES)]
            if not wanted:
                continue
            with contextlib.redirect_stdout(sys.stderr), world() as made:
                for bench in wanted:
                    bench(made, options, report)
    except Exception:  # whatever broke: it could not be measured
        traceback.print_exc()
        report.end()
        sys.exit(1)
    report.end()


if __name__ == "__main__":
    main()
