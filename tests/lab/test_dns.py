"""The lab's name servers, asked by dig."""
import collections
import json
import os
import random
import socket
import struct
import subprocess
import unittest
import urllib.request

import lablib
from labtest import LabCase, until

DIG = lablib.find_program("dig")
if not DIG:
    lablib.skip("dig is not installed (bind9-dnsutils)")
ZONE = "example.test"
SERVER = """#!/bin/sh
exec python3 -m http.server --bind "$LAB_ADDRESS" "$LAB_PORT"
"""


class DnsCase(LabCase):
    vendor = "route53"

    def setUp(self):
        super().setUp()
        self.lab.run("route53", "insync", "0")
        self.lab.run("route53", "limits", "off")
        self.lab.run("route53", "speed", "1000")
        self.r53 = self.lab.client("route53", "us-east-1")
        self.zone = self.lab.run("route53", "zone", ZONE)

    def change(self, *sets, action="CREATE"):
        self.r53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": [
            {"Action": action, "ResourceRecordSet": one} for one in sets]})

    @staticmethod
    def set(name, kind, *values, ttl=60, **routed):
        doc = {"Name": name + "." + ZONE if name else ZONE, "Type": kind}
        for key in ("SetIdentifier", "Weight", "Failover", "MultiValueAnswer"):
            if key in routed:
                doc[key] = routed[key]
        if "AliasTarget" in routed:
            return dict(doc, AliasTarget=routed["AliasTarget"])
        doc.update(TTL=ttl, ResourceRecords=[{"Value": value} for value in values])
        return dict(doc, HealthCheckId=routed["check"]) if "check" in routed else doc

    def alias(self, name, target, kind="A", evaluate=False, **routed):
        return self.set(name, kind, AliasTarget={
            "HostedZoneId": self.zone, "DNSName": target + "." + ZONE, "EvaluateTargetHealth": evaluate}, **routed)

    def run_dig(self, *words, vendor=None):
        port = self.lab.dns_ports[vendor or self.vendor]
        return subprocess.run([DIG, "-r", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=10", *words],
                              capture_output=True, text=True, timeout=60).stdout

    def dig(self, name, kind="A", *words, vendor=None):
        """Status, flags, and the lines of each section as (name, ttl, type, value)."""
        text = self.run_dig(name, kind, "+noall", "+comments", "+answer", "+authority", "+additional",
                            *words, vendor=vendor)
        sections, at, status, flags = collections.defaultdict(list), None, None, []
        for line in text.splitlines():
            if "status:" in line:
                status = line.split("status: ")[1].split(",")[0]
            elif line.startswith(";; flags:"):
                flags = line.split(": ")[1].split(";")[0].split()
            elif line.startswith(";; ") and "SECTION" in line:
                at = line.split()[1]
            elif line and not line.startswith(";"):
                owner, ttl, _, kind_of, value = line.split(None, 4)
                sections[at].append((owner, int(ttl), kind_of, value))
        self.status, self.flags, self.sections, self.text = status, flags, sections, text
        return [value for _, _, _, value in sections["ANSWER"]]

    def many(self, name, count=400):
        """How often each answer came."""
        path = os.path.join(self.lab.folder, "questions")
        with open(path, "w") as file:
            file.write((name + " A\n") * count)
        found = collections.Counter(self.run_dig("+short", "-f", path).split())
        self.assertEqual(sum(found.values()), count)
        return found


class Answers(DnsCase):
    def test_kinds(self):
        self.change(self.set("a", "A", "192.0.2.1", "192.0.2.2"), self.set("six", "AAAA", "2001:db8::1"),
                    self.set("", "MX", "10 mail." + ZONE, "20 mail2.other.test."),
                    self.set("t", "TXT", '"one \\"two\\"" "three"', '"\\101\\344"'),
                    self.set("_s._tcp", "SRV", "1 2 443 a." + ZONE), self.set("", "CAA", '0 issue "ca.test"'),
                    self.set("c", "CNAME", "c2." + ZONE), self.set("c2", "CNAME", "a." + ZONE),
                    self.set("out", "CNAME", "www.other.test"), self.set("p", "PTR", "a." + ZONE))
        self.assertEqual(sorted(self.dig("A." + ZONE.upper())), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual((self.status, "aa" in self.flags, "ra" in self.flags), ("NOERROR", True, False))
        self.assertEqual(self.sections["ANSWER"][0][:3], ("A.EXAMPLE.TEST.", 60, "A"))
        self.assertEqual(self.dig("six." + ZONE, "AAAA"), ["2001:db8::1"])
        self.assertEqual(sorted(self.dig(ZONE, "MX")), ["10 mail.example.test.", "20 mail2.other.test."])
        self.assertEqual(sorted(self.dig("t." + ZONE, "TXT")), ['"A\\228"', '"one \\"two\\"" "three"'])
        self.assertEqual(self.dig("_s._tcp." + ZONE, "SRV"), ["1 2 443 a.example.test."])
        self.assertEqual(self.dig(ZONE, "CAA"), ['0 issue "ca.test"'])
        self.assertEqual(self.dig("p." + ZONE, "PTR"), ["a.example.test."])
        self.assertEqual(len(self.dig(ZONE, "NS")), 4)
        self.assertTrue(self.dig(ZONE, "SOA")[0].startswith("ns-100.awsdns-10.com. "))
        self.assertEqual(sorted(self.dig("c." + ZONE)),
                         ["192.0.2.1", "192.0.2.2", "a.example.test.", "c2.example.test."])
        self.assertEqual(self.dig("c." + ZONE, "CNAME"), ["c2.example.test."])
        self.assertEqual(self.dig("out." + ZONE), ["www.other.test."])
        self.assertEqual(len(self.dig("a." + ZONE, "ANY", "+notcp")), 2)

    def test_nothing(self):
        self.change(self.set("a.b", "A", "192.0.2.1"))
        for name, kind, status in (("nope." + ZONE, "A", "NXDOMAIN"), ("x.a.b." + ZONE, "A", "NXDOMAIN"),
                                   ("a.b." + ZONE, "TXT", "NOERROR"), ("b." + ZONE, "A", "NOERROR")):
            self.assertEqual(self.dig(name, kind), [])
            self.assertEqual((self.status, [line[2] for line in self.sections["AUTHORITY"]]), (status, ["SOA"]))
        for words in (("other.test", "A"), ("test", "A"), ("xexample.test", "A"), (".", "NS"),
                      (ZONE, "AXFR", "+tcp"), (ZONE, "SOA", "-c", "CH")):
            self.dig(*words)
            self.assertEqual(self.sections["ANSWER"], [], words)
            if "AXFR" not in words:
                self.assertEqual(self.status, "REFUSED", words)
        self.dig(ZONE, "A", "+opcode=notify")
        self.assertEqual(self.status, "NOTIMP")
        self.dig(ZONE, "A", "+edns=1", "+noednsnegotiation")
        self.assertEqual(self.status, "BADVERS")

    def test_wildcards_and_cuts(self):
        self.change(self.set("*", "A", "192.0.2.9"), self.set("here", "TXT", '"x"'),
                    self.set("sub", "NS", "ns1.sub." + ZONE), self.set("ns1.sub", "A", "192.0.2.53"))
        self.assertEqual(self.dig("any.thing." + ZONE), ["192.0.2.9"])
        self.assertEqual(self.sections["ANSWER"][0][0], "any.thing.example.test.")
        self.assertEqual(self.dig("any." + ZONE, "TXT"), [])
        self.assertEqual(self.status, "NOERROR")
        self.assertEqual(self.dig("here." + ZONE), [])
        self.assertEqual(self.dig("x.here." + ZONE), [])
        self.assertEqual(self.status, "NXDOMAIN")
        self.assertEqual(self.dig("*." + ZONE), ["192.0.2.9"])
        self.assertEqual(self.dig("www.sub." + ZONE), [])
        self.assertNotIn("aa", self.flags)
        self.assertEqual([line[3] for line in self.sections["AUTHORITY"]], ["ns1.sub.example.test."])
        self.assertEqual([line[3] for line in self.sections["ADDITIONAL"]], ["192.0.2.53"])

    def test_large_answers(self):
        self.change(self.set("big", "A", *["10.0.%d.%d" % divmod(n, 200) for n in range(400)]),
                    self.set("mid", "A", *["10.0.0.%d" % n for n in range(60)]))
        for name, words, count in (("big", ("+ignore",), 0), ("big", (), 400), ("big", ("+tcp",), 400),
                                   ("mid", ("+ignore", "+noedns"), 0), ("mid", ("+ignore",), 60),
                                   ("mid", ("+ignore", "+bufsize=900"), 0), ("mid", ("+noedns",), 60)):
            self.assertEqual(len(self.dig(name + "." + ZONE, "A", *words)), count, (name, words))
            if count == 0:
                self.assertIn("tc", self.flags)

    def test_tcp_takes_its_time(self):
        """Two questions in pieces, and one connection that says nothing, at the same time."""
        question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\7example\4test\0" + struct.pack("!2H", 6, 1)
        framed = struct.pack("!H", len(question)) + question
        address = ("127.0.0.1", self.lab.dns_ports["route53"])
        with socket.create_connection(address, 20), socket.create_connection(address, 20) as asking:
            for byte in framed + framed:
                asking.send(bytes([byte]))
            with asking.makefile("rb") as answers:
                for _ in range(2):
                    answer = answers.read(struct.unpack("!H", answers.read(2))[0])
                    self.assertEqual((answer[:2], answer[3] & 15, answer[7]), (b"\0\7", 0, 1))

    def test_changes_spread(self):
        self.change(self.set("w", "A", "192.0.2.1"))
        self.lab.run("route53", "insync", "3600000")
        self.change(self.set("w", "A", "192.0.2.2"), action="UPSERT")
        late = self.lab.run("route53", "zone", "late.test")
        self.assertEqual(self.dig("w." + ZONE), ["192.0.2.1"])
        self.dig("late.test", "SOA")
        self.assertEqual(self.status, "REFUSED")
        self.lab.down()
        self.lab.up()
        self.assertEqual(self.dig("w." + ZONE), ["192.0.2.2"])
        self.assertTrue(self.dig("late.test", "SOA"))
        self.lab.run("route53", "insync", "0")
        self.r53 = self.lab.client("route53", "us-east-1")
        self.r53.delete_hosted_zone(Id=late)
        self.dig("late.test", "SOA")
        self.assertEqual(self.status, "REFUSED")

    def test_garbage(self):
        self.change(self.set("a", "A", "192.0.2.1"))
        dice = random.Random(53)
        question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\1a\7example\4test\0" + struct.pack("!2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", self.lab.dns_ports["route53"]))
            for turn in range(2000):
                packet = bytearray(question if turn % 2 else dice.randbytes(dice.randrange(600)))
                for _ in range(dice.randrange(4)):
                    if packet:
                        packet[dice.randrange(len(packet))] = dice.randrange(256)
                udp.send(packet)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.lab.dns_ports["route53"]), 20) as tcp:
                tcp.sendall(dice.randbytes(dice.randrange(3000)))
        until(lambda: self.dig("a." + ZONE) == ["192.0.2.1"])


