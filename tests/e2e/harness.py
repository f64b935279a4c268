"""A lab with the booking service in it, a spec repository, and drorch: what every end-to-end test stands on.

Standard library only. Everything lives in one temporary folder and ends with the `with` block.
"""

import contextlib
import hashlib
import hmac
import datetime
import http.client
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

BUILD = pathlib.Path(os.environ.get("DRORCH_BUILD", "build")).resolve()
SOURCE = pathlib.Path(os.environ.get("DRORCH_SOURCE", pathlib.Path(__file__).parents[2])).resolve()
DRORCH = BUILD / "bin" / "drorch"
LAB = BUILD / "lab" / "drorch-lab"
AGENT = BUILD / "agent" / "drorch-agent"

NAME = "www.memphis.example"
BUCKET = "memphis-dr"
MAIN, TIER2 = "eu-west-2", "us-west-2"

PROVIDERS = """\
apiVersion: drorch/v1
kind: Providers
providers:
  aws:
    plugin: aws
    region: {tier2}
    endpoint: http://127.0.0.1:{port}
    credentials:
      access_key_id: {{file: {credentials}/access-key-id}}
      secret_access_key: {{file: {credentials}/secret-access-key}}
  cloudflare:
    plugin: cloudflare
    endpoint: http://127.0.0.1:{port}
    credentials: {{token: {{file: {credentials}/cloudflare-token}}}}
"""

SERVICE = """\
apiVersion: drorch/v1
kind: Service
metadata: {{name: memphis, owner: platform@memphis.example}}
objectives: {{rto: 2m, rpo: 1h}}

sites:
  main:
    role: primary
    provider: aws
    region: {main}
    instances:
      web: {{count: 1, type: t3.large, image: {{name: memphis-site, newest: true}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s
  tier2:
    strategy: backup-restore
    restores: offsite
    provider: aws
    region: {tier2}
    instances:
      web: {{count: 1, type: t3.large, image: {{name: memphis-site, newest: true}}}}
    agent: {{progress: {{port: {agent}}}}}
    health:
      http: {{scheme: http, port: {origin}, path: /healthz, host: {name}, status: 200}}
      timeout: 2s

backups:
  offsite:
    source: main
    store: {{provider: aws, bucket: {bucket}, prefix: offsite/}}
    schedule: {{every: 1h}}
    max_age: 1h
    retention: {{daily: 7}}

traffic:
  www:
    name: {name}
    type: A
    policy: failover
    paths:
      - {{provider: cloudflare, zone: memphis.example, proxied: true}}
    verify: {{scheme: http, address: 127.0.0.1, port: {edge}, timeout: 1m}}

safety:
  cool_down: 0s
  monitor: {monitor}
"""


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def wait_for(what, condition, seconds=30.0):
    """Asks until `condition` is true; a bound, not a timing: it only has to be long enough."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise Failure(f"waited {seconds:.0f} s for {what}")


def process_words(pid):
    """The words of a live process; none of one that is gone, or dead and not yet collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


