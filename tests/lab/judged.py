"""Runs a plugin's test against the lab, and has everything that was said judged by the official description."""
import lablib
import prism
import referee as referees
from recorder import record

RUN_SECONDS = 300


def judge_here(referee, exchanges):
    problems, seen = [], 0
    for one in exchanges:
        if one.status and not referee.is_outside(one.target.partition("?")[0]):
            problems += referee.check(one.method, one.target, one.headers, one.body, one.status, one.reply)
            seen += 1
    return problems, seen


def main(vendor, program, least, wrong):
    """`least`: exchanges that must have been judged; `wrong`: such as must not pass, or the judge sleeps."""
    referee = referees.Referee.find(vendor)
    if not referee:
        lablib.skip("the official description of %s is not here" % vendor)
    code, exchanges = record(program, RUN_SECONDS)
    bad, judges = code != 0, 0
    for name, judge in (("jsonschema", judge_here if referees.jsonschema else None), ("Prism", prism.judge)):
        problems, seen = judge(referee, exchanges + wrong) if judge else (None, "it is not installed")
        if problems is None:
            print("%s does not judge: %s" % (name, seen))
            continue
        judges += 1
        said = [[p for p in problems if p.startswith("%s %s:" % (one.method, one.target))] for one in wrong]
        for one, missed in zip(wrong, said):
            if not missed:
                print("%s LETS PASS: %s %s" % (name, one.method, one.target))
                bad = True
        rest = sorted(set(problems) - {p for found in said for p in found})
        for problem in rest:
            print("%s, BREAKS THE DESCRIPTION: %s" % (name, problem))
        print("%s: %d exchanges judged, %d problems" % (name, seen - len(wrong), len(rest)))
        bad = bad or bool(rest) or seen - len(wrong) < least
    if not judges and not code:
        lablib.skip("neither python3-jsonschema nor Prism is here")
    return 1 if bad else 0
