"""A service whose last resort is a notice page: a bucket of the public name's, readable by everybody."""

import http.client
import json

from harness import NAME, TIER2, World, check

PAGE = "<!doctype html>\n<title>Memphis Hotel</title>\n<p>We are back soon. Please book later.\n"

NOTICE = """\
  notice:
    strategy: static-page
    provider: aws
    region: {region}
    bucket: {bucket}
    page: pages/notice.html
"""


class PageWorld(World):
    bucket = NAME
    page = PAGE

    def spec_files(self):
        files = self.add_notice(super().spec_files())
        # A page is looked at often here: no waiting for the rate that an account has otherwise.
        files["providers.yaml"] = files["providers.yaml"].replace(
            "    plugin: aws\n", "    plugin: aws\n    budget: {per_second: 100, burst: 100}\n")
        return files

    def add_notice(self, files):
        """At the end of the sites."""
        spec = files["services/memphis.yaml"]
        after = next(key for key in ("\nbackups:", "\ntraffic:") if key in spec)
        notice = NOTICE.format(region=TIER2, bucket=self.bucket)
        files["services/memphis.yaml"] = spec.replace(after, notice + after, 1)
        files["pages/notice.html"] = self.page
        return files

    def s3(self, method, path, query=None, body=b""):
        return self.aws("s3", TIER2, method, path, query, body)

    def make_bucket(self, public=True):
        self.create_bucket(NAME)
        if public:
            self.make_public()

    def make_public(self):
        policy = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{NAME}/*"}]}
        status, answer = self.s3("PUT", "/" + NAME, {"policy": ""}, json.dumps(policy).encode())
        check(status == 204, f"policy: {status} {answer.decode()}")

    def make_service(self):
        super().make_service()
        self.make_bucket()

    def lose_main(self):
        """Its instances are gone; its provider answers, for nobody waits for that here."""
        super().lose_main()
        self.lab("fault", "clear")

    def show(self, path="/"):
        """As a guest's browser: (status, content type, text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.edge, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": NAME})
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read().decode()
        except (OSError, http.client.HTTPException) as failure:
            return 0, None, str(failure)
        finally:
            connection.close()

    def records(self):
        """What the name has at Cloudflare: {type: content}."""
        found = self.cloudflare("GET", f"/zones/{self.zone}/dns_records?name={NAME}")
        return {r["type"]: r["content"] for r in found}

    def put_up(self, *arguments, **options):
        return self.drorch("promote", "notice", "--confirm", "notice", *arguments, **options)

    def changes(self):
        """Everything that changed something at a provider, but for what the lab itself did."""
        return [c for c in self.calls() if c["method"] not in ("GET", "HEAD") and c["status"] < 400
                and not c["operation"].startswith(("Describe", "GetCaller", "List"))]

    def settle(self):
        """What reconcile has to do, and then nothing."""
        self.good("apply", "--confirm", "memphis")
