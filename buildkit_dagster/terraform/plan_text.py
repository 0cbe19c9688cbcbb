"""Plans as people read them: a table for the terminal, Markdown for a pull request, JSON for programs.

Only addresses, actions, counts, verdicts, names of assets and how tags are written are told; no other value of a
resource is. Markdown comes in parts that fit into a comment each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.rules.blast_radius import NOTHING, BlastRadius
from buildkit_dagster.rules.verdicts import Severity
from buildkit_dagster.terraform.plan import Plan, ResourceChange
from buildkit_dagster.terraform.planning import StackPlan

#: GitHub takes 65,536 characters in a comment (its API's own message); a little is kept for what others add.
LONGEST_PART = 65_000
#: Longer lines are cut: an address may hold a key of any length.
_LONGEST_LINE = 1_000


@dataclass(frozen=True)
class Shown:
    """One stack in a report: its plan with what hangs on it, or why there is none."""

    stack: str
    plan: StackPlan | None = None
    blast: BlastRadius = NOTHING
    error: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether a gate denies the plan."""
        return any(verdict.severity is Severity.DENY for verdict in (self.plan.verdicts if self.plan else ()))

    @property
    def tag_changes(self) -> dict[str, tuple[str, ...]]:
        """How tags of the units that change are written otherwise than the configuration does, by unit."""
        units = self.plan.plan.changed_units if self.plan else ()
        calls = [call for unit in units if self.plan and (call := self.plan.stack.call(unit))]
        return {call.name: call.tag_changes for call in calls if call.tag_changes}


def as_data(shown: Iterable[Shown]) -> list[dict[str, Any]]:
    """`[{stack, digest, speculative, expires, counts, changes, verdicts, tag_changes, blast_radius, error}]`."""
    return [_data(each) for each in shown]


def as_table(shown: Iterable[Shown]) -> str:
    """Lines for a terminal."""
    return "\n".join(line for each in shown for line in (*_table(each), "")).rstrip() + "\n"


def as_markdown(shown: Sequence[Shown], longest: int = LONGEST_PART) -> list[str]:
    """The report in parts of at most `longest` characters; one where it fits."""
    lines = ["# Terraform plan", "", *_overview(shown)]
    for each in shown:
        lines += ["", *_section(each)]
    return _parts(lines, longest)


def stack_markdown(shown: Shown) -> str:
    """One stack's section."""
    return "\n".join(_section(shown))


def unit_blast(blast: BlastRadius) -> str:
    """A blast radius as a list in Markdown."""
    return "\n".join(_blast(blast)) or "Nothing hangs on what goes."


def _data(shown: Shown) -> dict[str, Any]:
    if shown.plan is None:
        return {"stack": shown.stack, "error": shown.error}
    plan, record = shown.plan.plan, shown.plan.record
    return {
        "stack": shown.stack,
        "digest": record.digest if record else None,
        "speculative": list(record.speculative) if record else [],
        "expires": record.expires if record else None,
        "counts": dict(zip(("add", "change", "destroy"), _counts(shown), strict=True)),
        "changes": [_change(change) for change in _told(plan)],
        "verdicts": [dict(verdict) for verdict in record.verdicts] if record else [],
        "tag_changes": {unit: list(changes) for unit, changes in shown.tag_changes.items()},
        "blast_radius": {"units": list(shown.blast.units), **_lists(shown.blast.downstream)},
    }


def _change(change: ResourceChange) -> dict[str, Any]:
    told = {"address": change.address, "unit": change.unit, "actions": list(change.actions)}
    return {**told, "imported": True} if change.importing else told


def _told(plan: Plan) -> tuple[ResourceChange, ...]:
    """What changes, and what the apply does to the state alone."""
    return tuple(resource for resource in plan.resources if resource.changes or resource.rewrites)


