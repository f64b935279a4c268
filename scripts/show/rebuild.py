"""The cold part: a booking service loses its region, and is rebuilt in another one from its latest backup."""

import json
import threading
import time

import harness
from terminal import clock, run, say

RTO_S, RPO_S = 120, 3600


class Guests(threading.Thread):
    """Books through the edge all the while, and notes what was acknowledged and by which site."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.stopping = world, threading.Event()
        self.acknowledged = []  # (time, booking id, site)
        self.last_good, self.first_bad, self.first_good_again = None, None, None

    def run(self):
        number = 0
        while not self.stopping.wait(0.1):
            number += 1
            status, site, document = self.world.ask("/bookings", "POST",
                                                    {"guest": f"guest {number}", "room": str(number % 40 + 1)})
            now = time.time()
            if status == 201:
                self.acknowledged.append((now, document["id"], site))
                if self.first_bad and not self.first_good_again:
                    self.first_good_again = now
                if not self.first_bad:
                    self.last_good = now
            elif not self.first_bad:
                self.first_bad = now

    def stop(self):
        self.stopping.set()
        self.join(15)


def make(folder):
    say("A lab: two cloud regions, an object store, Cloudflare with its edge, a booking site that runs in them")
    world = harness.World(folder / "cold", monitor="2s")
    world.make_service()
    print(world.lab("status"))
    print(f"specs: {world.repo} (git), the site answers at http://127.0.0.1:{world.edge} as {harness.NAME}")
    return world


def show(world):
    """(seconds without the service, acknowledged, lost)"""
    guests = Guests(world)
    guests.start()
    harness.wait_for("some bookings", lambda: len(guests.acknowledged) >= 20)

    say("A backup of the main site, by the agent on its host")
    backup = world.backup()
    print(world.good("backup", "verify"))
    harness.wait_for("bookings after the backup",
                     lambda: len([b for b in guests.acknowledged if b[2] == "main"]) >= 50)

    say(f"The main site ({harness.MAIN}) is lost: its instances die, its region's API is gone")
    lost = time.time()
    world.lose_main()
    harness.wait_for("the guests to notice", lambda: guests.first_bad)

    say("On call types: drorch promote tier2")
    began = time.time()
    run(world, "promote", "tier2", "--confirm", "tier2")
    promoted = time.time()
    harness.wait_for("the guests' first good answer", lambda: guests.first_good_again)
    harness.wait_for("bookings at tier2", lambda: len([b for b in guests.acknowledged if b[2] == "tier2"]) >= 10)
    guests.stop()

    done = json.loads(world.good("runs", "-o", "json"))["runs"][0]
    returned, gone = [], []
    for moment, number, site in guests.acknowledged:
        if site != "main":
            continue
        (returned if world.ask(f"/bookings/{number}")[1:2] == ("tier2",) and
         world.ask(f"/bookings/{number}")[0] == 200 else gone).append((moment, number))
    fresh = [b for b in guests.acknowledged if b[2] == "tier2"]
    point = max(returned)[0] if returned else lost
    return timeline(backup, lost, began, promoted, guests, returned, gone, fresh, point, done)


def timeline(backup, lost, began, promoted, guests, returned, gone, fresh, point, done):
    outage = guests.first_good_again - lost
    loss = (guests.last_good or lost) - point
    say("The timeline")
    rows = [(point, f"last booking in backup {backup}"),
            (guests.last_good, "last booking that main acknowledged"),
            (lost, "main lost"),
            (began, "drorch promote tier2"),
            (promoted, f"promoted: run {done['id']} is {done['state']}"),
            (guests.first_good_again, "first good answer to a guest, by tier2")]
    for moment, what in sorted(rows):
        print(f"  {clock(moment)} UTC  {what}")
    print(f"""
  bookings that came back      {len(returned)}
  after the backup, and lost   {len(gone)}
  taken by tier2 since         {len(fresh)}
  RTO  recovered in {outage:.1f} s after the loss; the objective is {RTO_S} s: {'met' if outage <= RTO_S else 'MISSED'}
  RPO  {loss:.1f} s of bookings lost; the objective is {RPO_S} s: {'met' if loss <= RPO_S else 'MISSED'}""")
    return outage, len(guests.acknowledged), len(gone)
