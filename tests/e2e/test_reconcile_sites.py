"""Reconcile: instances, the rules that stop and ask, weighted names, backups and images that are kept no longer."""

import datetime
import json
import time

from harness import BUCKET, MAIN, NAME, TIER2, check, main, wait_for, world
from reconcile_world import EAST, ZONE, ReconcileWorld
from test_reconcile import entry


def refused(w, *rules):
    """Each rule is named and passed by its own name, with a reason; nothing is done before."""
    before, runs = w.mutations(), len(w.runs())
    check([r["rule"] for r in w.look()["refusals"]] == list(rules), f"{rules}: {w.look()['refusals']}")
    done = w.apply()
    check(done.returncode == 13, f"{rules}: {done}")
    for rule in rules:
        check(f"refused by rule {rule}:" in done.stderr and f"--override-rule {rule}" in done.stderr, done)
    done = w.apply("--override-rule", rules[0])
    check(done.returncode == 3 and "--reason" in done.stderr, f"not without a reason: {done}")
    done = w.apply("--override-rule", "cool-down", "--reason", "another rule")
    check(done.returncode == 13, f"nor by another rule's name: {done}")
    check((w.mutations(), len(w.runs())) == (before, runs), f"{rules}: something was done")


def overridden(w, reason, *rules):
    words = [word for rule in rules for word in ("--override-rule", rule)]
    done = w.apply(*words, "--reason", reason)
    check(done.returncode == 0, f"{rules}: {done}")
    check(reason in w.good("events"), f"{reason} is on the record")


# ---- instances ------------------------------------------------------------------------------------


def running(w, region):
    return {i["id"] for i in w.instances(region) if i["state"] == "running"}


def instances():
    with world(kind=ReconcileWorld) as w:
        w.backup()
        w.ec2(MAIN, "CreateTags", ResourceId_1=w.main["id"], Tag_1_Key="drorch:group", Tag_1_Value="web")
        look_alikes = look_alike_instances(w)
        standby_is_launched(w)
        standby_is_kept(w)
        active_is_never_scaled_down(w)
        active_is_not_launched_anew(w)
        check(look_alikes <= running(w, EAST), "what is not ours runs")


def look_alike_instances(w):
    """Another service's, one without a site, one of another controller's tags."""
    for tags in ({"drorch:service": "memphis-2", "drorch:site": "hot"}, {"drorch:service": "memphis"},
                 {"service": "memphis", "site": "hot"}, {"drorch:service": "MEMPHIS", "drorch:site": "hot"}):
        w.launch(EAST, tags)
    wait_for("the look-alikes", lambda: len(running(w, EAST)) == 4)
    return running(w, EAST)


def standby_is_launched(w):
    """While lists lag: one all the same, whoever looks meanwhile."""
    w.hot()
    w.commit_specs()
    w.look_alikes = running(w, EAST)
    check(w.targets() == {("create", "web of hot at aws")}, w.targets())
    w.lab("fault", "add", "lag", "--vendor", "ec2", "--ms", "4000", "--region", EAST)
    wait_for("the image to be listed", lambda: not w.look()["findings"])
    w.applied("a standby")
    w.quiet("with a standby")
    w.lab("fault", "clear")
    w.lab("fault", "add", "lag", "--vendor", "ec2", "--ms", "60000", "--region", EAST)
    w.quiet("a list of before")
    w.lab("fault", "clear")
    check(len(w.calls(operation="RunInstances", region=EAST)) == 4 + 1, "one launch")
    w.quiet("with a standby")
    w.lab("fault", "add", "drop", "--operation", "RunInstances", "--region", EAST, "--count", "1")
    w.hot(count=3)
    w.commit_specs()
    check(w.look()["summary"] == "2 to create", w.look())
    w.applied("two more, the answer lost")
    check(len(running(w, EAST) - w.look_alikes) == 3, f"three: {w.instances(EAST)}")
    w.quiet("with three")


