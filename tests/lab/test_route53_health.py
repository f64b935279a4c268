"""The lab's health checks and tags of Route 53, asked by boto3."""
import unittest

from labtest import LabCase, until

# An endpoint that answers as its files say: "status" is what it answers, "body" what it says.
SERVER = """#!/bin/sh
echo 200 >status
echo all is well >body
exec python3 -c '
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("asked", "a") as asked:
            asked.write(self.path + " " + self.headers["Host"] + "\\\\n")
        body = open("body", "rb").read()
        self.send_response(int(open("status").read()))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer((os.environ["LAB_ADDRESS"], int(os.environ["LAB_PORT"])),
                                Handler).serve_forever()
'
""".replace("\\\\n", "\\n")


class HealthCase(LabCase):
    def setUp(self):
        super().setUp()
        self.r53 = self.lab.client("route53", "us-east-1")
        self.lab.run("route53", "speed", "1000")
        self.lab.run("route53", "limits", "off")

    def server(self, boot=SERVER):
        """An instance that serves: its id and address."""
        instance = self.launch(self.lab.image(boot))
        until(lambda: self.state(instance) == "running")
        line = [line for line in self.lab.run("instances").splitlines() if instance in line][0]
        return instance, line.split()[2]

    def put(self, instance, name, text):
        with open(self.lab.file(instance, name), "w") as file:
            file.write(text)

    def config(self, address="127.0.0.1", **more):
        """The settings in the API's order: boto3 sends a dictionary's."""
        given = dict(IPAddress=address, Port=8080, Type="HTTP", RequestInterval=10, FailureThreshold=1)
        given.update(more)
        order = ["IPAddress", "Port", "Type", "ResourcePath", "FullyQualifiedDomainName", "SearchString",
                 "RequestInterval", "FailureThreshold", "MeasureLatency", "Inverted", "Disabled",
                 "HealthThreshold", "ChildHealthChecks", "EnableSNI", "Regions"]
        return {key: given[key] for key in order if given.get(key) is not None}

    def check(self, address="127.0.0.1", reference=None, **more):
        self.count = getattr(self, "count", 0) + 1
        made = self.r53.create_health_check(
            CallerReference=reference or "ref %d" % self.count, HealthCheckConfig=self.config(address, **more))
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(made["Location"].endswith("/healthcheck/" + made["HealthCheck"]["Id"]))
        return made["HealthCheck"]["Id"]

    def seen(self, check):
        return {o["StatusReport"]["Status"] for o in self.r53.get_health_check_status(
            HealthCheckId=check)["HealthCheckObservations"]}

    def healthy(self, check):
        line = [line for line in self.lab.run("route53", "checks").splitlines() if check in line][0]
        return line.split()[3] == "healthy"


