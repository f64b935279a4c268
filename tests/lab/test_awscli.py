"""The lab as Debian's aws command sees it: EC2, STS, S3."""
import filecmp
import json
import os
import shutil
import subprocess
import time
import unittest

import lablib

AWS = "/usr/bin/aws"
REGION, OTHER = "eu-west-1", "us-west-2"
MEBIBYTE = 1 << 20
BOOT = "#!/bin/sh\nexec sleep 1000\n"

if not os.access(AWS, os.X_OK):
    lablib.skip(AWS + " is not installed (package awscli)")


class Cli(unittest.TestCase):
    def setUp(self):
        self.lab = lablib.Lab("--port", "0", "--edge-port", "0")
        self.addCleanup(self.lab.stop)
        self.folder = os.path.join(self.lab.dir, "cli")
        os.mkdir(self.folder)
        config = os.path.join(self.folder, "config")
        with open(config, "w") as file:  # path style: the lab has one address
            file.write("[default]\nmax_attempts = 1\ns3 =\n    addressing_style = path\n")
        # Nothing of this machine's: neither its Python path, nor its configuration, nor its proxy.
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "AWS_CONFIG_FILE": config,
                    "AWS_SHARED_CREDENTIALS_FILE": os.path.join(self.folder, "none"),
                    "AWS_ACCESS_KEY_ID": self.lab.access_key, "AWS_SECRET_ACCESS_KEY": self.lab.secret_key,
                    "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
                    "LC_ALL": "C.UTF-8", "NO_PROXY": "*"}

    def run_aws(self, *words):
        return subprocess.run([AWS, "--endpoint-url", "http://127.0.0.1:%d" % self.lab.port, *words], env=self.env,
                              capture_output=True, text=True, timeout=120, cwd=self.folder)

    def aws(self, *words):
        done = self.run_aws(*words)
        self.assertEqual(done.returncode, 0, "%s: %s%s" % (words, done.stdout, done.stderr))
        if words[0] == "s3" or not done.stdout.strip():
            return done.stdout
        return json.loads(done.stdout)

    def refused(self, code, *words):
        done = self.run_aws(*words)
        self.assertNotEqual(done.returncode, 0, words)
        self.assertIn(code, done.stderr)

    def image(self):
        folder = os.path.join(self.folder, "image")
        os.mkdir(folder)
        with open(os.path.join(folder, "boot"), "w") as program:
            program.write(BOOT)
        os.chmod(os.path.join(folder, "boot"), 0o755)
        return self.lab.command("image", "add", folder, "--name", "base", "--region", REGION).split()[0]

    def test_who_we_are(self):
        told = self.aws("sts", "get-caller-identity")
        self.assertEqual(told["Account"], self.lab.account)
        self.assertIn("arn:aws:", told["Arn"])
        self.env["AWS_SECRET_ACCESS_KEY"] = "x" * 40
        self.refused("SignatureDoesNotMatch", "sts", "get-caller-identity")

    def test_an_instance_and_its_images(self):
        image = self.image()
        self.assertEqual([i["ImageId"] for i in self.aws("ec2", "describe-images", "--owners", "self")["Images"]],
                         [image])
        launch = ["ec2", "run-instances", "--image-id", image, "--instance-type", "t3.micro", "--count", "1",
                  "--client-token", "once", "--user-data", "hello", "--tag-specifications",
                  "ResourceType=instance,Tags=[{Key=Name,Value=one},{Key=drorch:site,Value=main}]"]
        made = self.aws(*launch)["Instances"][0]["InstanceId"]
        self.assertEqual(self.aws(*launch)["Instances"][0]["InstanceId"], made)
        self.refused("DryRunOperation", *launch[:-4], "--dry-run")
        self.aws("ec2", "wait", "instance-running", "--instance-ids", made)
        found = self.aws("ec2", "describe-instances", "--filters", "Name=tag:drorch:site,Values=main",
                         "Name=instance-state-name,Values=running")["Reservations"]
        self.assertEqual([i["InstanceId"] for r in found for i in r["Instances"]], [made])
        self.assertIn({"Key": "Name", "Value": "one"}, found[0]["Instances"][0]["Tags"])
        self.assertTrue(found[0]["Instances"][0]["PublicIpAddress"].startswith("127."))

        copy = self.aws("ec2", "create-image", "--instance-id", made, "--name", "of-one", "--no-reboot")["ImageId"]
        self.aws("ec2", "wait", "image-available", "--image-ids", copy)
        far = self.aws("ec2", "copy-image", "--source-image-id", copy, "--source-region", REGION, "--name", "far",
                       "--region", OTHER)["ImageId"]
        self.aws("ec2", "wait", "image-available", "--image-ids", far, "--region", OTHER)
        self.aws("ec2", "deregister-image", "--image-id", copy)
        self.refused("InvalidAMIID", "ec2", "describe-images", "--image-ids", copy)
        names = [i["Name"] for i in self.aws("ec2", "describe-images", "--owners", "self", "--region", OTHER)["Images"]]
        self.assertEqual(names, ["far"])

        gone = self.aws("ec2", "terminate-instances", "--instance-ids", made)["TerminatingInstances"]
        self.assertEqual(gone[0]["CurrentState"]["Name"], "shutting-down")
        self.aws("ec2", "wait", "instance-terminated", "--instance-ids", made)
        self.refused("InvalidInstanceID", "ec2", "describe-instances", "--instance-ids", "i-00000000000000000")

    def test_size_and_health(self):
        made = self.aws("ec2", "run-instances", "--image-id", self.image(), "--instance-type", "t3.micro", "--count",
                        "1")["Instances"][0]["InstanceId"]
        self.aws("ec2", "wait", "instance-status-ok", "--instance-ids", made)
        now = int(time.time())
        span = ["--start-time", str(now - 900), "--end-time", str(now + 60)]
        dimension = {"Name": "InstanceId", "Value": made}
        query = {"Id": "cpu", "MetricStat": {"Period": 300, "Stat": "Average", "Metric": {
            "Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": [dimension]}}}
        found = self.aws("cloudwatch", "get-metric-data", "--metric-data-queries", json.dumps([query]), *span)
        self.assertEqual([len(r["Values"]) for r in found["MetricDataResults"]], [1])
        self.assertTrue(0 <= found["MetricDataResults"][0]["Values"][0] <= 100)
        points = self.aws("cloudwatch", "get-metric-statistics", "--namespace", "AWS/EC2", "--metric-name",
                          "StatusCheckFailed", "--dimensions", "Name=InstanceId,Value=" + made, "--period", "60",
                          "--statistics", "Maximum", *span)["Datapoints"]
        self.assertEqual([p["Maximum"] for p in points], [0])
        resize = ["ec2", "modify-instance-attribute", "--instance-id", made, "--instance-type", "Value=t3.large"]
        self.refused("IncorrectInstanceState", *resize)
        self.aws("ec2", "stop-instances", "--force", "--instance-ids", made)
        self.aws("ec2", "wait", "instance-stopped", "--instance-ids", made)
        self.aws(*resize)
        about = self.aws("ec2", "describe-instances", "--instance-ids", made)["Reservations"][0]["Instances"][0]
        self.assertEqual(about["InstanceType"], "t3.large")

    def test_objects(self):
        self.aws("s3", "mb", "s3://drill")
        self.assertIn("drill", self.aws("s3", "ls"))
        big = os.path.join(self.folder, "big")
        with open(big, "wb") as file:
            for n in range(20):
                file.write(bytes([n]) * MEBIBYTE)
        self.aws("s3", "cp", "--no-progress", big, "s3://drill/deep/big file+1")
        head = self.aws("s3api", "head-object", "--bucket", "drill", "--key", "deep/big file+1")
        self.assertEqual(head["ContentLength"], 20 * MEBIBYTE)
        self.assertRegex(head["ETag"], r"-[0-9]+\"$")  # it went in parts
        back = os.path.join(self.folder, "back")
        self.aws("s3", "cp", "--no-progress", "s3://drill/deep/big file+1", back)
        self.assertTrue(filecmp.cmp(big, back, shallow=False), "the same bytes")

        tree = os.path.join(self.folder, "tree")
        for name in ("a", "b/c", "b/d é"):
            path = os.path.join(tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(name)
            os.utime(path, (1e9, 1e9))  # a list has whole seconds: a file of this second would look newer
        self.aws("s3", "sync", "--no-progress", tree, "s3://drill/tree")
        self.assertEqual(self.aws("s3", "sync", "--no-progress", tree, "s3://drill/tree"), "")  # nothing is new
        os.unlink(os.path.join(tree, "a"))
        self.assertIn("tree/a", self.aws("s3", "sync", "--no-progress", "--delete", tree, "s3://drill/tree"))
        shutil.rmtree(tree)
        self.aws("s3", "sync", "--no-progress", "s3://drill/tree", tree)
        self.assertEqual(sorted(os.listdir(os.path.join(tree, "b"))), ["c", "d é"])
        listed = self.aws("s3", "ls", "--recursive", "s3://drill").splitlines()
        self.assertEqual(sorted(" ".join(line.split()[3:]) for line in listed),
                         ["deep/big file+1", "tree/b/c", "tree/b/d é"])
        self.refused("BucketNotEmpty", "s3", "rb", "s3://drill")
        self.aws("s3", "rm", "--recursive", "s3://drill")
        self.assertEqual(self.run_aws("s3", "ls", "--recursive", "s3://drill").stdout, "")
        self.aws("s3", "rb", "s3://drill")
        self.refused("NoSuchBucket", "s3", "ls", "s3://drill")


if __name__ == "__main__":
    raise SystemExit(lablib.main())
