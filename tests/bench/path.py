"""What the lab's log says of one promote: the critical path of its calls, and where the rest of the time went."""

import datetime
import re

from harness import MAIN, TIER2


def end_of(call):
    return call["time_ms"] + call["duration_ms"]


def took(calls):
    return sum(call["duration_ms"] for call in calls)


def slowest(calls):
    return max((call["duration_ms"] for call in calls), default=0)


class Calls:
    """A promote's calls by what they are for, in the order in which they came."""

    def __init__(self, calls):
        calls = sorted(calls, key=lambda call: call["time_ms"])

        def those(operation, **wanted):
            return [c for c in calls if c["operation"] == operation and all(c[k] == v for k, v in wanted.items())]

        self.launch = those("RunInstances", status=200)
        launched = end_of(self.launch[-1])
        reads = [c for c in those("GetObject") if c["time_ms"] < launched]  # later ones are the new site's agent's
        self.manifests, self.check = reads[:-1], reads[-1:]
        self.list, self.image = those("ListObjectsV2"), those("DescribeImages")
        self.precheck = [*those("GetCallerIdentity"), *those("VerifyToken"), *those("RunInstances", status=412),
                         *self.check]
        self.fence = [c for c in calls if c["region"] == MAIN and c["vendor"] == "ec2"]
        self.polls = those("DescribeInstances", region=TIER2)
        traffic = [c for c in calls if c["vendor"] == "cloudflare" and c["operation"] != "VerifyToken"]
        checking, running = min(c["time_ms"] for c in self.precheck), end_of(self.polls[-1])
        self.record = [c for c in traffic if c["time_ms"] < checking]
        self.find = [c for c in traffic if checking <= c["time_ms"] < running]  # beside the boot
        self.switch = [c for c in traffic if c["time_ms"] >= running]
        self.looking = [*self.list, *self.manifests, *self.image, *self.record]
        self.once = [*self.looking, *self.precheck, *self.launch, *self.fence, *self.find, *self.switch]


def ready_ms(console):
    """When the new site could answer, by its own log: the agent had started the service, and that listened."""
    def logged(words):
        line = next(line for line in console.splitlines() if words in line)
        text = re.match(r"\S+", line).group().replace("Z", "+00:00")
        return datetime.datetime.fromisoformat(text).timestamp() * 1000

    return max(logged("the service runs"), logged("bookings of site"))


def critical_path(run):
    """The parts in ms. What waits for what is the plan's; calls that do not need each other's answers are side
    by side; no call counts twice; for polling nothing is added but the one call that sees the instance run."""
    calls, launched = run["by"], end_of(run["by"].launch[-1])
    boot = run["instance"]["changed_ms"] - launched + min(c["duration_ms"] for c in calls.polls)
    restored = ready_ms(run["console"]) - launched
    raised = took(calls.launch) + max(boot, restored)
    zone = [c for c in calls.switch if c["operation"] == "ListZones"]
    asked = [c for c in calls.record if c["operation"] == "ListZones"]
    beside = [c for c in calls.record if c["operation"] != "ListZones"]  # records and load balancers
    return {
        "looking": max(took(calls.list) + slowest(calls.manifests), took(asked) + slowest(beside),
                       slowest(calls.image)),
        "prechecks": slowest(calls.precheck),
        "launch": took(calls.launch),
        "boot": boot,
        "restore beyond the boot": max(0, restored - boot),
        "fence beyond that": max(0, took(calls.fence) - raised),
        "switch": took(calls.switch) - took(zone),
    }


def own_time(run):
    """Where nobody waited for a provider, or for more calls than the path has."""
    calls, ready = run["by"], ready_ms(run["console"])
    looked, checked = max(map(end_of, calls.looking)), max(map(end_of, calls.precheck))
    path = critical_path(run)
    return {
        "start to first call": min(c["time_ms"] for c in calls.looking) - run["began_ms"],
        "looking, beyond the path": looked - min(c["time_ms"] for c in calls.looking) - path["looking"],
        "looked to first precheck": min(c["time_ms"] for c in calls.precheck) - looked,
        "prechecks, beyond the path": checked - min(c["time_ms"] for c in calls.precheck) - path["prechecks"],
        "prechecked to launch": calls.launch[0]["time_ms"] - checked,
        "restored to switch": calls.switch[0]["time_ms"] - max(ready, end_of(calls.polls[-1])),
        "switch, beyond the path": end_of(calls.switch[-1]) - calls.switch[0]["time_ms"] - path["switch"],
        "switched to the end": run["began_ms"] + run["wall_us"] / 1000 - end_of(calls.switch[-1]),
    }
