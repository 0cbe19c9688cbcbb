"""The record of one plan: what it does, what it was made from and for whom, without a secret in it.

Records are kept by `plans.py`. What a digest is made of is in `digest.py` and `inputs.py`; who may apply a plan is
decided by `rules/gate.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from buildkit_dagster.errors import PlanApplied, PlanChanged, PlanDestroys, PlanExpired, PlanSpeculative
from buildkit_dagster.terraform.digest import PARTS, differing, digest_of, hash_of
from buildkit_dagster.terraform.plan import UNKNOWN, Plan
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.secret_names import SENSITIVE

#: The options of a plan to destroy; they are part of its digest.
DESTROY = ("-destroy",)


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource instance, or to a root output (`output.<name>`).

    `known` has a hash for each planned value that is known, by its path (`tags/Name`), `unknown` the paths of those
    that only the apply will tell. The values themselves are not kept.
    """

    address: str
    unit: str
    type: str
    actions: tuple[str, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanRecord:
    """One stored plan. Times are ISO 8601 in UTC; `units` those selected, `options` further ones of `terraform plan`.

    `speculative` names what it counts on that is only planned: upstream stacks, the bucket of the state; `outputs`
    are the root outputs after the apply, without secrets; `verdicts` what the gates said, as data; `applied` the run.
    """

    digest: str
    parts: Mapping[str, str]
    stack: str
    units: tuple[str, ...]
    full: bool
    options: tuple[str, ...]
    nonce: str = field(repr=False)
    created: str
    expires: str
    requester: str
    run: str
    changes: tuple[Change, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    verdicts: tuple[Mapping[str, str], ...] = ()
    speculative: tuple[str, ...] = ()
    applied: str = ""

    @property
    def removed(self) -> tuple[str, ...]:
        """Addresses of objects that go, for good or to be replaced."""
        return tuple(change.address for change in self.changes if "delete" in change.actions)

    @property
    def destroys(self) -> bool:
        """Whether it takes away all that the stack's state holds."""
        return self.options == DESTROY

    def is_expired(self, now: datetime) -> bool:
        return now >= datetime.fromisoformat(self.expires)

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "outputs": {name: coded(value) for name, value in self.outputs.items()}})

    @classmethod
    def from_json(cls, text: str) -> PlanRecord:
        data = json.loads(text)
        data["changes"] = tuple(
            Change(**{**change, "actions": tuple(change["actions"]), "unknown": tuple(change["unknown"])})
            for change in data["changes"]
        )
        data["outputs"] = {name: _decoded(value) for name, value in data["outputs"].items()}
        for name in ("units", "options", "verdicts", "speculative"):
            data[name] = tuple(data[name])
        return cls(**data)

    def refuse_unusable(self, now: datetime) -> None:
        """Raise where this plan can never be applied (again)."""
        if self.applied:
            raise PlanApplied(self.digest, self.stack, self.applied)
        if self.speculative:
            raise PlanSpeculative(self.digest, self.stack, self.speculative)
        if self.is_expired(now):
            raise PlanExpired(self.digest, self.stack, self.expires)

    def refuse_for_run(self, now: datetime) -> None:
        """Raise where no run of the stack's assets can apply this plan."""
        self.refuse_unusable(now)
        if self.destroys:
            raise PlanDestroys(self.digest, self.stack)

    def refuse_changed(self, now: Mapping[str, str]) -> None:
        """Raise PlanChanged where one of these parts is not what it was when the plan was made."""
        changed = differing({part: self.parts.get(part, "") for part in now}, now)
        if changed:
            raise PlanChanged(self.digest, self.stack, changed)


def changes_of(plan: Plan, root: Root) -> tuple[Change, ...]:
    """What a plan does, as the record keeps it; `root` says which unit an address belongs to."""
    resources = [item for item in plan.document.get("resource_changes", ()) if item.get("mode") == "managed"]
    told = [_change(item["address"], root.unit_of(item["address"]), item["type"], item["change"]) for item in resources]
    imported = {item["address"] for item in resources if item["change"].get("importing")}
    outputs = [
        _change(f"output.{name}", "", "output", change)
        for name, change in sorted(plan.document.get("output_changes", {}).items())
    ]
    quiet = (("no-op",), ("read",))
    return tuple(each for each in (*told, *outputs) if each.actions not in quiet or each.address in imported)


def plan_parts(changes: Iterable[Change], file: bytes) -> dict[str, str]:
    """The parts of the digest that are the plan itself."""
    return {
        "changes": hash_of([asdict(change) for change in changes]),
        "plan file": hashlib.sha256(file).hexdigest(),
    }


def digest_for(parts: Mapping[str, str]) -> str:
    """The digest of a complete set of parts."""
    assert set(parts) == set(PARTS), set(PARTS) ^ set(parts)
    return digest_of(parts)


def told(record: PlanRecord) -> str:
    """A stored plan in one line."""
    how = (
        "speculative" if record.speculative else f"applied by {record.applied}" if record.applied else "can be applied"
    )
    return f"{record.digest} (stack {record.stack}, made {record.created}, expires {record.expires}, {how})"


def _change(address: str, unit: str, kind: str, change: Mapping[str, Any]) -> Change:
    known: dict[str, str] = {}
    unknown: list[str] = []
    _sort_leaves(change.get("after"), change.get("after_unknown"), "", known, unknown)
    return Change(address, unit, kind, tuple(change["actions"]), known, tuple(sorted(unknown)))


def _sort_leaves(value: Any, mark: Any, path: str, known: dict[str, str], unknown: list[str]) -> None:
    """Go down a planned value with its marks: what is marked is unknown, every other leaf gets a hash."""
    if mark is True:
        unknown.append(path)
    elif isinstance(value, Mapping) or isinstance(mark, Mapping):
        value, mark = value or {}, mark if isinstance(mark, Mapping) else {}
        for name in dict.fromkeys([*value, *mark]):
            if name in value or mark.get(name):
                _sort_leaves(value.get(name), mark.get(name), _below(path, name), known, unknown)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for index, inner in enumerate(value):
            inner_mark = mark[index] if isinstance(mark, list) and index < len(mark) else None
            _sort_leaves(inner, inner_mark, _below(path, str(index)), known, unknown)
    elif value is not None:
        known[path] = hash_of(value)[:16]


def _below(path: str, name: str) -> str:
    name = name.replace("~", "~0").replace("/", "~1")
    return f"{path}/{name}" if path else name


def coded(value: Any) -> Any:
    """JSON for a value that may hold `UNKNOWN` and `SENSITIVE`; every object says what it is."""
    if value is UNKNOWN or value is SENSITIVE:
        return {"unknown" if value is UNKNOWN else "sensitive": True}
    if isinstance(value, Mapping):
        return {"of": {name: coded(inner) for name, inner in value.items()}}
    return [coded(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "of" in value:
            return {name: _decoded(inner) for name, inner in value["of"].items()}
        return UNKNOWN if "unknown" in value else SENSITIVE
    return [_decoded(inner) for inner in value] if isinstance(value, list) else value
