#!/usr/bin/python3
"""The lab's Linode v4, asked over plain HTTP; every reply is judged by the official description where that is there."""
import base64
import http.client
import json
import os
import tempfile
import time
import unittest

import lablib
from referee import Referee, jsonschema

REFEREE = Referee.find("linode") if jsonschema else None
BOOT = '#!/bin/sh\n[ -z "$LAB_USER_DATA" ] || cp "$LAB_USER_DATA" got\nexec sleep 1000\n'


class LinodeCase(unittest.TestCase):
    def setUp(self):
        self.lab = lablib.Lab()
        self.addCleanup(lambda: self.lab.stop())
        with open(os.path.join(self.lab.dir, "credentials")) as file:
            self.token = dict(line.strip().split("=", 1) for line in file)["LINODE_TOKEN"]

    def ask(self, method, path, body=None, filter=None, token=None, raw=None, judged=True):
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=30)
        headers = {"Authorization": "Bearer " + (token or self.token)}
        if filter is not None:
            headers["X-Filter"] = filter if isinstance(filter, str) else json.dumps(filter)
        data = raw if raw is not None else json.dumps(body) if body is not None else None
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, "/v4" + path, data, headers)
        response = connection.getresponse()
        text = response.read()
        self.headers = dict(response.getheaders())
        connection.close()
        if REFEREE and judged and response.status not in (404, 405):
            self.assertEqual(REFEREE.check(method, "/v4" + path, headers, data, response.status, text), [])
        return response.status, json.loads(text)

    def good(self, *words, **options):
        status, answer = self.ask(*words, **options)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, wanted, field, *words, status=400, **options):
        got, answer = self.ask(*words, **options)
        self.assertEqual(got, status, answer)
        self.assertIn((field, True), [(e.get("field"), wanted in e["reason"]) for e in answer["errors"]], answer)

    def image(self, region="eu-west", boot=BOOT):
        folder = tempfile.mkdtemp(dir=self.lab.dir)
        with open(os.path.join(folder, "boot"), "w") as program:
            program.write(boot)
        os.chmod(os.path.join(folder, "boot"), 0o755)
        return self.lab.command("image", "add", folder, "--name", "base", "--region", region, "--vendor",
                                "linode").strip()

    def spec(self, **other):
        return dict({"region": "eu-west", "type": "g6-nanode-1", "image": self.base, "root_pass": "correct-Horse-7",
                     "label": "web"}, **other)

    def wait(self, number, status, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            code, answer = self.ask("GET", "/linode/instances/%d" % number)
            now = answer["status"] if code == 200 else "gone"
            if now == status:
                return answer
            time.sleep(0.02)
        self.fail("%d is %s, not %s" % (number, now, status))


class Catalog(LinodeCase):
    def test_tokens(self):
        self.assertEqual(self.good("GET", "/profile")["username"], "lab")
        self.refused("Invalid Token", None, "GET", "/profile", token="x", status=401)

    def test_regions_types_and_availability(self):
        self.assertIn("eu-west", [r["id"] for r in self.good("GET", "/regions")["data"]])
        self.assertEqual(self.good("GET", "/regions/us-east")["status"], "ok")
        self.refused("Not found", None, "GET", "/regions/nowhere", status=404)
        self.lab.command("linode", "plan", "eu-west", "g6-nanode-1", "off")
        rows = {r["plan"]: r["available"] for r in self.good("GET", "/regions/eu-west/availability")}
        self.assertEqual((rows["g6-nanode-1"], rows["g6-standard-1"]), (False, True))
        found = self.good("GET", "/linode/types", filter={"+or": [{"vcpus": {"+gte": 6}}, {"class": "nanode"}]})
        self.assertEqual([t["id"] for t in found["data"]], ["g6-nanode-1", "g6-standard-6"])
        found = self.good("GET", "/linode/types", filter={"memory": 8192, "+order_by": "label"})
        self.assertEqual([t["id"] for t in found["data"]], ["g6-dedicated-4", "g6-standard-4"])
        self.assertEqual(self.good("GET", "/linode/types/g6-nanode-1")["memory"], 1024)

    def test_pages_and_bad_filters(self):
        answer = self.good("GET", "/regions/availability?page_size=25&page=2",
                           judged=False)  # it has pages, which the description forgets
        self.assertEqual((len(answer["data"]), answer["page"], answer["pages"], answer["results"]), (25, 2, 3, 70))
        self.refused("25-500", "page_size", "GET", "/linode/instances?page_size=5")
        self.refused("Not found", None, "GET", "/linode/instances?page=9", status=404)
        self.refused("Cannot filter", "X-Filter", "GET", "/linode/instances", filter={"ipv4": "x"})
        self.refused("Cannot parse", "X-Filter", "GET", "/linode/instances", filter="{")
        self.refused("operator", "X-Filter", "GET", "/linode/instances", filter={"label": {"+like": "x"}})
        self.refused("order", "X-Filter", "GET", "/regions", filter={"+order_by": "capabilities"})

    def test_limits(self):
        for _ in range(20):
            self.good("GET", "/images")
        self.assertEqual(self.headers["X-RateLimit-Remaining"], "0")
        self.refused("Too many", None, "GET", "/images", status=429)
        self.assertGreater(int(self.headers["Retry-After"]), 0)
        self.good("GET", "/profile")  # another class


class Instances(LinodeCase):
    def setUp(self):
        super().setUp()
        self.base = self.image()

    def create(self, **other):
        return self.good("POST", "/linode/instances", body=self.spec(**other))

    def test_a_life(self):
        made = self.create(tags=["a=b", "drorch:site=main"],
                           metadata={"user_data": base64.b64encode(b"hello").decode()})
        number = made["id"]
        self.assertIn(made["status"], ("provisioning", "booting"))
        self.assertTrue(made["has_user_data"])
        self.wait(number, "running")
        got = os.path.join(self.lab.dir, "instances", str(number), "disk", "got")
        end = time.monotonic() + 20
        while not (os.path.exists(got) and os.path.getsize(got)) and time.monotonic() < end:
            time.sleep(0.02)
        with open(got) as file:
            self.assertEqual(file.read(), "hello")
        for wanted, filter in (
                (1, {"+and": [{"region": "eu-west"}, {"tags": "a=b"}, {"tags": "drorch:site=main"}]}),
                (0, {"+and": [{"tags": "a=b"}, {"tags": "other"}]}), (1, {"label": {"+contains": "eb"}}),
                (0, {"tags": {"+neq": "a=b"}}), (1, {"label": "web"}), (0, {"region": "us-east"})):
            self.assertEqual(self.good("GET", "/linode/instances", filter=filter)["results"], wanted, filter)
        self.refused("already booted", None, "POST", "/linode/instances/%d/boot" % number)
        self.good("POST", "/linode/instances/%d/reboot" % number)
        self.wait(number, "running")
        self.good("POST", "/linode/instances/%d/shutdown" % number)
        self.wait(number, "offline")
        self.refused("busy", None, "POST", "/linode/instances/%d/reboot" % number)
        self.good("POST", "/linode/instances/%d/boot" % number)
        self.wait(number, "running")
        self.assertEqual(self.good("PUT", "/linode/instances/%d" % number, body={"tags": ["new"]})["tags"], ["new"])
        self.good("DELETE", "/linode/instances/%d" % number)
        self.wait(number, "gone")
        self.refused("Not found", None, "DELETE", "/linode/instances/%d" % number, status=404)
        actions = [(e["action"], e["status"]) for e in self.good("GET", "/account/events")["data"]]
        self.assertEqual(actions[0], ("linode_delete", "finished"))
        self.assertEqual(actions[-1], ("linode_create", "finished"))
        newest = self.good("GET", "/account/events")["data"][0]["id"]
        self.assertEqual(self.good("GET", "/account/events/%d" % newest)["entity"]["id"], number)

    def resize(self, number, *refused, **body):
        words = ("POST", "/linode/instances/%d/resize" % number)
        return self.refused(*refused, *words, body=body) if refused else self.good(*words, body=body)

    def test_a_resize_takes_its_time(self):
        self.lab.stop()
        self.lab = lablib.Lab("--boot-delay", "1500")
        with open(os.path.join(self.lab.dir, "credentials")) as file:
            self.token = dict(line.strip().split("=", 1) for line in file)["LINODE_TOKEN"]
        self.base = self.image()
        number = self.create()["id"]
        path = "/linode/instances/%d" % number
        self.resize(number, "busy", None, type="g6-standard-2")  # it comes up
        self.wait(number, "running")
        self.good("POST", path + "/shutdown")
        self.wait(number, "offline")
        self.resize(number, "valid plan", "type", type="t3.micro")
        self.resize(number, "already running", "type", type="g6-nanode-1")
        self.resize(number, "warm, cold", "migration_type", type="g6-standard-2", migration_type="hot")
        self.resize(number, type="g6-standard-2", migration_type="cold", allow_auto_disk_resize=False)
        now = self.good("GET", path)
        self.assertEqual((now["status"], now["type"]), ("resizing", "g6-nanode-1"))
        newest = self.good("GET", "/account/events")["data"][0]
        self.assertEqual((newest["action"], newest["status"]), ("linode_resize", "started"))
        for action in ("boot", "shutdown", "reboot"):
            self.refused("busy", None, "POST", path + "/" + action)
        self.resize(number, "busy", None, type="g6-standard-4")
        self.refused("busy", None, "DELETE", path)
        now = self.wait(number, "offline")
        self.assertEqual((now["type"], now["specs"]["vcpus"]), ("g6-standard-2", 2))
        self.assertEqual(self.good("GET", "/account/events/%d" % newest["id"])["status"], "finished")

    def test_disks_and_plans(self):
        number = self.create()["id"]
        path = "/linode/instances/%d" % number
        disks = lambda: sum(d["size"] for d in self.good("GET", path + "/disks")["data"])
        self.wait(number, "running")
        self.good("POST", path + "/shutdown")
        self.wait(number, "offline")
        self.resize(number, type="g6-standard-2", allow_auto_disk_resize=False)
        self.wait(number, "offline")
        self.assertEqual(disks(), 25600)  # they stay: there is a way back
        self.resize(number, type="g6-nanode-1", allow_auto_disk_resize=False)
        self.wait(number, "offline")
        self.resize(number, type="g6-standard-2")
        self.wait(number, "offline")
        self.assertEqual(disks(), 81920)  # they grow with the plan
        self.resize(number, "more disk allocated", None, type="g6-nanode-1", allow_auto_disk_resize=False)

    def test_what_runs_is_off_for_a_resize_and_runs_again(self):
        number = self.create()["id"]
        self.wait(number, "running")
        self.resize(number, type="g6-standard-2")
        self.assertEqual(self.good("GET", "/linode/instances/%d" % number)["status"], "resizing")
        self.assertEqual(self.wait(number, "running")["type"], "g6-standard-2")

    def test_stats(self):
        number = self.create(type="g6-standard-2")["id"]
        path = "/linode/instances/%d" % number
        self.wait(number, "running")
        before = time.time() * 1000
        at, percent = self.good("GET", path + "/stats")["data"]["cpu"][-1]
        self.assertLess(abs(at - before), 60000)
        self.assertTrue(0 <= percent <= 200, percent)
        self.lab.command("linode", "cpu", str(number), "120")
        self.assertEqual(self.good("GET", path + "/stats")["data"]["cpu"][-1][1], 120)
        self.lab.command("linode", "cpu", str(number), "900")  # two processors are all
        self.assertEqual(self.good("GET", path + "/stats")["data"]["cpu"][-1][1], 200)
        self.good("POST", path + "/shutdown")
        self.wait(number, "offline")
        self.refused("unavailable", None, "GET", path + "/stats")
        self.refused("Not found", None, "GET", "/linode/instances/7/stats", status=404)

    def test_load_is_measured(self):
        number = self.create(image=self.image(boot="#!/bin/sh\nwhile :; do :; done\n"))["id"]
        self.wait(number, "running")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            load = self.good("GET", "/linode/instances/%d/stats" % number)["data"]["cpu"][-1][1]
            if load > 1:
                return
            time.sleep(0.1)
        self.fail("a loop does nothing: %s" % load)

    def test_refusals(self):
        for wanted, field, other in (
                ("required", "region", {"region": None}), ("not valid", "region", {"region": "mars"}),
                ("valid plan", "type", {"type": "t3.micro"}), ("not valid", "image", {"image": "private/1"}),
                ("required", "root_pass", {"root_pass": None}), ("between", "root_pass", {"root_pass": "x"}),
                ("strength", "root_pass", {"root_pass": "abcdefgh"}), ("3-64", "label", {"label": "a"}),
                ("begin with", "label", {"label": "a--b"}), ("3-50", "tags", {"tags": ["x"]}),
                ("3-50", "tags", {"tags": ["x" * 51]}), ("known", "zone", {"zone": "a"}),
                ("base64", "metadata.user_data", {"metadata": {"user_data": "no!"}}),
                ("0-65535", "metadata.user_data", {"metadata": {"user_data": "A" * 65540}})):
            self.refused(wanted, field, "POST", "/linode/instances", body=self.spec(**other))
        self.refused("JSON", None, "POST", "/linode/instances", raw="{")
        self.create()
        self.refused("unique", "label", "POST", "/linode/instances", body=self.spec())
        self.lab.command("linode", "quota", "1")
        self.refused("Limit reached", None, "POST", "/linode/instances", body=self.spec(label="other"))
        self.assertEqual(self.good("GET", "/linode/instances")["results"], 1)

    def test_a_label_is_free_again(self):
        for _ in range(2):
            number = self.create()["id"]
            self.good("DELETE", "/linode/instances/%d" % number)
            self.wait(number, "gone")

    def test_images(self):
        number = self.create()["id"]
        self.wait(number, "running")
        disks = self.good("GET", "/linode/instances/%d/disks" % number)["data"]
        self.assertEqual([d["filesystem"] for d in disks], ["ext4", "swap"])
        self.refused("not valid", "disk_id", "POST", "/images", body={"disk_id": 1})
        made = self.good("POST", "/images", body={"disk_id": disks[0]["id"], "label": "golden", "cloud_init": True,
                                                  "tags": ["drorch:request=k"]})
        path = "/images/" + made["id"].replace("/", "%2F")
        end = time.monotonic() + 20
        while self.good("GET", path)["status"] != "available" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.good("GET", "/images/" + made["id"])["regions"],
                         [{"region": "eu-west", "status": "available"}])
        self.refused("At least one", "regions", "POST", path + "/regions", body={"regions": ["us-east"]})
        regions = self.good("POST", path + "/regions", body={"regions": ["eu-west", "us-east"]})["regions"]
        self.assertEqual(regions[1], {"region": "us-east", "status": "pending replication"})
        own = self.good("GET", "/images", filter={"is_public": False, "label": "golden"})["data"]
        self.assertEqual([i["id"] for i in own], [made["id"]])
        again = self.create(label="copy", image=made["id"])["id"]
        self.wait(again, "running")
        self.good("DELETE", path)
        self.refused("Not found", None, "GET", path, status=404)

    def test_a_lost_site_is_offline_to_the_api(self):
        number = self.create()["id"]
        self.wait(number, "running")
        self.lab.command("kill-site", "eu-west")
        self.wait(number, "offline")  # the API is none of the region's
        self.lab.command("restore-site", "eu-west")
        self.wait(number, "running")

    def test_it_survives_the_lab(self):
        number = self.create()["id"]
        self.wait(number, "running")
        self.lab.kill()
        self.lab.start()
        self.assertEqual(self.wait(number, "running")["label"], "web")
        self.assertEqual(self.good("GET", "/images/" + self.base)["status"], "available")
        self.assertGreater(self.create(label="next")["id"], number)


if __name__ == "__main__":
    if not REFEREE:
        print("NOT JUDGED by the official description: it, or python3-jsonschema, is not here")
    raise SystemExit(lablib.main())