def standby_is_kept(w):
    """Started after a stop, made anew after its end, resized, scaled down; the oldest stays."""
    ours = sorted(running(w, EAST) - w.look_alikes)
    w.ec2(EAST, "StopInstances", InstanceId_1=ours[0])
    wait_for("the stop", lambda: {i["state"] for i in w.instances(EAST, alive=False) if i["id"] == ours[0]} ==
             {"stopped"})
    check(w.targets() == {("update", f"{ours[0]} of hot at aws")}, w.targets())
    w.applied("started")
    check(ours[0] in running(w, EAST), "it runs")
    w.ec2(EAST, "TerminateInstances", InstanceId_1=ours[1])
    wait_for("its end", lambda: ours[1] not in running(w, EAST))
    w.applied("another for the one that ended")
    check(len(running(w, EAST) - w.look_alikes) == 3, "three again")
    w.hot(count=1, kind="t3.small")
    w.commit_specs()
    shown = w.look()
    check(shown["summary"] == "1 to update, 2 to delete", shown)
    w.applied("fewer, and of another type")
    wait_for("one", lambda: len(running(w, EAST) - w.look_alikes) == 1)
    w.quiet("resized")
    check(w.service["sites"]["hot"]["instances"]["web"]["type"] in
          w.ec2(EAST, "DescribeInstances", InstanceId_1=(running(w, EAST) - w.look_alikes).pop()), "of the new type")


def active_is_never_scaled_down(w):
    w.launch(MAIN, {"drorch:service": "memphis", "drorch:site": "main", "drorch:group": "web"})
    wait_for("two", lambda: len(running(w, MAIN)) == 2)
    more = (running(w, MAIN) - {w.main["id"]}).pop()
    check(("left", f"{more} of main at aws") in w.findings(), w.findings())
    w.service["sites"]["main"]["instances"]["web"]["type"] = "t3.xlarge"
    w.commit_specs()
    check(("left", f"{w.main['id']} of main at aws") in w.findings(), "nor stopped to be resized")
    w.apply()
    check(len(running(w, MAIN)) == 2, "both run")
    w.service["sites"]["main"]["instances"]["web"]["type"] = "t3.large"
    w.commit_specs()
    w.ec2(MAIN, "TerminateInstances", InstanceId_1=more)
    wait_for("one", lambda: len(running(w, MAIN)) == 1)
    w.applied("the name")
    w.quiet("as it was")


def active_is_not_launched_anew(w):
    """Its data went with it: a promote is what is wanted, and who wants an empty one must say so."""
    w.ec2(MAIN, "TerminateInstances", InstanceId_1=w.main["id"])
    wait_for("none", lambda: not w.instances(MAIN))
    refused(w, "active-lost")
    overridden(w, "a new beginning", "active-lost")
    check(len(running(w, MAIN)) == 1, w.instances(MAIN))
    w.quiet("a new main")
    check(w.ask("/healthz")[:2] == (200, "main"), "and the name leads there")


# ---- the other rules ------------------------------------------------------------------------------


def rules():
    with world(kind=ReconcileWorld) as w:
        w.backup()
        for number in range(8):
            w.service["dns"][f"many-{number}"] = entry(f"n{number}.{ZONE}", "A", f"192.0.2.{100 + number}",
                                                       providers=["cloudflare"])
        w.service["safety"]["max_changes"] = "30%"
        w.commit_specs()
        w.applied("what is new harms nothing")
        # 8 records, www, an instance, a backup
        for number in range(4):
            w.service["dns"][f"many-{number}"]["values"] = ["192.0.2.250"]
        w.commit_specs()
        check("max_changes allows 3" in w.look()["refusals"][0]["text"], w.look()["refusals"])
        refused(w, "max-changes")
        w.service["safety"]["max_changes"] = 4
        w.commit_specs()
        w.applied("four of four")
        del w.service["traffic"]["www"]
        for number in range(4):
            del w.service["dns"][f"many-{number}"]
        w.commit_specs()
        refused(w, "max-changes", "active-delete")
        done = w.apply("--override-rule", "max-changes", "--reason", "one of two")
        check(done.returncode == 13 and "refused by rule active-delete" in done.stderr, done)
        check(w.ask("/healthz")[0] == 200, "the name is there")
        file = str(w.folder / "plan.json")
        check(w.drorch("plan", "-o", file, "--detailed-exitcode").returncode == 2, "a plan that is refused is a plan")
        done = w.drorch("apply", file)
        check(done.returncode == 13, f"a reviewed plan is no override: {done}")
        shrunken_tree(w)
        overridden(w, "the name moves house", "max-changes", "active-delete")
        check((NAME, "A") not in w.at_cloudflare(), w.at_cloudflare())
        w.quiet("without the name")