class Routing(DnsCase):
    def check(self, address="127.0.0.1", port=8080):
        self.count = getattr(self, "count", 0) + 1
        return self.r53.create_health_check(CallerReference="c%d" % self.count, HealthCheckConfig={
            "IPAddress": address, "Port": port, "Type": "HTTP", "RequestInterval": 10,
            "FailureThreshold": 1})["HealthCheck"]["Id"]

    def weighted(self, name, weights, checks=()):
        for n, weight in enumerate(weights):
            more = {"check": checks[n]} if checks else {}
            self.change(self.set(name, "A", "192.0.2.%d" % n, SetIdentifier=str(n), Weight=weight, **more))

    def test_weights(self):
        """Bounds of seven standard deviations."""
        self.weighted("w", (3, 1, 0))
        found = self.many("w." + ZONE)
        self.assertEqual(set(found), {"192.0.2.0", "192.0.2.1"})
        self.assertTrue(240 < found["192.0.2.0"] < 360, found)
        self.weighted("none", (0, 0))
        found = self.many("none." + ZONE)
        self.assertTrue(130 < found["192.0.2.0"] < 270, found)
        self.change(self.alias("al", "w"))
        self.assertEqual(set(self.many("al." + ZONE)), {"192.0.2.0", "192.0.2.1"})
        self.dig("al." + ZONE)
        self.assertEqual(self.sections["ANSWER"][0][:3], ("al.example.test.", 60, "A"))

    def test_unhealthy_ones_are_left_out(self):
        checks = [self.check() for _ in range(3)]
        self.weighted("w", (1, 1, 0), checks)

        def answers(*states):
            for check, state in zip(checks, states):
                self.lab.run("route53", "health", check, state)
            return {address[-1] for address in self.many("w." + ZONE, 60)}

        self.assertEqual(answers("up", "up", "up"), {"0", "1"})
        self.assertEqual(answers("up", "down", "up"), {"0"})
        self.assertEqual(answers("down", "down", "up"), {"2"})
        self.assertEqual(answers("down", "down", "down"), {"0", "1"})
        self.r53.delete_health_check(HealthCheckId=checks[1])
        self.assertEqual({address[-1] for address in self.many("w." + ZONE, 60)}, {"1"})

    def test_many_values(self):
        checks = [self.check() for _ in range(10)]
        for n, check in enumerate(checks):
            self.change(self.set("m", "A", "192.0.2.%d" % n, SetIdentifier=str(n), MultiValueAnswer=True,
                                 check=check))
            self.lab.run("route53", "health", check, "up")
        self.assertEqual(len(set(self.dig("m." + ZONE))), 8)
        for check in checks[2:]:
            self.lab.run("route53", "health", check, "down")
        self.assertEqual(sorted(self.dig("m." + ZONE)), ["192.0.2.0", "192.0.2.1"])

    def test_failover_when_an_instance_dies(self):
        image = self.lab.image(SERVER)
        instances = [self.launch(image) for _ in range(2)]
        until(lambda: all(self.state(one) == "running" for one in instances))
        lines = {line.split()[0]: line.split()[2] for line in self.lab.run("instances").splitlines()}
        main, spare = [lines[one] for one in instances]
        self.change(self.set("f", "A", main, SetIdentifier="main", Failover="PRIMARY", check=self.check(main)),
                    self.set("f", "A", spare, SetIdentifier="spare", Failover="SECONDARY",
                             check=self.check(spare)),
                    self.set("plan-b", "A", "192.0.2.99"))
        self.change(self.alias("top", "f", evaluate=True, SetIdentifier="f", Failover="PRIMARY"),
                    self.alias("top", "plan-b", SetIdentifier="b", Failover="SECONDARY"))
        until(lambda: self.lab.run("route53", "checks").count(" healthy Success") == 2)
        self.assertEqual(self.dig("f." + ZONE), [main])
        # The name servers go on without the API.
        self.lab.run("outage", "provider", "route53", "on")
        self.lab.run("kill", instances[0])
        until(lambda: self.dig("f." + ZONE) == [spare])
        self.assertEqual(self.dig("top." + ZONE), [spare])
        self.lab.run("kill", instances[1])
        until(lambda: self.dig("f." + ZONE) == [main])
        self.assertEqual(self.dig("top." + ZONE), ["192.0.2.99"])
        self.ec2.start_instances(InstanceIds=[instances[1]])
        until(lambda: self.dig("f." + ZONE) == [spare])
        until(lambda: self.dig("top." + ZONE) == [spare])

    def test_aliases_in_a_ring(self):
        self.change(self.set("a", "A", "192.0.2.1"))
        self.change(self.alias("b", "a", evaluate=True))
        self.change(self.alias("a", "b", evaluate=True), action="UPSERT")
        self.assertEqual(self.dig("a." + ZONE), [])
        self.change(self.set("r1", "CNAME", "r2." + ZONE), self.set("r2", "CNAME", "r1." + ZONE))
        self.assertGreater(len(self.dig("r1." + ZONE)), 1)