class World:
    """One lab, one service at its main site, one spec repository, one drorch state."""

    def __init__(self, folder, latency=0, monitor="0s", lab_options=()):
        self.folder = pathlib.Path(folder)
        self.lab_state = self.folder / "lab"
        self.state = self.folder / "state"
        self.repo = self.folder / "specs"
        self.monitor = monitor
        self.plugins = BUILD / "plugins"
        self.started = []
        self.environment = dict(os.environ, HOME=str(self.folder), DRORCH_STATE=str(self.state))
        self.lab("up", "--port", "0", "--edge-port", "0", "--latency", str(latency), *lab_options)
        ports = json.loads((self.lab_state / "lab.json").read_text())
        self.port, self.edge, self.origin = ports["port"], ports["edge_port"], ports["origin_port"]
        self.agent_port = 8480
        self.read_credentials()

    # -- the lab ---------------------------------------------------------------------------

    def lab(self, *arguments, good=True):
        done = subprocess.run([LAB, "--state", self.lab_state, *arguments] if arguments[0] != "up" else
                              [LAB, "up", "--state", self.lab_state, *arguments[1:]],
                              capture_output=True, text=True, timeout=120)
        if good and done.returncode:
            raise Failure(f"drorch-lab {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def read_credentials(self):
        self.keys = {}
        self.credentials = self.folder / "credentials"
        self.credentials.mkdir(mode=0o700, exist_ok=True)
        for line in (self.lab_state / "credentials").read_text().splitlines():
            name, separator, value = line.partition("=")
            if separator:
                self.keys[name.strip().lower()] = value.strip()
        for name, key in (("access-key-id", "aws_access_key_id"),
                          ("secret-access-key", "aws_secret_access_key"),
                          ("cloudflare-token", "cloudflare_api_token")):
            path = self.credentials / name
            path.write_text(self.keys[key] + "\n")
            path.chmod(0o600)

    def calls(self, **wanted):
        """The lab's log: every call that matches, e.g. calls(operation='RunInstances')."""
        found = []
        for line in (self.lab_state / "calls.jsonl").read_text().splitlines():
            call = json.loads(line)
            if all(call.get(key) == value for key, value in wanted.items()):
                found.append(call)
        return found

    # -- the clouds, by their own protocols --------------------------------------------------

    def cloudflare(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, "/client/v4" + path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.keys["cloudflare_api_token"],
                            "Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        check(answer["success"], f"{method} {path}: {answer['errors']}")
        return answer["result"]

    def aws(self, service, region, method, path, query=None, body=b""):
        """A signed call, with a signer of its own: a second opinion on ours."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        host = f"127.0.0.1:{self.port}"
        digest = hashlib.sha256(body).hexdigest()
        quoted = "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}"
                          for k, v in sorted((query or {}).items()))
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        signed = ";".join(headers)
        canonical = "\n".join([method, path, quoted, *(f"{k}:{v}" for k, v in headers.items()), "", signed,
                               digest])
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.keys["aws_secret_access_key"]).encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.keys['aws_access_key_id']}/{scope}, "
                                    f"SignedHeaders={signed}, Signature={signature}")
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path + ("?" + quoted if quoted else ""), body or None, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def ec2(self, region, action, **parameters):
        body = urllib.parse.urlencode({"Action": action, "Version": "2016-11-15",
                                       **{k.replace("_", "."): v for k, v in parameters.items()}})
        status, answer = self.aws("ec2", region, "POST", "/", body=body.encode())
        check(status == 200, f"{action}: {status} {answer.decode()}")
        return answer.decode()

    def instances(self, region, alive=True):
        """The lab's own view: {id, region, state, address} of each instance."""
        found = []
        for line in self.lab("instances").splitlines():
            words = line.split()
            if len(words) >= 4 and (words[0].startswith("i-") or words[0].isdigit()) and words[1] == region:
                found.append({"id": words[0], "address": words[2], "state": words[3]})
        return [i for i in found if not alive or i["state"] in ("running", "pending")]

    # -- the service --------------------------------------------------------------------------

    def create_bucket(self, name):
        status, answer = self.aws("s3", TIER2, "PUT", "/" + name, body=(
            b'<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            b"<LocationConstraint>" + TIER2.encode() + b"</LocationConstraint></CreateBucketConfiguration>"))
        check(status == 200, f"bucket: {status} {answer.decode()}")

    def make_service(self):
        """Image in both regions, main site running, record at the edge, spec committed."""
        self.create_bucket(BUCKET)
        image = self.folder / "image"
        subprocess.run([SOURCE / "examples/booking/make-image", image, "--bin", BUILD, "--endpoint",
                        f"http://127.0.0.1:{self.port}", "--bucket", BUCKET, "--region", TIER2, "--credentials",
                        self.credentials, "--agent-port", str(self.agent_port)], check=True)
        self.add_images(str(image))
        self.start_main()
        zone = self.cloudflare("POST", "/zones", {"name": "memphis.example", "account": {"id": "0" * 32}})
        self.zone = zone["id"]
        self.record = self.cloudflare("POST", f"/zones/{self.zone}/dns_records", {
            "type": "A", "name": NAME, "content": self.main["address"], "proxied": True, "ttl": 1,
            "comment": "drorch:memphis/www"})["id"]
        wait_for("the service at its main site", lambda: self.ask("/healthz")[0] == 200)
        self.commit_specs()

    def add_image(self, folder, region, *options, name="memphis-site"):
        return self.lab("image", "add", folder, "--name", name, "--region", region, *options).split()[0]

    def add_images(self, folder):
        self.amis = {region: self.add_image(folder, region) for region in (MAIN, TIER2)}

    def start_main(self):
        self.ec2(MAIN, "RunInstances", ImageId=self.amis[MAIN], MinCount="1", MaxCount="1",
                 InstanceType="t3.large", TagSpecification_1_ResourceType="instance",
                 **{"TagSpecification_1_Tag_1_Key": "drorch:service", "TagSpecification_1_Tag_1_Value": "memphis",
                    "TagSpecification_1_Tag_2_Key": "drorch:site", "TagSpecification_1_Tag_2_Value": "main"})
        self.main = wait_for("main to run", lambda: next(
            (i for i in self.instances(MAIN) if i["state"] == "running"), None))

    def spec_files(self):
        values = dict(port=self.port, edge=self.edge, origin=self.origin, agent=self.agent_port, main=MAIN,
                      tier2=TIER2, name=NAME, bucket=BUCKET, credentials=self.credentials, monitor=self.monitor)
        return {"providers.yaml": PROVIDERS.format(**values),
                "services/memphis.yaml": SERVICE.format(**values)}

    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.repo, "-c", "user.name=ops", "-c", "user.email=ops@memphis.example",
                               "-c", "commit.gpgsign=false", *arguments], check=True, capture_output=True,
                              text=True, env=self.environment).stdout

    def commit_specs(self, files=None):
        if not self.repo.exists():
            self.repo.mkdir()
            self.git("init", "-q", "-b", "main")
        for name, text in (files or self.spec_files()).items():
            path = self.repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Site specs")

    def ask(self, path, method="GET", body=None, host=NAME):
        """Through the edge, as a guest would: (status, site, document)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.edge, timeout=10)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Host": host, "Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            try:
                document = json.loads(text)
            except ValueError:
                document = None
            return response.status, response.getheader("X-Drorch-Site"), document
        except (OSError, http.client.HTTPException):
            return 0, None, None
        finally:
            connection.close()

    def book(self, guest, room="7"):
        status, _, document = self.ask("/bookings", "POST", {"guest": guest, "room": room})
        return document["id"] if status == 201 else None

    def backup(self, instance=None):
        """As a timer on the host would do it: main's, or another instance's."""
        config = self.lab_state / "instances" / (instance or self.main)["id"]
        config = next(iter([*config.glob("agent.yaml"), *config.glob("*/agent.yaml")]))
        done = subprocess.run([AGENT, "backup", "--config", config, "-o", "json"], capture_output=True, text=True,
                              timeout=120)
        check(done.returncode == 0, f"backup: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)["id"]

    def lose_main(self):
        self.lab("kill-site", MAIN)

    def point_at(self, address):
        self.cloudflare("PATCH", f"/zones/{self.zone}/dns_records/{self.record}", {"content": address})

    def record_now(self):
        return self.cloudflare("GET", f"/zones/{self.zone}/dns_records/{self.record}")["content"]

    # -- drorch ---------------------------------------------------------------------------------

    def command(self, *arguments, repo=None):
        return [DRORCH, *arguments, "--repo", repo or f"file://{self.repo}", "--plugins", self.plugins,
                "--state", self.state]

    def drorch(self, *arguments, environment=None, timeout=180, stdin=subprocess.DEVNULL, repo=None):
        command = self.command(*arguments, repo=repo)
        with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**self.environment, **(environment or {})}) as process:
            return ended(process, timeout)

    def start(self, *arguments, environment=None):
        """The same in the background: a Popen, ended with the world; see `finish`."""
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   env={**self.environment, **(environment or {})})
        self.started.append(process)
        return process

    def start_promote(self, *arguments, **options):
        return self.start("promote", "tier2", "--confirm", "tier2", *arguments, **options)

    def finish(self, process, timeout=120):
        self.started.remove(process)
        return ended(process, timeout)

    def worker_pid(self):
        """The process that holds the lease, or 0: it drives the run."""
        database = self.state / "drorch.db"
        if not database.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as db:
            rows = db.execute("SELECT holder FROM leases").fetchall()
        pids = [int(row[0].split(":")[1]) for row in rows if row[0]]
        return next((pid for pid in pids if b"worker" in process_words(pid)), 0)

    def kill_worker(self):
        pid = wait_for("a worker", self.worker_pid)
        os.kill(pid, signal.SIGKILL)
        wait_for("the worker's end", lambda: b"worker" not in process_words(pid))

    def end(self):
        """Nothing of ours may outlive the world."""
        for process in self.started:
            process.kill()
            process.communicate()
        with contextlib.suppress(sqlite3.Error):
            pid = self.worker_pid()
            if pid:
                os.kill(pid, signal.SIGKILL)

    def tell(self):
        """Where the newest run stands, and what was asked of providers last: for who reads of a failure."""
        with contextlib.suppress(Failure, subprocess.SubprocessError, IndexError, ValueError, OSError):
            run = self.runs()[0]
            worker = self.worker_pid()
            print(f"-- run {run['id']}: {run['state']}, worker {worker}", file=sys.stderr)
            for step in self.steps(run["id"]).values():
                print(f"   {step['id']}: {step['state']} {step['note'] or ''} {step.get('error') or ''}", file=sys.stderr)
            for call in self.calls()[-20:]:
                print("  ", *(call[key] for key in ("time_ms", "vendor", "operation", "region", "path", "status", "fault")),
                      file=sys.stderr)
            if worker:  # its log gets a stack
                os.kill(worker, signal.SIGABRT)
                time.sleep(3)
        with contextlib.suppress(OSError):
            print(f"-- the lab\n{(self.lab_state / 'lab.log').read_text()[:4000]}", file=sys.stderr)

    def runs(self):
        text = self.drorch("runs", "-o", "json").stdout
        return json.loads(text)["runs"] if text else []

    def run_state(self):
        runs = self.runs()
        return runs[0]["state"] if runs else None

    def steps(self, run):
        return {s["id"]: s for s in json.loads(self.good("show", run, "-o", "json"))["steps"]}

    def active(self):
        return json.loads(self.good("status", "-o", "json"))["services"][0]["active"]

    def good(self, *arguments, **options):
        done = self.drorch(*arguments, **options)
        check(done.returncode == 0, f"drorch {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def promote(self, *arguments, **options):
        return self.drorch("promote", "tier2", "--confirm", "tier2", *arguments, **options)

    def run_id(self):
        return json.loads(self.good("runs", "-o", "json"))["runs"][0]["id"]

    def reset(self):
        """Back to "main is lost, nothing was done about it": for the next round in the same lab."""
        for instance in self.instances(TIER2):
            self.ec2(TIER2, "TerminateInstances", InstanceId_1=instance["id"])
        wait_for("tier2 to be empty", lambda: not self.instances(TIER2))
        self.point_at(self.main["address"])
        shutil.rmtree(self.state, ignore_errors=True)


def ended(process, timeout):
    """What came of it; in time, or the failure shows where it stands: a sanitized program tells of SIGABRT by a stack."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        try:
            out, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        raise Failure(f"{process.args} does not end in {timeout} s:\n{out}\n{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def switches(world):
    """How often a record was really changed at Cloudflare, also where the answer was then lost."""
    return [c for c in world.calls(vendor="cloudflare")
            if c["method"] != "GET" and "dns_records" in c["path"] and c["ids"] and
            (c["status"] == 200 or c["fault"] in ("drop", "body", "truncate"))]


@contextlib.contextmanager
def world(kind=World, **options):
    for program in (DRORCH, LAB, AGENT):
        if not program.exists():
            print(f"{program} was not built")
            sys.exit(1)
    folder = tempfile.mkdtemp(prefix="drorch-e2e-")
    made = None
    try:
        made = kind(folder, **options)
        made.make_service()
        yield made
    except (Failure, subprocess.SubprocessError) as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        if made:
            made.tell()
        for log in sorted(pathlib.Path(folder).glob("state/runs/*.log")):
            print(f"-- {log.name}\n{log.read_text()[-4000:]}", file=sys.stderr)
        raise
    finally:
        if made:
            made.end()
            subprocess.run([LAB, "down", "--state", made.lab_state], capture_output=True, timeout=60)
        if not os.environ.get("DRORCH_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


def main(*tests):
    """Runs the tests one after the other; says which failed."""
    failed = 0
    for test in tests:
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        began = time.monotonic()
        try:
            test()
        except Exception as failure:  # a test that breaks has failed, whatever it broke with
            failed += 1
            print(f"FAIL {test.__name__}: {type(failure).__name__}: {failure}")
        else:
            print(f"ok   {test.__name__} ({time.monotonic() - began:.1f} s)")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
