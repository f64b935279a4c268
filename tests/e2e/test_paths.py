"""A name with two paths: while the first provider's API is away, promote switches by the second.

The lab's edge follows Cloudflare's records only. So what stands for the guests here is a relay of this test, which does
what a resolver and a browser do: it looks the name up in the lab's Route 53 and asks the address that it finds there.
"""

import http.client
import http.server
import json
import threading

from harness import NAME, check, main, switches, wait_for, world

ROUTE53 = "https://route53.amazonaws.com/doc/2013-04-01/"
MARK = "heritage=drorch,owner=drorch:memphis/www,type=A"
PROVIDER = """\
  names:
    plugin: route53
    endpoint: http://127.0.0.1:{port}
    credentials:
      access_key_id: {{file: {credentials}/access-key-id}}
      secret_access_key: {{file: {credentials}/secret-access-key}}
"""


class Names:
    """The zone at Route 53, and guests who follow it."""

    def __init__(self, w):
        self.w = w
        self.zone = w.lab("route53", "zone", "memphis.example").strip()
        self.point_at(w.main["address"])

    def point_at(self, address, mark=MARK):
        sets = "".join(
            f"<Change><Action>UPSERT</Action><ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type><TTL>60</TTL>"
            f"<ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords>"
            "</ResourceRecordSet></Change>"
            for name, kind, value in ((NAME, "A", address), ("drorch-owner." + NAME, "TXT", f'"{mark}"')))
        body = (f'<ChangeResourceRecordSetsRequest xmlns="{ROUTE53}"><ChangeBatch><Changes>{sets}</Changes>'
                "</ChangeBatch></ChangeResourceRecordSetsRequest>")
        status, answer = self.w.aws("route53", "us-east-1", "POST", f"/2013-04-01/hostedzone/{self.zone}/rrset/",
                                    body=body.encode())
        check(status == 200, f"record: {status} {answer.decode()}")

    def address(self):
        for line in self.w.lab("route53", "records").splitlines():
            name, kind, _, _, *values = line.split()
            if (name, kind) == (NAME + ".", "A"):
                return values[0]
        return None

    def changes(self):
        return [c for c in self.w.calls(vendor="route53", operation="ChangeResourceRecordSets") if c["status"] == 200]

    def __enter__(self):
        names = self

        class Relay(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = 502, {}, b""
                try:
                    there = http.client.HTTPConnection(names.address(), names.w.origin, timeout=5)
                    there.request("GET", self.path, headers={"Host": NAME})
                    answer = there.getresponse()
                    status, headers, body = answer.status, dict(answer.getheaders()), answer.read()
                    there.close()
                except (OSError, http.client.HTTPException):
                    pass
                self.send_response(status)
                if "X-Drorch-Site" in headers:
                    self.send_header("X-Drorch-Site", headers["X-Drorch-Site"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def ask(self, path):
        there = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        there.request("GET", path)
        answer = there.getresponse()
        answer.read()
        there.close()
        return answer.status, answer.getheader("X-Drorch-Site")

    def commit_specs(self):
        files = self.w.spec_files()
        first = "      - {provider: cloudflare, zone: memphis.example, proxied: true}\n"
        edge = f"address: 127.0.0.1, port: {self.w.edge}"
        check(first in files["services/memphis.yaml"] and edge in files["services/memphis.yaml"], "the specs' form")
        files["providers.yaml"] += PROVIDER.format(port=self.w.port, credentials=self.w.credentials)
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace(
            first, first + "      - {provider: names, zone: memphis.example, ttl: 60s}\n").replace(
            edge, f"address: 127.0.0.1, port: {self.server.server_port}")
        self.w.commit_specs(files)


def the_second_path_takes_the_traffic():
    with world() as w, Names(w) as names:
        names.commit_specs()
        number = w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("outage", "provider", "cloudflare", "on")
        wait_for("the site to be lost", lambda: names.ask("/healthz")[0] != 200)
        done = w.promote()
        check(done.returncode == 0, f"promote: {done.returncode}\n{done.stdout}{done.stderr}")
        check(names.ask("/healthz") == (200, "tier2"), "tier2 answers who follows Route 53")
        check(names.ask(f"/bookings/{number}")[0] == 200, "with the booking that was backed up")
        check(len(names.changes()) == 2, f"one switch after the first record: {names.changes()}")
        note = w.steps(w.run_id())["switch-www"]
        check("by names" in json.dumps(note), f"the note says which path: {note}")
        check("cloudflare:" in json.dumps(note), f"and why not the first: {note}")
        w.lab("outage", "provider", "cloudflare", "off")
        check(len(switches(w)) == 1 and w.record_now() == w.main["address"], "nothing changed at Cloudflare")


def locked_out_of_the_first_path():
    """Background work used up Cloudflare's allowance: locked out for five minutes, a promote goes by the second path."""
    with world() as w, Names(w) as names:
        names.commit_specs()
        w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("cloudflare", "limit", "1", "300")
        for _ in range(4):
            if not [c for c in w.calls(vendor="cloudflare") if c["status"] == 429]:
                w.drorch("plan")
        check([c for c in w.calls(vendor="cloudflare") if c["status"] == 429], "locked out")
        done = w.promote()
        check(done.returncode == 0, f"promote: {done.returncode}\n{done.stdout}{done.stderr}")
        check(names.ask("/healthz") == (200, "tier2"), "tier2 answers who follows Route 53")
        check(len(switches(w)) == 1, "nothing was changed at Cloudflare")


def the_first_path_is_enough():
    with world() as w, Names(w) as names:
        w.book("guest")
        w.backup()
        w.lose_main()
        names.commit_specs()
        w.commit_specs({"services/memphis.yaml": (w.repo / "services/memphis.yaml").read_text().replace(
            f"port: {names.server.server_port}", f"port: {w.edge}")})
        done = w.promote()
        check(done.returncode == 0, f"promote: {done.returncode}\n{done.stdout}{done.stderr}")
        check(w.ask("/healthz")[1] == "tier2", "tier2 answers through the edge")
        check(len(names.changes()) == 1, f"nothing was changed at Route 53: {names.changes()}")


def a_foreign_record_is_left_alone():
    with world() as w, Names(w) as names:
        names.commit_specs()
        w.book("guest")
        w.backup()
        names.point_at(w.main["address"], "heritage=external-dns,external-dns/owner=other")
        w.lose_main()
        w.lab("outage", "provider", "cloudflare", "on")
        done = w.promote()
        check(done.returncode == 13 and "foreign-record" in done.stderr, f"{done.returncode} {done.stderr}")
        check(names.address() == w.main["address"] and len(names.changes()) == 2, "nothing was changed")


if __name__ == "__main__":
    main(the_second_path_takes_the_traffic, locked_out_of_the_first_path, the_first_path_is_enough,
         a_foreign_record_is_left_alone)