class Faults(DnsCase):
    def test_faults(self):
        self.change(self.set("a", "A", "192.0.2.1"), self.set("c", "CNAME", "a." + ZONE))
        fault = lambda *words: self.lab.run("dns", "route53", *words)
        fault("servfail")
        self.dig("a." + ZONE)
        self.assertEqual(self.status, "SERVFAIL")
        self.dig("other.test", vendor="cloudflare")
        self.assertEqual(self.status, "REFUSED")
        fault("lame")
        self.assertEqual(self.dig("a." + ZONE), [])
        self.assertEqual((self.status, "aa" in self.flags), ("NOERROR", False))
        self.assertEqual(self.sections["AUTHORITY"][0][0], ".")
        fault("lie", "192.0.2.66")
        self.assertEqual(self.dig("c." + ZONE), ["a.example.test.", "192.0.2.66"])
        fault("stale")
        self.change(self.set("a", "A", "192.0.2.2"), action="UPSERT")
        self.assertEqual(self.dig("a." + ZONE), ["192.0.2.1"])
        fault("silent")
        self.dig("a." + ZONE, "A", "+time=1")
        self.assertIsNone(self.status)
        fault("off")
        self.assertEqual(self.dig("a." + ZONE), ["192.0.2.2"])
        for words in (("lie",), ("lie", "nonsense"), ("nonsense",), ("off", "more")):
            self.lab.run("dns", "route53", *words, fails=True)
        self.lab.run("dns", "nobody", "off", fails=True)


