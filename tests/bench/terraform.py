"""Terraform and drorch over the same moto_server, each call delayed alike: as many records, made and then looked at."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request

import harness
from fleet import ROUTE53, Service
from reconcile import middle

COUNT = 100
ROUNDS = 3

MAIN = """\
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}
provider "aws" {{
  region                      = "us-east-1"
  access_key                  = "moto"
  secret_key                  = "moto"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {{
    route53 = "http://127.0.0.1:{port}"
    sts     = "http://127.0.0.1:{port}"
  }}
}}
resource "aws_route53_zone" "zone" {{
  name = "terraform.example"
}}
resource "aws_route53_record" "record" {{
  count   = {count}
  zone_id = aws_route53_zone.zone.zone_id
  name    = "r${{count.index}}.terraform.example"
  type    = "A"
  ttl     = 300
  records = ["10.0.${{floor(count.index / 256)}}.${{count.index % 256}}"]
}}
"""


class Delay:
    """A relay to a port that lets every request wait, and counts them."""

    def __init__(self, to_port, ms):
        self.to_port, self.ms, self.requests = to_port, ms, 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    async def serve(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        state = {"answered": True}
        await asyncio.gather(self.pass_on(reader, to_writer, state, True),
                             self.pass_on(to_reader, writer, state, False), return_exceptions=True)

    async def pass_on(self, reader, writer, state, request):
        with contextlib.closing(writer):
            while data := await reader.read(65536):
                if request and state["answered"]:  # the first bytes of a request
                    self.requests += 1
                    await asyncio.sleep(self.ms / 1000)
                state["answered"] = not request
                writer.write(data)
                await writer.drain()

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).status == 200
    return False


@contextlib.contextmanager
def moto(latency):
    port = free_port()
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    delay = None
    try:
        harness.wait_for("moto_server", lambda: answers(port), 60)
        delay = Delay(port, latency)
        yield delay
    finally:
        if delay:
            delay.end()
        server.terminate()
        server.wait(timeout=30)


class Terraform:
    def __init__(self, folder, port):
        self.folder = folder
        self.folder.mkdir()
        (folder / "main.tf").write_text(MAIN.format(port=port, count=COUNT))
        self.environment = dict(os.environ, TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1")

    def command(self, *words):
        return ["terraform", f"-chdir={self.folder}", *words]

    def init(self):
        """"" where its provider is there; else what it says."""
        done = subprocess.run(self.command("init", "-input=false", "-no-color"), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=self.environment, timeout=120)
        return "" if done.returncode == 0 else " ".join(done.stderr.split())[:200]


def timed(measure, delay, arguments, environment, output):
    output.unlink(missing_ok=True)
    before = delay.requests
    run = measure(arguments, output=str(output), environment=environment)[0]
    harness.check(run["exit"] == 0, f"{arguments[0]}: exit {run['exit']}\n{output.read_text()[-3000:]}")
    return {**run, "requests": delay.requests - before}


def make_zone(world, port):
    body = (b'<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>drorch.example.'
            b"</Name><CallerReference>bench</CallerReference></CreateHostedZoneRequest>")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/2013-04-01/hostedzone", body, method="POST", headers={
        "Content-Type": "text/xml", "Authorization": "AWS4-HMAC-SHA256 Credential=moto/20200101/us-east-1/route53/aws4_request"})
    harness.check(urllib.request.urlopen(request, timeout=30).status == 201, "moto makes a zone")


def specs(world, port):
    providers = harness.PROVIDERS.format(port=port, credentials=world.credentials, tier2="us-east-1")
    service = Service("beside", {"r53": COUNT}, zone="drorch.example")
    return {"providers.yaml": providers + ROUTE53.format(port=port, credentials=world.credentials),
            "services/beside.yaml": service.text()}


def side_by_side(world, options, report, measure, delay):
    terraform = Terraform(world.folder / "terraform", delay.port)
    problem = terraform.init()
    if problem:
        report.skip("terraform", f"`terraform init` does not find its AWS provider: {problem}")
        return
    world.repo, world.state = world.folder / "specs-beside", world.folder / "state-beside"
    world.environment["DRORCH_STATE"] = str(world.state)
    world.commit_specs(specs(world, delay.port))
    make_zone(world, delay.to_port)
    output = world.folder / "output"
    tries = {
        "apply": {"drorch": world.command("apply", "--service", "beside", "--confirm", "beside"),
                  "terraform": terraform.command("apply", "-auto-approve", "-no-color", f"-parallelism={COUNT}")},
        "plan": {"drorch": world.command("plan", "--detailed-exitcode"),
                 "terraform": terraform.command("plan", "-detailed-exitcode", "-no-color", f"-parallelism={COUNT}")}}
    for what, commands in tries.items():
        runs = {name: [] for name in commands}
        for _ in range(1 if what == "apply" else ROUNDS):
            for name, words in commands.items():
                environment = world.environment if name == "drorch" else terraform.environment
                runs[name].append(timed(measure, delay, words, environment, output))
        title = f"first apply of {COUNT} records" if what == "apply" else f"nothing to do, {COUNT} records"
        walls = {name: middle(run["wall_us"] for run in those) / 1000 for name, those in runs.items()}
        report.add("terraform", f"{title}: drorch", walls["drorch"], "ms")
        report.add("terraform", "  terraform", walls["terraform"], "ms")
        report.add("terraform", "  drorch over terraform", walls["drorch"] / walls["terraform"], "ratio", 1)
        for name, those in runs.items():
            report.add("terraform", f"  requests, {name}", middle(run["requests"] for run in those), "calls")
            report.add("terraform", f"  CPU time, {name}", middle(run["cpu_us"] for run in those) / 1000, "ms")
            report.add("terraform", f"  peak memory, {name}", max(run["rss_kib"] for run in those) / 1024, "MiB")


def run(world, options, report, measure):
    missing = [name for name in ("terraform", "moto_server") if not shutil.which(name)]
    if missing:
        report.skip("terraform", f"{' and '.join(missing)} not found; where they are: scripts/bench terraform")
        return
    with moto(options.latency) as delay:
        side_by_side(world, options, report, measure, delay)
    print("terraform: done", file=sys.stderr)
