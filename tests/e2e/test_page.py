"""The last resort: the public name shows a page from a bucket, whatever became of the site."""

from harness import MAIN, NAME, check, main, switches, wait_for, world
from page_world import PAGE, PageWorld

SHOWN = (200, "text/html; charset=utf-8", PAGE)
WEBSITE = f"{NAME}.s3-website-us-west-2.amazonaws.com"


def put_up_and_home_again():
    with world(PageWorld, monitor="2s") as w:
        w.book("guest")
        plan = w.good("plan", "memphis")
        check("create  page" in plan and "the page is not in bucket" in w.good("diff"), plan)
        check("NOT seen ready" in w.good("status"), w.good("status"))
        w.settle()
        check("page of notice: ready, seen" in w.good("status"), w.good("status"))
        check("nothing to do" in w.good("plan", "memphis"), "a second pass finds nothing")
        before = len(w.changes())
        w.settle()
        check(len(w.changes()) == before, "a second pass changes nothing")
        well = w.put_up()
        check(well.returncode == 13 and "old-site-well" in well.stdout + well.stderr, well.stdout + well.stderr)
        w.lose_main()
        dry = w.good("promote", "notice", "--dry-run")
        check("takes no writes" in dry and "ready" in dry and "not fenced" in dry, dry)
        count = len(switches(w))
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.show() == SHOWN, w.show())
        check(w.show("/rooms")[0] >= 400 and w.show("/rooms")[2] == PAGE, w.show("/rooms"))
        check(w.ask("/bookings", "POST", {"guest": "late", "room": "7"})[0] == 405, "no booking is taken")
        check(w.records() == {"CNAME": WEBSITE}, w.records())
        check(len(switches(w)) == count + 1, "one change")
        check(w.active() == "notice", w.active())
        check("site.fence" not in w.good("show", w.run_id(), "-o", "json"), "nothing is fenced")
        before = len(w.changes())
        passed = w.drorch("apply", "--confirm", "memphis")
        check(len(w.changes()) == before, f"a pass leaves the page and main: {passed.stdout}{passed.stderr}")

        w.ec2(MAIN, "StartInstances", InstanceId_1=w.main["id"])
        wait_for("main to run", lambda: [i["state"] for i in w.instances(MAIN)] == ["running"])
        home = w.drorch("failback", "--confirm", "main")
        check(home.returncode == 0, home.stdout + home.stderr)
        check(w.records() == {"A": w.main["address"]}, w.records())
        check(w.ask("/healthz")[:2] == (200, "main"), w.ask("/healthz"))
        check(w.active() == "main", w.active())
        check("nothing to do" in w.good("plan", "memphis"), w.good("plan", "memphis"))


def put_on_the_way():
    """Nobody had put it: the promote does, and says so. Git is away by then."""
    with world(PageWorld) as w:
        w.good("plan", "memphis")
        w.repo.rename(w.folder / "gone")
        w.lose_main()
        check("is put first" in w.good("promote", "notice", "--dry-run"), "it says so")
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.show() == SHOWN, w.show())


def the_store_is_away():
    """The page was put before, and is still shown: that its store cannot be asked costs a word and a few seconds."""
    with world(PageWorld) as w:
        w.settle()
        w.good("plan", "memphis")
        w.lose_main()
        for operation in ("GetBucketWebsite", "HeadObject", "PutObject", "PutBucketWebsite"):
            w.lab("fault", "add", "status", "--operation", operation, "--status", "503", "--code", "ServiceUnavailable")
        dry = w.good("promote", "notice", "--dry-run")
        check("it could not be looked at" in dry and "it was seen ready" in dry, dry)
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.show() == SHOWN, w.show())
        step = w.steps(w.run_id())["page"]
        check(step["state"] == "failed-ignored", step)


def what_is_missing_is_said():
    with world(PageWorld) as w:
        status, _ = w.s3("DELETE", "/" + NAME, {"policy": ""})
        check(status == 204, status)
        w.settle()
        check("not everybody may read the page" in w.good("plan", "memphis"), w.good("plan", "memphis"))
        w.lose_main()
        done = w.put_up()
        check(done.returncode == 13 and "page-missing" in done.stdout + done.stderr, done.stdout + done.stderr)
        w.make_public()
        check(w.s3("PUT", f"/{NAME}/drorch-page", body=b"mine")[0] == 200, "somebody else's page")
        check("carries no mark" in w.drorch("plan", "memphis").stdout, w.drorch("plan", "memphis").stdout)
        check(w.put_up().returncode == 13, "it is not shown")
        check(w.s3("DELETE", f"/{NAME}/drorch-page")[0] == 204, "gone")
        check(w.s3("DELETE", f"/{NAME}")[0] == 204, "no bucket")
        done = w.put_up()
        check(done.returncode == 13 and "there is no bucket" in done.stdout + done.stderr, done.stdout + done.stderr)


