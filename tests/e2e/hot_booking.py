"""The hot standby's world of processes with the booking service in it, as the machines have it: the same guests, the
same table. Its sites lose their power, and get it back."""

import time

from harness import BUILD, SOURCE
from hot import HotWorld

BOOT = """\
#!/bin/sh
until [ -e TOLD/"$LAB_ADDRESS" ]; do sleep 0.05; done
read -r site socket <TOLD/"$LAB_ADDRESS"
exec BOOKING --address "$LAB_ADDRESS" --port "$LAB_PORT" --site "$site" --mariadb "$socket" --user booking --database booking
"""


class BookingWorld(HotWorld):
    def application(self):
        return BOOT.replace("TOLD", str(self.folder / "told")).replace(
            "BOOKING", str(BUILD / "examples/booking/drorch-booking"))

    def make_databases(self):
        super().make_databases()
        for server in self.servers.values():
            server.sql("CREATE USER booking@localhost; GRANT SELECT, INSERT, DELETE ON booking.* TO booking@localhost")
        self.sql("main", "CREATE DATABASE booking; USE booking; " + (SOURCE / "examples/booking/schema.sql").read_text())
        for site, server in self.servers.items():
            (self.folder / "told" / self.sites[site]["address"]).write_text(f"{site} {server.folder}/socket\n")

    def sql(self, site, text):
        return self.servers[site].sql(text)

    def instance(self, site):
        return self.sites[site]["id"]

    def lose_power(self, site):
        """The server, the application and the agent, in that order."""
        self.servers[site].kill()
        self.deaths.append(time.time() * 1000)
        self.cut(site)
        self.lab("kill", self.instance(site))

    def give_power(self, site):
        """To the server and the agent; the instance waits for its provider's word."""
        self.servers[site].start()
        self.cut(site, False)