def _lists(found: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {kind.replace(" ", "_"): list(names) for kind, names in found.items()}


def _table(shown: Shown) -> Iterator[str]:
    if shown.plan is None:
        yield f"{shown.stack}: {shown.error}"
        return
    yield f"{shown.stack}: {_headline(shown)}"
    yield from (f"  {_sign(change)} {change.address}{_aside(change)}" for change in _told(shown.plan.plan))
    yield from (f"  {verdict}" for verdict in shown.plan.verdicts)
    yield from (f"  tags of {unit}: {change}" for unit, changes in shown.tag_changes.items() for change in changes)
    for kind, names in shown.blast.downstream.items():
        yield f"  hangs on it: {kind}: {', '.join(names)}"


def _overview(shown: Sequence[Shown]) -> Iterator[str]:
    yield "| stack | add | change | destroy | plan |"
    yield "|---|---:|---:|---:|---|"
    for each in shown:
        add, change, destroy = _counts(each)
        yield f"| {each.stack} | {add} | {change} | {destroy} | {_digest(each)} |"


def _section(shown: Shown) -> Iterator[str]:
    yield f"## Stack {shown.stack}"
    yield ""
    if shown.plan is None:
        yield _fenced(shown.error)
        return
    yield f"{_headline(shown)}."
    record = shown.plan.record
    if record is not None and record.speculative:
        yield f"Speculative: it counts on {', '.join(record.speculative)}, only planned yet; it cannot be applied."
    if shown.plan.verdicts:
        yield ""
        yield from (
            f"- {verdict.severity.value}: {_code(verdict.address)} {_prose(verdict.message)}"
            for verdict in shown.plan.verdicts
        )
    if told := _told(shown.plan.plan):
        yield ""
        yield from (f"- {_sign(change)} {_code(change.address)}{_aside(change)}" for change in told)
    if shown.tag_changes:
        yield ""
        yield "Tags that are written otherwise, so that the cloud takes them:"
        yield ""
        tags = ((unit, written) for unit, changes in shown.tag_changes.items() for written in changes)
        yield from (f"- {_code(unit)}: {_prose(written)}" for unit, written in tags)
    if shown.blast:
        yield ""
        yield "Blast radius of what is deleted or replaced:"
        yield ""
        yield from _blast(shown.blast)


def _blast(blast: BlastRadius) -> Iterator[str]:
    for kind, names in {"units": blast.units, **blast.downstream}.items() if blast else ():
        yield f"- {kind} ({len(names)}):"
        yield from (f"  - {_codes(names[start : start + 5])}" for start in range(0, len(names), 5))


def _headline(shown: Shown) -> str:
    assert shown.plan is not None
    add, change, destroy = _counts(shown)
    record = shown.plan.record
    if record is None:
        return "no changes"
    imports = sum(resource.importing is not None for resource in shown.plan.plan.resources)
    first = f"{imports} to import, " if imports else ""
    counts = f"{first}{add} to add, {change} to change, {destroy} to destroy"
    return f"{counts}; plan {record.digest}, expires {record.expires}"


def _digest(shown: Shown) -> str:
    if shown.plan is None:
        return "failed"
    record = shown.plan.record
    return "no changes" if record is None else f"`{record.digest}`" + (" speculative" if record.speculative else "")


def _counts(shown: Shown) -> tuple[int, int, int]:
    actions = [action for change in (shown.plan.plan.changes if shown.plan else ()) for action in change.actions]
    return actions.count("create"), actions.count("update"), actions.count("delete")


def _sign(change: ResourceChange) -> str:
    """As Terraform draws it; it draws nothing where the object stays as it is."""
    if change.rewrites:
        return "="
    if "delete" in change.actions and "create" in change.actions:
        return "-/+"
    return {"create": "+", "update": "~", "delete": "-"}.get(change.actions[0], change.actions[0])


def _aside(change: ResourceChange) -> str:
    """What the apply does to the state besides, or instead."""
    what = change.rewrites or ("imported" if change.importing else "")
    return f" ({what})" if what else ""


def _code(text: str) -> str:
    """A code span that nothing in the text can leave; in one, nobody is mentioned and nothing is a link."""
    text = " ".join(text.split())
    fence = "`"
    while fence in text:
        fence += "`"
    inner = f" {text} " if "`" in text else text
    return f"{fence}{inner}{fence}"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(_code(name) for name in names)


def _prose(text: str) -> str:
    """A message on one line, in which nothing is markup."""
    text = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>@#|" else sign for sign in text)


def _fenced(text: str) -> str:
    """A message of several lines as it is."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _parts(lines: Sequence[str], longest: int) -> list[str]:
    """Lines put together again, cut between lines; a part that goes on says so."""
    head = "_(goes on from the part before)_\n\n"
    parts = [""]
    for line in (_cut(line) for text in lines for line in text.split("\n")):
        if len(parts[-1]) + len(line) + 1 > longest:
            parts.append(head)
        parts[-1] += line + "\n"
    return parts


def _cut(line: str) -> str:
    """A line that is too long loses its end, and a code span in it is closed."""
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE].replace("`", "'") + " …"
