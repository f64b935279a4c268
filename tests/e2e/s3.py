"""s3.py METHOD ENDPOINT/BUCKET[/KEY][?QUERY] [FILE]: one signed S3 request, the answer on stdout.

The key pair comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Ends with 1 where the answer is
no success. Only the standard library, so that the tests run where no SDK is.
"""
import hashlib
import hmac
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

REGION = "us-east-1"


def sign(method, url, body):
    parts = urllib.parse.urlsplit(url)
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = "/".join([date[:8], REGION, "s3", "aws4_request"])
    headers = {"host": parts.netloc, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
               "x-amz-date": date}
    names = ";".join(sorted(headers))
    query = urllib.parse.urlencode(sorted(urllib.parse.parse_qsl(parts.query)),
                                   quote_via=urllib.parse.quote, safe="")
    canonical = "\n".join([method, parts.path, query]
                          + [name + ":" + headers[name] for name in sorted(headers)]
                          + ["", names, headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s"
        % (os.environ["AWS_ACCESS_KEY_ID"], scope, names, signature))
    headers["content-type"] = "application/octet-stream"
    return urllib.parse.urlunsplit(parts._replace(query=query)), headers


def main():
    body = b""
    if len(sys.argv) > 3:
        with open(sys.argv[3], "rb") as file:
            body = file.read()
    url, headers = sign(sys.argv[1], sys.argv[2], body)
    request = urllib.request.Request(url, body or None, headers, method=sys.argv[1])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            sys.stdout.buffer.write(answer.read())
    except urllib.error.URLError as error:
        sys.exit("%s: %s" % (url, error))


main()
