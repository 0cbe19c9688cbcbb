"""Stored plans: a record without secrets, Terraform's plan file beside it, and what it takes to use them again.

Both lie in the stack's store (`store.py`): `<digest>.json` and `<digest>.tfplan`. What a digest is made of is in
`digest.py` and `inputs.py`; who may apply a plan is decided by `rules/gate.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import PlanApplied, PlanChanged, PlanExpired, PlanNotFound, PlanSpeculative
from buildkit_dagster.terraform.digest import PARTS, differing, digest_of, hash_of
from buildkit_dagster.terraform.plan import UNKNOWN, Plan
from buildkit_dagster.terraform.render import S3Backend
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import SENSITIVE
from buildkit_dagster.terraform.store import PREFIX, FolderStore, Store, store_of

_RECORD, _FILE = ".json", ".tfplan"
#: The shortest beginning of a digest that stands for all of it.
_SHORTEST = 8


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


class Plans:
    """The stored plans of one stack; `s3` is a boto3 client, unused for a state that is not in S3.

    A plan made before its stack's bucket exists lies in the work folder, and is found there later too.
    """

    def __init__(self, stack: TerraformStack, s3: Any) -> None:
        self.stack = stack
        folder = FolderStore(stack.work / PREFIX)
        self.has_bucket = _has_bucket(stack, s3)
        beside = store_of(stack, s3) if self.has_bucket else None
        self.stores: tuple[Store, ...] = (beside, folder) if beside else (folder,)

    @property
    def store(self) -> Store:
        """Where new ones are written."""
        return self.stores[0]

    def save(self, record: PlanRecord, file: bytes) -> None:
        """Store a plan; the record comes last, so that one that is there has its file."""
        self.store.put(record.digest + _FILE, file)
        self.store.put(record.digest + _RECORD, record.to_json().encode())

    def load(self, digest: str) -> PlanRecord:
        """The plan with this digest or with the only one that begins so; raises PlanNotFound."""
        found = self.find(digest)
        if found is None:
            raise PlanNotFound(digest, [told(record) for record in self.records()])
        return found

    def find(self, digest: str) -> PlanRecord | None:
        """Like `load`, None where there is none."""
        matching = {name for name in self._digests() if name == digest or _begins(name, digest)}
        return self._read(matching.pop()) if len(matching) == 1 else None

    def records(self) -> list[PlanRecord]:
        """All of them, the newest first."""
        found = [self._read(digest) for digest in self._digests()]
        return sorted((record for record in found if record), key=lambda record: record.created, reverse=True)

    def open(self, now: datetime) -> Iterator[PlanRecord]:
        """Those that were neither applied nor are expired, the newest first."""
        return (record for record in self.records() if not record.applied and not record.is_expired(now))

    def file(self, record: PlanRecord) -> bytes:
        """The plan file, checked against the record; raises PlanNotFound, PlanChanged."""
        body = self._get(record.digest + _FILE)
        if body is None:
            raise PlanNotFound(record.digest, [told(other) for other in self.records()])
        record.refuse_changed({"plan file": hashlib.sha256(body).hexdigest()})
        return body

    def note_applied(self, record: PlanRecord, run: str) -> None:
        """Keep the record, as one that was applied; its file has served and holds secrets, so it goes."""
        self.store.put(record.digest + _RECORD, replace(record, applied=run).to_json().encode())
        for store in self.stores:
            store.delete(record.digest + _FILE)

    def remove_expired(self, now: datetime) -> None:
        """Delete expired plan files from the work folder; in a bucket the lifecycle rule does it."""
        folder = self.stores[-1]
        for name in folder.names():
            digest = name.removesuffix(_RECORD)
            record = self._read(digest) if _is_record(name) else None
            if record is not None and record.is_expired(now):
                folder.delete(digest + _FILE)

    def _digests(self) -> list[str]:
        names = {name for store in self.stores for name in store.names()}
        return sorted(name.removesuffix(_RECORD) for name in names if _is_record(name))

    def _read(self, digest: str) -> PlanRecord | None:
        body = self._get(digest + _RECORD)
        record = PlanRecord.from_json(body.decode()) if body else None
        if record is not None and digest_of(record.parts) != digest:
            raise PlanChanged(digest, self.stack.name, ["its record"])
        return record

    def _get(self, name: str) -> bytes | None:
        return next((body for store in self.stores if (body := store.get(name)) is not None), None)


def told(record: PlanRecord) -> str:
    """A stored plan in one line."""
    how = (
        "speculative" if record.speculative else f"applied by {record.applied}" if record.applied else "can be applied"
    )
    return f"{record.digest} (stack {record.stack}, made {record.created}, expires {record.expires}, {how})"


def write_plan_file(file: Path, body: bytes) -> None:
    """Put a stored plan where Terraform reads it, readable by us alone."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(body)


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


def _is_record(name: str) -> bool:
    return name.endswith(_RECORD) and "." not in name.removesuffix(_RECORD)


def _begins(digest: str, beginning: str) -> bool:
    return len(beginning) >= _SHORTEST and digest.startswith(beginning)


def _has_bucket(stack: TerraformStack, s3: Any) -> bool:
    """Whether there is a bucket to store plans in; one request."""
    if not isinstance(stack.backend, S3Backend):
        return False
    try:
        s3.head_bucket(Bucket=stack.backend.bucket)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True
