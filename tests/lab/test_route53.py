"""Route 53 of the lab, asked by boto3."""
import unittest

from labtest import ClientError, LabCase, until

ZONE = "example.test."
# boto3 writes a dictionary's order, and the API wants its own.
ORDER = ("Name", "Type", "SetIdentifier", "Weight", "Failover", "MultiValueAnswer", "TTL", "ResourceRecords", "AliasTarget",
         "HealthCheckId")


class Route53(LabCase):
    def setUp(self):
        super().setUp()
        self.r53 = self.lab.client("route53", "us-east-1")
        self.r53.meta.events.register("after-call.route53", self.keep)
        self.zone = self.make(ZONE)

    def keep(self, http_response, **_):
        self.body = http_response.content.decode()

    def make(self, name, reference=None):
        made = self.r53.create_hosted_zone(Name=name, CallerReference=reference or "ref " + name)
        self.assertEqual(made["ChangeInfo"]["Status"], "PENDING")
        self.assertEqual(len(made["DelegationSet"]["NameServers"]), 4)
        return made["HostedZone"]["Id"].split("/")[-1]

    def change(self, *changes, zone=None):
        return self.r53.change_resource_record_sets(
            HostedZoneId=zone or self.zone, ChangeBatch={"Comment": "a <b>", "Changes": [
                {"Action": action, "ResourceRecordSet": {key: doc[key] for key in ORDER if key in doc}}
                for action, doc in changes]})["ChangeInfo"]

    def bad(self, part, *changes):
        """InvalidChangeBatch has a root of its own, in which boto3 finds no code."""
        with self.assertRaises(ClientError) as caught:
            self.change(*changes)
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertIn("<InvalidChangeBatch xmlns=", self.body)
        self.assertIn("<Messages><Message>", self.body)
        self.assertIn(part, self.body)

    @staticmethod
    def doc(name, kind="A", *values, ttl=60, **more):
        return dict(Name=name + "." + ZONE if name else ZONE, Type=kind, TTL=ttl,
                    ResourceRecords=[{"Value": v} for v in values or ("192.0.2.1",)], **more)

    def listed(self, **given):
        found = self.r53.list_resource_record_sets(HostedZoneId=self.zone, **given)
        return [s for s in found["ResourceRecordSets"] if s["Type"] not in ("NS", "SOA")]

    def test_zones(self):
        again = self.refused("HostedZoneAlreadyExists", self.r53.create_hosted_zone,
                             Name="other.test", CallerReference="ref " + ZONE)
        self.assertEqual(again["ResponseMetadata"]["HTTPStatusCode"], 409)
        self.refused("InvalidDomainName", self.r53.create_hosted_zone, Name="a..b", CallerReference="x")
        before, behind = self.make("aaa.test"), self.make("zzz.test")
        names = [z["Name"] for z in self.r53.list_hosted_zones_by_name(DNSName="bbb.test")["HostedZones"]]
        self.assertEqual(names, [ZONE, "zzz.test."])
        page = self.r53.list_hosted_zones_by_name(DNSName="bbb.test", MaxItems="1")
        self.assertEqual((page["IsTruncated"], page["NextDNSName"]), (True, "zzz.test."))
        self.assertEqual(page["NextHostedZoneId"], behind)
        pages = self.r53.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 2})
        self.assertEqual([z["Name"] for p in pages for z in p["HostedZones"]],
                         ["aaa.test.", ZONE, "zzz.test."])
        self.assertEqual(self.r53.get_hosted_zone_count()["HostedZoneCount"], 3)
        self.r53.delete_hosted_zone(Id=before)
        self.refused("NoSuchHostedZone", self.r53.get_hosted_zone, Id=before)
        self.change(("CREATE", self.doc("www")))
        self.refused("HostedZoneNotEmpty", self.r53.delete_hosted_zone, Id=self.zone)
        self.assertEqual(self.r53.get_hosted_zone(Id=self.zone)["HostedZone"]["ResourceRecordSetCount"], 3)
        self.assertRegex(self.lab.run("route53", "zone", "more.test"), "^Z[A-Z0-9]{19}$")

    def test_changes_spread(self):
        self.lab.run("route53", "insync", "400")
        info = self.change(("CREATE", self.doc("www")))
        self.assertEqual((info["Status"], info["Comment"]), ("PENDING", "a <b>"))
        self.assertEqual(self.listed(), [self.doc("www")])
        until(lambda: self.r53.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC")
        self.refused("NoSuchChange", self.r53.get_change, Id="C0NOTHERE")

    def test_one_change_at_a_time(self):
        self.lab.run("route53", "busy", "600000")
        other = self.make("other.test")
        self.change(("CREATE", self.doc("one")))
        said = self.refused("PriorRequestNotComplete", self.change, ("CREATE", self.doc("two")))
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.change(("CREATE", dict(self.doc("x"), Name="x.other.test")), zone=other)
        self.assertEqual(len(self.listed()), 1)

    def test_throttling(self):
        def flood():
            for _ in range(2000):
                self.r53.get_hosted_zone_count()
        said = self.refused("Throttling", flood)
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.lab.run("route53", "limits", "off")
        self.r53.get_hosted_zone_count()

    def test_all_or_nothing(self):
        self.change(("CREATE", self.doc("a")))
        self.bad("already exists", ("CREATE", self.doc("b")), ("CREATE", self.doc("a")))
        self.bad("was not found", ("CREATE", self.doc("b")), ("DELETE", self.doc("c")))
        for other in (self.doc("a", ttl=61), self.doc("a", "A", "192.0.2.2"),
                      self.doc("a", "A", "192.0.2.1", "192.0.2.2")):
            self.bad("do not match", ("UPSERT", self.doc("b")), ("DELETE", other))
        self.assertEqual(self.listed(), [self.doc("a")])
        self.change(("DELETE", self.doc("a")), ("CREATE", self.doc("a", "CNAME", "b.test")))
        self.change(("UPSERT", self.doc("a", "CNAME", "c.test")), ("CREATE", self.doc("b")))
        self.assertEqual([s["Type"] for s in self.listed()], ["CNAME", "A"])

    def test_refusals(self):
        self.change(("CREATE", self.doc("c", "CNAME", "x.test")))
        for part, doc in (("is not permitted in zone", dict(self.doc("x"), Name="x.other.test")),
                          ("apex", self.doc("", "CNAME", "x.test")),
                          ("conflicting RRSet of type CNAME", self.doc("c")),
                          ("not a valid IPv4", self.doc("x", "A", "192.0.2.256")),
                          ("not a valid IPv6", self.doc("x", "AAAA", "192.0.2.1")),
                          ("quotation marks", self.doc("x", "TXT", "bare")),
                          ("CharacterStringTooLong", self.doc("x", "TXT", '"%s"' % ("x" * 256))),
                          ("two fields", self.doc("x", "MX", "mail.test")),
                          ("Duplicate", self.doc("x", "A", "192.0.2.1", "192.0.2.1")),
                          ("Number of records", self.doc("x", "A", *("10.0.%d.%d" % divmod(n, 256)
                                                                      for n in range(501)))),
                          ("32000", self.doc("x", "TXT", *('"%04d%s"' % (n, "y" * 250)
                                                          for n in range(63))))):
            self.bad(part, ("UPSERT", doc))
        self.bad("invalid set of changes", ("UPSERT", self.doc("x")), ("UPSERT", self.doc("x")))
        self.bad("at least one NS", ("DELETE", self.r53.list_resource_record_sets(
            HostedZoneId=self.zone)["ResourceRecordSets"][0]))
        for doc in (dict(self.doc("x"), Type="NOPE"), self.doc("x", SetIdentifier="s"),
                    self.doc("x", Weight=1), self.doc("x", SetIdentifier="s", Weight=1, Failover="PRIMARY"),
                    {"Name": "x." + ZONE, "Type": "A", "TTL": 60}):
            self.refused("InvalidInput", self.change, ("UPSERT", doc))
        self.refused("NoSuchHealthCheck", self.change, ("UPSERT", self.doc("x", HealthCheckId="h" * 36)))
        self.assertEqual(len(self.listed()), 1)

    def test_routed_sets(self):
        one = self.doc("w", SetIdentifier="a", Weight=255)
        self.change(("CREATE", one), ("CREATE", self.doc("w", SetIdentifier="b", Weight=0)))
        self.bad("same TTL", ("CREATE", self.doc("w", ttl=30, SetIdentifier="c", Weight=1)))
        self.bad("other RRSets exist", ("CREATE", self.doc("w")))
        self.bad("other RRSets exist", ("CREATE", self.doc("w", SetIdentifier="c", Failover="SECONDARY")))
        self.change(("UPSERT", dict(one, TTL=30)),
                    ("UPSERT", self.doc("w", ttl=30, SetIdentifier="b", Weight=3)))
        self.assertEqual([(s["SetIdentifier"], s["Weight"], s["TTL"]) for s in self.listed()],
                         [("a", 255, 30), ("b", 3, 30)])
        health = self.r53.create_health_check(CallerReference="f", HealthCheckConfig=dict(
            IPAddress="192.0.2.1", Type="HTTP"))["HealthCheck"]["Id"]
        primary = dict(Failover="PRIMARY", HealthCheckId=health)
        self.bad("non-alias primary", ("CREATE", self.doc("f", SetIdentifier="p", Failover="PRIMARY")))
        self.change(("CREATE", self.doc("f", SetIdentifier="p", **primary)),
                    ("CREATE", self.doc("f", SetIdentifier="s", Failover="SECONDARY")))
        self.bad("failover", ("CREATE", self.doc("f", SetIdentifier="t", **primary)))
        alias = {"Name": "al." + ZONE, "Type": "A", "AliasTarget": {
            "HostedZoneId": self.zone, "DNSName": "f." + ZONE, "EvaluateTargetHealth": False}}
        self.change(("CREATE", alias))
        self.assertEqual(self.listed()[0], alias)
        self.bad("that target was not found", ("UPSERT", dict(alias, Type="AAAA")))
        self.bad("that target was not found", ("UPSERT", dict(alias, AliasTarget=dict(
            alias["AliasTarget"], HostedZoneId="Z2FDTNDATAQYW2"))))
        self.refused("InvalidInput", self.change, ("CREATE", dict(
            alias, Name="m." + ZONE, SetIdentifier="m", MultiValueAnswer=True)))
        self.change(*[("CREATE", self.doc("many", SetIdentifier=str(n), Weight=1)) for n in range(100)])
        self.bad("more than 100", ("CREATE", self.doc("many", SetIdentifier="one more", Weight=1)))
        self.r53.delete_health_check(HealthCheckId=health)
        self.change(("DELETE", self.doc("f", SetIdentifier="p", **primary)))
        self.refused("NoSuchHealthCheck", self.change,
                     ("CREATE", self.doc("f", SetIdentifier="p", **primary)))

    def test_lists(self):
        names = ["zz", "*", "b", "a.b", "b-c", "B2"]
        self.change(*[("CREATE", self.doc(n)) for n in names])
        self.change(*[("CREATE", self.doc("w", SetIdentifier="s%d" % n, Weight=n)) for n in range(7)])
        order = [s["Name"][:-len(ZONE) - 1] for s in self.listed()]
        self.assertEqual(order, ["\\052", "b", "a.b", "b-c", "b2"] + ["w"] * 7 + ["zz"])
        got, place = [], {}
        while True:
            page = self.r53.list_resource_record_sets(HostedZoneId=self.zone, MaxItems="3", **place)
            got += [(s["Name"], s["Type"], s.get("SetIdentifier")) for s in page["ResourceRecordSets"]]
            if not page["IsTruncated"]:
                break
            place = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}
            if "NextRecordIdentifier" in page:
                place["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        self.assertEqual(len(got), 15)
        self.assertEqual(len(set(got)), 15)
        self.assertEqual(self.listed(StartRecordName="x." + ZONE)[0]["Name"], "zz." + ZONE)
        self.refused("InvalidInput", self.listed, StartRecordType="A")

    def test_large_batch_and_restart(self):
        self.change(*[("CREATE", self.doc("r%04d" % n, "TXT", '"number %d"' % n)) for n in range(1000)])
        self.lab.down()
        self.lab.up()
        self.r53 = self.lab.client("route53", "us-east-1")
        pages = self.r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.zone)
        sizes = [len(p["ResourceRecordSets"]) for p in pages]
        self.assertEqual(sizes, [300, 300, 300, 102])

    def test_who(self):
        for wanted, given in (("InvalidClientTokenId", {"aws_access_key_id": "AKIANOBODY"}),
                              ("SignatureDoesNotMatch", {"aws_secret_access_key": "wrong"})):
            stranger = self.lab.client("route53", "us-east-1", **given)
            self.refused(wanted, stranger.get_hosted_zone_count)
        calls = self.lab.calls("CreateHostedZone")
        self.assertEqual((calls[0]["vendor"], calls[0]["region"]), ("route53", "us-east-1"))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
