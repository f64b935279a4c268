"""What was measured, as a table or as JSON lines."""

import json
import sys


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        self.out = sys.stdout
        self.rows = []

    def add(self, bench, metric, value, unit, goal=None):
        """A goal is the most that the value may be; None: the number is there to compare with."""
        row = {"bench": bench, "metric": metric, "value": round(value, 3), "unit": unit, "goal": goal,
               "ok": None if goal is None else value <= goal}
        self.rows.append(row)
        if self.as_json:
            print(json.dumps(row), file=self.out, flush=True)

    def skip(self, bench, reason):
        """Said aloud: what was not measured, and why."""
        row = {"bench": bench, "metric": f"skipped: {reason}", "value": None, "unit": "", "goal": None, "ok": None}
        self.rows.append(row)
        if self.as_json:
            print(json.dumps(row), file=self.out, flush=True)

    def end(self):
        if self.as_json or not self.rows:
            return
        width = max((len(row["metric"]) for row in self.rows if row["value"] is not None), default=6)
        print(f"{'BENCH':<11} {'METRIC':<{width}} {'VALUE':>10} {'UNIT':<6} {'GOAL':>7}", file=self.out)
        for row in self.rows:
            if row["value"] is None:
                print(f"{row['bench']:<11} {row['metric']}", file=self.out)
                continue
            goal = "" if row["goal"] is None else f"{row['goal']:g}"
            verdict = {None: "", True: "ok", False: "MISSED"}[row["ok"]]
            print(f"{row['bench']:<11} {row['metric']:<{width}} {row['value']:>10g} {row['unit']:<6} {goal:>7} "
                  f"{verdict}".rstrip(), file=self.out)