def shrunken_tree(w):
    """A repository that lost its service asks nothing of the clouds."""
    before = len(w.mutations())
    w.git("rm", "-q", "services/memphis.yaml")
    w.git("commit", "-q", "-m", "Oops")
    done = w.drorch("plan")
    check(not len(w.mutations()) - before, f"nothing was done: {done}")
    done = w.apply()
    check(done.returncode != 0, f"nothing to apply is no success: {done}")
    done = w.apply("--service", "memphis")
    check(done.returncode != 0 and len(w.mutations()) == before, f"nothing was done: {done}")
    w.commit_specs()


# ---- weighted names -------------------------------------------------------------------------------


def checks(w):
    """{id: "healthy" or "unhealthy"}."""
    return {line.split()[0]: line.split()[3] for line in w.lab("route53", "checks").splitlines() if line.strip()}


def weights(w):
    return {line.split()[2]: int(line.split()[3]) for line in w.lab("route53", "records").splitlines()
            if line.startswith(f"shop.{ZONE}. A ")}


def weighted():
    """A share of the traffic a site, by one check a site."""
    with world(kind=ReconcileWorld) as w:
        w.backup()
        w.hot()
        w.service["traffic"]["shop"] = {
            "name": f"shop.{ZONE}", "type": "A", "policy": {"weighted": {"main": 90, "hot": 10}},
            "paths": [{"provider": "names", "zone": ZONE, "ttl": "60s"}]}
        w.commit_specs()
        check(w.look()["summary"] == "5 to create", f"an instance, two checks, two sets: {w.look()['summary']}")
        w.applied("a weighted name")
        w.quiet("weighted")
        check(weights(w) == {"main": 90, "hot": 10} and len(checks(w)) == 2, (weights(w), checks(w)))
        w.lab("route53", "speed", "100")
        wait_for("the checks to tell", lambda: sorted(checks(w).values()) == ["healthy", "unhealthy"])
        before = set(checks(w))
        w.service["traffic"]["shop"]["policy"]["weighted"] = {"main": 50, "hot": 50}
        w.commit_specs()
        check({target for _, target in w.targets()} == {f"shop.{ZONE} A at names"}, w.targets())
        w.applied("other weights")
        check(weights(w) == {"main": 50, "hot": 50} and set(checks(w)) == before, (weights(w), checks(w)))
        w.service["sites"]["hot"]["health"]["interval"] = "30s"
        w.commit_specs()
        done = w.applied("another interval")
        after = set(checks(w))
        check(len(after) == 2 and len(after & before) == 1, f"one was replaced: {before} {after}")
        check(done.stdout.index("dns-names") < done.stdout.index("uncheck-names"), f"no set names a gone one: {done}")
        w.quiet("after the interval")
        del w.service["traffic"]["shop"]
        w.commit_specs()
        refused(w, "active-delete")
        overridden(w, "sold", "active-delete")
        w.quiet("without the name")
        check(not weights(w) and not checks(w), (weights(w), checks(w)))


# ---- backups and images ---------------------------------------------------------------------------


def put_backup(w, days, torn=False):
    """A finished set of one object as of so many days ago: a copy of the newest one with another id."""
    like = sorted(w.objects("offsite/"))
    ids = sorted({key.split("/")[1] for key in like})
    when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    name = when.strftime("%Y%m%dT%H%M%SZ") + "-" + ids[-1].split("-")[1]
    for key in like:
        if key.split("/")[1] != ids[-1]:
            continue
        status, body = w.aws("s3", TIER2, "GET", f"/{BUCKET}/{key}")
        check(status == 200, f"get {key}: {status}")
        if key.endswith("manifest.json"):
            body = body.replace(ids[-1].encode(), name.encode())
        elif torn:
            continue
        w.put_object(key.replace(ids[-1], name), body)
    return name


