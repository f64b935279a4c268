"""A lab with thousands of records and instances in it, and the specs that ask for them."""

import itertools
import json
import re

import harness

REGION = "eu-west-2"
PAGES = harness.BUILD / "tests" / "bench" / "bench-pages"
PER_SERVICE = 10000  # what one service may have of one kind: more of them are more services

numbers = itertools.count(1)  # of zones: short names, for ten thousand of them

ROUTE53 = """\
  r53:
    plugin: route53
    endpoint: http://127.0.0.1:{port}
    credentials:
      access_key_id: {{file: {credentials}/access-key-id}}
      secret_access_key: {{file: {credentials}/secret-access-key}}
"""

SERVICE = """\
apiVersion: drorch/v1
kind: Service
metadata: {{name: {name}}}
sites:
  main:
    role: primary
    provider: aws
    region: {region}
    instances:
      web: {{count: {count}, type: t3.micro, image: {{name: fleet, newest: true}}}}
    health: {{http: {{scheme: http, path: /healthz, status: 200}}}}
safety: {{max_changes: 100%}}
"""


class Service:
    """One service of the bench: so many records of a provider in a zone of its own, so many instances."""

    def __init__(self, name, records=None, instances=0, zone=None):
        self.name, self.records, self.instances = name, records or {}, instances
        self.zones = {provider: zone or f"z{next(numbers)}.test" for provider in self.records}
        self.below = f"{name}." if zone else ""  # in a zone that others have as well

    def text(self):
        lines = [SERVICE.format(name=self.name, region=REGION, count=self.instances)]
        if self.records:
            lines.append("dns:\n")
        for provider, count in self.records.items():
            zone = self.zones[provider]
            # One line a record: ten thousand of them must fit into the megabyte of a file.
            lines += [f"  {provider[0]}{n}: {{name: r{n}.{self.below}{zone}, type: A, values: [10.0.{n >> 8}.{n & 255}], "
                      f"providers: [{provider}], zone: {zone}}}\n" for n in range(count)]
        return "".join(lines)

    def things(self):
        return sum(self.records.values()) + self.instances

    def walk(self):
        """What bench-pages must know of it."""
        vendors = {"cloudflare": "cloudflare", "r53": "route53"}
        return [f"service={self.name}", *(f"{vendors[provider]}={zone}" for provider, zone in self.zones.items()),
                f"region={REGION}"]


class Fleet(harness.World):
    """The world of these benches: nothing of the booking service runs in it."""

    def make_service(self):
        self.lab("ec2", "limits", "off")
        self.lab("ec2", "quota", "1000000")
        self.lab("route53", "limits", "off")
        self.lab("route53", "insync", "0")
        self.lab("cloudflare", "limit", "1000000", "300")
        image = self.folder / "fleet"
        image.mkdir()
        (image / "idle").touch()
        self.lab("image", "add", str(image), "--name", "fleet", "--region", REGION)
        self.zones = set()

    def use(self, services, budget=None):
        """A repository with these services, and their zones; the state is another one. `budget`: of each account."""
        self.repo = self.folder / f"specs-{services[0].name}-{len(services)}"
        self.state = self.folder / f"state-{services[0].name}-{len(services)}"
        self.environment["DRORCH_STATE"] = str(self.state)
        providers = harness.PROVIDERS.format(port=self.port, credentials=self.credentials, tier2=REGION)
        providers += ROUTE53.format(port=self.port, credentials=self.credentials)
        if budget:
            providers = re.sub(r"( +)plugin: .*\n", rf"\g<0>\1budget: {budget}\n", providers)
        files = {"providers.yaml": providers}
        for service in services:
            files[f"services/{service.name}.yaml"] = service.text()
            self.make_zones(service)
        if not self.repo.exists():
            self.commit_specs(files)

    def make_zones(self, service):
        for provider, zone in service.zones.items():
            if zone in self.zones:
                continue
            if provider == "cloudflare":
                self.cloudflare("POST", "/zones", {"name": zone, "account": {"id": "0" * 32}})
            else:
                self.lab("route53", "zone", zone)
            self.zones.add(zone)

    def calls_after(self, offset):
        """The lab's calls since, and where its log ends now."""
        path = self.lab_state / "calls.jsonl"
        with path.open("rb") as log:
            log.seek(offset)
            text = log.read()
        return [json.loads(line) for line in text.splitlines()], offset + len(text)

    def log_end(self):
        return (self.lab_state / "calls.jsonl").stat().st_size

    def measured(self, measure, arguments, wanted=0):
        """One run of a program: what measure says of it, with the lab's calls and what it said itself."""
        before, output = self.log_end(), self.folder / "output"
        output.unlink(missing_ok=True)
        said = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *map(str, arguments)]  # the same process
        run = measure(said, output=str(output), environment=self.environment)[0]
        run["said"] = output.read_text()
        if run["exit"] != wanted:
            raise harness.Failure(f"{arguments[0]} {arguments[1]}: exit {run['exit']}\n{run['said'][-3000:]}")
        run["calls"], _ = self.calls_after(before)
        return run

    def plan(self, measure, *arguments):
        return self.measured(measure, self.command("plan", *arguments, "--detailed-exitcode", "--verbose"))

    def apply(self, measure, service):
        return self.measured(measure, self.command("apply", "--service", service.name, "--confirm", service.name))

    def pages(self, measure, services):
        words = [word for service in services for word in service.walk()]
        return self.measured(measure, [PAGES, f"port={self.port}", f"credentials={self.credentials}", *words])
