"""A world whose spec is a dictionary that tests change: one service, its names at two DNS providers, standby sites."""

import contextlib
import json
import sqlite3
import urllib.parse

from harness import BUCKET, MAIN, NAME, TIER2, World, check

ZONE = "memphis.example"
EAST = "us-east-1"
ROUTE53 = "https://route53.amazonaws.com/doc/2013-04-01/"
READS = ("Describe", "Get", "List", "Head", "Verify")


class ReconcileWorld(World):
    """`service` and `providers` are what is committed next; `idle` instances cost no process."""

    def make_service(self):
        self.zone53 = self.lab("route53", "zone", ZONE).strip()
        self.service = self.first_service()
        self.extra_providers = {"names": {"plugin": "route53", "endpoint": f"http://127.0.0.1:{self.port}",
                                          "credentials": self.aws_credentials()}}
        super().make_service()
        folder = self.folder / "idle"
        folder.mkdir()
        (folder / "idle").touch()
        self.idle = {region: self.lab("image", "add", folder, "--name", "idle", "--region", region).split()[0]
                     for region in (MAIN, TIER2, EAST)}
        self.lab("route53", "limits", "off")
        self.lab("route53", "insync", "0")

    def aws_credentials(self):
        return {"access_key_id": {"file": f"{self.credentials}/access-key-id"},
                "secret_access_key": {"file": f"{self.credentials}/secret-access-key"}}

    def health(self):
        return {"http": {"scheme": "http", "port": self.origin, "path": "/healthz", "host": NAME, "status": 200},
                "timeout": "2s"}

    def first_service(self):
        web = {"count": 1, "type": "t3.large", "image": {"name": "memphis-site", "newest": True}}
        return {
            "apiVersion": "drorch/v1", "kind": "Service",
            "metadata": {"name": "memphis", "owner": "platform@memphis.example"},
            "objectives": {"rto": "2m", "rpo": "1h"},
            "sites": {
                "main": {"role": "primary", "provider": "aws", "region": MAIN, "instances": {"web": dict(web)},
                         "health": self.health()},
                "tier2": {"strategy": "backup-restore", "restores": "offsite", "provider": "aws", "region": TIER2,
                          "instances": {"web": dict(web)}, "agent": {"progress": {"port": self.agent_port}},
                          "health": self.health()}},
            "backups": {"offsite": {"source": "main", "schedule": {"every": "1h"}, "max_age": "1h",
                                    "store": {"provider": "aws", "bucket": BUCKET, "prefix": "offsite/"}}},
            "traffic": {"www": {"name": NAME, "type": "A", "policy": "failover",
                                "paths": [{"provider": "cloudflare", "zone": ZONE, "proxied": True}],
                                "verify": {"scheme": "http", "address": "127.0.0.1", "port": self.edge,
                                           "timeout": "1m"}}},
            "dns": {},
            "safety": {"cool_down": "0s", "monitor": self.monitor, "max_changes": "100%"}}

    def spec_files(self):
        files = super().spec_files()
        providers = "".join(f"  {name}: {json.dumps(account)}\n" for name, account in self.extra_providers.items())
        service = {key: value for key, value in self.service.items() if value != {}}
        return {"providers.yaml": files["providers.yaml"] + providers,
                "services/memphis.yaml": json.dumps(service, indent=1)}

    def hot(self, count=1, kind="t3.micro"):
        """A hot standby of idle instances in the spec."""
        self.service["sites"]["hot"] = {
            "strategy": "hot-standby", "follows": "main", "provider": "aws", "region": EAST,
            "instances": {"web": {"count": count, "type": kind, "image": {"name": "idle", "newest": True}}},
            "health": self.health()}

    # -- reconcile ---------------------------------------------------------------------------

    def look(self):
        """The plan of the one service, as JSON; nothing may change by it."""
        before = len(self.mutations())
        done = self.drorch("plan", "-o", "json")
        check(done.stdout, f"plan: {done}")
        document = json.loads(done.stdout)
        check(document["version"] == 1 and len(document["services"]) == 1, document)
        check(len(self.mutations()) == before, f"plan changed something: {self.mutations()[before:]}")
        return document["services"][0]

    def targets(self):
        """What a plan would do: {(action, target)}."""
        return {(c["action"], c["target"]) for c in self.look()["changes"]}

    def findings(self):
        return {(f["kind"], f["target"]) for f in self.look()["findings"]}

    def quiet(self, what):
        done = self.drorch("plan", "--detailed-exitcode")
        check(done.returncode == 0 and "nothing to do" in done.stdout, f"{what}: not quiet: {done}")

    def apply(self, *arguments, **options):
        return self.drorch("apply", "--confirm", "memphis", *arguments, **options)

    def applied(self, what, *arguments):
        done = self.apply(*arguments)
        check(done.returncode == 0, f"{what}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def mutations(self):
        """Every call that was to change something, refused or not; a question for capacity is none."""
        return [(c["operation"], c["status"], c["path"]) for c in self.calls()
                if c["method"] != "GET" and not c["operation"].startswith(READS)]

    def set_active(self, site):
        """As a failback would leave it."""
        with contextlib.closing(sqlite3.connect(self.state / "drorch.db", timeout=10)) as db:
            db.execute("UPDATE facts SET value = ? WHERE key = 'active-site'", (site,))
            check(db.total_changes == 1, "there was an active site")
            db.commit()

    # -- the DNS providers' own view -------------------------------------------------------------

    def at_cloudflare(self, name=None):
        """{(name, type): [record, …]}."""
        found = {}
        for record in self.cloudflare("GET", f"/zones/{self.zone}/dns_records?per_page=5000"):
            if name in (None, record["name"]):
                found.setdefault((record["name"], record["type"]), []).append(record)
        return found

    def values_at_cloudflare(self, name, kind):
        return sorted(r["content"] for r in self.at_cloudflare(name).get((name, kind), []))

    def at_route53(self):
        """{(name, type, set): [value, …]} without the zone's own."""
        found = {}
        for line in self.lab("route53", "records").splitlines():
            name, kind, _, set_id, *values = line.split(None, 4)
            if kind not in ("NS", "SOA"):
                found[name.rstrip("."), kind, "" if set_id == "-" else set_id] = values
        return found

    def change_route53(self, *changes):
        """(action, name, type, ttl, value)."""
        body = "".join(
            f"<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type>"
            f"<TTL>{ttl}</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord>"
            "</ResourceRecords></ResourceRecordSet></Change>" for action, name, kind, ttl, value in changes)
        status, answer = self.aws(
            "route53", EAST, "POST", f"/2013-04-01/hostedzone/{self.zone53}/rrset/",
            body=(f'<ChangeResourceRecordSetsRequest xmlns="{ROUTE53}"><ChangeBatch><Changes>{body}</Changes>'
                  "</ChangeBatch></ChangeResourceRecordSetsRequest>").encode())
        check(status == 200, f"record: {status} {answer.decode()}")

    def add_foreign(self, kind, name, content, **more):
        return self.cloudflare("POST", f"/zones/{self.zone}/dns_records",
                               {"type": kind, "name": name, "content": content, "ttl": 300, **more})["id"]

    # -- instances -------------------------------------------------------------------------------

    def launch(self, region, tags, count=1, kind="t3.micro"):
        """By somebody else: an idle instance with these tags."""
        words = {}
        for number, (key, value) in enumerate(tags.items(), 1):
            words[f"TagSpecification_1_Tag_{number}_Key"] = key
            words[f"TagSpecification_1_Tag_{number}_Value"] = value
        self.ec2(region, "RunInstances", ImageId=self.idle[region], MinCount=str(count), MaxCount=str(count),
                 InstanceType=kind, TagSpecification_1_ResourceType="instance", **words)

    def objects(self, prefix):
        """Keys in the backups' bucket."""
        status, answer = self.aws("s3", TIER2, "GET", "/" + BUCKET, {"list-type": "2", "prefix": prefix})
        check(status == 200, f"list: {status} {answer.decode()}")
        return [urllib.parse.unquote(part.split("</Key>")[0]) for part in answer.decode().split("<Key>")[1:]]

    def put_object(self, key, body):
        status, answer = self.aws("s3", TIER2, "PUT", f"/{BUCKET}/{key}", body=body)
        check(status == 200, f"put {key}: {status} {answer.decode()}")

    def delete_object(self, key):
        status, answer = self.aws("s3", TIER2, "DELETE", f"/{BUCKET}/{key}")
        check(status == 204, f"delete {key}: {status} {answer.decode()}")
