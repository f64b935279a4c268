#!/usr/bin/python3
"""Object Storage of the lab's Linode: its API over plain HTTP, its S3 by boto3. The lab's other S3 is another world."""
import http.client
import json
import os
import unittest

import lablib
from referee import Referee, jsonschema

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    lablib.skip("boto3 is not installed")

REFEREE = Referee.find("linode") if jsonschema else None


class ObjectsCase(unittest.TestCase):
    def setUp(self):
        self.lab = lablib.Lab()
        self.addCleanup(self.lab.stop)
        with open(os.path.join(self.lab.dir, "credentials")) as file:
            self.keys = dict(line.strip().split("=", 1) for line in file)
        self.s3 = self.client(self.keys["LINODE_ACCESS_KEY_ID"], self.keys["LINODE_SECRET_ACCESS_KEY"])

    def client(self, key, secret, region="eu-west-1"):
        return boto3.client("s3", endpoint_url="http://127.0.0.1:%d" % self.lab.port, region_name=region,
                            aws_access_key_id=key, aws_secret_access_key=secret,
                            config=Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=20))

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=30)
        headers = {"Authorization": "Bearer " + self.keys["LINODE_TOKEN"]}
        data = json.dumps(body) if body is not None else None
        connection.request(method, "/v4/object-storage" + path, data, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if REFEREE and response.status != 404:
            self.assertEqual(REFEREE.check(method, "/v4/object-storage" + path, headers, data, response.status, text), [])
        return response.status, json.loads(text)

    def good(self, *words):
        status, answer = self.ask(*words)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, wanted, field, *words, status=400):
        got, answer = self.ask(*words)
        self.assertEqual(got, status, answer)
        self.assertIn((field, True), [(e.get("field"), wanted in e["reason"]) for e in answer["errors"]], answer)

    def denied(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def bucket(self, name, region="eu-west"):
        return self.good("POST", "/buckets", {"label": name, "region": region})

    def key(self, **body):
        made = self.good("POST", "/keys", body)
        return made, self.client(made["access_key"], made["secret_key"])


class Keys(ObjectsCase):
    def test_a_life(self):
        self.assertEqual([k["label"] for k in self.good("GET", "/keys")["data"]], ["lab"])
        self.bucket("things")
        made, own = self.key(label="mine")
        own.put_object(Bucket="things", Key="a", Body=b"x")
        shown = self.good("GET", "/keys/%d" % made["id"])
        self.assertEqual((shown["access_key"], shown["secret_key"], shown["limited"]),
                         (made["access_key"], "[REDACTED]", False))
        self.assertEqual(shown["regions"][0]["s3_endpoint"], "127.0.0.1:%d" % self.lab.port)
        self.assertEqual(self.good("PUT", "/keys/%d" % made["id"], {"label": "renamed"})["label"], "renamed")
        self.lab.kill()
        self.lab.start()  # the port may be another
        own = self.client(made["access_key"], made["secret_key"])
        self.assertEqual(own.get_object(Bucket="things", Key="a")["Body"].read(), b"x")
        self.good("DELETE", "/keys/%d" % made["id"])
        self.denied("InvalidAccessKeyId", own.get_object, Bucket="things", Key="a")
        self.refused("Not found", None, "GET", "/keys/%d" % made["id"], status=404)
        self.denied("SignatureDoesNotMatch", self.client(self.keys["LINODE_ACCESS_KEY_ID"], "wrong").list_buckets)

    def test_the_first_one_can_go_for_good(self):
        self.good("DELETE", "/keys/%d" % self.good("GET", "/keys")["data"][0]["id"])
        self.denied("InvalidAccessKeyId", self.s3.list_buckets)
        self.lab.kill()
        self.lab.start()
        self.assertEqual(self.good("GET", "/keys")["results"], 0)

    def test_a_limited_one_does_what_it_may(self):
        for name in ("open", "shut", "shown"):
            self.bucket(name)
            self.s3.put_object(Bucket=name, Key="a", Body=b"x")
        access = [{"region": "eu-west", "bucket_name": "open", "permissions": "read_write"},
                  {"region": "eu-west", "bucket_name": "shown", "permissions": "read_only"}]
        made, own = self.key(label="limited", bucket_access=access, regions=["us-east"])
        self.assertTrue(made["limited"])
        self.assertEqual(made["bucket_access"][0]["cluster"], "eu-west-1")
        own.put_object(Bucket="open", Key="b", Body=b"y")
        own.get_object(Bucket="shown", Key="a")
        self.denied("AccessDenied", own.put_object, Bucket="shown", Key="b", Body=b"y")
        self.denied("AccessDenied", own.get_object, Bucket="shut", Key="a")
        self.denied("AccessDenied", own.copy_object, Bucket="open", Key="c", CopySource="shut/a")
        self.denied("AccessDenied", own.create_bucket, Bucket="there",
                    CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        own.create_bucket(Bucket="here", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
        regional, theirs = self.key(label="regional", regions=["us-east"])
        self.assertFalse(regional["limited"])
        theirs.put_object(Bucket="here", Key="a", Body=b"z")
        self.denied("AccessDenied", theirs.get_object, Bucket="open", Key="a")

    def test_refusals(self):
        for wanted, field, body in (
                ("1-50", "label", {}), ("valid region", "regions", {"label": "a", "regions": ["mars"]}),
                ("valid region", "bucket_access.region",
                 {"label": "a", "bucket_access": [{"bucket_name": "abc", "permissions": "read_only"}]}),
                ("one of", "bucket_access.permissions",
                 {"label": "a", "bucket_access": [{"region": "eu-west", "bucket_name": "abc", "permissions": "all"}]})):
            self.refused(wanted, field, "POST", "/keys", body)
        self.assertEqual(self.good("GET", "/keys")["results"], 1)


class Buckets(ObjectsCase):
    def test_both_ways_show_the_same(self):
        made = self.bucket("one", "us-east")
        self.assertEqual((made["cluster"], made["objects"], made["size"]), ("us-east-1", 0, 0))
        self.assertEqual(self.bucket("one", "us-east")["label"], "one")  # as if it were new
        self.refused("us-east", "label", "POST", "/buckets", {"label": "one", "region": "eu-west"})
        self.s3.create_bucket(Bucket="two", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.put_object(Bucket="two", Key="a", Body=b"12345")
        two = self.good("GET", "/buckets/eu-west/two")
        self.assertEqual((two["objects"], two["size"], two["region"]), (1, 5, "eu-west"))
        self.assertEqual([b["label"] for b in self.good("GET", "/buckets")["data"]], ["one", "two"])
        self.assertEqual([b["label"] for b in self.good("GET", "/buckets/us-east-1")["data"]], ["one"])
        self.assertEqual([b["Name"] for b in self.s3.list_buckets()["Buckets"]], ["one", "two"])
        self.refused("not empty", None, "DELETE", "/buckets/eu-west/two")
        self.s3.delete_object(Bucket="two", Key="a")
        self.good("DELETE", "/buckets/eu-west/two")
        self.refused("Not found", None, "GET", "/buckets/us-east/two", status=404)
        self.refused("not valid", "region", "POST", "/buckets", {"label": "three", "region": "mars"})
        self.refused("name", "label", "POST", "/buckets", {"label": "A b", "region": "us-east"})

    def test_places(self):
        clusters = self.good("GET", "/clusters")["data"]
        self.assertIn(("eu-west-1", "eu-west"), [(c["id"], c["region"]) for c in clusters])
        self.assertEqual(self.good("GET", "/clusters/eu-west-1")["domain"], "127.0.0.1:%d" % self.lab.port)
        self.refused("Not found", None, "GET", "/clusters/eu-west", status=404)
        self.assertIn("eu-west", [e["region"] for e in self.good("GET", "/endpoints")["data"]])

    def test_it_is_a_world_of_its_own(self):
        aws = self.client(self.lab.access_key, self.lab.secret_key, region="us-east-1")
        aws.create_bucket(Bucket="both")
        self.bucket("both", "us-east")
        aws.put_object(Bucket="both", Key="aws", Body=b"x")
        self.s3.put_object(Bucket="both", Key="linode", Body=b"y")
        names = lambda s3: [o["Key"] for o in s3.list_objects_v2(Bucket="both").get("Contents", [])]
        self.assertEqual((names(aws), names(self.s3)), (["aws"], ["linode"]))
        self.lab.command("outage", "provider", "linode", "on")
        self.assertEqual(names(aws), ["aws"])
        with self.assertRaises(BotoCoreError):
            names(self.s3)
        self.lab.command("outage", "provider", "linode", "off")
        self.lab.command("outage", "provider", "linode-s3", "on", "--status", "503")
        self.good("GET", "/keys")  # the API answers
        self.denied("SlowDown", self.s3.list_buckets)
        self.lab.command("outage", "provider", "linode-s3", "off")
        self.lab.command("outage", "region", "us-east", "on", "--status", "503")
        self.denied("SlowDown", self.s3.list_objects_v2, Bucket="both")  # it is there, whatever was signed
        self.denied("NoSuchBucket", self.s3.list_objects_v2, Bucket="none")
        away = self.client(self.keys["LINODE_ACCESS_KEY_ID"], self.keys["LINODE_SECRET_ACCESS_KEY"], "us-east-1")
        self.denied("SlowDown", away.list_objects_v2, Bucket="none")
        with open(os.path.join(self.lab.dir, "calls.jsonl")) as lines:
            vendors = {json.loads(line)["vendor"] for line in lines}
        self.assertEqual(vendors, {"s3", "linode", "linode-s3"})


if __name__ == "__main__":
    if not REFEREE:
        print("NOT JUDGED by the official description: it, or python3-jsonschema, is not here")
    raise SystemExit(lablib.main())