class Api(HealthCase):
    def test_create_and_again(self):
        first = self.check(reference="one")
        self.assertEqual(self.check(reference="one"), first)
        self.refused("HealthCheckAlreadyExists", self.check, reference="one", Port=81)
        other = self.check(reference="two")
        self.assertNotEqual(other, first)
        got = self.r53.get_health_check(HealthCheckId=first)["HealthCheck"]
        self.assertEqual((got["CallerReference"], got["HealthCheckVersion"]), ("one", 1))
        self.assertEqual(got["HealthCheckConfig"], dict(
            IPAddress="127.0.0.1", Port=8080, Type="HTTP", RequestInterval=10, FailureThreshold=1,
            MeasureLatency=False, Inverted=False, Disabled=False, EnableSNI=False))
        said = self.r53.delete_health_check(HealthCheckId=first)
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 200)
        for call, more in ((self.r53.get_health_check, {}), (self.r53.delete_health_check, {}),
                           (self.r53.update_health_check, {"Port": 1}),
                           (self.r53.get_health_check_status, {}),
                           (self.r53.get_health_check_last_failure_reason, {})):
            said = self.refused("NoSuchHealthCheck", call, HealthCheckId=first, **more)
            self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 404)
        self.refused("HealthCheckAlreadyExists", self.check, reference="one")
        self.lab.run("route53", "quota", "1")
        said = self.refused("TooManyHealthChecks", self.check)
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertEqual(self.r53.get_health_check_count()["HealthCheckCount"], 1)
        self.assertEqual(len(self.r53.get_checker_ip_ranges()["CheckerIpRanges"]), 16)
        self.lab.down()
        self.lab.up()
        self.r53 = self.lab.client("route53", "us-east-1")
        self.assertEqual([c["Id"] for c in self.r53.list_health_checks()["HealthChecks"]], [other])
        self.refused("HealthCheckAlreadyExists", self.check, reference="one")

    def test_refusals(self):
        child = self.check()
        calculated = dict(address=None, Port=None, RequestInterval=None, FailureThreshold=None,
                          Type="CALCULATED", HealthThreshold=1, ChildHealthChecks=[child])
        for wrong in (dict(address=None), dict(address="1.2.3"), dict(Type="NOPE"), dict(RequestInterval=20),
                      dict(Type="CLOUDWATCH_METRIC"), dict(Port=70000), dict(FailureThreshold=11),
                      dict(Type="TCP", Port=None), dict(Type="TCP", ResourcePath="/x"),
                      dict(Type="HTTP_STR_MATCH"), dict(SearchString="x"), dict(EnableSNI=True),
                      dict(HealthThreshold=1), dict(ResourcePath="/a b"), dict(ResourcePath="x" * 256),
                      dict(FullyQualifiedDomainName="a..b"), dict(Regions=["us-east-1", "us-west-1", "mars-1"]), dict(Regions=["us-east-1"] * 3),
                      dict(calculated, Port=80), dict(calculated, ChildHealthChecks=["nobody"]),
                      dict(calculated, HealthThreshold=None)):
            self.refused("InvalidInput", self.check, **wrong)
        out_of_order = dict(reversed(self.config().items()))
        self.refused("InvalidInput", self.r53.create_health_check, CallerReference="o",
                     HealthCheckConfig=out_of_order)
        self.refused("InvalidInput", self.r53.get_health_check_status, HealthCheckId=self.check(**calculated))
        self.assertEqual(self.r53.get_health_check_count()["HealthCheckCount"], 2)

    def test_update(self):
        check = self.check(ResourcePath="/a", FullyQualifiedDomainName="www.test")
        changed = self.r53.update_health_check(HealthCheckId=check, HealthCheckVersion=1, Port=81,
                                               FailureThreshold=2, Inverted=True)["HealthCheck"]
        self.assertEqual((changed["HealthCheckVersion"], changed["HealthCheckConfig"]["Port"]), (2, 81))
        said = self.refused("HealthCheckVersionMismatch", self.r53.update_health_check,
                            HealthCheckId=check, HealthCheckVersion=1, Port=82)
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], 409)
        changed = self.r53.update_health_check(HealthCheckId=check, Disabled=True, ResetElements=[
            "FullyQualifiedDomainName", "ResourcePath"])["HealthCheck"]
        self.assertEqual(changed["HealthCheckVersion"], 3)
        self.assertEqual(changed["HealthCheckConfig"], dict(
            IPAddress="127.0.0.1", Port=81, Type="HTTP", RequestInterval=10, FailureThreshold=2,
            MeasureLatency=False, Inverted=True, Disabled=True, EnableSNI=False))
        for wrong in (dict(SearchString="x"), dict(Port=70000), dict(HealthThreshold=3)):
            self.refused("InvalidInput", self.r53.update_health_check, HealthCheckId=check, **wrong)
        by_name = self.check(address=None, FullyQualifiedDomainName="www.test")
        self.refused("InvalidInput", self.r53.update_health_check, HealthCheckId=by_name,
                     IPAddress="127.0.0.1")
        got = self.r53.get_health_check(HealthCheckId=check)["HealthCheck"]
        self.assertEqual((got["HealthCheckVersion"], got["HealthCheckConfig"]["Port"]), (3, 81))

    def test_pages(self):
        made = [self.check(Disabled=True) for _ in range(5)]
        pages = self.r53.get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 2})
        pages = [[check["Id"] for check in page["HealthChecks"]] for page in pages]
        self.assertEqual(pages, [made[:2], made[2:4], made[4:]])
        page = self.r53.list_health_checks(MaxItems="2")
        self.assertEqual((page["IsTruncated"], page["NextMarker"], page["MaxItems"]), (True, made[2], "2"))
        self.refused("InvalidInput", self.r53.list_health_checks, Marker="nobody")

    def test_tags(self):
        check = self.check()
        zone = self.r53.create_hosted_zone(Name="t.test", CallerReference="t")["HostedZone"]["Id"].split("/")[-1]

        def tags(kind, one):
            found = self.r53.list_tags_for_resource(ResourceType=kind, ResourceId=one)["ResourceTagSet"]
            self.assertEqual((found["ResourceType"], found["ResourceId"]), (kind, one))
            return {t["Key"]: t["Value"] for t in found["Tags"]}

        def change(kind, one, **given):
            self.r53.change_tags_for_resource(ResourceType=kind, ResourceId=one, **given)

        def pairs(**given):
            return [{"Key": key, "Value": value} for key, value in given.items()]

        self.assertEqual(tags("healthcheck", check), {})
        change("healthcheck", check, AddTags=pairs(Name="a <b>", one="1"))
        change("healthcheck", check, AddTags=pairs(one="2", two=""), RemoveTagKeys=["Name", "absent"])
        change("hostedzone", zone, AddTags=pairs(zone="z"))
        self.assertEqual(tags("healthcheck", check), {"one": "2", "two": ""})
        self.assertEqual(tags("hostedzone", zone), {"zone": "z"})
        many = self.r53.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[check])
        self.assertEqual(len(many["ResourceTagSets"][0]["Tags"]), 2)
        self.refused("MalformedInput", change, "healthcheck", check)
        self.refused("InvalidInput", change, "healthcheck", check, AddTags=[{"Key": "aws:x", "Value": "1"}])
        self.refused("InvalidInput", change, "healthcheck", check,
                     AddTags=pairs(**{"k%d" % n: "v" for n in range(9)}))
        self.refused("NoSuchHealthCheck", change, "healthcheck", zone, AddTags=pairs(a="b"))
        self.refused("NoSuchHostedZone", tags, "hostedzone", check)
        self.assertEqual(tags("healthcheck", check), {"one": "2", "two": ""})
        self.r53.delete_health_check(HealthCheckId=check)
        self.refused("NoSuchHealthCheck", tags, "healthcheck", check)