def kept():
    with world(kind=ReconcileWorld) as w:
        w.book("guest")
        retention(w)
        images(w)


def sets(w):
    return {key.split("/")[1] for key in w.objects("offsite/")}


def retention(w):
    newest = w.backup()
    old = [put_backup(w, days) for days in (1, 2, 3, 4, 5)]
    torn = put_backup(w, 6, torn=True)
    w.put_object("offsite/notes.txt", b"somebody's")
    w.put_object(f"offsite/{old[4]}/more.txt", b"beside it")
    check(not w.targets(), "without retention all are kept")
    w.service["backups"]["offsite"]["retention"] = {"daily": 3}
    w.commit_specs()
    check(w.targets() == {("delete", f"{name} of offsite") for name in (*old[2:], torn)}, w.targets())
    done = w.apply()
    check(done.returncode == 1 and f"backup {torn} is torn" in done.stdout, done)
    check(sets(w) == {newest, *old[:2], torn, old[4], "notes.txt"}, sets(w))
    check(w.objects(f"offsite/{old[4]}/") == [f"offsite/{old[4]}/more.txt"], "what the manifest does not name stays")
    w.quiet("what is torn fails once")
    check(("left", "offsite") in w.findings(), "and is left, with a word")
    w.delete_object(f"offsite/{torn}/manifest.json")
    w.quiet("what was never finished is nobody's")
    check(not w.findings(), "and no word about it")
    w.service["backups"]["offsite"]["retention"] = {"daily": 1}
    w.commit_specs()
    body = next(key for key in w.objects(f"offsite/{newest}/") if not key.endswith("manifest.json"))
    w.delete_object(body)
    check(w.targets() == {("delete", f"{old[1]} of offsite")}, f"the newest good one stays: {w.targets()}")
    w.applied("thinned out")
    check(old[0] in sets(w) and old[1] not in sets(w), sets(w))
    check(json.loads(w.good("backup", "list", "-o", "json"))["backups"], "and can be read")


def tag_image(w, region, made, **tags):
    words = {}
    for number, (key, value) in enumerate(tags.items(), 1):
        words[f"Tag_{number}_Key"], words[f"Tag_{number}_Value"] = f"drorch:{key}", value
    w.ec2(region, "CreateTags", ResourceId_1=made, **words)


def images(w):
    """Of ours so many are kept, and what is in use; a site's region gets the newest."""
    folder = w.folder / "idle"
    ours = []
    for number in range(4):
        image = w.lab("image", "add", folder, "--name", f"base-{number}", "--region", MAIN).split()[0]
        tag_image(w, MAIN, image, service="memphis", image="base")
        ours.append(image)
        time.sleep(1.1)  # EC2 tells an image's age in seconds
    foreign = w.lab("image", "add", folder, "--name", "base-x", "--region", MAIN).split()[0]
    w.service["images"] = {"base": {"provider": "aws", "region": MAIN, "keep": 2, "refresh": "7d",
                                    "build": {"base": "debian-12", "playbook": "playbooks/site.yml"}}}
    w.service["sites"]["tier2"]["instances"]["web"]["image"] = {"name": "base", "newest": True}
    w.commit_specs({**w.spec_files(), "playbooks/site.yml": "- hosts: all\n"})
    wanted = {("delete", f"{ours[0]} of base in {MAIN}"), ("delete", f"{ours[1]} of base in {MAIN}"),
              ("create", f"base in {TIER2}")}
    check(w.targets() == wanted, w.targets())
    w.applied("images")
    text = w.ec2(MAIN, "DescribeImages", Owner_1="self")
    check([image in text for image in (*ours, foreign)] == [False, False, True, True, True], text)
    check("<key>drorch:copied-from</key>" in w.ec2(TIER2, "DescribeImages", Owner_1="self"), "the copy says of what")
    w.quiet("after the images")


if __name__ == "__main__":
    main(instances, rules, weighted, kept)
