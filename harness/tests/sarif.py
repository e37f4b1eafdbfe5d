"""harness/tests/sarif.py: is it SARIF 2.1.0? By rules taken from the published specification, and by its schema where npm has it.

problems(log) holds the objects that fdtrace writes against the specification (OASIS, SARIF 2.1.0, sections 3.13 to 3.50): what
each must have and may have. against_schema(value, schema) is a small JSON Schema validator: as much of it as that schema uses.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

LEVELS = ("none", "note", "warning", "error")
PACKAGE, SCHEMA = "@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json"

# What an object must have, and what else of it fdtrace may write.
OBJECTS: Dict[str, Any] = {
    "sarifLog": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"results", "invocations"}),
    "tool": ({"driver"}, set()),
    "toolComponent": ({"name"}, {"rules", "version", "informationUri"}),
    "reportingDescriptor": ({"id"}, {"shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration"}),
    "multiformatMessageString": ({"text"}, {"markdown"}),
    "message": ({"text"}, {"markdown"}),
    "reportingConfiguration": (set(), {"level"}),
    "result": ({"message"}, {"ruleId", "ruleIndex", "level", "occurrenceCount", "locations", "relatedLocations", "properties"}),
    "location": (set(), {"id", "physicalLocation", "message"}),
    "physicalLocation": (set(), {"artifactLocation", "region"}),
    "artifactLocation": (set(), {"uri", "uriBaseId"}),
    "region": (set(), {"startLine"}),
    "invocation": ({"executionSuccessful"}, {"toolExecutionNotifications"}),
    "notification": ({"message"}, {"level"}),
}
# Which object stands under a name.
KINDS = {
    "runs": "run", "tool": "tool", "driver": "toolComponent", "rules": "reportingDescriptor", "results": "result", "message": "message",
    "shortDescription": "multiformatMessageString", "fullDescription": "multiformatMessageString", "help": "multiformatMessageString",
    "defaultConfiguration": "reportingConfiguration", "locations": "location", "relatedLocations": "location",
    "physicalLocation": "physicalLocation", "artifactLocation": "artifactLocation", "region": "region", "invocations": "invocation",
    "toolExecutionNotifications": "notification",
}


def _object(value: Any, kind: str, at: str) -> List[str]:
    if not isinstance(value, dict):
        return ["%s: not an object" % at]
    must, may = OBJECTS[kind]
    wrong = ["%s: has no %s" % (at, key) for key in sorted(must - set(value))]
    wrong += ["%s: a %s has no %s" % (at, kind, key) for key in sorted(set(value) - must - may)]
    for key, inner in value.items():
        for n, one in enumerate(inner if isinstance(inner, list) else [inner]):
            if key in KINDS:
                wrong += _object(one, KINDS[key], "%s.%s[%d]" % (at, key, n))
    if kind in ("message", "multiformatMessageString") and not (isinstance(value.get("text"), str) and value["text"]):
        wrong.append("%s: its text is empty" % at)
    if "level" in value and value["level"] not in LEVELS:
        wrong.append("%s: level %s" % (at, value["level"]))
    return wrong


def _result(result: Dict[str, Any], rules: List[str], at: str) -> List[str]:
    wrong = []
    if rules[result["ruleIndex"]] != result["ruleId"]:
        wrong.append("%s: ruleIndex names another rule" % at)
    if result["occurrenceCount"] < 1:
        wrong.append("%s: occurrenceCount below 1" % at)
    for location in result.get("locations", []) + result.get("relatedLocations", []):
        physical = location["physicalLocation"]
        if not (isinstance(physical["region"]["startLine"], int) and physical["region"]["startLine"] >= 1):
            wrong.append("%s: lines count from 1" % at)
        if not re.fullmatch(r"(file:///)?[A-Za-z0-9._~/+%-]+", physical["artifactLocation"]["uri"]):
            wrong.append("%s: no URI: %s" % (at, physical["artifactLocation"]["uri"]))
    return wrong


def problems(log: Any) -> List[str]:
    """What is wrong with it; [] when all is well."""
    wrong = _object(log, "sarifLog", "$")
    if wrong:
        return wrong
    if log["version"] != "2.1.0":
        wrong.append("$.version: %s" % log["version"])
    for n, run in enumerate(log["runs"]):
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        if len(set(rules)) != len(rules):
            wrong.append("$.runs[%d]: two rules have one id" % n)
        for k, result in enumerate(run["results"]):
            wrong += _result(result, rules, "$.runs[%d].results[%d]" % (n, k))
    return wrong


# ---- the schema itself

def schema(build: Path) -> Optional[Dict[str, Any]]:
    """From npm, kept in the build directory. In CI it must be there; elsewhere a test without it is skipped."""
    kept = build / "sarif" / "schema.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    done = None
    if shutil.which("npm"):
        done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=kept.parent, capture_output=True, text=True, timeout=120)
    if done is None or done.returncode != 0:
        why = "SARIF's schema comes from npm: install npm, and a network that has its registry"
        if os.environ.get("CI"):
            pytest.fail(why + (": " + done.stderr[-300:] if done else ""))
        pytest.skip(why)
    with tarfile.open(kept.parent / done.stdout.split()[-1]) as package:
        kept.write_bytes(package.extractfile(SCHEMA).read())  # type: ignore[union-attr]
    return json.loads(kept.read_text(encoding="utf-8"))


def _is(value: Any, kind: str) -> bool:
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    return isinstance(value, types[kind]) and not (kind in ("integer", "number") and isinstance(value, bool))


def _inside(value: Any, part: Dict[str, Any], whole: Dict[str, Any], at: str) -> List[str]:
    wrong = []
    if isinstance(value, dict):
        wrong += ["%s: has no %s" % (at, key) for key in part.get("required", []) if key not in value]
        for key, inner in value.items():
            rest = part.get("additionalProperties", True)
            if key in part.get("properties", {}):
                wrong += against_schema(inner, part["properties"][key], whole, "%s.%s" % (at, key))
            elif rest is False:
                wrong.append("%s: may not have %s" % (at, key))
            elif isinstance(rest, dict):
                wrong += against_schema(inner, rest, whole, "%s.%s" % (at, key))
    elif isinstance(value, list):
        if len(value) < part.get("minItems", 0):
            wrong.append("%s: too short" % at)
        if part.get("uniqueItems") and len({json.dumps(one, sort_keys=True) for one in value}) != len(value):
            wrong.append("%s: two are the same" % at)
        for n, one in enumerate(value):
            wrong += against_schema(one, part.get("items", {}), whole, "%s[%d]" % (at, n))
    return wrong


def against_schema(value: Any, part: Dict[str, Any], whole: Dict[str, Any], at: str = "$") -> List[str]:
    """What of `part`, a piece of the schema `whole`, the value does not keep."""
    if "$ref" in part:
        named = whole
        for step in part["$ref"].lstrip("#/").split("/"):
            named = named[step]
        return against_schema(value, named, whole, at)
    kinds = part.get("type", [])
    if kinds and not any(_is(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        return ["%s: is no %s" % (at, kinds)]
    wrong = _inside(value, part, whole, at)
    if "enum" in part and value not in part["enum"]:
        wrong.append("%s: %s is none of %s" % (at, value, part["enum"]))
    if _is(value, "number") and not part.get("minimum", value) <= value <= part.get("maximum", value):
        wrong.append("%s: %s is out of range" % (at, value))
    if isinstance(value, str) and not re.search(part.get("pattern", ""), value):
        wrong.append("%s: %s does not look like %s" % (at, value, part["pattern"]))
    if "anyOf" in part and all(against_schema(value, one, whole, at) for one in part["anyOf"]):
        wrong.append("%s: keeps none of anyOf" % at)
    if "oneOf" in part and sum(not against_schema(value, one, whole, at) for one in part["oneOf"]) != 1:
        wrong.append("%s: does not keep exactly one of oneOf" % at)
    return wrong
