"""Guests who book through the edge, and remember what was acknowledged: the measure of what a switch loses."""

import collections
import http.client
import json
import threading
import time

from harness import NAME, Failure, wait_for

Attempt = collections.namedtuple("Attempt", "began ended writer id status site")


class Writers:
    """`count` threads, each books one thing after the other, with ids of their own. What was not acknowledged is asked
    for again under the same id, as a careful client does. Ends with the `with` block."""

    def __init__(self, w, count=8, timeout=10.0, pause=0.0, name=""):
        self.w, self.timeout, self.pause = w, timeout, pause
        self.name = name or f"w{int(time.time() * 1000) % 100000000}"
        self.attempts = []  # of all threads; list.append is atomic
        self.going = True
        self.threads = [threading.Thread(target=self.write, args=(k,), daemon=True) for k in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, writer):
        connection, number, wanted = None, 0, None
        while self.going:
            if wanted is None:
                number += 1
                wanted = f"{self.name}-{writer}-{number}"
            began, status, site = time.time(), 0, None
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.w.edge, timeout=self.timeout)
                connection.request("POST", "/bookings",
                                   json.dumps({"id": wanted, "guest": f"guest {writer}", "room": str(number)}),
                                   {"Host": NAME, "Content-Type": "application/json"})
                response = connection.getresponse()
                text = response.read()
                status, site = response.status, response.getheader("X-Drorch-Site")
                if status == 201 and json.loads(text)["id"] != wanted:
                    status = -1
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                connection = None
            self.attempts.append(Attempt(began, time.time(), writer, wanted, status, site))
            if status == 201:
                wanted = None
                time.sleep(self.pause)
            else:
                time.sleep(0.02)
        if connection:
            connection.close()

    # -- what came of it -------------------------------------------------------------------------

    def good(self):
        """The acknowledged attempts, in the order of their answers."""
        return sorted((a for a in list(self.attempts) if a.status == 201), key=lambda a: a.ended)

    def acknowledged(self):
        return {a.id for a in self.good()}

    def more(self, count=30, site=None, seconds=60):
        """Waits for so many more acknowledged bookings, by `site` where it is given."""
        def now():
            return sum(1 for a in list(self.attempts) if a.status == 201 and site in (None, a.site))
        wanted = now() + count
        wait_for(f"{count} more bookings{' by ' + site if site else ''}", lambda: now() >= wanted, seconds)

    def outage(self):
        """(seconds, when it began): the longest time without an acknowledgement to anybody."""
        ends = [a.ended for a in self.good()]
        return max(((b - a, a) for a, b in zip(ends, ends[1:])), default=(0.0, 0.0))

    def answers(self):
        """{(status, site): how often}; status 0 is no answer."""
        return dict(collections.Counter((a.status, a.site) for a in list(self.attempts)))

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(timeout=self.timeout + 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # -- and what is there -----------------------------------------------------------------------

    def lost(self, *sites):
        """Acknowledged ids that are not in a site's database."""
        acknowledged = self.acknowledged()  # before the look: more come meanwhile
        there = [set(self.w.sql(site, "SELECT id FROM booking.bookings").split()) for site in sites]
        return {site: sorted(acknowledged - ids) for site, ids in zip(sites, there)}

    def nothing_lost(self, *sites, seconds=60):
        """A replica may have received what it has not applied yet: it gets its time."""
        wanted = self.acknowledged()
        for site in sites:
            try:
                wait_for(f"what was acknowledged at {site}", lambda s=site: not self.lost(s)[s], seconds)
            except Failure:
                ids = self.lost(site)[site]
                raise Failure(f"{site} has lost {len(ids)} of {len(wanted)} acknowledged bookings: {ids[:5]}") from None


def checksums(w, *sites, table="booking.bookings"):
    return {site: w.sql(site, f"CHECKSUM TABLE {table} EXTENDED").split()[-1] for site in sites}


def same_tables(w, *sites, seconds=30):
    """Waits until the sites' tables are alike, row for row."""
    def alike():
        found = checksums(w, *sites)
        return "NULL" not in found.values() and len(set(found.values())) == 1
    wait_for(f"the tables of {' and '.join(sites)} to be alike", alike, seconds)