class Probes(HealthCase):
    def test_http(self):
        instance, address = self.server()
        check = self.check(address, ResourcePath="/healthz?full=1", FullyQualifiedDomainName="www.test")
        until(lambda: self.seen(check) == {"Success: HTTP Status Code 200, OK"})
        with open(self.lab.file(instance, "asked")) as asked:
            self.assertEqual(asked.readline(), "/healthz?full=1 www.test:8080\n")
        self.put(instance, "status", "503")
        until(lambda: not self.healthy(check))
        observed = self.r53.get_health_check_last_failure_reason(HealthCheckId=check)
        observed = observed["HealthCheckObservations"]
        self.assertEqual(len(observed), 16)
        self.assertEqual(len({o["Region"] for o in observed}), 8)
        self.assertEqual({o["StatusReport"]["Status"] for o in observed},
                         {"Failure: HTTP Status Code 503, Service Unavailable"})
        self.put(instance, "status", "302")
        until(lambda: self.healthy(check))
        self.lab.run("kill", instance)
        until(lambda: self.seen(check) == {"Failure: Connection refused"})
        until(lambda: not self.healthy(check))
        self.ec2.start_instances(InstanceIds=[instance])
        until(lambda: self.healthy(check))

    def test_string_tcp_inverted_and_disabled(self):
        instance, address = self.server()
        match = self.check(address, Type="HTTP_STR_MATCH", SearchString="is well",
                           Regions=["us-east-1", "eu-west-1", "sa-east-1"])
        tcp = self.check(address, Type="TCP")
        inverted = self.check(address, Inverted=True)
        until(lambda: self.seen(match) and self.seen(tcp))
        self.assertEqual(len(self.r53.get_health_check_status(HealthCheckId=match)["HealthCheckObservations"]), 6)
        until(lambda: self.healthy(tcp) and self.healthy(match) and not self.healthy(inverted))
        self.put(instance, "body", "x" * 5120 + "all is well")
        until(lambda: not self.healthy(match))
        self.put(instance, "body", "x" * 5000 + "all is well")
        until(lambda: self.healthy(match))
        self.lab.run("kill", instance)
        until(lambda: not self.healthy(tcp) and self.healthy(inverted))
        self.r53.update_health_check(HealthCheckId=tcp, Disabled=True)
        self.assertTrue(self.healthy(tcp))

    def test_https(self):
        """Any certificate will do, and the name is said to the endpoint only where that is asked for."""
        server = SERVER.replace("exec python3", "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x "
                                "-keyout key -out cert -days 2 2>log || exit 1\nexec python3")
        server = server.replace("http.server.ThreadingHTTPServer((", "server = http.server.ThreadingHTTPServer((")
        server = server.replace("Handler).serve_forever()", """Handler)
import ssl
def named(one, name, context):
    with open("named", "a") as file:
        file.write(str(name) + chr(10))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert", "key")
context.sni_callback = named
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()""")
        instance, address = self.server(server)
        check = self.check(address, Type="HTTPS", FullyQualifiedDomainName="www.test")
        until(lambda: self.seen(check) == {"Success: HTTP Status Code 200, OK"})
        self.r53.update_health_check(HealthCheckId=check, FullyQualifiedDomainName="b.test", EnableSNI=False)
        asked = self.lab.file(instance, "asked")
        until(lambda: "/ b.test:8080\n" in open(asked).readlines())
        with open(self.lab.file(instance, "named")) as named:
            self.assertEqual(set(named.read().split()), {"www.test", "None"})
        plain = self.check(address, Type="HTTP")
        until(lambda: self.seen(plain) and not self.healthy(plain))

    def test_threshold_is_in_a_row(self):
        """A new check is healthy, and one failure of two is not enough."""
        self.lab.run("route53", "speed", "1")
        check = self.check("127.0.0.1", Port=1, FailureThreshold=2, RequestInterval=30)
        until(lambda: self.seen(check) == {"Failure: Connection refused"})
        self.assertTrue(self.healthy(check))
        self.lab.run("route53", "speed", "1000")
        until(lambda: not self.healthy(check))

    def test_calculated(self):
        up, down = self.check("127.0.0.1", Port=self.lab.port), self.check("127.0.0.1", Port=1)
        all_of, one_of = [self.check(address=None, Port=None, RequestInterval=None, FailureThreshold=None,
                                     Type="CALCULATED", HealthThreshold=number, ChildHealthChecks=[up, down])
                          for number in (2, 1)]
        self.r53.update_health_check(HealthCheckId=up, Disabled=True)
        until(lambda: not self.healthy(down))
        self.assertEqual((self.healthy(all_of), self.healthy(one_of)), (False, True))
        self.lab.run("route53", "health", down, "up")
        self.assertTrue(self.healthy(all_of))
        self.lab.run("route53", "health", up, "down")
        self.assertFalse(self.healthy(all_of))
        self.lab.run("route53", "health", down, "real")
        self.assertFalse(self.healthy(down))
        self.lab.run("route53", "health", "nobody", "up", fails=True)

    def test_by_name_and_elsewhere(self):
        instance, address = self.server()
        zone = self.lab.run("route53", "zone", "example.test")
        self.lab.run("route53", "insync", "0")
        check = self.check(address=None, FullyQualifiedDomainName="www.example.test")
        until(lambda: self.seen(check) == {"Failure: DNS resolution failed: Rcode NXDomain(3)"})
        self.r53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{
            "Action": "CREATE", "ResourceRecordSet": {"Name": "www.example.test", "Type": "A", "TTL": 60,
                                                      "ResourceRecords": [{"Value": address}]}}]})
        until(lambda: self.seen(check) == {"Success: HTTP Status Code 200, OK. Resolved IP: " + address})
        away = self.check("192.0.2.1")
        until(lambda: self.seen(away) == {"Failure: The health checker could not establish a connection "
                                          "within the timeout limit."})


if __name__ == "__main__":
    unittest.main(warnings="ignore")
