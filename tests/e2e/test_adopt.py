"""A service that ran before drorch came: what is there is told, adopted by its name, and then looked after like the rest."""

import json
import re

from harness import MAIN, check, main, wait_for, world
from hot import HotWorld, Writers
from reconcile_world import EAST, ReconcileWorld
from test_hot import is_home
from test_linode import MAIN as EU_WEST, LinodeWorld
from test_reconcile_sites import weights
from test_weighted import WeightedWorld

OURS = {"drorch:service": "memphis", "drorch:site": "main", "drorch:group": "web"}


def run_by_hand(w, region, tags, **more):
    """An instance of the service's image, made by people."""
    words = {}
    for number, (key, value) in enumerate(tags.items(), 1):
        words[f"TagSpecification_1_Tag_{number}_Key"] = key
        words[f"TagSpecification_1_Tag_{number}_Value"] = value
    answer = w.ec2(region, "RunInstances", ImageId=w.amis[region], MinCount="1", MaxCount="1", InstanceType="t3.large",
                   TagSpecification_1_ResourceType="instance", **words, **more)
    return re.search("<instanceId>(.*?)</instanceId>", answer).group(1)


def tags_of(w, region, instance):
    text = w.ec2(region, "DescribeInstances", InstanceId_1=instance).split("<tagSet>")[1].split("</tagSet>")[0]
    return dict(re.findall("<key>(.*?)</key><value>(.*?)</value>", text))


def adopt(w, *things, **options):
    return w.drorch("adopt", "memphis", *things, "--confirm", "memphis", **options)


def changes(w, before):
    return w.mutations()[before:]


class ByHandWorld(ReconcileWorld):
    """Main is there, with a record that leads to it, and nothing of it is ours."""

    TAGS = {"Name": "shop-1", "team": "shop"}

    def start_main(self):
        run_by_hand(self, MAIN, self.TAGS)
        self.main = wait_for("main to run", lambda: next(
            (i for i in self.instances(MAIN) if i["state"] == "running"), None))

    def commit_specs(self, files=None):
        if not self.repo.exists():
            self.cloudflare("PATCH", f"/zones/{self.zone}/dns_records/{self.record}", {"comment": "by hand, 2019"})
        super().commit_specs(files)


def from_a_hand_made_site_to_a_promote():
    with world(kind=ByHandWorld) as w:
        w.backup()
        before = len(w.mutations())
        it_is_told(w)
        check(not changes(w, before), changes(w, before))
        what_is_not_adopted(w)
        adopted_once(w)
        seen_by_the_rest(w)
        done = w.promote("--override-rule", "old-site-well", "--reason", "the building burns")
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.ask("/healthz")[:2] == (200, "tier2"), w.ask("/healthz"))
        wait_for("main to be fenced, by its marks", lambda: not w.instances(MAIN))


def it_is_told(w):
    one = w.main["id"]
    told = f"`drorch adopt memphis {one}`"
    for command in ("plan", "diff"):
        done = w.drorch(command)
        check(done.returncode == 0 and told in done.stdout and "leads there" in done.stdout, done)
    check(("foreign", f"{one} of main at aws") in w.findings(), w.findings())
    check(not w.targets(), f"nothing is launched beside it: {w.targets()}")
    w.good("controller", "--once")
    check(told in w.good("status"), w.good("status"))


