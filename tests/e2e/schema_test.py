#!/usr/bin/env python3
"""The printed JSON Schema accepts the examples and refuses what the loader refuses."""
import copy
import glob
import json
import os
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"SKIP: {missing}: install python3-jsonschema and python3-yaml")
    sys.exit(77)

SOURCE, BUILD = os.environ["DRORCH_SOURCE"], os.environ["DRORCH_BUILD"]
printed = subprocess.run([f"{BUILD}/bin/drorch", "schema"], check=True, capture_output=True)
schema = json.loads(printed.stdout)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema: `on` and 02:00 are text."""


Core.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if not tag.endswith((":bool", ":int", ":timestamp"))]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Core)


examples = [
    path
    for folder in ("booking-saas", "starter")
    for pattern in ("providers.yaml", "services/*.yaml")
    for path in glob.glob(f"{SOURCE}/examples/{folder}/{pattern}")
]
assert len(examples) >= 4, examples
for path in examples:
    problems = [error.message for error in validator.iter_errors(read(path))]
    assert not problems, (path, problems)

good = read(f"{SOURCE}/examples/booking-saas/services/memphis.yaml")


def refused(*keys_and_value):
    *keys, last, value = keys_and_value
    bad = copy.deepcopy(good)
    at = bad
    for key in keys:
        at = at[key]
    at[last] = value
    assert not validator.is_valid(bad), keys_and_value


refused("sites", "main", "rgeion", "x")
refused("sites", "dr", "strategy", "hot")
refused("sites", "Main Site", good["sites"]["main"])
refused("sites", "main", "instances", "web", "count", 100000)
refused("objectives", "rto", 5)
refused("backups", "offsite", "encryption", {"key": "the secret itself"})
refused("safety", "max_changes", "130%")
refused("traffic", "www", "policy", "weighted")
refused("apiVersion", "drorch/v2")
bad = copy.deepcopy(good)
del bad["sites"]["main"]["provider"]
assert not validator.is_valid(bad)
print(f"ok: {len(examples)} examples")
