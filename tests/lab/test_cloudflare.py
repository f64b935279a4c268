#!/usr/bin/python3
"""Cloudflare v4 of the lab, by plain HTTP."""
import http.client
import json
import sys
import unittest
import urllib.parse

import lablib

VERIFY = "/client/v4/user/tokens/verify"


class CloudflareTest(unittest.TestCase):
    def setUp(self):
        self.lab = lablib.Lab()
        self.zone = self.need("POST", "/client/v4/zones", {"name": "example.test"})["id"]
        self.records = "/client/v4/zones/%s/dns_records" % self.zone

    def tearDown(self):
        self.lab.stop()

    def ask(self, method, path, body=None, token=None, **query):
        headers = {"Authorization": "Bearer " + (self.lab.token if token is None else token)}
        if token == "":
            headers = {}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        text = body if isinstance(body, (str, type(None))) else json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
        connection.request(method, path, text, dict(headers, **{"Content-Type": "application/json"}))
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        self.headers = answer.headers
        self.assertEqual(set(value) - {"result_info"}, {"success", "errors", "messages", "result"})
        return answer.status, value

    def need(self, method, path, body=None, **query):
        status, value = self.ask(method, path, body, **query)
        self.assertEqual((status, value["success"], value["errors"]), (200, True, []), value)
        return value["result"]

    def refused(self, status, code, method, path, body=None, **query):
        got, value = self.ask(method, path, body, **query)
        self.assertEqual((got, value["success"], value["errors"][0]["code"], value["result"]),
                         (status, False, code, None), value)
        return value["errors"][0]["message"]

    def add(self, name="app", kind="A", content="127.0.0.5", **more):
        return self.need("POST", self.records, dict(more, name=name, type=kind, content=content))

    def listed(self, **query):
        return [(r["name"].split(".")[0], r["content"])
                for r in self.need("GET", self.records, **query)]

    def test_tokens(self):
        self.assertEqual(self.need("GET", VERIFY)["status"], "active")
        self.refused(401, 1000, "GET", VERIFY, token="wrong")
        self.refused(403, 9109, "GET", "/client/v4/zones", token="wrong")
        self.refused(403, 10000, "GET", self.records, token="wrong")
        self.refused(400, 9106, "GET", self.records, token="")
        self.refused(404, 7003, "GET", "/client/v4/nothing")
        self.refused(404, 7003, "GET", "/client/v4/zones/short/dns_records")
        self.refused(403, 10000, "GET", "/client/v4/zones/%s/dns_records" % ("0" * 32))

    def test_zones(self):
        zones = self.need("GET", "/client/v4/zones", name="example.test")
        self.assertEqual([z["id"] for z in zones], [self.zone])
        self.assertRegex(self.zone, "^[0-9a-f]{32}$")
        self.assertEqual(self.need("GET", "/client/v4/zones", name="other.test"), [])
        self.assertEqual(self.need("GET", "/client/v4/zones/" + self.zone)["name"], "example.test")
        self.refused(400, 1061, "POST", "/client/v4/zones", {"name": "Example.test"})
        self.refused(404, 1001, "GET", "/client/v4/zones/" + "0" * 32)
        account = self.need("GET", "/client/v4/accounts")[0]["id"]
        self.assertEqual(zones[0]["account"]["id"], account)
        other = self.need("POST", "/client/v4/zones", {"name": "other.test"})["id"]
        self.need("DELETE", "/client/v4/zones/" + other)
        self.assertEqual(len(self.need("GET", "/client/v4/zones")), 1)

    def test_one_record(self):
        made = self.add("WWW.Example.test.", ttl=300, comment="drorch:shop/tier1")
        self.assertEqual((made["name"], made["ttl"], made["proxied"], made["proxiable"]),
                         ("www.example.test", 300, False, True))
        self.assertRegex(made["id"], "^[0-9a-f]{32}$")
        path = self.records + "/" + made["id"]
        self.assertEqual(self.need("GET", path), made)
        patched = self.need("PATCH", path, {"proxied": True})
        self.assertEqual((patched["ttl"], patched["content"], patched["comment"]),
                         (1, "127.0.0.5", "drorch:shop/tier1"))
        put = self.need("PUT", path, {"type": "A", "name": "www", "content": "127.0.0.6"})
        self.assertEqual((put["proxied"], put["comment"], put["created_on"], put["ttl"]),
                         (False, None, made["created_on"], 1))
        self.assertEqual(self.need("DELETE", path), {"id": made["id"]})
        self.refused(404, 81044, "GET", path)
        self.refused(404, 81044, "DELETE", path)

    def test_validation(self):
        good = {"type": "A", "name": "v", "content": "127.0.0.5"}
        for code, change in ((9005, {"content": "no address"}), (9005, {"content": "::1"}),
                             (9006, {"type": "AAAA"}), (9021, {"ttl": 59}), (9021, {"ttl": 86401}),
                             (9021, {"ttl": 60.5}), (9000, {"name": "a..b"}), (9000, {"name": ""}),
                             (9004, {"type": "TXT", "proxied": True}), (9003, {"proxied": "yes"}),
                             (1004, {"comment": "x" * 101}), (1004, {"comment": "a\nb"}),
                             (1004, {"type": "NOPE"}), (9007, {"type": "CNAME", "content": "a b"}),
                             (9039, {"type": "CNAME", "content": "v.example.test"}),
                             (9101, {"type": "MX", "content": "mail.example.test"})):
            self.refused(400, code, "POST", self.records, dict(good, **change))
        self.refused(400, 6007, "POST", self.records, "{not json")
        self.assertEqual(self.listed(), [])
        self.add("v", comment="x" * 100, ttl=60)

    def test_conflicts(self):
        self.add("a")
        self.add("a", content="127.0.0.6")
        self.add("c", "CNAME", "a.example.test")
        self.refused(400, 81058, "POST", self.records,
                     {"type": "A", "name": "a", "content": "127.0.0.5"})
        self.refused(400, 81053, "POST", self.records,
                     {"type": "CNAME", "name": "a", "content": "b.example.test"})
        self.refused(400, 81054, "POST", self.records,
                     {"type": "A", "name": "c", "content": "127.0.0.5"})

    def test_lists(self):
        for number in range(12):
            self.add("r%02d" % number, content="127.0.1.%d" % number, comment="c%d +x" % number)
        self.add("t", "TXT", "text")
        self.assertEqual(len(self.listed()), 13)
        pages = [self.listed(page=p, per_page=5) for p in (1, 2, 3, 4)]
        self.assertEqual([len(p) for p in pages], [5, 5, 3, 0])
        self.assertEqual(len(set(sum(pages, []))), 13)
        info = self.ask("GET", self.records, page=3, per_page=5)[1]["result_info"]
        self.assertEqual(info, {"page": 3, "per_page": 5, "count": 3, "total_count": 13,
                                "total_pages": 3})
        for query in ({"name": "r03.example.test"}, {"name.exact": "r03.example.test"},
                      {"content": "127.0.1.3"}, {"content.exact": "127.0.1.3"},
                      {"comment": "C3 +x"}, {"comment.startswith": "c3"},
                      {"name.contains": "03"}, {"type": "A", "name.startswith": "r03"}):
            self.assertEqual(self.listed(**query), [("r03", "127.0.1.3")], query)
        self.assertEqual(len(self.listed(**{"type": "TXT", "name.startswith": "r03",
                                            "match": "any"})), 2)
        self.assertEqual(self.listed(**{"comment.absent": "true"}), [("t", "text")])
        self.assertEqual(self.listed(order="name", direction="desc", per_page=2),
                         [("t", "text"), ("r11", "127.0.1.11")])
        self.refused(400, 6003, "GET", self.records, per_page=0)

    def test_batch(self):
        one, two, three = (self.add("b%d" % n, content="127.0.2.%d" % n) for n in (1, 2, 3))
        done = self.need("POST", self.records + "/batch", {
            "deletes": [{"id": one["id"]}],
            "patches": [{"id": two["id"], "content": "127.0.2.9"}],
            "puts": [{"id": three["id"], "type": "A", "name": "b1", "content": "127.0.2.1"}],
            "posts": [{"type": "A", "name": "b2", "content": "127.0.2.2", "proxied": True}]})
        self.assertEqual([len(done[k]) for k in ("deletes", "patches", "puts", "posts")], [1] * 4)
        wanted = [("b1", "127.0.2.1"), ("b2", "127.0.2.2"), ("b2", "127.0.2.9")]
        self.assertEqual(sorted(self.listed()), wanted)
        self.refused(400, 9005, "POST", self.records + "/batch", {
            "deletes": [{"id": two["id"]}],
            "posts": [{"type": "A", "name": "new", "content": "127.0.2.7"},
                      {"type": "A", "name": "new", "content": "broken"}]})
        self.refused(404, 81044, "POST", self.records + "/batch", {
            "posts": [{"type": "A", "name": "new", "content": "127.0.2.7"}],
            "deletes": [{"id": "0" * 32}]})
        self.refused(400, 6003, "POST", self.records + "/batch", {})
        self.assertEqual(sorted(self.listed()), wanted)

    def test_limit(self):
        self.assertRegex(self.headers["Ratelimit-Policy"], '^"default";q=1200;w=300$')
        self.lab.command("cloudflare", "limit", "5", "600")
        self.assertEqual([self.ask("GET", VERIFY)[0] for _ in range(8)], [200] * 5 + [429] * 3)
        self.assertGreater(int(self.headers["Retry-After"]), 590)
        self.assertEqual(self.refused(429, 971, "GET", self.records)[:11], "Please wait")
        self.lab.command("cloudflare", "limit", "1200", "300")
        self.need("GET", VERIFY)

    def test_restart(self):
        made = self.add("kept", proxied=True)
        self.lab.kill()
        self.lab.start()
        self.assertEqual(self.need("GET", self.records), [made])
        self.assertEqual(self.lab.command("cloudflare", "records"),
                         "kept.example.test A 127.0.0.5 proxied\n")


if __name__ == "__main__":
    sys.exit(lablib.main())
