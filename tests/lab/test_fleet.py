"""A fleet larger than a computer can boot: idle instances, and lists of thousands."""
import os
import tempfile
import unittest

from labtest import LabCase, until

COUNT = 10000


class Fleet(LabCase):
    def setUp(self):
        super().setUp()
        self.lab.run("ec2", "limits", "off")
        self.lab.run("ec2", "quota", "20000")

    def idle_image(self, region="eu-west-1", name="fleet"):
        folder = tempfile.mkdtemp(dir=self.lab.folder)
        with open(os.path.join(folder, "idle"), "w"):
            pass
        return self.lab.run("image", "add", folder, "--name", name, "--region", region)

    def states(self, ec2=None, **given):
        found = (ec2 or self.ec2).describe_instances(**given)["Reservations"]
        return [i["State"]["Name"] for r in found for i in r["Instances"]]

    def test_life(self):
        image = self.idle_image()
        made = self.ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, UserData="x")["Instances"]
        self.assertEqual([i["State"]["Name"] for i in made], ["pending"] * 2)
        ids = [i["InstanceId"] for i in made]
        until(lambda: self.states() == ["running"] * 2)
        addresses = {i["PrivateIpAddress"] for i in made}
        self.assertEqual((len(addresses), {a.split(".")[0] for a in addresses}), (2, {"10"}))
        self.assertEqual(self.lab.processes(), [])
        self.ec2.reboot_instances(InstanceIds=ids)
        self.ec2.stop_instances(InstanceIds=ids)
        until(lambda: self.states(InstanceIds=ids[1:]) == ["stopped"])
        self.ec2.modify_instance_attribute(InstanceId=ids[1], InstanceType=dict(Value="m5.24xlarge"))
        self.ec2.start_instances(InstanceIds=ids[1:])
        until(lambda: self.states(InstanceIds=ids[1:]) == ["running"])
        self.lab.run("kill", ids[1])
        self.assertEqual(self.states(InstanceIds=ids[1:]), ["stopped"])
        copy = self.ec2.create_image(InstanceId=ids[1], Name="again")["ImageId"]
        until(lambda: self.ec2.describe_images(ImageIds=[copy])["Images"][0]["State"] == "available")
        self.ec2.start_instances(InstanceIds=ids[1:])
        self.lab.down()
        self.lab.up()
        self.ec2 = self.lab.client("ec2")
        until(lambda: self.states(InstanceIds=ids[1:]) == ["running"])
        third = self.ec2.run_instances(ImageId=copy, MinCount=1, MaxCount=1)["Instances"][0]
        self.assertNotIn(third["PrivateIpAddress"], addresses)
        ids.append(third["InstanceId"])
        self.ec2.terminate_instances(InstanceIds=ids)
        until(lambda: self.states() == ["terminated"] * 3)
        self.assertEqual(os.listdir(os.path.join(self.lab.state, "instances")), [])

    def test_site_is_killed_and_restored(self):
        image = self.idle_image()
        self.ec2.run_instances(ImageId=image, MinCount=3, MaxCount=3)
        until(lambda: self.states() == ["running"] * 3)
        self.assertIn("3 instances", self.lab.run("kill-site", "eu-west-1"))
        self.lab.run("outage", "region", "eu-west-1", "off")
        self.assertEqual(self.states(), ["stopped"] * 3)
        self.lab.run("restore-site", "eu-west-1")
        until(lambda: self.states() == ["running"] * 3)

    def test_an_image_that_is_neither(self):
        folder = tempfile.mkdtemp(dir=self.lab.folder)
        self.lab.run("image", "add", folder, "--name", "none", "--region", "eu-west-1", fails=True)

    def test_ten_thousand(self):
        image = self.idle_image()
        for n in range(COUNT // 1000):
            made = self.ec2.run_instances(
                ImageId=image, MinCount=1000, MaxCount=1000, ClientToken="fleet-%d" % n, TagSpecifications=[
                    {"ResourceType": "instance", "Tags": [{"Key": "batch", "Value": str(n)}]}])["Instances"]
            self.assertEqual(len(made), 1000)
        self.assertEqual(len(self.lab.calls("RunInstances")[-1]["ids"]), 1000)
        self.refused("InvalidParameterValue", self.ec2.run_instances, ImageId=image, MinCount=1001, MaxCount=1001)
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        paginator = self.ec2.get_paginator("describe_instances")

        def ids(**given):
            return [i["InstanceId"] for p in paginator.paginate(PaginationConfig={"PageSize": 1000}, **given)
                    for r in p["Reservations"] for i in r["Instances"]]
        every = until(lambda: (lambda found: found if len(found) == COUNT else None)(ids(Filters=running)), 60)
        self.assertEqual(len(set(every)), COUNT)
        self.assertEqual(len(ids(Filters=[{"Name": "tag:batch", "Values": ["3"]}])), 1000)
        self.assertEqual(len(self.states(InstanceIds=every[-1000:])), 1000)
        self.refused("RequestResourceCountExceeded", self.ec2.describe_instances, InstanceIds=every[:1001])
        self.refused("RequestResourceCountExceeded", self.ec2.describe_instance_status, InstanceIds=every[:101])
        self.ec2.stop_instances(InstanceIds=every[:1000])
        until(lambda: self.states(InstanceIds=every[:1000]) == ["stopped"] * 1000, 60)
        self.lab.down()
        self.lab.up()
        self.ec2 = self.lab.client("ec2")
        self.assertEqual(len(self.lab.run("instances").splitlines()), COUNT)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