def what_is_not_adopted(w):
    one = w.main["id"]
    done = w.drorch("adopt", "memphis", one)
    check(done.returncode == 3 and "--confirm memphis" in done.stderr, f"not without the name: {done}")
    for word in (one, "shop-1", "t3.large", w.main["address"], "running", "web of main"):
        check(word in done.stdout, f"{word} is shown: {done.stdout}")
    done = adopt(w, "i-00000000000000000")
    check(done.returncode == 10 and "i-00000000000000000" in done.stderr, done)
    done = adopt(w, one, "--group", "db")
    check(done.returncode == 10 and '"db"' in done.stderr, done)
    w.launch(MAIN, {"drorch:service": "another", "drorch:site": "main"})
    w.launch(MAIN, {"Name": "spare"})
    wait_for("the others", lambda: len([i for i in w.instances(MAIN) if i["state"] == "running"]) == 3)
    tags = {i["id"]: tags_of(w, MAIN, i["id"]) for i in w.instances(MAIN)}
    another = next(i for i in tags if tags[i].get("drorch:service") == "another")
    spare = next(i for i in tags if tags[i].get("Name") == "spare")
    done = adopt(w, another)
    check(done.returncode == 13 and "rule foreign-mark" in done.stderr and "another" in done.stderr, done)
    done = adopt(w, one, spare)
    check(done.returncode == 13 and "rule group-full" in done.stderr and "2 instances" in done.stderr, done)
    for instance in (another, spare):
        w.ec2(MAIN, "TerminateInstances", InstanceId_1=instance)
    wait_for("their end", lambda: len(w.instances(MAIN)) == 1)
    check(not w.calls(operation="CreateTags"), "none was marked")


def adopted_once(w):
    """With its record, in one go; while lists lag; and no second time."""
    one = w.main["id"]
    before = len(w.mutations())
    done = adopt(w, one, "www.memphis.example A")
    check(done.returncode == 0 and "2 to adopt" in done.stdout, done)
    run = w.run_id()
    check(w.runs()[0]["state"] == "completed" and w.runs()[0]["kind"] == "reconcile", w.runs())
    wanted = {**ByHandWorld.TAGS, **OURS, "drorch:run": run, "drorch:step": "adopt-main-web"}
    check(tags_of(w, MAIN, one) == wanted, tags_of(w, MAIN, one))
    record = w.at_cloudflare()["www.memphis.example", "A"][0]
    check((record["content"], record["comment"]) == (w.main["address"], "drorch:memphis/www"), record)
    check(sorted(c[0] for c in changes(w, before)) == ["BatchDnsRecords", "CreateTags"], changes(w, before))
    before = len(w.mutations())
    w.lab("fault", "add", "lag", "--vendor", "ec2", "--ms", "60000", "--region", MAIN)
    w.quiet("a list of before")
    w.lab("fault", "clear")
    check(not w.look()["findings"], w.look())
    w.quiet("adopted")
    check(w.apply().returncode == 0 and adopt(w, one).returncode == 0, "there is nothing to do")
    check(len(w.runs()) == 1 and not changes(w, before), changes(w, before))


def seen_by_the_rest(w):
    hosts = json.loads(w.good("inventory", "--list"))["_meta"]["hostvars"]
    check([h["ansible_host"] for h in hosts.values()] == [w.main["address"]], hosts)
    w.service["sites"]["main"]["instances"]["web"]["type"] = "t3.xlarge"
    w.commit_specs()
    shown = w.look()
    check([(f["kind"], f["target"]) for f in shown["findings"]] == [("left", f"{w.main['id']} of main at aws")], shown)
    w.service["sites"]["main"]["instances"]["web"]["type"] = "t3.large"
    w.commit_specs()


def killed_at_every_point():
    """And taken back: an instance that is not there any more fails the second group's step."""
    with world(kind=ByHandWorld) as w:
        one = w.main["id"]
        for point in range(1, 30):
            done = adopt(w, one, environment={"DRORCH_KILL_AT": str(point)})
            if done.returncode == 15:
                w.good("resume", w.run_id())
            check(done.returncode in (0, 15) and w.run_state() == "completed", f"killed at {point}: {done}")
            check(OURS.items() <= tags_of(w, MAIN, one).items(), f"killed at {point}: {tags_of(w, MAIN, one)}")
            if done.returncode == 0:
                check(point > 3, f"only {point} points were met")
                print(f"     {point - 1} points")
                break
            give_back(w, one)
        w.quiet("after all of it")
        give_back(w, one)
        for point in (2, 4, 6):
            done = adopt(w, one, environment={"DRORCH_KILL_AT": str(point)})
            check(done.returncode == 15, done)
            w.drorch("abort", w.run_id())
            check(w.run_state() == "aborted" and tags_of(w, MAIN, one) == ByHandWorld.TAGS,
                  f"killed at {point}, and aborted: {w.runs()[0]}: {tags_of(w, MAIN, one)}")
        taken_back(w)


