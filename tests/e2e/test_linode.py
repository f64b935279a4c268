"""Two providers: main is at Linode. It is lost, fenced through Linode's API where that answers, and rebuilt elsewhere."""

import http.client
import json

from harness import NAME, TIER2, World, check, main, switches, wait_for, world

MAIN, FAR = "eu-west", "us-east"

PROVIDER = """\
  linode:
    plugin: linode
    endpoint: http://127.0.0.1:{port}
    credentials: {{token: {{file: {credentials}/linode-token}}}}
"""

FAR_SITE = """\
  far:
    strategy: backup-restore
    restores: offsite
    provider: linode
    region: {far}
    instances:
      web: {{count: 1, type: g6-standard-4, image: private/memphis-site}}
    agent: {{progress: {{port: {agent}}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s

backups:
"""


class LinodeWorld(World):
    """The harness's world with main at Linode, and a second cold site there."""

    def linode(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, "/v4" + path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.keys["linode_token"],
                            "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        check(response.status == 200, f"{method} {path}: {answer}")
        return answer

    def read_credentials(self):
        super().read_credentials()
        path = self.credentials / "linode-token"
        path.write_text(self.keys["linode_token"] + "\n")
        path.chmod(0o600)

    def add_images(self, folder):
        self.image = self.add_image(folder, MAIN, "--vendor", "linode")
        self.add_image(folder, FAR, "--vendor", "linode")
        self.add_image(folder, TIER2)

    def start_main(self):
        self.linode("POST", "/linode/instances", {
            "region": MAIN, "type": "g6-standard-4", "image": self.image, "label": "memphis-main",
            "root_pass": "correct-Horse-7", "tags": ["drorch:service=memphis", "drorch:site=main"]})
        self.main = wait_for("main to run", lambda: next(
            (i for i in self.instances(MAIN) if i["state"] == "running"), None))

    def spec_files(self):
        files = super().spec_files()
        files["providers.yaml"] += PROVIDER.format(port=self.port, credentials=self.credentials)
        service = files["services/memphis.yaml"]
        before, after = service.split("  tier2:\n", 1)
        before = before.replace("provider: aws", "provider: linode").replace("region: eu-west-2", f"region: {MAIN}")
        before = before.replace("type: t3.large, image: {name: memphis-site, newest: true}",
                                "type: g6-standard-4, image: private/memphis-site")
        after = after.replace("backups:\n", FAR_SITE.format(far=FAR, agent=self.agent_port, origin=self.origin,
                                                            name=NAME), 1)
        files["services/memphis.yaml"] = before + "  tier2:\n" + after
        return files

    def lose_main(self):
        self.lab("kill-site", MAIN)
        wait_for("the site to be lost", lambda: self.ask("/healthz")[0] != 200)

    def fence(self):
        return self.steps(self.run_id())["fence-main"]

    def rebuilt_at(self, site, booking):
        status, answers, _ = self.ask("/healthz")
        check((status, answers) == (200, site), f"{answers} answers with {status}")
        check(self.ask(f"/bookings/{booking}")[0] == 200, "the booking came back")
        check(len(switches(self)) == 2, f"one switch after the first record: {switches(self)}")


def lost_with_its_provider():
    """Nobody can be asked at Linode: main is proven dead."""
    with world(kind=LinodeWorld) as w:
        booking = w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("outage", "provider", "linode", "on")
        done = w.promote()
        check(done.returncode == 0, done.stdout + done.stderr)
        w.rebuilt_at("tier2", booking)
        check(len(w.instances(TIER2)) == 1, "one instance")
        check("not powered off" in json.dumps(w.fence()), w.fence())


def only_its_instances_die():
    """Linode's API is no region's: it tells that main is off."""
    with world(kind=LinodeWorld) as w:
        booking = w.book("guest")
        w.backup()
        w.lose_main()
        done = w.promote()
        check(done.returncode == 0, done.stdout + done.stderr)
        w.rebuilt_at("tier2", booking)
        check("not powered off" not in json.dumps(w.fence()), w.fence())
        check(w.calls(vendor="linode", operation="ListInstances", status=200), "Linode was asked")


def a_main_that_lives_is_shut_down():
    with world(kind=LinodeWorld) as w:
        booking = w.book("guest")
        w.backup()
        done = w.promote("--override-rule", "old-site-well", "--reason", "the building burns")
        check(done.returncode == 0, done.stdout + done.stderr)
        w.rebuilt_at("tier2", booking)
        check(len(w.calls(operation="ShutdownInstance")) == 1, "one shutdown")
        check(w.linode("GET", f"/linode/instances/{w.main['id']}")["status"] == "offline", "main is off")


def rebuilt_at_linode():
    """A cold site at Linode, and the answer of its create is lost: one instance all the same."""
    with world(kind=LinodeWorld) as w:
        booking = w.book("guest")
        w.backup()
        w.lose_main()
        w.lab("fault", "add", "drop", "--operation", "CreateInstance", "--count", "1")
        done = w.drorch("promote", "far", "--confirm", "far")
        check(done.returncode == 0, done.stdout + done.stderr)
        w.rebuilt_at("far", booking)
        check(len(w.instances(FAR)) == 1, "one instance")
        made = [c for c in w.calls(operation="CreateInstance") if c["region"] == FAR]
        check(len(made) == 1 and made[0]["fault"] == "drop", made)


if __name__ == "__main__":
    main(lost_with_its_provider, only_its_instances_die, a_main_that_lives_is_shut_down, rebuilt_at_linode)
