#!/usr/bin/python3
"""Load balancers, pools and monitors of the lab's Cloudflare, and the edge that follows them."""
import collections
import sys
import time

import lablib
import test_cloudflare
import test_edge


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("not in %d s" % seconds)
        time.sleep(0.02)


class ApiTest(test_cloudflare.CloudflareTest):
    """The API alone: what is kept, what is refused."""

    def setUp(self):
        super().setUp()
        account = self.need("GET", "/client/v4/accounts")[0]["id"]
        self.monitors = "/client/v4/accounts/%s/load_balancers/monitors" % account
        self.pools = "/client/v4/accounts/%s/load_balancers/pools" % account
        self.balancers = "/client/v4/zones/%s/load_balancers" % self.zone

    def monitor(self, **more):
        return self.need("POST", self.monitors, dict({"type": "http", "expected_codes": "2xx",
                                                      "path": "/healthz"}, **more))

    def pool(self, name, address="127.0.0.5", **more):
        origins = [{"name": "one", "address": address}]
        return self.need("POST", self.pools, dict({"name": name, "origins": origins}, **more))

    def balancer(self, pools, name="app.example.test", **more):
        ids = [pool["id"] for pool in pools]
        return self.need("POST", self.balancers, dict(
            {"name": name, "default_pools": ids, "fallback_pool": ids[-1]}, **more))

    def test_objects_are_kept(self):
        monitor = self.monitor(header={"Host": ["example.test"]})
        self.assertEqual((monitor["interval"], monitor["timeout"], monitor["method"]),
                         (60, 5, "GET"))
        pool = self.pool("one", monitor=monitor["id"], description="drorch:shop/app")
        self.assertEqual((pool["enabled"], pool["minimum_origins"], pool["origins"][0]["weight"],
                          pool["origins"][0]["enabled"]), (True, 1, 1, True))
        balancer = self.balancer([pool], "APP", proxied=True)
        self.assertEqual((balancer["name"], balancer["steering_policy"], balancer["enabled"]),
                         ("app.example.test", "", True))
        self.assertNotIn("ttl", balancer)
        self.assertEqual(self.balancer([pool], "plain")["ttl"], 30)
        changed = self.need("PATCH", self.balancers + "/" + balancer["id"],
                            {"steering_policy": "off"})
        self.assertEqual((changed["proxied"], changed["created_on"]),
                         (True, balancer["created_on"]))
        self.lab.kill()
        self.lab.start()
        self.assertEqual(self.need("GET", self.monitors), [monitor])
        self.assertEqual(self.need("GET", self.pools), [pool])
        self.assertEqual(self.need("GET", self.balancers + "/" + balancer["id"]), changed)
        put = self.need("PUT", self.pools + "/" + pool["id"],
                        {"name": "two", "origins": pool["origins"]})
        self.assertEqual((put["monitor"], put["description"], put["created_on"]),
                         ("", "", pool["created_on"]))

    def test_what_is_used_stays(self):
        monitor = self.monitor()
        pools = [self.pool("one", monitor=monitor["id"]), self.pool("two")]
        balancer = self.balancer(pools)
        self.assertEqual([r["resource_name"] for r in self.need(
            "GET", self.monitors + "/" + monitor["id"] + "/references")], ["one"])
        self.assertEqual([r["resource_type"] for r in self.need(
            "GET", self.pools + "/" + pools[0]["id"] + "/references")],
                         ["load_balancer", "monitor"])
        self.refused(412, 1005, "DELETE", self.monitors + "/" + monitor["id"])
        self.refused(412, 1005, "DELETE", self.pools + "/" + pools[1]["id"])
        for path in (self.balancers + "/" + balancer["id"], self.pools + "/" + pools[0]["id"],
                     self.pools + "/" + pools[1]["id"], self.monitors + "/" + monitor["id"]):
            self.need("DELETE", path)
            self.refused(404, 1001, "DELETE", path)
            self.refused(404, 1001, "GET", path)
        self.refused(403, 10000, "GET", self.pools.replace(self.pools.split("/")[4], "0" * 32))

    def test_validation(self):
        monitor, pool = self.monitor(), self.pool("one")
        good = {"type": "http", "expected_codes": "200"}
        for wrong in ({"type": "nope"}, {"expected_codes": ""}, {"expected_codes": "2x"},
                      {"interval": 14}, {"interval": 3601}, {"interval": "60"}, {"timeout": 11}, {"path": "x"},
                      {"method": "PUT"}, {"header": {"Host": "x"}}, {"retries": 6},
                      {"header": {"User-Agent": ["x"]}}, {"type": "tcp"}, {"port": 65536}):
            self.refused(400, 1002, "POST", self.monitors, dict(good, **wrong))
        self.need("POST", self.monitors, {"type": "tcp", "port": 22})
        origin = {"name": "a", "address": "127.0.0.5"}
        good = {"name": "two", "origins": [origin]}
        for wrong in ({"name": "a b"}, {"name": ""}, {"origins": []}, {"origins": [origin, origin]},
                      {"origins": [dict(origin, weight=0.005)]}, {"monitor": "0" * 32},
                      {"origins": [dict(origin, weight=1.01)]}, {"check_regions": ["EU"]},
                      {"origins": [{"address": "127.0.0.5"}]}, {"enabled": "yes"},
                      {"origins": [{"name": "a", "address": "not an address"}]}):
            self.refused(400, 1002, "POST", self.pools, dict(good, **wrong))
        self.refused(400, 1003, "POST", self.pools, dict(good, name="one"))
        good = {"name": "app", "default_pools": [pool["id"]], "fallback_pool": pool["id"]}
        nobody = "0" * 32
        for wrong in ({"name": "a..b"}, {"default_pools": []}, {"default_pools": [nobody]},
                      {"fallback_pool": nobody}, {"steering_policy": "nearest"},
                      {"random_steering": {"pool_weights": {pool["id"]: 1.5}}},
                      {"random_steering": {"pool_weights": {pool["id"]: 0.333}}},
                      {"random_steering": {"pool_weights": {nobody: 0.5}}},
                      {"random_steering": {"default_weight": -1}}, {"proxied": 1},
                      {"region_pools": {"WEU": [nobody]}}, {"ttl": 0}):
            self.refused(400, 1002, "POST", self.balancers, dict(good, **wrong))
        self.need("POST", self.balancers, dict(good, proxied=True))
        self.refused(400, 1003, "POST", self.balancers, good)
        self.assertEqual(self.need("GET", self.pools, monitor=monitor["id"]), [])
        self.refused(400, 6007, "POST", self.pools, "{not json")