def give_back(w, instance):
    words = {f"Tag_{number}_Key": key for number, key in enumerate(
        [t for t in tags_of(w, MAIN, instance) if t.startswith("drorch:")], 1)}
    w.ec2(MAIN, "DeleteTags", ResourceId_1=instance, **words)
    check(tags_of(w, MAIN, instance) == ByHandWorld.TAGS, "as it was")


def taken_back(w):
    """All or nothing: one is refused, and the other is as it was."""
    one = w.main["id"]
    w.ec2(MAIN, "CreateTags", ResourceId_1=one, Tag_1_Key="drorch:group", Tag_1_Value="old")
    w.service["safety"]["rollback"] = "on"
    w.service["sites"]["main"]["instances"]["db"] = {"count": 1, "type": "t3.micro", "image": {"name": "idle", "newest": True}}
    w.commit_specs()
    w.launch(MAIN, {"Name": "memphis-main-db-1"})
    other = wait_for("the other", lambda: next(
        (i["id"] for i in w.instances(MAIN) if i["state"] == "running" and i["id"] != one), None))
    check({f"{i} of main at aws" for i in (one, other)} <= {t for k, t in w.findings() if k == "foreign"}, w.findings())
    w.lab("fault", "add", "status", "--operation", "CreateTags", "--status", "403", "--code", "UnauthorizedOperation",
          "--after", "1")
    done = adopt(w, one, other)
    w.lab("fault", "clear")
    check(done.returncode == 1 and w.run_state() == "rolled-back", f"{w.runs()[0]}: {done}")
    check(tags_of(w, MAIN, one) == {**ByHandWorld.TAGS, "drorch:group": "old"}, tags_of(w, MAIN, one))
    check(tags_of(w, MAIN, other) == {"Name": "memphis-main-db-1"}, tags_of(w, MAIN, other))
    done = adopt(w, one, other)
    check(done.returncode == 0, done)
    check(tags_of(w, MAIN, other)["drorch:group"] == "db", tags_of(w, MAIN, other))
    check({(k, t) for k, t in w.findings() if k == "foreign"} == {("foreign", "www.memphis.example A at cloudflare")},
          w.findings())


ROUTE53 = "https://route53.amazonaws.com/doc/2013-04-01/"


def health_check_by_hand(w):
    health = w.health()["http"]
    body = (f'<CreateHealthCheckRequest xmlns="{ROUTE53}"><CallerReference>by-hand</CallerReference><HealthCheckConfig>'
            f"<IPAddress>{w.main['address']}</IPAddress><Port>{health['port']}</Port><Type>HTTP</Type>"
            f"<ResourcePath>/old</ResourcePath><FullyQualifiedDomainName>{health['host']}</FullyQualifiedDomainName>"
            "<RequestInterval>10</RequestInterval><FailureThreshold>2</FailureThreshold>"
            "</HealthCheckConfig></CreateHealthCheckRequest>")
    status, answer = w.aws("route53", EAST, "POST", "/2013-04-01/healthcheck", body=body.encode())
    check(status == 201, answer)
    return re.search("<Id>(.*?)</Id>", answer.decode()).group(1)


def monitor_by_hand(w):
    health = w.health()["http"]
    return w.cloudflare("POST", f"/accounts/{w.account()}/load_balancers/monitors", {
        "type": "http", "port": health["port"], "path": "/old", "interval": 15, "timeout": 5, "retries": 0,
        "expected_codes": "2xx", "description": "", "header": {"Host": [health["host"]]}})["id"]


