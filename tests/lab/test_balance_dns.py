#!/usr/bin/python3
"""What the name servers of the lab's Cloudflare say of its load balancers, asked by dig."""
import collections
import json
import subprocess
import sys

import lablib
import test_balance

DIG = lablib.find_program("dig")
if not DIG:
    lablib.skip("dig is not installed (bind9-dnsutils)")


class DnsTest(test_balance.BalanceTest):
    def setUp(self):
        super().setUp()
        self.one, self.two = (self.net + number for number in "12")
        with open(self.lab.dir + "/lab.json") as note:
            self.port = json.load(note)["cloudflare_dns_port"]

    def dig(self, name="app", kind="A", *words):
        done = subprocess.run([DIG, "-r", "@127.0.0.1", "-p", str(self.port), "+tries=1", "+time=10",
                               name + ".example.test", kind, *(words or ("+short",))],
                              check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.split()

    def dns_only(self, *pools, **more):
        return self.api("POST", self.balancers, dict(
            {"name": "app.example.test", "proxied": False, "default_pools": list(pools),
             "fallback_pool": pools[-1], "steering_policy": "off"}, **more))["id"]

    def test_proxied(self):
        self.balancer(self.pool("one", 1))
        self.add("app", "text", kind="TXT", proxied=False)
        self.assertEqual(self.dig(), ["127.0.0.1"])
        self.assertEqual(self.dig(kind="AAAA"), [])
        self.assertEqual(self.dig(kind="TXT"), ['"text"'])

    def test_before_records_of_its_name(self):
        pool = self.pool("one", 1)
        self.add("plain", 2, proxied=False)
        self.assertEqual(self.dig("plain"), [self.two])
        balancer = self.dns_only(pool, name="plain.example.test")
        self.assertEqual(self.dig("plain"), [self.one])
        self.api("PATCH", self.balancers + "/" + balancer, {"enabled": False})
        self.assertEqual(self.dig("plain"), [self.two])
        self.api("PATCH", self.balancers + "/" + balancer, {"enabled": True})
        self.assertEqual(self.dig("plain"), [self.one])
        self.api("DELETE", self.balancers + "/" + balancer)
        self.assertEqual(self.dig("plain"), [self.two])

    def test_weights_of_dns_only(self):
        pools = [self.pool("one", 1), self.pool("two", 2)]
        self.dns_only(*pools, ttl=77, steering_policy="random",
                      random_steering={"pool_weights": dict(zip(pools, (0.75, 0.25)))})
        found = collections.Counter(address for _ in range(8) for address in self.dig())
        self.assertEqual(found, {self.one: 6, self.two: 2})
        self.assertEqual(self.dig("app", "A", "+noall", "+answer")[1], "77")
        # The edge is not for it, though there is a proxied record of the name.
        self.assertEqual(self.ask()[0], 530)

    def test_families(self):
        pool = self.api("POST", self.account + "/pools", {"name": "both", "origins": [
            {"name": "four", "address": self.one}, {"name": "six", "address": "2001:db8::1"},
            {"name": "name", "address": "other.example.test"}]})["id"]
        self.add("other", 2, proxied=False)
        self.dns_only(pool)
        self.assertEqual(sorted(self.dig()), [self.one, self.two])
        self.assertEqual(self.dig(kind="AAAA"), ["2001:db8::1"])

    def test_health_of_dns_only(self):
        pools = [self.pool("one", 1, monitor=self.monitor), self.pool("two", 2, monitor=self.monitor)]
        self.dns_only(*pools)
        self.look()
        self.assertEqual(self.dig(), [self.one])
        self.silence(1)
        test_balance.until(lambda: self.dig() == [self.two])
        self.serve(1)
        test_balance.until(lambda: self.dig() == [self.one])


for inherited in dir(test_balance.BalanceTest):  # they have their own run
    if inherited.startswith("test_"):
        setattr(DnsTest, inherited, None)

if __name__ == "__main__":
    sys.exit(lablib.main())
