"""Every EC2 and STS operation of the lab, asked by boto3."""
import os
import unittest

from labtest import BOOT, LabCase, until


class Instances(LabCase):
    def test_life(self):
        image = self.lab.image()
        made = self.ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=2, InstanceType="t3.micro", UserData="hello\n",
            ClientToken="life", TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "a b&<c>"}]}])
        self.assertEqual([i["State"]["Name"] for i in made["Instances"]], ["pending"] * 2)
        ids = [i["InstanceId"] for i in made["Instances"]]
        one = ids[0]
        until(lambda: self.state(one) == "running")
        until(lambda: os.path.exists(self.lab.file(one, "got")))
        found = self.ec2.describe_instances(Filters=[
            {"Name": "tag:Name", "Values": ["a b&<c>"]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]}])
        self.assertEqual(len(found["Reservations"]), 1)
        self.assertEqual([i["InstanceId"] for i in found["Reservations"][0]["Instances"]], ids)
        address = found["Reservations"][0]["Instances"][0]["PublicIpAddress"]
        with open(self.lab.file(one, "who")) as who:
            self.assertEqual(who.read().split(), [address, "8080", one, "eu-west-1"])
        with open(self.lab.file(one, "got")) as got:
            self.assertEqual(got.read(), "hello\n")
        data = os.path.join(self.lab.state, "instances", one, "user-data")
        self.assertEqual(os.stat(data).st_mode & 0o777, 0o600)

        status = self.ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"]
        self.assertEqual(status[0]["InstanceStatus"]["Status"], "ok")
        self.ec2.stop_instances(InstanceIds=[one], Force=True)
        until(lambda: self.state(one) == "stopped")
        self.assertEqual(self.ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"],
                         [])
        all_of = self.ec2.describe_instance_status(InstanceIds=[one], IncludeAllInstances=True)
        self.assertEqual(all_of["InstanceStatuses"][0]["InstanceState"]["Name"], "stopped")
        self.ec2.start_instances(InstanceIds=[one])
        until(lambda: self.state(one) == "running")
        os.unlink(self.lab.file(one, "who"))
        self.ec2.reboot_instances(InstanceIds=[one])
        until(lambda: os.path.exists(self.lab.file(one, "who")))

        gone = self.ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]
        self.assertEqual({i["CurrentState"]["Name"] for i in gone}, {"shutting-down"})
        for instance in ids:
            until(lambda: self.state(instance) == "terminated")
        self.assertEqual(self.lab.processes(), [])
        self.ec2.terminate_instances(InstanceIds=ids)
        self.assertEqual(self.state(one), "terminated")
        self.refused("IncorrectInstanceState", self.ec2.start_instances, InstanceIds=[one])

    def test_another_size(self):
        one = self.running(self.lab.image())
        modify = self.ec2.modify_instance_attribute
        self.refused("IncorrectInstanceState", modify, InstanceId=one, InstanceType={"Value": "t3.large"})
        self.ec2.stop_instances(InstanceIds=[one], Force=True)
        until(lambda: self.state(one) == "stopped")
        self.refused("DryRunOperation", modify, InstanceId=one, InstanceType={"Value": "t3.large"}, DryRun=True)
        for type in ("t3.huge", "t3", "large", "t3.xlarge.x", "t3.9999xlarge", ""):
            self.refused("InvalidInstanceAttributeValue", modify, InstanceId=one, InstanceType={"Value": type})
        self.refused("InvalidParameterCombination", modify, InstanceId=one)
        self.refused("UnsupportedOperation", modify, InstanceId=one, Attribute="userData", Value="x")
        self.refused("UnknownParameter", modify, InstanceId=one, EbsOptimized={"Value": True})
        self.refused("InvalidInstanceID.NotFound", modify, InstanceId="i-" + "1" * 17, Attribute="instanceType",
                     Value="t3.large")
        self.refused("InvalidInstanceID.Malformed", modify, InstanceId="i-1", InstanceType={"Value": "t3.large"})

        def type_of():
            return self.ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["InstanceType"]
        self.assertEqual(type_of(), "t3.micro")
        for _ in range(2):
            modify(InstanceId=one, InstanceType={"Value": "t3.large"})
        self.assertEqual(type_of(), "t3.large")
        modify(InstanceId=one, Attribute="instanceType", Value="m7g.16xlarge")
        self.ec2.start_instances(InstanceIds=[one])
        until(lambda: self.state(one) == "running")
        self.assertEqual(type_of(), "m7g.16xlarge")

    def test_a_program_that_ends_is_stopped(self):
        instance = self.launch(self.lab.image(boot="#!/bin/sh\nexit 0\n"))
        until(lambda: self.state(instance) == "stopped")

    def test_token(self):
        image = self.lab.image()
        first = self.launch(image, ClientToken="t1")
        self.assertEqual(self.launch(image, ClientToken="t1"), first)
        self.refused("IdempotentParameterMismatch", self.launch, image, ClientToken="t1",
                     InstanceType="t3.large")
        self.refused("InvalidParameterValue", self.launch, image, ClientToken="x" * 65)
        self.assertEqual(len(self.lab.run("instances").splitlines()), 1)

    def test_refusals(self):
        self.lab.run("ec2", "limits", "off")
        image = self.lab.image()
        self.refused("DryRunOperation", self.launch, image, DryRun=True)
        self.assertEqual(self.lab.run("instances"), "")
        self.refused("InvalidAMIID.NotFound", self.launch, "ami-" + "0" * 17)
        self.refused("InvalidAMIID.Malformed", self.launch, "ami-xyz")
        self.refused("InvalidParameterValue", self.launch, image, InstanceType="huge")
        self.refused("InvalidParameterValue", self.launch, image, UserData="x" * 16385)
        self.refused("InvalidParameterValue", self.launch, image,
                     Placement={"AvailabilityZone": "us-east-1a"})
        self.refused("InvalidParameterCombination", self.launch, image, MinCount=2)
        describe = self.ec2.describe_instances
        self.refused("InvalidInstanceID.NotFound", describe, InstanceIds=["i-" + "1" * 17])
        self.refused("InvalidInstanceID.Malformed", describe, InstanceIds=["i-1"])
        self.refused("InvalidPaginationToken", describe, NextToken="x")
        for empty in (describe, self.ec2.describe_snapshots):
            self.refused("InvalidParameterValue", empty,
                         Filters=[{"Name": "state", "Values": ["x"]},
                                  {"Name": "no-such", "Values": ["x"]}])
        self.lab.run("ec2", "quota", "1")
        self.refused("InstanceLimitExceeded", self.launch, image, MinCount=2, MaxCount=2)
        self.launch(image)
        self.refused("InvalidParameterValue", describe,
                     Filters=[{"Name": "no-such", "Values": ["x"]}])

    def test_paging(self):
        self.ec2.run_instances(ImageId=self.lab.image(), MinCount=12, MaxCount=12)
        pages = list(self.ec2.get_paginator("describe_instances").paginate(
            PaginationConfig={"PageSize": 5}))
        self.assertEqual([sum(len(r["Instances"]) for r in p["Reservations"]) for p in pages],
                         [5, 5, 2])
        ids = [i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]]
        self.assertEqual(len(set(ids)), 12)
        self.refused("InvalidParameterCombination", self.ec2.describe_instances,
                     InstanceIds=ids[:1], MaxResults=5)

    def test_regions_are_apart(self):
        image = self.lab.image()
        other = self.lab.client("ec2", "us-east-1")
        instance = self.launch(image)
        self.refused("InvalidInstanceID.NotFound", other.describe_instances,
                     InstanceIds=[instance])
        self.refused("InvalidAMIID.NotFound", self.launch, image, other)
        names = [r["RegionName"] for r in other.describe_regions()["Regions"]]
        self.assertIn("eu-west-1", names)


