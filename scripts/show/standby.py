"""The hot part: two sites that replicate, guests who write all the while, a planned switch, a power loss, and home again."""

import contextlib
import io
import json
import shutil
import time

import machines
from harness import Failure, wait_for
from hot_booking import BookingWorld
from terminal import clock, count, run, say
from writers import Writers, checksums, same_tables

MONITOR = "2s"


class Machines(machines.MachineWorld):
    """Says what it is at, since that takes a minute."""

    KIND = "machines"

    @contextlib.contextmanager
    def timed(self, what):
        with super().timed(what):
            yield
        print(f"  {what}: {self.times[what]} s", flush=True)

    def lose_power(self, site):
        self.lab("kill", self.instance(site), "--wait")

    def give_power(self, site):
        """The provider's word is enough for a machine."""


class Processes(BookingWorld):
    KIND = "processes"


def last_line(failure):
    return (str(failure).strip() or type(failure).__name__).splitlines()[-1]


def why_no_machines():
    """None where they can be had."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            machines.need_machines()
        machines.baked()
        return None
    except SystemExit:
        return told.getvalue().removeprefix("skipped: ").strip() or "they cannot be had"
    except Exception as failure:  # whatever it is, there is another way
        return last_line(failure)


def end(w):
    w.end()
    w.lab("down", good=False)


def made(kind, folder):
    folder.mkdir()
    w = kind(folder, monitor=MONITOR)
    try:
        w.make_service()
    except BaseException:
        end(w)
        raise
    return w


def make(folder, wanted):
    """The sites up and replicating, as machines where that is wanted and can be."""
    folder = folder / "hot"
    if wanted:
        say("Two sites of Debian machines (systemd-nspawn); some minutes when their image is made for the first time")
        why = why_no_machines()
        if not why:
            try:
                return made(Machines, folder)
            except Exception as failure:  # whatever it is, there is another way
                why = last_line(failure)
                shutil.rmtree(folder, ignore_errors=True)
        print(f"  NO MACHINES HERE: {why}\n  So processes have to do.")
    say("Two sites of processes: databases, agents and service are real; the hosts, and ssh to them, are not")
    return made(Processes, folder)


class Act:
    """One thing that happens to the service while guests write, and what it cost them."""

    def __init__(self, w, writers, what):
        self.w, self.writers, self.what, self.began = w, writers, what, time.time()

    def close(self, active, other=None):
        """After it: some more writes by the new site; then everything acknowledged since must be there."""
        self.writers.more(30, site=active)
        good = [a for a in self.writers.good() if a.ended >= self.began]
        self.acknowledged = len(good)
        times = [self.began, *(a.ended for a in good)]
        self.outage = max(b - a for a, b in zip(times, times[1:]))
        self.first = next((a.ended for a in good if a.site == active), None)
        sites = [site for site in (active, other) if site]
        with contextlib.suppress(Failure):  # a replica gets its time; then it is counted
            self.writers.nothing_lost(*sites, seconds=20)
        self.lost = max(len(ids) for ids in self.writers.lost(*sites).values())
        print(f"  {self.acknowledged} writes acknowledged meanwhile, longest outage {self.outage:.2f} s; "
              f"of all that ever were, {self.lost} are missing at {' or '.join(sites)}")
        return self


def show_spec(w):
    say("The spec, from git: what is to be there. Which site is active is state, and not in it")
    text = (w.repo / "services/memphis.yaml").read_text()
    print("  " + text[text.index("sites:"):text.index("traffic:")].rstrip().replace("\n", "\n  "))


def planned(w, writers):
    say("Maintenance at main. drorch promote dr, while they write")
    act = Act(w, writers, "planned switch to dr")
    run(w, "promote", "dr", "--confirm", "dr")
    act.close("dr", "main")
    say("And home the same way")
    home = Act(w, writers, "planned switch home")
    run(w, "failback", "--confirm", "main", table=False)
    return [act, home.close("main", "dr")]


def unplanned(w, writers):
    say("What would a loss cost now? A dry run asks; drorch controller would, every two seconds")
    run(w, "promote", "dr", "--dry-run", table=False)
    count(writers, 2)
    say(f"The plug is pulled at main: drorch-lab kill {w.instance('main')}")
    pulled = time.time()
    w.lose_power("main")
    wait_for("the guests to notice", lambda: any(
        a.status != 201 and a.began > pulled for a in list(writers.attempts)))
    count(writers, 2)
    say("On call types: drorch promote dr")
    act = Act(w, writers, "power loss of main")
    run(w, "promote", "dr", "--confirm", "dr", table=False)
    act.close("dr")
    print(f"  {clock(pulled)} UTC  main lost its power\n  {clock(act.began)} UTC  the decision\n"
          f"  {clock(act.first)} UTC  first write at dr: {act.first - act.began:.2f} s after the decision")
    return act


def home(w, writers):
    say("Home again: drorch failback starts main, makes it dr's replica, and switches")
    w.give_power("main")
    act = Act(w, writers, "failback to main")
    run(w, "failback", "--confirm", "main", table=False)
    steps = {s["id"]: s for s in json.loads(w.good("show", "-o", "json"))["steps"]}
    act.close("main", "dr")
    act.note = next((s["note"] for name, s in steps.items() if name.startswith("rejoin")), "")
    print(f"  how main came back: {act.note}")
    return act


def acts(w):
    """[(what, how long, acknowledged, lost)], for the report."""
    show_spec(w)
    with Writers(w, count=4, timeout=2.0, pause=0.01) as writers:
        say("Four guests book through the edge, one booking after the other")
        run(w, "plan", good=False)
        run(w, "status")
        count(writers, 3)
        done = planned(w, writers)
        lost = unplanned(w, writers)
        back = home(w, writers)
    same_tables(w, "main", "dr")
    print(f"  the tables are alike, by checksum: {next(iter(checksums(w, 'main', 'dr').values()))}")
    return [(a.what, f"{a.outage:.2f} s without a write", a.acknowledged, a.lost) for a in done] + [
        (lost.what, f"{lost.first - lost.began:.2f} s from the decision to a write", lost.acknowledged, lost.lost),
        (back.what, f"{back.outage:.2f} s without a write", back.acknowledged, back.lost)]
