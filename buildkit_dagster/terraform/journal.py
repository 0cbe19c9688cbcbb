"""The journal of an apply: which Terraform it was, and its events; the next run reads one that never settled.

A journal is two files, `<run>.json` (who runs) and `<run>.jsonl` (Terraform's own event stream, which it writes itself
and goes on writing when our worker is killed). A run that ends with the state written settles its journal, which
deletes both; one that stays tells the next run what a dead Terraform had done. Reading single events belongs to
`events.py`, acting on locks to `locks.py`, import ids to `import_ids.py`.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from buildkit_dagster.process import is_alive
from buildkit_dagster.terraform.events import TerraformEvent, read_events
from buildkit_dagster.terraform.failures import is_there, is_unheard
from buildkit_dagster.terraform.import_ids import known_id

_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


@dataclass(frozen=True)
class PlannedCreate:
    """A resource the plan creates: its type and those planned values an import id could be made of."""

    type: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lost:
    """A resource that a Terraform created, or (not `certain`) had begun to; `id` is what import takes, if known."""

    address: str
    create: PlannedCreate
    id: str | None
    certain: bool
    contested: bool = False


@dataclass(frozen=True)
class Journal:
    """One apply. `mark` is the start mark of `pid`; times are ISO 8601 in UTC; `lock_id` comes later.

    `since` is the start by the clock of the state's store, None where it did not tell the time. One with `gaps` lacks
    events: Terraform failed and could not even write why, as on a full disk.
    """

    directory: Path
    run: str
    pid: int
    mark: str | None
    who: str
    started: str
    provider: Mapping[str, str] = field(default_factory=dict)
    creates: Mapping[str, PlannedCreate] = field(default_factory=dict)
    lock_id: str | None = None
    since: str | None = None
    gaps: bool = False

    @property
    def events(self) -> Path:
        """The file Terraform writes its JSON events to."""
        return self.directory / f"{self.run}.jsonl"

    @property
    def alive(self) -> bool:
        """Whether this journal's Terraform still runs on this machine."""
        return self.who == who() and is_alive(self.pid, self.mark)

    def write(self) -> Journal:
        """Store the header, readable by us alone; the file is complete or not there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = {key: value for key, value in asdict(self).items() if key != "directory"}
        draft = self.directory / f".{self.run}.draft"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(data, file)
        draft.replace(self._header)
        return self

    def with_lock(self, lock_id: str) -> Journal:
        """Record which lock our Terraform holds."""
        return replace(self, lock_id=lock_id).write()

    def with_gaps(self) -> Journal:
        """Record that its events do not tell everything."""
        return replace(self, gaps=True).write()

    @property
    def tells_why(self) -> bool:
        """Whether Terraform wrote down an error."""
        return any((event.diagnostic or {}).get("severity") == "error" for event in read_events(self.events))

    def settle(self) -> None:
        """The state holds all that was done: forget this apply."""
        self._header.unlink(missing_ok=True)
        self.events.unlink(missing_ok=True)

    def began_to_apply(self) -> bool:
        """Whether Terraform changed something, which it does with the lock held only."""
        return any(True for _ in self._events_of("apply_start"))

    def lost(self, known: Set[str]) -> list[Lost]:
        """Every creation of this apply that is not among the `known` addresses of the state."""
        planned = {address: self._lost(address, None, certain=False) for address in self.creates if self.gaps}
        found = {**planned, **self._in_flight(), **self._in_doubt(), **self._completed()}
        return [lost for address, lost in sorted(found.items()) if address not in known]

    def _completed(self) -> dict[str, Lost]:
        """Creations that ended well."""
        return {
            address: self._lost(address, event.id, certain=True)
            for address, event in self._events_of("apply_complete")
            if event.action == "create"
        }

    def _in_flight(self) -> dict[str, Lost]:
        """Creations that were begun and never ended, for better or worse."""
        ended = {address for kind in ("apply_complete", "apply_errored") for address, _ in self._events_of(kind)}
        begun = {address for address, event in self._events_of("apply_start") if event.action == "create"}
        return {address: self._lost(address, None, certain=False) for address in begun - ended}

    def _in_doubt(self) -> dict[str, Lost]:
        """Creations that failed and may have happened: a request was cancelled, or its answer was lost."""
        found = {}
        for event in read_events(self.events):
            diagnostic = event.diagnostic or {}
            address, text = str(diagnostic.get("address")), f"{diagnostic.get('summary')} {diagnostic.get('detail')}"
            if diagnostic.get("severity") != "error" or address not in self.creates:
                continue
            if is_unheard(text):
                found[address] = self._lost(address, None, certain=False)
            elif is_there(text):
                found[address] = replace(self._lost(address, None, certain=False), contested=True)
        return found

    def _lost(self, address: str, printed: str | None, *, certain: bool) -> Lost:
        create = self.creates.get(address) or PlannedCreate(_type_of(address))
        return Lost(address, create, known_id(create.type, printed, create.values, self.provider), certain)

    def _events_of(self, kind: str) -> Iterator[tuple[str, TerraformEvent]]:
        """Address and event, of every event of this kind; a line cut off by the kill is none."""
        for event in read_events(self.events):
            if event.kind == kind and event.address is not None:
                yield event.address, event

    @property
    def _header(self) -> Path:
        return self.directory / f"{self.run}.json"


def _type_of(address: str) -> str:
    """The resource type in an address; indexes may hold dots."""
    return _INDEX.sub("", address).rpartition(".")[0].rpartition(".")[2]


def open_journal(
    directory: Path,
    run: str,
    pid: int,
    mark: str | None,
    provider: Mapping[str, str],
    creates: Mapping[str, PlannedCreate],
    since: str | None = None,
) -> Journal:
    """Begin the journal of an apply whose Terraform has just been started as `pid`."""
    now = datetime.now(UTC).isoformat()
    return Journal(directory, run, pid, mark, who(), now, dict(provider), dict(creates), since=since).write()


def unsettled(directory: Path) -> list[Journal]:
    """The journals of applies that never settled, oldest first."""
    found = []
    for header in directory.glob("*.json"):
        try:
            data = json.loads(header.read_text())
        except FileNotFoundError:
            # Another process has settled it just now.
            continue
        data["creates"] = {address: PlannedCreate(**create) for address, create in data["creates"].items()}
        found.append(Journal(directory=directory, **data))
    return sorted(found, key=lambda journal: journal.started)


def who() -> str:
    """What Terraform writes into a lock as its holder: user@host."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