for inherited in dir(test_cloudflare.CloudflareTest):  # they have their own run
    if inherited.startswith("test_") and inherited not in vars(ApiTest):
        setattr(ApiTest, inherited, None)


class BalanceTest(test_edge.EdgeCase):
    def setUp(self):
        super().setUp()
        self.account = "/accounts/%s/load_balancers" % self.api("GET", "/accounts")[0]["id"]
        self.balancers = self.records.replace("dns_records", "load_balancers")
        self.monitor = self.api("POST", self.account + "/monitors", {
            "type": "http", "expected_codes": "2xx", "path": "/healthz", "interval": 60})["id"]

    def pool(self, name, *numbers, **more):
        origins = [{"name": str(n), "address": self.net + str(n)} for n in numbers]
        return self.api("POST", self.account + "/pools", dict(
            {"name": name, "origins": origins, "check_regions": ["WEU", "ENAM", "OC"]},
            **more))["id"]

    def balancer(self, *pools, weights=None, fallback=None):
        body = {"name": "app.example.test", "proxied": True, "default_pools": list(pools),
                "fallback_pool": fallback or pools[0], "steering_policy": "off"}
        if weights:
            body["steering_policy"] = "random"
            body["random_steering"] = {"pool_weights": dict(zip(pools, weights))}
        return self.api("POST", self.balancers, body)["id"]

    def weigh(self, balancer, *weights):
        pools = self.api("GET", self.balancers + "/" + balancer)["default_pools"]
        self.api("PATCH", self.balancers + "/" + balancer,
                 {"random_steering": {"pool_weights": dict(zip(pools, weights))}})

    def answers(self, count):
        with self.edge() as kept:
            return collections.Counter(self.ask(connection=kept)[1].decode()
                                       for _ in range(count))

    def look(self):
        """The monitors look often from here on."""
        self.lab.command("cloudflare", "monitor-interval", "20")

    def health(self, pool):
        places = self.api("GET", self.account + "/pools/" + pool + "/health")["pop_health"]
        return {place: seen["healthy"] for place, seen in places.items()}

    def test_weights(self):
        balancer = self.balancer(self.pool("one", 1), self.pool("two", 2), weights=(0.9, 0.1))
        self.assertEqual(self.answers(100), {"origin1": 90, "origin2": 10})
        self.weigh(balancer, 0.5, 0.5)
        self.assertEqual(self.answers(10), {"origin1": 5, "origin2": 5})
        self.weigh(balancer, 0, 1)
        self.assertEqual(self.answers(20), {"origin2": 20})
        # The balancer came before the record of its name; without it, that counts again.
        self.api("DELETE", self.balancers + "/" + balancer)
        self.assertEqual(self.answers(3), {"origin1": 3})

    def test_weights_and_health(self):
        pools = [self.pool("one", 1, monitor=self.monitor), self.pool("two", 2, monitor=self.monitor)]
        self.balancer(*pools, weights=(0.5, 0.5))
        self.look()
        until(lambda: set(self.health(pools[0]).values()) == {True})
        self.silence(1)
        until(lambda: set(self.health(pools[0]).values()) == {False})
        self.assertEqual(self.answers(10), {"origin2": 10})
        self.serve(1)
        until(lambda: set(self.health(pools[0]).values()) == {True})
        self.assertEqual(self.answers(10), {"origin1": 5, "origin2": 5})

    def test_failover(self):
        pools = [self.pool("one", 1, monitor=self.monitor), self.pool("two", 2, monitor=self.monitor)]
        self.balancer(*pools, fallback=pools[1])
        self.look()
        self.assertEqual(self.answers(10), {"origin1": 10})
        self.silence(1)
        until(lambda: self.ask()[:2] == (200, b"origin2"))
        self.assertEqual(self.answers(10), {"origin2": 10})
        self.assertEqual(set(self.health(pools[0])),
                         {"Amsterdam, NL", "Ashburn, VA, US", "Sydney, AU"})
        self.silence(2)  # both are ill: the fallback is asked all the same
        until(lambda: set(self.health(pools[1]).values()) == {False})
        self.assertEqual(self.ask()[0], 521)
        self.serve(1)
        until(lambda: self.ask()[:2] == (200, b"origin1"))

    def test_as_many_failures_as_the_monitor_says(self):
        self.api("PATCH", self.account + "/monitors/" + self.monitor, {"consecutive_down": 3})
        pool = self.pool("one", 1, monitor=self.monitor)
        self.balancer(pool)
        self.servers[1].ill = True
        self.look()
        until(lambda: set(self.health(pool).values()) == {False})
        self.assertGreaterEqual(self.servers[1].looks, 3)
        place = self.api("GET", self.account + "/pools/" + pool + "/health")["pop_health"]
        seen = place["Amsterdam, NL"]["origins"][0][self.net + "1"]
        self.assertEqual((seen["failure_reason"], seen["response_code"]),
                         ("Response code mismatch error", 503))

    def test_regions(self):
        pools = [self.pool("one", 1, monitor=self.monitor), self.pool("two", 2)]
        self.balancer(*pools)
        self.look()
        until(lambda: set(self.health(pools[0]).values()) == {True})
        self.assertEqual(self.health(pools[1]), {})  # nobody looks at it: it is taken as well
        self.lab.command("cloudflare", "blind", "WEU", "on")
        self.assertEqual(self.health(pools[0]), {"Amsterdam, NL": False, "Ashburn, VA, US": True,
                                                 "Sydney, AU": True})
        self.assertEqual(self.answers(3), {"origin1": 3})  # one of three is not most
        self.lab.command("cloudflare", "blind", "OC", "on")
        until(lambda: self.answers(3) == {"origin2": 3})
        self.lab.command("cloudflare", "blind", "OC", "off")
        until(lambda: self.answers(3) == {"origin1": 3})

    def test_within_a_pool(self):
        pool = self.pool("both", 1, 2, monitor=self.monitor)
        self.balancer(pool)
        self.assertEqual(self.answers(10), {"origin1": 5, "origin2": 5})
        self.look()
        self.silence(2)
        until(lambda: self.answers(4) == {"origin1": 4})
        self.assertEqual(set(self.health(pool).values()), {True})  # one origin is enough
        self.api("PATCH", self.account + "/pools/" + pool, {"enabled": False})
        self.assertEqual(self.answers(2), {"origin1": 2})  # the fallback is what is left


class Origin(test_edge.Origin):
    def do_GET(self):
        if self.path != "/healthz":
            super().do_GET()
            return
        self.server.looks = getattr(self.server, "looks", 0) + 1
        if getattr(self.server, "ill", False):
            self.send_error(503)
        else:
            self.answer(b"ok")


test_edge.Origin = Origin

if __name__ == "__main__":
    sys.exit(lablib.main())