def a_bucket_of_another_name():
    """S3 finds a bucket by the name that is asked for: one that is called otherwise cannot show the page."""
    with world(PageWorld) as w:
        w.bucket = "memphis-notice"
        w.commit_specs()
        check("could not show the page" in w.drorch("plan", "memphis").stdout, w.drorch("plan", "memphis").stdout)
        w.lose_main()
        done = w.put_up()
        check(done.returncode == 1 and f"make a bucket {NAME}" in done.stderr, done.stdout + done.stderr)


def an_abort_goes_back():
    """While the page does not show yet, and while main is watched after it: the name leads where it led."""
    with world(PageWorld, monitor="1m") as w:
        w.settle()
        home, away = {"A": w.main["address"]}, {"CNAME": WEBSITE}
        override = ("--override-rule", "old-site-well", "--reason", "test")
        w.lab("fault", "add", "status", "--operation", "Website", "--status", "503")
        run = w.start("promote", "notice", "--confirm", "notice", *override)
        wait_for("the name to lead there", lambda: w.records() == away)
        w.good("abort", w.run_id())
        w.finish(run)
        check(w.records() == home, w.records())
        check(w.run_state() == "aborted" and w.active() == "main", w.run_state())
        w.lab("fault", "clear")
        files = w.spec_files()
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace("monitor: 1m", "monitor: 0s")
        w.commit_specs(files)
        check(w.put_up(*override).returncode == 0 and w.records() == away, "the page is up")
        w.commit_specs()
        run = w.start("failback", "--confirm", "main")
        wait_for("the name to lead home", lambda: w.records() == home)
        w.good("abort", w.run_id())
        w.finish(run)
        check(w.records() == away and w.show() == SHOWN, w.records())
        check(w.run_state() == "aborted" and w.active() == "notice", w.run_state())


def a_weighted_name():
    """Its group goes with the page's record, and comes back."""
    with world(PageWorld) as w:
        files = w.spec_files()
        files["services/memphis.yaml"] = files["services/memphis.yaml"].replace(
            "policy: failover", "policy: {weighted: {main: 100, tier2: 0}}")
        w.commit_specs(files)
        w.settle()
        check(w.cloudflare("GET", f"/zones/{w.zone}/load_balancers") != [], "it is a group")
        w.lose_main()
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.show() == SHOWN, w.show())
        check(w.records() == {"CNAME": WEBSITE}, w.records())
        check(w.cloudflare("GET", f"/zones/{w.zone}/load_balancers") == [], "no group is left")
        w.ec2(MAIN, "StartInstances", InstanceId_1=w.main["id"])
        wait_for("main to run", lambda: [i["state"] for i in w.instances(MAIN)] == ["running"])
        home = w.drorch("failback", "--confirm", "main")
        check(home.returncode == 0, home.stdout + home.stderr)
        check("CNAME" not in w.records() and w.ask("/healthz")[:2] == (200, "main"), w.records())


def at_route_53_by_an_alias():
    """There is no edge: the page is asked for in http, and the record stays an A record."""
    with world(PageWorld) as w:
        w.lab("route53", "zone", "memphis.example")
        w.lab("route53", "insync", "0")
        files = w.spec_files()
        service = files["services/memphis.yaml"]
        service = service.replace("{provider: cloudflare, zone: memphis.example, proxied: true}",
                                  "{provider: names, zone: memphis.example, ttl: 60s}")
        files["services/memphis.yaml"] = service.replace(f"port: {w.edge}", f"port: {w.port}").replace(
            "verify: {scheme: http", "verify: {scheme: https")
        files["providers.yaml"] += f"""  names:
    plugin: route53
    endpoint: http://127.0.0.1:{w.port}
    credentials:
      access_key_id: {{file: {w.credentials}/access-key-id}}
      secret_access_key: {{file: {w.credentials}/secret-access-key}}
"""
        w.commit_specs(files)
        w.settle()
        check(w.main["address"] in w.lab("route53", "records"), w.lab("route53", "records"))
        w.lose_main()
        done = w.put_up()
        check(done.returncode == 0, done.stdout + done.stderr)
        records = w.lab("route53", "records")
        check(f"{NAME}. A" in records and "CNAME" not in records and w.main["address"] not in records, records)
        again = w.drorch("plan", "memphis").stdout
        check("nothing to do" in again, again)


def from_the_page_to_another_site():
    """tier2 is rebuilt behind the page, main is fenced then, and the page goes."""
    with world(PageWorld) as w:
        w.book("guest")
        w.backup()
        w.settle()
        w.lose_main()
        check(w.put_up().returncode == 0, "the page is up")
        done = w.promote()
        check(done.returncode == 0, done.stdout + done.stderr)
        check(w.ask("/healthz")[:2] == (200, "tier2"), w.ask("/healthz"))
        check(list(w.records()) == ["A"], w.records())
        check("fence-main" in w.good("show", w.run_id(), "-o", "json"), "main is fenced")


if __name__ == "__main__":
    main(put_up_and_home_again, put_on_the_way, the_store_is_away, what_is_missing_is_said, a_bucket_of_another_name,
         an_abort_goes_back, a_weighted_name, at_route_53_by_an_alias, from_the_page_to_another_site)
