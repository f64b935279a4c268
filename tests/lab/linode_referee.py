"""Judges Linode traffic by the official description: requests and replies against its schemas.

The description (OpenAPI 3.0, linode-v4.subset.json) is looked for in $DRORCH_SPECS and beside the
sources, in ../shared/specs; Referee.find() is None where it or jsonschema is not there.
"""
import json
import os
import re
import urllib.parse

try:
    import jsonschema
except ImportError:
    jsonschema = None

NAME = "linode-v4.subset.json"
SOURCE = os.environ.get("DRORCH_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def convert(schema):
    """OpenAPI 3.0's schemas as JSON Schema: nullable, and allOf of closed objects merged."""
    if isinstance(schema, list):
        return [convert(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: convert(value) for key, value in schema.items()}
    parts = schema.pop("allOf", None) if isinstance(schema.get("allOf"), list) else None
    for part in parts or []:
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
    def __init__(self, path):
        with open(path) as file:
            paths = json.load(file)["paths"]
        self.operations = []
        for template, operations in paths.items():
            pattern = re.sub(r"\\{imageId\\}", r"[a-z]+(?:/|%2F)[^/]+", re.escape(template))
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", pattern)
            for method, operation in operations.items():
                if method in ("get", "post", "put", "delete"):
                    self.operations.append((method.upper(), re.compile(pattern + "$"), operation, template))
        # A path that names a thing before one that has its place free: /regions/availability.
        self.operations.sort(key=lambda entry: entry[3].count("{"))

    @staticmethod
    def find():
        for folder in (os.environ.get("DRORCH_SPECS", ""), os.path.join(SOURCE, "../shared/specs")):
            path = os.path.join(folder, NAME)
            if folder and jsonschema and os.path.exists(path):
                return Referee(path)
        return None

    def operation(self, method, path):
        for own, pattern, operation, _ in self.operations:
            if own == method and pattern.match(path):
                return operation
        return None

    @staticmethod
    def judge(what, schema, value):
        validator = jsonschema.Draft4Validator(convert(schema))
        return ["%s: %s at %s" % (what, error.message[:200], "/".join(map(str, error.absolute_path)))
                for error in validator.iter_errors(value)]

    def judge_query(self, operation, query):
        problems = []
        known = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            if name not in known:
                problems.append("query: %s is not known" % name)
            elif known[name].get("type") == "integer":
                problems += self.judge("query " + name, known[name], int(value))
        return problems

    def judge_request(self, operation, query, headers, body):
        problems = self.judge_query(operation, query)
        if headers.get("x-filter"):
            if not isinstance(json.loads(headers["x-filter"]), dict):
                problems.append("X-Filter is no object")
        described = operation.get("requestBody")
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
        described = responses.get(str(status), responses.get("default"))
        if not described or "content" not in described:
            return ["status %d is not described" % status]
        if not 200 <= status <= 299:
            described = responses["default"]
        schema = described["content"]["application/json"]["schema"]
        return self.judge("reply %d" % status, schema, json.loads(body))

    def check(self, method, target, headers, body, status, reply):
        """Every way in which one exchange breaks the description; status 0 or a bad request: no reply to judge."""
        path, _, query = target.partition("?")
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