def health_checks_too():
    """One at each kind of provider: marked, set as the spec says, and used; no second one is made."""
    with world(kind=WeightedWorld) as w:
        w.backup()
        w.service["sites"]["main"]["health"]["interval"] = "15s"
        w.commit_specs()
        ids = [health_check_by_hand(w), monitor_by_hand(w)]
        done = adopt(w, *ids)
        check(done.returncode == 0 and "2 to adopt" in done.stdout, done)
        status, answer = w.aws("route53", EAST, "GET", f"/2013-04-01/tags/healthcheck/{ids[0]}")
        check(status == 200 and b"<Value>drorch:memphis/main</Value>" in answer, answer)
        (monitor,) = w.cloudflare("GET", f"/accounts/{w.account()}/load_balancers/monitors")
        check(monitor["id"] == ids[1] and monitor["description"].startswith("drorch:memphis/main"), monitor)
        w.applied("weighted names")
        w.quiet("with the checks that were there")
        check(len(w.calls(operation="CreateHealthCheck")) == 1, "no second check")
        check(len(w.calls(operation="CreateMonitor")) == 1, "no second monitor")
        check(weights(w) == {"main": 90}, weights(w))


class LinodeByHand(LinodeWorld):
    def start_main(self):
        self.linode("POST", "/linode/instances", {
            "region": EU_WEST, "type": "g6-standard-4", "image": self.image, "label": "shop-server",
            "root_pass": "correct-Horse-7", "tags": ["shop", "team=web"]})
        self.main = wait_for("main to run", lambda: next(
            (i for i in self.instances(EU_WEST) if i["state"] == "running"), None))


def at_linode():
    """The tags that are there stay; the old site is shut down by its marks."""
    with world(kind=LinodeByHand) as w:
        booking = w.book("guest")
        w.backup()
        one = w.main["id"]
        check(f"`drorch adopt memphis {one}`" in w.good("plan"), w.drorch("plan"))
        w.lab("fault", "add", "drop", "--operation", "UpdateInstance", "--count", "1")
        done = adopt(w, one)
        check(done.returncode == 0, done)
        seen = w.linode("GET", f"/linode/instances/{one}")
        check(seen["label"] == "shop-server" and seen["tags"][:2] == ["shop", "team=web"], seen)
        check({f"{k}={v}" for k, v in OURS.items()} <= set(seen["tags"]) and len(seen["tags"]) == 7, seen)
        check(len(w.calls(operation="UpdateInstance")) == 1, "the lost answer was looked up")
        done = w.drorch("plan", "--detailed-exitcode")
        check(done.returncode == 0 and "nothing to do" in done.stdout and "foreign" not in done.stdout, done)
        done = w.promote("--override-rule", "old-site-well", "--reason", "the building burns")
        check(done.returncode == 0, done.stdout + done.stderr)
        w.rebuilt_at("tier2", booking)
        check(w.linode("GET", f"/linode/instances/{one}")["status"] == "offline", "main is off")


class HotByHand(HotWorld):
    def start_site(self, site, region, kind="t3.large"):
        run_by_hand(self, region, {"Name": f"db-{site}"})
        return wait_for(f"{site} to run", lambda: next(
            (i for i in self.instances(region) if i["state"] == "running"), None))


def there_and_back_after_adoption():
    """Both sites of a hot pair, of which one is led to by no name, are adopted in one go."""
    with world(kind=HotByHand) as w, Writers(w) as writers:
        writers.more()
        done = adopt(w, w.sites["main"]["id"], w.sites["dr"]["id"])
        check(done.returncode == 0, done)
        done = w.drorch("plan", "--detailed-exitcode")
        check(done.returncode == 0 and "nothing to do" in done.stdout, done)
        done = w.good("promote", "dr", "--confirm", "dr")
        check("(switchover)" in done and "data loss   none" in done, done)
        writers.more()
        is_home(w, "dr")
        w.good("failback", "--confirm", "main")
        writers.more()
        is_home(w, "main")
        writers.stop()
        w.same()
        check(not w.lost(writers, "main"), f"lost: {w.lost(writers, 'main')}")


if __name__ == "__main__":
    main(from_a_hand_made_site_to_a_promote, killed_at_every_point, health_checks_too, at_linode, there_and_back_after_adoption)
