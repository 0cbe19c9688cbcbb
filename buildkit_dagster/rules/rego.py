"""The user's own policies in Rego, run by regopy in this process: `deny` and `warn` as conftest reads them.

A file of any package may define `deny`, `violation` or `warn` (or `deny_...`, `warn_...`) as a set of messages: texts,
or objects with `msg`. An object may say in `address` which resource it is about. `input` is `terraform show -json`
without sensitive values (`Plan.document`). Everything but `read_policies` is pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from regopy import Input, Interpreter, LogLevel, RegoError

from buildkit_dagster.errors import PoliciesMissing, PolicyBroken
from buildkit_dagster.rules.verdicts import Finding
from buildkit_dagster.terraform.plan import Plan

_DENY = re.compile(r"(deny|violation)(_[a-zA-Z0-9]+)*")
_WARN = re.compile(r"warn(_[a-zA-Z0-9]+)*")
_PLACE = re.compile(r"\(error \d+:(?P<file>[^|]+)\|(?P<at>\d+)\|\d+\s*\(errormsg \d+:(?P<why>[^)]*)\)")
_NOT_FOUND = re.compile(r"\(errormsg \d+:(?P<why>Function not found: (?P<name>[\w.]+))\)")
_PACKAGE = re.compile(r"^package\s+(\S+)", re.MULTILINE)
_HEAD = re.compile(r"^(?:default\s+)?([A-Za-z_]\w*)", re.MULTILINE)
_NOT_HEADS = {"package", "import", "else"}


class Policies(NamedTuple):
    """What the files found: `deny` and `warn`."""

    deny: tuple[Finding, ...] = ()
    warn: tuple[Finding, ...] = ()


def read_policies(folder: Path | None) -> dict[str, str]:
    """File → text of every policy below a folder, tests (`*_test.rego`) left out."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise PoliciesMissing(folder)
    files = sorted(folder.rglob("*.rego"))
    return {str(file): file.read_text() for file in files if not file.stem.endswith("_test")}


def run_policies(plan: Plan, sources: Mapping[str, str]) -> Policies:
    """What the policies say of a plan; raises `PolicyBroken`."""
    if not sources:
        return Policies()
    interpreter = _loaded(plan, sources)
    answer = _ask(interpreter, "data")
    if isinstance(answer, _Failure):
        raise _broken(interpreter, answer, sources)
    if plan.is_empty:
        return Policies()  # it has no document: what a policy misses there says nothing
    units = {change.address: change.unit for change in plan.resources}
    found: dict[str, list[Finding]] = {"deny": [], "warn": []}
    for package, name, rule in _rules(answer, ()):
        kind = "deny" if _DENY.fullmatch(name) else "warn"
        found[kind] += [_finding(f"rego/{package}.{name}", said, plan.stack, units) for said in _messages(rule)]
    return Policies(tuple(found["deny"]), tuple(found["warn"]))


class _Failure(NamedTuple):
    text: str


def _loaded(plan: Plan, sources: Mapping[str, str]) -> Interpreter:
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE  # it would write to this process's stdout
    for file, text in sources.items():
        try:
            interpreter.add_module(file, text)
        except RegoError as error:
            raise _misspelt(str(error), file, text) from None
    interpreter.set_input(Input(dict(plan.document)))
    return interpreter


def _ask(interpreter: Interpreter, query: str) -> Any:
    """The value of a query, None where it is undefined. regopy reads some failures as if they were JSON."""
    try:
        output = interpreter.query(query)
    except RegoError as error:
        return _Failure(str(error))
    except json.JSONDecodeError as error:
        return _Failure(error.doc)
    if not output.ok():
        return _Failure(str(output))
    expressions = output[0].expressions if len(output) else ()
    return expressions[0] if expressions else None


def _rules(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, Any]]:
    """Every `deny` and `warn` of all packages: package, name, value."""
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if path and (_DENY.fullmatch(name) or _WARN.fullmatch(name)):
            yield ".".join(path), name, inner
        else:
            yield from _rules(inner, (*path, name))


def _messages(rule: Any) -> Iterator[Any]:
    """The members of a set; `deny[msg] { ... }`, Rego before 1.0, comes as an object from member to true."""
    if isinstance(rule, dict) and "msg" not in rule:
        yield from (_member(text) for text, holds in rule.items() if holds is not False)
    elif isinstance(rule, list):
        yield from rule
    elif rule not in (None, False):
        yield rule


def _member(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text


def _finding(rule: str, said: Any, stack: str, units: Mapping[str, str]) -> Finding:
    """Where a message names no address, the one it begins with or mentions; else it is about the stack."""
    message = str(said.get("msg", said)) if isinstance(said, Mapping) else str(said)
    given = str(said.get("address", "")) if isinstance(said, Mapping) else ""
    named = [address for address in units if address in message]
    address = given or max(named, key=len, default=stack)
    return Finding(rule, units.get(address, ""), address, message)


def _misspelt(error: str, file: str, text: str) -> PolicyBroken:
    place = _PLACE.search(error)
    if place is None:
        return PolicyBroken(file, 1, error.strip())
    line = text.encode()[: int(place["at"])].count(b"\n") + 1
    return PolicyBroken(file, line, f"{place['why']}: {text.splitlines()[line - 1].strip()}")


def _broken(interpreter: Interpreter, failure: _Failure, sources: Mapping[str, str]) -> PolicyBroken:
    """Name the rule that fails by asking for each alone: a failed query says at most which function it lacks."""
    missing = _NOT_FOUND.search(failure.text)
    if missing:
        called = re.compile(rf"(?<![\w.]){re.escape(missing['name'].removeprefix('data.').rpartition('.')[2])}\s*\(")
        file, line = _first_line(sources, called)
        return PolicyBroken(file, line, missing["why"])
    for file, text in sources.items():
        package = _PACKAGE.search(text)
        for head in _HEAD.finditer(text):
            query = f"data.{package[1] if package else ''}.{head[1]}"
            if head[1] not in _NOT_HEADS and isinstance(_ask(interpreter, query), _Failure):
                line = text[: head.start()].count("\n") + 1
                return PolicyBroken(file, line, f"{head[1]} cannot be evaluated (two different values for one rule?)")
    return PolicyBroken(next(iter(sources)), 1, "the policies cannot be evaluated together")


def _first_line(sources: Mapping[str, str], pattern: re.Pattern[str]) -> tuple[str, int]:
    for file, text in sources.items():
        found = pattern.search(text)
        if found:
            return file, text[: found.start()].count("\n") + 1
    return next(iter(sources)), 1
