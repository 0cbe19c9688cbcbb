"""A plan made from outputs that are only planned: what it may be compared with when it becomes real.

Pure functions over a stored record and a new plan. Which upstream values are only planned, and how they reach
Terraform, is `upstream.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.plan_record import Change, PlanRecord, changes_of
from buildkit_dagster.terraform.root import Root


def differences(speculative: PlanRecord, plan: Plan, root: Root) -> tuple[str, ...]:
    """Where the real plan says something else than the speculative one did; empty if it only fills in the unknown.

    Every action must be the same, and every value that was known; what was unknown may turn out as it will.
    """
    before = {change.address: change for change in speculative.changes}
    now = {change.address: change for change in changes_of(plan, root)}
    return tuple(line for address in dict.fromkeys([*before, *now]) for line in _compared(address, before, now))


def _compared(address: str, before: Mapping[str, Change], now: Mapping[str, Change]) -> Iterator[str]:
    if address not in now or address not in before:
        one = before.get(address) or now[address]
        yield f"{address}: {'no longer' if address in before else 'now also'} {_what(one)}"
    elif before[address].actions != now[address].actions:
        yield f"{address}: {_what(before[address])} has become {_what(now[address])}"
    else:
        paths = _differing(before[address], now[address])
        yield from (f"{address}: {path or 'its value'} is another" for path in paths)


def _differing(before: Change, now: Change) -> list[str]:
    """Paths whose value was known and is another now, is gone, or came where nothing was left open."""
    lost = {path for path, value in before.known.items() if now.known.get(path) != value}
    came = {path for path in (*now.known, *now.unknown) if path not in before.known and not _is_open(path, before)}
    return sorted(lost | came)


def _is_open(path: str, change: Change) -> bool:
    return any(path == unknown or not unknown or path.startswith(f"{unknown}/") for unknown in change.unknown)


def _what(change: Change) -> str:
    return " and ".join(change.actions)
