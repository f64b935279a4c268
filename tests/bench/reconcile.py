"""Passes of reconcile over thousands of records and instances, in turns with a client that only reads the lists."""

import datetime
import re
import statistics
import sys

from fleet import PER_SERVICE, Service

RATIO_GOAL = 1.15
MEMORY_GOAL = 64  # MiB
GROWTH_GOAL = 1.25  # of the CPU time a thing, from ten thousand to fifty thousand
MANY_ROUNDS = 3  # where one takes half a minute
BUDGET = "{per_second: 10000, burst: 100000}"  # what is measured is the work, not the pauses that a limit asks for
MUTATIONS = ("POST", "PUT", "PATCH", "DELETE")

KINDS = {
    "records at Cloudflare": lambda name, count: Service(name, {"cloudflare": count}),
    "records at Route 53": lambda name, count: Service(name, {"r53": count}),
    "instances": lambda name, count: Service(name, instances=count),
    "both": lambda name, count: Service(name, {"cloudflare": count}, count),
}


def middle(values):
    return statistics.median(values)


def services_of(kind, count, prefix=""):
    """As many as it takes."""
    make, short = KINDS[kind], "".join(word[0] for word in kind.lower().split())
    each = min(count, PER_SERVICE)
    return [make(f"{prefix}{short}{count}-{n}", each) for n in range(count // each)]


def pass_ms(run):
    """What the passes took by themselves: from the first call to the last comparison, as a controller does them."""
    ended = [datetime.datetime.fromisoformat(time) for time in re.findall(r"(\S+)Z info: .* differ: ", run["said"])]
    last = ended[-1].replace(tzinfo=datetime.timezone.utc).timestamp() * 1000
    return last - min(call["time_ms"] for call in run["calls"])


def mutations(run):
    """Calls that change something: of EC2's, those that do not describe."""
    return [call for call in run["calls"] if not call["operation"].startswith(("Describe", "List", "Get"))
            and call["method"] in MUTATIONS]


def seed(world, measure, kind, count):
    """By `drorch apply`, without latency."""
    services = services_of(kind, count)
    world.use(services, BUDGET)
    for service in services:
        run = world.apply(measure, service)
        print(f"reconcile: {service.name}: {service.things()} made in {run['wall_us'] / 1e6:.1f} s, "
              f"{len(run['calls'])} calls", file=sys.stderr)
    return services


def rounds(world, measure, services, count):
    mine, bare = [], []
    world.plan(measure)  # the spec is remembered, the programs are in the cache
    for n in range(count):
        both = [(mine, lambda: world.plan(measure)), (bare, lambda: world.pages(measure, services))]
        for runs, what in both if n % 2 == 0 else reversed(both):
            runs.append(what())
    return mine, bare


def quiet(world, options, report, measure, kind, count):
    """A pass over so many things that are all as wanted."""
    services = seed(world, measure, kind, count)
    world.lab("latency", str(options.latency))
    try:
        mine, bare = rounds(world, measure, services, min(options.rounds, MANY_ROUNDS) if len(services) > 1 else
                            options.rounds)
    finally:
        world.lab("latency", "0")
    wall, least = middle(run["wall_us"] for run in mine), middle(run["wall_us"] for run in bare)
    cpu = middle(run["cpu_us"] for run in mine)
    what = f"{count} {kind}" if kind != "both" else f"{count} records and {count} instances"
    report.add("reconcile", what, wall / 1000, "ms")
    report.add("reconcile", "  over the page loop", wall / least, "ratio", RATIO_GOAL)
    report.add("reconcile", "  the same, best rounds", min(run["wall_us"] for run in mine) / min(
        run["wall_us"] for run in bare), "ratio")
    report.add("reconcile", "  the pass alone over it", middle(pass_ms(run) for run in mine) * 1000 / least, "ratio",
               RATIO_GOAL)
    report.add("reconcile", "  the page loop", least / 1000, "ms")
    report.add("reconcile", "  calls", max(len(run["calls"]) for run in mine), "calls",
               min(len(run["calls"]) for run in bare))
    report.add("reconcile", "  that change something", sum(len(mutations(run)) for run in mine), "calls", 0)
    report.add("reconcile", "  peak memory", max(run["rss_kib"] for run in mine) / 1024, "MiB",
               MEMORY_GOAL if count <= 10000 else None)
    report.add("reconcile", "  CPU time", cpu / 1000, "ms")
    report.add("reconcile", "  the page loop's", middle(run["cpu_us"] for run in bare) / 1000, "ms")
    each = cpu / sum(service.things() for service in services)
    report.add("reconcile", "  CPU time for each", each, "us")
    return each


def run(world, options, report, measure):
    for kind in KINDS:
        costs = {count: quiet(world, options, report, measure, kind, count) for count in options.sizes}
        for few, many in zip(options.sizes, options.sizes[1:]):
            report.add("reconcile", f"  {kind}: for each, {many} over {few}", costs[many] / costs[few], "ratio",
                       GROWTH_GOAL)


def first_apply(world, options, report, measure):
    """Of a thousand things that are not there: how many calls, how long."""
    for kind, most in (("records at Cloudflare", 1000 / 200), ("records at Route 53", 1000 / 400), ("instances", 2)):
        (service,) = services_of(kind, 1000, "first-")
        world.use([service], BUDGET)
        world.lab("latency", str(options.latency))
        try:
            run = world.apply(measure, service)
        finally:
            world.lab("latency", "0")
        world.plan(measure)  # nothing is left to do
        report.add("first-apply", f"1000 {kind}", run["wall_us"] / 1000, "ms")
        report.add("first-apply", "  calls", len(run["calls"]), "calls")
        report.add("first-apply", "  that change something", len(mutations(run)), "calls", -(-most // 1) + 1)
        report.add("first-apply", "  peak memory", max(run["rss_kib"], *(p["rss_kib"] for p in run["left"])) / 1024,
                   "MiB", MEMORY_GOAL)
