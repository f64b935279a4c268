#!/usr/bin/python3
"""S3 of the lab, asked by boto3 and, for what boto3 never sends, by plain HTTP."""
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import threading
import unittest

import lablib

try:
    import boto3
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    lablib.skip("boto3 is not installed")

MIB = 1 << 20
ODD_KEYS = ["a b", "a+b", "a%2Fb", "100%", "../../etc/passwd", "a/../b", "a//b", "/lead", "trail/",
            "ünï/cödé", "q?x=1&y", "hash#", "star*=!'()", "~tilde", "日本", "a&<>\"b", "x" * 1024]


class S3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lablib.Lab()
        cls.s3 = cls.client()
        cls.s3.create_bucket(Bucket="main")

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop()

    @classmethod
    def client(cls, region="us-east-1", secret=None, **config):
        config.setdefault("retries", {"max_attempts": 0})
        return boto3.client(
            "s3", endpoint_url="http://127.0.0.1:%d" % cls.lab.port, region_name=region,
            aws_access_key_id=cls.lab.access_key,
            aws_secret_access_key=secret or cls.lab.secret_key, config=Config(**config))

    def fails(self, code, status, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status))
        return answer

    def plain(self, method, path, headers=None, body=b"", host=None, sha=None):
        """A signed request, its path as it stands."""
        url = "http://%s%s" % (host or "127.0.0.1:%d" % self.lab.port, path)
        request = botocore.awsrequest.AWSRequest(method, url, dict(headers or {}), body)
        credentials = botocore.credentials.Credentials(self.lab.access_key, self.lab.secret_key)
        signer = botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1")
        signer.payload = lambda _: sha or hashlib.sha256(body).hexdigest()
        signer.add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
        sent = dict(request.headers.items())
        if host:
            sent["Host"] = host
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def test_buckets(self):
        s3 = self.s3
        self.assertIn("main", [b["Name"] for b in s3.list_buckets()["Buckets"]])
        s3.head_bucket(Bucket="main")
        self.fails("404", 404, s3.head_bucket, Bucket="nobodys")
        self.fails("NoSuchBucket", 404, s3.list_objects_v2, Bucket="nobodys")
        self.fails("InvalidBucketName", 400, s3.create_bucket, Bucket="no..dots")
        s3.create_bucket(Bucket="brief")
        s3.put_object(Bucket="brief", Key="k", Body=b"x")
        self.fails("BucketNotEmpty", 409, s3.delete_bucket, Bucket="brief")
        s3.delete_object(Bucket="brief", Key="k")
        s3.delete_bucket(Bucket="brief")
        self.fails("404", 404, s3.head_bucket, Bucket="brief")

    def test_regions(self):
        west = self.client("eu-west-1")
        where = {"LocationConstraint": "eu-west-1"}
        self.fails("IllegalLocationConstraintException", 400, west.create_bucket, Bucket="west")
        west.create_bucket(Bucket="west", CreateBucketConfiguration=where)
        self.fails("BucketAlreadyOwnedByYou", 409, west.create_bucket, Bucket="west",
                   CreateBucketConfiguration=where)
        self.assertEqual(west.get_bucket_location(Bucket="west")["LocationConstraint"], "eu-west-1")
        west.put_object(Bucket="west", Key="k", Body=b"x")
        answer, body = self.plain("GET", "/west/k")
        self.assertEqual(answer.status, 400)
        self.assertIn(b"<Code>AuthorizationHeaderMalformed</Code>", body)
        self.assertIn(b"<Region>eu-west-1</Region>", body)
        self.assertEqual(answer.headers["x-amz-bucket-region"], "eu-west-1")
        answer, body = self.plain("GET", "/k", host="west.s3.us-east-1.localhost:8080")
        self.assertEqual(answer.status, 301)
        self.assertIn(b"<Code>PermanentRedirect</Code>", body)

    def test_objects(self):
        s3 = self.s3
        body = os.urandom(300000)
        put = s3.put_object(Bucket="main", Key="o", Body=body, ContentType="text/x",
                            Metadata={"who": "me", "n": "1"}, CacheControl="no-cache")
        self.assertEqual(put["ETag"], '"%s"' % hashlib.md5(body).hexdigest())
        got = s3.get_object(Bucket="main", Key="o")
        self.assertEqual(got["Body"].read(), body)
        self.assertEqual((got["ContentType"], got["Metadata"], got["CacheControl"], got["ETag"]),
                         ("text/x", {"who": "me", "n": "1"}, "no-cache", put["ETag"]))
        head = s3.head_object(Bucket="main", Key="o")
        self.assertEqual(head["ContentLength"], len(body))
        self.fails("NoSuchKey", 404, s3.get_object, Bucket="main", Key="none")
        self.fails("404", 404, s3.head_object, Bucket="main", Key="none")
        self.fails("304", 304, s3.get_object, Bucket="main", Key="o", IfNoneMatch=put["ETag"])
        self.fails("PreconditionFailed", 412, s3.get_object, Bucket="main", Key="o", IfMatch='"x"')
        s3.put_object(Bucket="main", Key="o", Body=b"")
        self.assertEqual(s3.get_object(Bucket="main", Key="o")["Body"].read(), b"")
        s3.delete_object(Bucket="main", Key="o")
        s3.delete_object(Bucket="main", Key="o")
        self.fails("NoSuchKey", 404, s3.get_object, Bucket="main", Key="o")

    def test_ranges(self):
        s3 = self.s3
        body = bytes(range(256)) * 10
        s3.put_object(Bucket="main", Key="r", Body=body)
        for text, wanted in (("bytes=0-9", body[:10]), ("bytes=2550-", body[2550:]),
                             ("bytes=-5", body[-5:]), ("bytes=100-99999", body[100:]),
                             ("bytes=-99999", body)):
            got = s3.get_object(Bucket="main", Key="r", Range=text)
            self.assertEqual(got["ResponseMetadata"]["HTTPStatusCode"], 206)
            self.assertEqual(got["Body"].read(), wanted, text)
        self.assertEqual(s3.get_object(Bucket="main", Key="r", Range="bytes=0-9")["ContentRange"],
                         "bytes 0-9/2560")
        self.fails("InvalidRange", 416, s3.get_object, Bucket="main", Key="r", Range="bytes=2560-")
        whole = s3.get_object(Bucket="main", Key="r", Range="bytes=0-1,5-6")
        self.assertEqual(whole["Body"].read(), body)

    def test_odd_keys(self):
        s3 = self.s3
        s3.create_bucket(Bucket="odd")
        for key in ODD_KEYS:
            s3.put_object(Bucket="odd", Key=key, Body=key.encode())
        listed = [o["Key"] for o in s3.list_objects_v2(Bucket="odd")["Contents"]]
        self.assertEqual(listed, sorted(ODD_KEYS, key=lambda k: k.encode()))
        for key in ODD_KEYS:
            self.assertEqual(s3.get_object(Bucket="odd", Key=key)["Body"].read(), key.encode())
        self.fails("KeyTooLongError", 400, s3.put_object, Bucket="odd", Key="x" * 1025, Body=b"")
        gone = s3.delete_objects(Bucket="odd", Delete={"Objects": [{"Key": k} for k in ODD_KEYS]})
        self.assertEqual(len(gone["Deleted"]), len(ODD_KEYS))
        self.assertEqual(s3.list_objects_v2(Bucket="odd")["KeyCount"], 0)
        outside = [f for f in os.listdir(os.path.dirname(self.lab.dir)) if f == "etc"]
        self.assertEqual(outside, [])

    def test_lists(self):
        s3 = self.s3
        s3.create_bucket(Bucket="lists")
        keys = sorted(["a/%02d" % i for i in range(7)] + ["b/x/1", "b/x/2", "b/y", "c", "d"])
        for key in keys:
            s3.put_object(Bucket="lists", Key=key, Body=b"12345")
        for size in (1, 2, 3, 1000):
            seen, prefixes = [], []
            for page in s3.get_paginator("list_objects_v2").paginate(
                    Bucket="lists", PaginationConfig={"PageSize": size}):
                self.assertEqual(page["KeyCount"], len(page.get("Contents", [])))
                seen += [o["Key"] for o in page.get("Contents", [])]
            self.assertEqual(seen, keys)
            for kind in ("list_objects_v2", "list_objects"):
                seen, prefixes = [], []
                for page in s3.get_paginator(kind).paginate(
                        Bucket="lists", Delimiter="/", PaginationConfig={"PageSize": size}):
                    seen += [o["Key"] for o in page.get("Contents", [])]
                    prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
                self.assertEqual((seen, prefixes), (["c", "d"], ["a/", "b/"]), (kind, size))
        page = s3.list_objects_v2(Bucket="lists", Prefix="b/", Delimiter="/")
        self.assertEqual([o["Key"] for o in page["Contents"]], ["b/y"])
        self.assertEqual([p["Prefix"] for p in page["CommonPrefixes"]], ["b/x/"])
        page = s3.list_objects_v2(Bucket="lists", StartAfter="b/y")
        self.assertEqual([o["Key"] for o in page["Contents"]], ["c", "d"])
        self.assertEqual(page["Contents"][0]["Size"], 5)
        self.assertEqual(s3.list_objects_v2(Bucket="lists", MaxKeys=0)["KeyCount"], 0)
        self.assertNotIn("Contents", s3.list_objects_v2(Bucket="lists", Prefix="zzz"))
        self.fails("InvalidArgument", 400, s3.list_objects_v2, Bucket="lists",
                   ContinuationToken="not hex")

    def test_lock(self):
        """If-None-Match: * lets exactly one of many through."""
        results = []

        def put(number):
            answer, _ = self.plain("PUT", "/main/lock", {"If-None-Match": "*"}, b"%d" % number)
            results.append(answer.status)

        threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [200] + [412] * 7)

    def test_digests(self):
        answer, body = self.plain("PUT", "/main/d", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"x")
        self.assertEqual((answer.status, b"BadDigest" in body), (400, True))
        answer, body = self.plain("PUT", "/main/d", {"Content-MD5": "nonsense"}, b"x")
        self.assertEqual((answer.status, b"InvalidDigest" in body), (400, True))
        answer, body = self.plain("PUT", "/main/d", body=b"x", sha="0" * 64)
        self.assertEqual((answer.status, b"XAmzContentSHA256Mismatch" in body), (400, True))
        answer, body = self.plain("PUT", "/main/d", body=b"x", sha="UNSIGNED-PAYLOAD")
        self.assertEqual(answer.status, 200)
        self.s3.put_object(Bucket="main", Key="sum", Body=b"y", ChecksumAlgorithm="SHA256")
        head = self.s3.head_object(Bucket="main", Key="sum", ChecksumMode="ENABLED")
        self.assertIn("ChecksumSHA256", head)
        answer, body = self.plain("POST", "/main?delete", body=b"<Delete/>")
        self.assertEqual((answer.status, b"InvalidRequest" in body), (400, True))

    def test_wrong_credentials(self):
        wrong = self.client(secret="x" * 40)
        self.fails("SignatureDoesNotMatch", 403, wrong.list_buckets)
        self.fails("SignatureDoesNotMatch", 403, wrong.put_object, Bucket="main", Key="w", Body=b"x")
        nobody = boto3.client("s3", endpoint_url="http://127.0.0.1:%d" % self.lab.port,
                              region_name="us-east-1", aws_access_key_id="AKIANOBODY",
                              aws_secret_access_key="x")
        self.fails("InvalidAccessKeyId", 403, nobody.list_buckets)
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=10)
        connection.request("GET", "/main/k")
        answer = connection.getresponse()
        self.assertEqual((answer.status, b"AccessDenied" in answer.read()), (403, True))
        connection.close()

    def test_presigned(self):
        self.s3.put_object(Bucket="main", Key="p q", Body=b"signed")
        url = self.client(signature_version="s3v4").generate_presigned_url(
            "get_object", Params={"Bucket": "main", "Key": "p q"}, ExpiresIn=60)
        path = url.split("%d" % self.lab.port, 1)[1]
        for target, status in ((path, 200), (path.replace("p%20q", "other"), 403)):
            connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=10)
            connection.request("GET", target)
            self.assertEqual(connection.getresponse().status, status)
            connection.close()

    def test_multipart(self):
        s3, parts = self.s3, [os.urandom(5 * MIB), os.urandom(5 * MIB), b"tail"]
        upload = s3.create_multipart_upload(Bucket="main", Key="m", Metadata={"a": "b"})["UploadId"]
        where = {"Bucket": "main", "Key": "m", "UploadId": upload}
        self.assertEqual([u["UploadId"] for u in
                          s3.list_multipart_uploads(Bucket="main", Prefix="m")["Uploads"]], [upload])
        tags = [s3.upload_part(Body=part, PartNumber=number + 1, **where)["ETag"]
                for number, part in enumerate(parts)]
        listed = s3.list_parts(**where)["Parts"]
        self.assertEqual([(p["PartNumber"], p["ETag"], p["Size"]) for p in listed],
                         [(i + 1, tags[i], len(parts[i])) for i in range(3)])
        self.assertTrue(s3.list_parts(MaxParts=2, **where)["IsTruncated"])

        def complete(numbers, etags):
            return {"MultipartUpload": {"Parts": [
                {"PartNumber": n, "ETag": e} for n, e in zip(numbers, etags)]}, **where}
        self.fails("InvalidPart", 400, s3.complete_multipart_upload,
                   **complete([1, 2, 3], [tags[0], tags[0], tags[2]]))
        self.fails("InvalidPart", 400, s3.complete_multipart_upload, **complete([9], [tags[0]]))
        self.fails("InvalidPartOrder", 400, s3.complete_multipart_upload,
                   **complete([2, 1], [tags[1], tags[0]]))
        s3.upload_part(Body=b"small", PartNumber=4, **where)
        self.fails("EntityTooSmall", 400, s3.complete_multipart_upload, **complete(
            [1, 3, 4], [tags[0], tags[2], '"%s"' % hashlib.md5(b"small").hexdigest()]))
        self.fails("404", 404, s3.head_object, Bucket="main", Key="m")
        done = s3.complete_multipart_upload(**complete([1, 2, 3], tags))
        sums = hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest()
        self.assertEqual(done["ETag"], '"%s-3"' % sums)
        got = s3.get_object(Bucket="main", Key="m")
        self.assertEqual((got["Body"].read() == b"".join(parts), got["Metadata"]), (True, {"a": "b"}))
        self.fails("NoSuchUpload", 404, s3.upload_part, Body=b"", PartNumber=1, **where)
        self.fails("NoSuchUpload", 404, s3.complete_multipart_upload, **complete([1], tags))
        gone = s3.create_multipart_upload(Bucket="main", Key="gone")["UploadId"]
        s3.upload_part(Bucket="main", Key="gone", UploadId=gone, PartNumber=1, Body=b"x")
        s3.abort_multipart_upload(Bucket="main", Key="gone", UploadId=gone)
        self.fails("NoSuchUpload", 404, s3.list_parts, Bucket="main", Key="gone", UploadId=gone)

    def test_copy(self):
        s3 = self.s3
        s3.put_object(Bucket="main", Key="from + ü", Body=b"copied", Metadata={"k": "v"})
        s3.copy_object(Bucket="main", Key="to", CopySource={"Bucket": "main", "Key": "from + ü"})
        got = s3.get_object(Bucket="main", Key="to")
        self.assertEqual((got["Body"].read(), got["Metadata"]), (b"copied", {"k": "v"}))
        self.fails("NoSuchKey", 404, s3.copy_object, Bucket="main", Key="to",
                   CopySource={"Bucket": "main", "Key": "none"})

    def chunked(self, data, spoil=False, size=65536):
        """STREAMING-AWS4-HMAC-SHA256-PAYLOAD, as several clients send it without TLS."""
        credentials = botocore.credentials.Credentials(self.lab.access_key, self.lab.secret_key)
        url = "http://127.0.0.1:%d/main/chunked" % self.lab.port
        request = botocore.awsrequest.AWSRequest("PUT", url, {
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(len(data))})
        signer = botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1")
        signer.payload = lambda _: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        signer.add_auth(request)
        previous = request.headers["Authorization"].rsplit("=", 1)[1]
        date, body = request.context["timestamp"], b""
        for at in range(0, len(data) + size, size):
            chunk = data[at:at + size]
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date,
                              signer.credential_scope(request), previous,
                              hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()])
            previous = signer.signature(text, request)
            body += b"%x;chunk-signature=%s\r\n%s\r\n" % (
                len(chunk), (previous[::-1] if spoil else previous).encode(), chunk)
            if not chunk:
                break
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
        connection.request("PUT", "/main/chunked", body, dict(request.headers.items()))
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, text

    def test_chunked(self):
        for length in (0, 10, 65536, 200000):
            data = os.urandom(length)
            self.assertEqual(self.chunked(data), (200, b""))
            got = self.s3.get_object(Bucket="main", Key="chunked")
            self.assertEqual(got["Body"].read(), data)
            self.assertNotIn("ContentEncoding", got)
        status, text = self.chunked(b"data", spoil=True)
        self.assertEqual((status, b"SignatureDoesNotMatch" in text), (403, True))

    def test_virtual_host(self):
        self.s3.put_object(Bucket="main", Key="v/k", Body=b"virtual")
        for host in ("main.s3.us-east-1.localhost:%d", "main.s3.localhost:%d", "main.localhost:%d",
                     "main.s3.amazonaws.com", "main.s3.us-east-1.amazonaws.com"):
            host = host % self.lab.port if "%d" in host else host
            answer, body = self.plain("GET", "/v/k", host=host)
            self.assertEqual((answer.status, body), (200, b"virtual"), host)

    def test_elsewhere(self):
        self.fails("NotImplemented", 501, self.s3.get_bucket_acl, Bucket="main")
        self.fails("NotImplemented", 501, self.s3.put_object_tagging, Bucket="main", Key="k",
                   Tagging={"TagSet": []})

    def test_large_and_restart(self):
        """More than memory would take kindly, and still there after a kill."""
        piece = os.urandom(MIB)
        body = piece * 40
        self.s3.upload_fileobj(io.BytesIO(body), "main", "large")
        lab = type(self).lab
        lab.kill()
        lab.start()
        type(self).s3 = self.client()
        digest = hashlib.sha256()
        for chunk in self.s3.get_object(Bucket="main", Key="large")["Body"].iter_chunks(MIB):
            digest.update(chunk)
        self.assertEqual(digest.hexdigest(), hashlib.sha256(body).hexdigest())

    def test_awscli(self):
        aws = lablib.find_program("/usr/bin/aws", "aws")
        if not aws:
            self.skipTest("aws is not installed")
        environment = dict(os.environ, AWS_ACCESS_KEY_ID=self.lab.access_key,
                           AWS_SECRET_ACCESS_KEY=self.lab.secret_key, AWS_CONFIG_FILE="/dev/null",
                           AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="", AWS_EC2_METADATA_DISABLED="true")
        endpoint = ["--endpoint-url", "http://127.0.0.1:%d" % self.lab.port]
        source = os.path.join(self.lab.dir, "source file")
        with open(source, "wb") as file:
            file.write(os.urandom(9 * MIB))

        def run(*words):
            return subprocess.run([aws] + endpoint + list(words), env=environment, check=True,
                                  capture_output=True, timeout=120).stdout
        run("s3", "cp", source, "s3://main/cli/a b")
        self.assertIn(b"a b", run("s3", "ls", "s3://main/cli/"))
        run("s3", "cp", "s3://main/cli/a b", source + ".back")
        with open(source, "rb") as one, open(source + ".back", "rb") as two:
            self.assertEqual(one.read(), two.read())
        run("s3", "rm", "s3://main/cli/", "--recursive")
        self.assertEqual(self.s3.list_objects_v2(Bucket="main", Prefix="cli/")["KeyCount"], 0)

    def guest(self, host, path="/", method="GET"):
        """Unsigned, by a host name: (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=10)
        connection.request(method, path, headers={"Host": host})
        response = connection.getresponse()
        answer = response.status, dict(response.getheaders()), response.read()
        connection.close()
        return answer

    def test_websites(self):
        bucket, place = "www.site.example", "www.site.example.s3-website-us-east-1.amazonaws.com"
        self.s3.create_bucket(Bucket=bucket)
        self.fails("NoSuchWebsiteConfiguration", 404, self.s3.get_bucket_website, Bucket=bucket)
        self.assertEqual(self.guest(bucket)[0], 404)
        self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "home"}, "ErrorDocument": {"Key": "home"}})
        answer = self.s3.get_bucket_website(Bucket=bucket)
        self.assertEqual((answer["IndexDocument"]["Suffix"], answer["ErrorDocument"]["Key"]), ("home", "home"))
        self.s3.put_object(Bucket=bucket, Key="home", Body=b"<p>hello", ContentType="text/html",
                           Metadata={"mark": "m1"})
        self.assertEqual(self.guest(bucket)[0], 403, "nobody may read it yet")
        self.fails("NoSuchBucketPolicy", 404, self.s3.get_bucket_policy, Bucket=bucket)
        self.fails("MalformedPolicy", 400, self.s3.put_bucket_policy, Bucket=bucket, Policy="[]")
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"],
            "Resource": "arn:aws:s3:::%s/*" % bucket}]})
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=bucket)["Policy"], policy)
        for host in bucket, place:
            status, headers, body = self.guest(host)
            self.assertEqual((status, headers["Content-Type"], headers["x-amz-meta-mark"], body),
                             (200, "text/html", "m1", b"<p>hello"))
        self.assertEqual(self.guest(bucket, "/", "HEAD")[::2], (200, b""))
        self.assertEqual(self.guest(bucket, "/rooms")[::2], (403, b"<p>hello"), "the error document")
        self.assertEqual(self.guest(bucket, "/", "POST")[0], 405)
        self.assertEqual(self.guest("nobody.s3-website-us-east-1.amazonaws.com")[0], 404)
        # The REST side of it: an object that everybody may read, and one that they may not.
        self.assertEqual(self.guest("127.0.0.1:%d" % self.lab.port, "/%s/home" % bucket)[::2], (200, b"<p>hello"))
        self.assertEqual(self.guest("127.0.0.1:%d" % self.lab.port, "/%s/" % bucket)[0], 403)
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.assertEqual(self.guest("127.0.0.1:%d" % self.lab.port, "/%s/home" % bucket)[0], 403)
        self.s3.delete_bucket_website(Bucket=bucket)
        self.assertEqual(self.guest(bucket)[0], 404)
        self.fails("NotImplemented", 501, self.s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration={
            "RedirectAllRequestsTo": {"HostName": "elsewhere.example"}})


if __name__ == "__main__":
    sys.exit(lablib.main())