class Images(LabCase):
    def wait(self, image, ec2=None):
        def available():
            found = (ec2 or self.ec2).describe_images(ImageIds=[image])["Images"][0]
            return found if found["State"] == "available" else None
        return until(available)

    def test_life(self):
        instance = self.running(self.lab.image())
        with open(self.lab.file(instance, "mark"), "w") as mark:
            mark.write("kept")
        os.unlink(self.lab.file(instance, "who"))
        image = self.ec2.create_image(
            InstanceId=instance, Name="nightly 1", NoReboot=True, TagSpecifications=[
                {"ResourceType": "snapshot", "Tags": [{"Key": "k", "Value": "v"}]}])["ImageId"]
        about = self.wait(image)
        self.assertFalse(os.path.exists(self.lab.file(instance, "who")))
        snapshot = about["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.refused("InvalidAMIName.Duplicate", self.ec2.create_image, InstanceId=instance,
                     Name="nightly 1")
        self.refused("InvalidAMIName.Malformed", self.ec2.create_image, InstanceId=instance,
                     Name="x;")
        rebooted = self.ec2.create_image(InstanceId=instance, Name="nightly 2")["ImageId"]
        self.wait(rebooted)
        until(lambda: os.path.exists(self.lab.file(instance, "who")))

        other = self.lab.client("ec2", "eu-central-1")
        given = dict(SourceImageId=image, SourceRegion="eu-west-1", Name="copy", ClientToken="c")

        def tag(params, **_):  # this boto3 is older than the tags of a copy
            for n, kind in ((1, "image"), (2, "snapshot")):
                name = "TagSpecification.%d." % n
                params["body"].update({name + "ResourceType": kind, name + "Tag.1.Key": "of",
                                       name + "Tag.1.Value": kind})
        other.meta.events.register("before-call.ec2.CopyImage", tag)
        self.refused("InvalidAMIID.NotFound", other.copy_image, **dict(given, SourceRegion="us-east-1"))
        self.refused("InvalidParameterValue", other.copy_image, **dict(given, SourceRegion="nowhere-1"))
        copy = other.copy_image(**given)["ImageId"]
        self.assertEqual(other.copy_image(**given)["ImageId"], copy)
        self.refused("IdempotentParameterMismatch", other.copy_image,
                     **dict(given, Name="copy 2"))
        about = self.wait(copy, other)
        self.assertEqual(about["Tags"], [{"Key": "of", "Value": "image"}])
        far = about["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.assertNotEqual(far, snapshot)
        self.assertEqual(other.describe_snapshots(SnapshotIds=[far])["Snapshots"][0]["Tags"],
                         [{"Key": "of", "Value": "snapshot"}])
        self.refused("InvalidSnapshot.NotFound", self.ec2.describe_snapshots, SnapshotIds=[far])
        self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=[copy])
        self.assertEqual(len(other.describe_images(Owners=["self"])["Images"]), 1)
        twin = self.running(copy, other)
        with open(self.lab.file(twin, "mark")) as mark:
            self.assertEqual(mark.read(), "kept")

        self.ec2.create_tags(Resources=[image, snapshot, instance],
                             Tags=[{"Key": "stage", "Value": "x"}])
        found = self.ec2.describe_snapshots(Filters=[{"Name": "tag:stage", "Values": ["x"]}])
        self.assertEqual([s["SnapshotId"] for s in found["Snapshots"]], [snapshot])
        self.refused("InvalidSnapshot.InUse", self.ec2.delete_snapshot, SnapshotId=snapshot)
        self.ec2.deregister_image(ImageId=image)
        self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=[image])
        self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.refused("InvalidSnapshot.NotFound", self.ec2.delete_snapshot, SnapshotId=snapshot)
        self.assertFalse(os.path.exists(os.path.join(self.lab.state, "images", image)))


