"""Taking into the state what a dead Terraform created and could not save: by its id, or by the tag of its unit.

What was created is read from the journal, ids and types are data in `import_ids.py`. Whatever cannot be taken in is
said in words for one error; nothing is dropped without a word. When this happens is `recovery.py`'s.
"""

from __future__ import annotations

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.errors import CloudRefused, CommandFailed, RetryableFailure
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.import_ids import TAGGED, is_made_anew, is_state_only
from buildkit_dagster.terraform.journal import Journal, Lost
from buildkit_dagster.terraform.tagged import UNIT_TAG, find_tagged, unit_tag

#: What `terraform import` says where there is nothing to import.
_NOTHING_THERE = ("Cannot import non-existent remote object", "NoSuchEntity", "NotFound", "NoSuchBucket", "(404")


def import_lost(engine: Engine, journal: Journal) -> list[str]:
    """Import what the journal has and the state lacks; a text for each creation that is left unknown."""
    if not journal.lost(frozenset()):
        return []
    outcomes = [_take_in(engine, lost) for lost in journal.lost(engine.state().addresses)]
    return [outcome for outcome in outcomes if outcome is not None]


def _take_in(engine: Engine, lost: Lost) -> str | None:
    """Import one resource, or say that it need not be; what to look for where it is not known."""
    if is_state_only(lost.create.type):
        engine.tell(f"{lost.address} exists in the state only, and is made anew.")
        return None
    if lost.contested:
        _claim(engine, lost)
        return None
    ids, place = ([lost.id], "") if lost.id is not None else _by_tag(engine, lost)
    if len(ids) == 1:
        return _import(engine, lost, ids[0])
    if is_made_anew(lost.create.type):
        engine.tell(f"{lost.address} may be set already, and is set again.")
        return None
    found = f"{len(ids)} objects fit: {', '.join(ids)}" if ids else "none was found"
    return _named(engine, lost, f"{found}{place}")


def _claim(engine: Engine, lost: Lost) -> None:
    """Keep an object that was there already if it carries the unit's tag: the answer to its creation was lost.

    Terraform has said that it is there. Only importing it tells whose it is, whatever its type.
    """
    if lost.id is None or engine.stack.source is None:
        return
    try:
        engine.import_resource(lost.address, lost.id)
    except RetryableFailure:
        raise
    except CommandFailed:
        return
    (found,) = [resource for resource in engine.state().resources if resource.address == lost.address]
    if (found.values.get("tags") or {}).get(UNIT_TAG) == _tag(engine, lost):
        engine.tell(f"Imported {lost.address}: {lost.id} carries the tag of its unit.")
        return
    engine.forget(lost.address)
    engine.tell(f"{lost.address} ({lost.id}) is there and does not carry the tag of its unit: it is somebody else's.")


def _by_tag(engine: Engine, lost: Lost) -> tuple[list[str], str]:
    """Import ids of what could be it, and where was looked."""
    kind = TAGGED.get(lost.create.type)
    if kind is None or engine.stack.source is None:
        return [], ", as there is no rule to find one by"
    try:
        with told_as_ours():
            found = find_tagged(engine.tagging, kind, _tag(engine, lost), engine.state())
    except CloudRefused as error:
        return [], f", as looking for it was refused ({error})"
    return found, f" among {kind.filter} outside the state"


def _import(engine: Engine, lost: Lost, import_id: str) -> str | None:
    try:
        engine.import_resource(lost.address, import_id)
    except RetryableFailure:
        raise
    except CommandFailed as error:
        if any(sign in str(error) for sign in _NOTHING_THERE):
            engine.tell(f"{lost.address} ({import_id}) {'is gone again' if lost.certain else 'was not made'}.")
            return None
        return _named(engine, lost, f"{import_id} could not be imported: {error}")
    engine.tell(f"Imported {lost.address}, which an interrupted apply had created ({import_id}).")
    return None


def _named(engine: Engine, lost: Lost, reason: str) -> str:
    values = ", ".join(f"{name} = {value}" for name, value in lost.create.values.items())
    tagged = f", tagged {UNIT_TAG} = {_tag(engine, lost)}" if engine.stack.source is not None else ""
    done = "was made" if lost.certain else "was being made"
    described = f" with {values}" if values else ""
    return f"{lost.address} {done}: look for a {lost.create.type}{described}{tagged}; {reason}"


def _tag(engine: Engine, lost: Lost) -> str:
    return unit_tag(engine.stack.name, engine.stack.root.unit_of(lost.address))