class Cloudflare(DnsCase):
    vendor = "cloudflare"

    def record(self, kind, name, content=None, **more):
        body = dict(type=kind, name=name, **more)
        if content is not None:
            body["content"] = content
        request = urllib.request.Request(
            "http://127.0.0.1:%d/client/v4/zones/%s/dns_records" % (self.lab.port, self.cf_zone),
            json.dumps(body).encode(), {"Authorization": "Bearer " + self.lab.keys["CLOUDFLARE_API_TOKEN"],
                                        "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["result"]["id"]

    def test_answers(self):
        self.cf_zone = self.lab.run("cloudflare", "zone", ZONE)
        self.record("A", "plain." + ZONE, "192.0.2.1", ttl=120)
        self.record("A", "plain." + ZONE, "192.0.2.2", ttl=120)
        self.record("A", "app." + ZONE, "192.0.2.3", proxied=True)
        self.record("CNAME", "www." + ZONE, "elsewhere.test", proxied=True)
        self.record("CNAME", "alias." + ZONE, "plain." + ZONE)
        self.record("CNAME", ZONE, "plain." + ZONE)
        self.record("A", "*." + ZONE, "192.0.2.9")
        self.record("MX", ZONE, "mail." + ZONE, priority=5)
        self.record("TXT", "t." + ZONE, 'v=spf1 "quoted" -all')
        self.record("SRV", "_s._tcp." + ZONE, data=dict(priority=1, weight=2, port=3, target="a." + ZONE))
        self.record("CAA", ZONE, data=dict(flags=0, tag="issue", value="ca.test"))
        self.assertEqual(sorted(self.dig("plain." + ZONE)), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.sections["ANSWER"][0][1], 120)
        for name in ("app.", "www."):
            self.assertEqual(self.dig(name + ZONE), ["127.0.0.1"])
            self.assertEqual(self.sections["ANSWER"][0][1], 300)
            self.assertEqual(self.dig(name + ZONE, "AAAA"), [])
            self.assertEqual(self.status, "NOERROR")
        self.assertEqual(sorted(self.dig("alias." + ZONE)), ["192.0.2.1", "192.0.2.2", "plain.example.test."])
        self.assertEqual(sorted(self.dig(ZONE)), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.sections["ANSWER"][0][0], ZONE + ".")
        self.assertEqual(self.dig("any." + ZONE), ["192.0.2.9"])
        self.assertEqual(self.dig(ZONE, "MX"), ["5 mail.example.test."])
        self.assertEqual(self.dig("t." + ZONE, "TXT"), ['"v=spf1 \\"quoted\\" -all"'])
        self.assertEqual(self.dig("_s._tcp." + ZONE, "SRV"), ["1 2 3 a.example.test."])
        self.assertEqual(self.dig(ZONE, "CAA"), ['0 issue "ca.test"'])
        self.assertEqual(sorted(self.dig(ZONE, "NS")), ["bob.ns.cloudflare.com.", "lola.ns.cloudflare.com."])
        self.assertTrue(self.dig(ZONE, "SOA"))
        self.dig("plain." + ZONE, "TXT")
        self.assertEqual(self.sections["AUTHORITY"][0][1:3], (1800, "SOA"))
        self.assertEqual(self.dig("plain." + ZONE, vendor="route53"), [])
        self.assertEqual(self.status, "NXDOMAIN")


if __name__ == "__main__":
    unittest.main(warnings="ignore")
