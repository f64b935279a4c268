"""Judges a vendor's traffic by its official description: requests and replies against its schemas.

The description (OpenAPI 3.0, VENDOR-v4.subset.json) is looked for in $DRORCH_SPECS and beside the
sources, in ../shared/specs; find() is None where it is not there. Two judges read it: the one here,
with jsonschema, for a call at a time, and Prism (prism.py) for what was recorded (recorder.py).
"""
import json
import os
import re
import urllib.parse

try:
    import jsonschema
except ImportError:
    jsonschema = None

SOURCE = os.environ.get("DRORCH_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def each_schema(node, visit):
    if isinstance(node, dict):
        visit(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        each_schema(child, visit)


def linode_drift(description):
    """What the API does and its description of October 2024 does not say."""
    def visit(schema):
        words = schema.get("enum")
        if isinstance(words, list) and "shutting_down" in words:
            words.append("resizing")  # linodego knows it
    each_schema(description["paths"], visit)
    # It demands a member that it forbids.
    made = description["paths"]["/{apiVersion}/object-storage/buckets"]["post"]["requestBody"]
    made["content"]["application/json"]["schema"]["required"] = ["label", "region"]


def cloudflare_drift(description):
    """The API's recorded answers are so, and its description says otherwise."""
    owner = description["components"]["schemas"]["zones_zone"]["properties"]["owner"]["properties"]
    owner["id"] = {"type": "string", "nullable": True}
    # Most failures are said to be a success and a failure at once, which nothing can be.
    for operations in description["paths"].values():
        for operation in operations.values():
            if not isinstance(operation, dict) or "4XX" not in operation.get("responses", {}):
                continue
            media = operation["responses"]["4XX"]["content"]["application/json"]
            failures = [part for part in media["schema"].get("allOf", [])
                        if part.get("$ref", "").endswith("api-response-common-failure")]
            if failures:
                media["schema"] = failures[0]


class Vendor:
    """How a vendor's description is read; `outside`: described officially, but not in the cut file."""

    def __init__(self, places=None, drift=None, outside=()):
        self.places, self.drift = places or {}, drift
        self.outside = [re.compile(pattern) for pattern in outside]


VENDORS = {
    "linode": Vendor(places={"imageId": r"[a-z]+(?:/|%2F)[^/]+"}, drift=linode_drift,
                     outside=[r"/v4/linode/instances/\d+/stats$", r"/v4/object-storage/(clusters|endpoints)",
                              r"/v4/object-storage/buckets/[^/]+$"]),
    "cloudflare": Vendor(drift=cloudflare_drift,
                         outside=[r"/client/v4/zones/[^/]+/dns_records/batch$"]),
}


def convert(schema):
    """OpenAPI 3.0's schemas as JSON Schema: nullable, and allOf of closed objects merged."""
    if isinstance(schema, list):
        return [convert(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: convert(value) for key, value in schema.items()}
    parts = schema.get("allOf")
    if isinstance(parts, list) and not any("$ref" in part for part in parts):
        del schema["allOf"]
        for part in parts:
            for key, value in part.items():
                if isinstance(value, dict):
                    schema.setdefault(key, {}).update(value)
                elif key == "required":
                    schema[key] = schema.get(key, []) + value
                else:
                    schema[key] = value
    if schema.pop("nullable", False):
        if isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list):
            schema["enum"] = schema["enum"] + [None]
    return schema


class Referee:
    def __init__(self, vendor, path):
        self.vendor, self.rules = vendor, VENDORS[vendor]
        with open(path) as file:
            self.description = json.load(file)
        if self.rules.drift:
            self.rules.drift(self.description)
        self.prefix = urllib.parse.urlsplit(self.description["servers"][0]["url"]).path.rstrip("/")
        self.components = convert(self.description.get("components", {}))
        self.operations = []
        for template, operations in self.description["paths"].items():
            pattern = re.sub(r"\\{(\w+)\\}", self.place, re.escape(template))
            for method, operation in operations.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    self.operations.append((method.upper(), re.compile(re.escape(self.prefix) + pattern + "$"),
                                            operation, template))
        # A path that names a thing before one that has its place free: /regions/availability.
        self.operations.sort(key=lambda entry: entry[3].count("{"))

    def place(self, match):
        return self.rules.places.get(match.group(1), "[^/]+")

    @staticmethod
    def find(vendor):
        for folder in (os.environ.get("DRORCH_SPECS", ""), os.path.join(SOURCE, "../shared/specs")):
            path = os.path.join(folder, vendor + "-v4.subset.json")
            if folder and os.path.exists(path):
                return Referee(vendor, path)
        return None

    def is_outside(self, path):
        return any(pattern.match(path) for pattern in self.rules.outside)

    def operation(self, method, path):
        for own, pattern, operation, _ in self.operations:
            if own == method and pattern.match(path):
                return operation
        return None

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            found = self.description
            for name in node["$ref"].split("/")[1:]:
                found = found[name.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def judge(self, what, schema, value):
        whole = dict(convert(self.resolve(schema)), components=self.components)
        return ["%s: %s at %s" % (what, error.message[:200], "/".join(map(str, error.absolute_path)))
                for error in jsonschema.Draft4Validator(whole).iter_errors(value)]

    def judge_query(self, operation, query):
        problems = []
        parameters = [self.resolve(parameter) for parameter in operation.get("parameters", [])]
        known = {p["name"]: self.resolve(p["schema"]) for p in parameters if p["in"] == "query"}
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            if name not in known:
                problems.append("query: %s is not known" % name)
            elif known[name].get("type") in ("integer", "number"):
                problems += self.judge("query " + name, known[name], int(value))
        return problems

    def judge_request(self, operation, query, headers, body):
        problems = self.judge_query(operation, query)
        if headers.get("x-filter"):
            if not isinstance(json.loads(headers["x-filter"]), dict):
                problems.append("X-Filter is no object")
        described = self.resolve(operation.get("requestBody"))
        if body and not described:
            problems.append("a body where there is none")
        elif body:
            schema = described["content"]["application/json"]["schema"]
            problems += self.judge("request", schema, json.loads(body))
        elif described and described.get("required"):
            problems.append("no body")
        return problems

    def judge_reply(self, operation, status, body):
        responses = operation["responses"]
        described = self.resolve(responses.get(str(status)) or responses.get("%dXX" % (status // 100))
                                 or responses.get("default"))
        if not described or "content" not in described:
            return ["status %d is not described" % status]
        return self.judge("reply %d" % status, described["content"]["application/json"]["schema"],
                          json.loads(body))

    def check(self, method, target, headers, body, status, reply):
        """Every way in which one exchange breaks the description; status 0 or a bad request: no reply to judge."""
        path, _, query = target.partition("?")
        if not jsonschema or self.is_outside(path):
            return []
        operation = self.operation(method, path)
        if not operation:
            return ["%s %s is not described" % (method, path)]
        headers = {name.lower(): value for name, value in headers.items()}
        problems = []
        if 200 <= status <= 299:  # what was refused may have been wrong on purpose
            problems += self.judge_request(operation, query, headers, body)
        if status:
            problems += self.judge_reply(operation, status, reply)
        return ["%s %s: %s" % (method, path, problem) for problem in problems]