class Access(LabCase):
    def test_identity(self):
        account = self.lab.client("sts").get_caller_identity()["Account"]
        self.assertEqual(account, self.lab.keys["LAB_ACCOUNT"])

    def test_wrong_keys(self):
        wrong = dict(aws_secret_access_key="wrong")
        self.refused("AuthFailure", self.lab.client("ec2", **wrong).describe_regions)
        self.refused("SignatureDoesNotMatch", self.lab.client("sts", **wrong).get_caller_identity)
        stranger = dict(aws_access_key_id="AKIA0000000000000000")
        self.refused("AuthFailure", self.lab.client("ec2", **stranger).describe_regions)
        self.refused("InvalidClientTokenId",
                     self.lab.client("sts", **stranger).get_caller_identity)

    def test_a_changed_request(self):
        def change(request, **_):
            request.body = request.body.replace("eu-north-1", "eu-south-1")
        self.ec2.meta.events.register("before-send.ec2.*", change)
        self.refused("AuthFailure", self.ec2.describe_regions, RegionNames=["eu-north-1"])

    def test_an_old_request(self):
        import datetime
        from unittest import mock
        import botocore.auth
        real = datetime.datetime

        class Past(real):
            @classmethod
            def utcnow(cls):
                return real.utcnow() - datetime.timedelta(minutes=16)
        with mock.patch.object(botocore.auth.datetime, "datetime", Past):
            self.refused("RequestExpired", self.ec2.describe_regions)

    def test_no_secret_is_logged(self):
        self.lab.client("sts").get_caller_identity()
        with open(os.path.join(self.lab.state, "calls.jsonl")) as calls:
            text = calls.read()
        self.assertNotIn(self.lab.keys["AWS_SECRET_ACCESS_KEY"], text)
        self.assertNotIn("Signature", text)
        path = os.path.join(self.lab.state, "credentials")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_rate_limit(self):
        image = "ami-" + "0" * 17
        codes = []
        for _ in range(12):
            with self.assertRaises(Exception) as caught:
                self.launch(image)
            codes.append(caught.exception.response["Error"]["Code"])
        self.assertEqual(codes[:5], ["InvalidAMIID.NotFound"] * 5)
        self.assertIn("RequestLimitExceeded", codes)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
