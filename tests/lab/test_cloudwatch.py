"""The lab's CloudWatch, asked by boto3: what it says is what the instances' processes do."""
import datetime
import os
import unittest

from labtest import LabCase, until

BUSY = "#!/bin/sh\nwhile :; do :; done &\ntouch escaped\nwait\n"
NOW = datetime.timedelta(minutes=15), datetime.timedelta(seconds=5)


class CloudWatch(LabCase):
    def setUp(self):
        super().setUp()
        self.watch = self.lab.client("cloudwatch")

    def span(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        return dict(StartTime=now - NOW[0], EndTime=now + NOW[1])

    @staticmethod
    def query(n, instance, metric="CPUUtilization", **other):
        stat = dict(Metric=dict(Namespace="AWS/EC2", MetricName=metric,
                                Dimensions=[dict(Name="InstanceId", Value=instance)]),
                    Period=300, Stat="Average")
        return dict(Id="m%d" % n, MetricStat=dict(stat, **other))

    def values(self, *queries, watch=None):
        found = (watch or self.watch).get_metric_data(MetricDataQueries=list(queries), **self.span())
        return {r["Id"]: r["Values"] for r in found["MetricDataResults"]}

    def test_load_is_the_processes(self):
        busy = self.running(self.lab.image(boot=BUSY, name="busy"))
        quiet = self.running(self.lab.image(name="quiet"))
        queries = [self.query(0, busy), self.query(1, quiet), self.query(2, "i-" + "0" * 17)]

        def apart():  # booting is work too
            values = self.values(*queries)
            return values if values["m0"][0] > 5 and values["m0"][0] > 10 * values["m1"][0] else None
        both = until(apart)
        self.assertLessEqual(both["m0"][0], 100)
        self.assertEqual(both["m2"], [])
        one = self.watch.get_metric_statistics(
            Namespace="AWS/EC2", MetricName="CPUUtilization", Period=300, Statistics=["Average", "SampleCount"],
            Dimensions=[dict(Name="InstanceId", Value=busy)], **self.span())["Datapoints"]
        self.assertEqual((len(one), one[0]["Unit"], one[0]["SampleCount"]), (1, "Percent", 1))
        self.assertGreater(one[0]["Average"], 1)
        # Another region's instance, another namespace, the past, and a stopped one have no data.
        self.assertEqual(self.values(queries[0], watch=self.lab.client("cloudwatch", "us-east-1")), {"m0": []})
        other = self.query(0, busy)
        other["MetricStat"]["Metric"]["Namespace"] = "AWS/RDS"
        self.assertEqual(self.values(other), {"m0": []})
        past = datetime.datetime(2024, 1, 1)
        found = self.watch.get_metric_data(MetricDataQueries=queries, StartTime=past,
                                           EndTime=past + datetime.timedelta(hours=1))
        self.assertEqual([r["Values"] for r in found["MetricDataResults"]], [[], [], []])
        self.ec2.stop_instances(InstanceIds=[busy], Force=True)
        until(lambda: self.state(busy) == "stopped")
        self.assertEqual(self.values(queries[0]), {"m0": []})

    def test_status_checks(self):
        one = self.running(self.lab.image())
        metrics = ["StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System"]
        queries = [self.query(n, one, metric) for n, metric in enumerate(metrics)]
        self.assertEqual(self.values(*queries), {"m0": [0], "m1": [0], "m2": [0]})
        for word, values in (("impaired", [[1], [1], [0]]), ("initializing", [[0], [0], [0]])):
            self.lab.run("ec2", "checks", one, word)
            status = self.ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"][0]
            self.assertEqual(status["InstanceStatus"]["Status"], word)
            self.assertEqual(status["SystemStatus"]["Status"], "ok" if word == "impaired" else word)
            self.assertEqual([self.values(*queries)["m%d" % n] for n in range(3)], values)
        self.lab.run("ec2", "checks", one, "broken", fails=True)
        self.lab.run("ec2", "checks", "i-" + "0" * 17, "ok", fails=True)
        self.lab.down()
        self.lab.up()
        self.ec2 = self.lab.client("ec2")
        until(lambda: self.state(one) == "running")
        status = self.ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"][0]
        self.assertEqual(status["InstanceStatus"]["Status"], "initializing")

    def test_refusals(self):
        self.lab.run("cloudwatch", "limits", "off")
        get, good = self.watch.get_metric_data, self.query(0, "i-" + "0" * 17)
        span = self.span()
        backwards = dict(StartTime=span["EndTime"], EndTime=span["StartTime"])
        self.refused("ValidationError", get, MetricDataQueries=[good], **backwards)
        self.refused("ValidationError", get, MetricDataQueries=[good, good], **span)
        self.refused("ValidationError", get, MetricDataQueries=[dict(good, Id="1")], **span)
        self.refused("ValidationError", get, MetricDataQueries=[dict(Id="e", Expression="m0*2")], **span)
        self.refused("ValidationError", get, MetricDataQueries=[self.query(0, "i-0", Period=90)], **span)
        self.refused("ValidationError", get, MetricDataQueries=[self.query(0, "i-0", Stat="Best")], **span)
        self.refused("ValidationError", get, **span,
                     MetricDataQueries=[self.query(n, "i-%017x" % n) for n in range(501)])
        self.assertEqual(len(self.values(*[self.query(n, "i-%017x" % n) for n in range(500)])), 500)
        self.refused("InvalidNextToken", get, MetricDataQueries=[good], NextToken="x", **span)
        statistics = dict(Namespace="AWS/EC2", MetricName="CPUUtilization", Period=60, Statistics=["Average"])
        ask = self.watch.get_metric_statistics
        self.refused("InvalidParameterCombination", ask, **statistics, **backwards)
        self.refused("InvalidParameterValue", ask, **dict(statistics, Statistics=["Best"]), **span)
        self.refused("InvalidParameterCombination", ask, EndTime=span["EndTime"],
                     StartTime=span["StartTime"] - datetime.timedelta(days=2), **statistics)
        self.refused("InvalidAction", self.watch.list_metrics)
        wrong = self.lab.client("cloudwatch", aws_secret_access_key="wrong")
        self.refused("SignatureDoesNotMatch", wrong.list_metrics)
        self.refused("InvalidParameterValue", self.lab.client("cloudwatch", "nowhere-1").list_metrics)

    def test_faults_and_limits(self):
        good = dict(MetricDataQueries=[self.query(0, "i-" + "0" * 17)], **self.span())
        self.lab.run("fault", "add", "status", "--vendor", "cloudwatch", "--operation", "GetMetricData",
                     "--status", "403", "--count", "1")
        self.refused("AccessDenied", self.watch.get_metric_data, **good)
        self.assertEqual([c["status"] for c in self.lab.calls("GetMetricData")], [403])
        self.lab.run("fault", "add", "rate", "--vendor", "cloudwatch", "--burst", "1", "--rate", "0")
        self.watch.get_metric_data(**good)
        self.refused("Throttling", self.watch.get_metric_data, **good)
        self.assertEqual(self.lab.calls("GetMetricData")[0]["vendor"], "cloudwatch")
        self.assertEqual(self.lab.calls("GetMetricData")[0]["region"], "eu-west-1")


if __name__ == "__main__":
    unittest.main(warnings="ignore")
