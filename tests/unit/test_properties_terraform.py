"""What Terraform writes is read whatever it is, and what we write is read back, as properties."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.errors import ApplyFailed, TerraformError
from buildkit_dagster.terraform.digest import PARTS, differing, digest_of, hash_of
from buildkit_dagster.terraform.events import TerraformEvent, json_object_in, read_events
from buildkit_dagster.terraform.failures import failure
from buildkit_dagster.terraform.journal import Journal, PlannedCreate, open_journal, unsettled
from buildkit_dagster.terraform.locks import read_s3_lock
from buildkit_dagster.terraform.reading import analyse
from buildkit_dagster.terraform.render import body_of, escape
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref, RenderedRoot, Text, UnitRef
from tests.properties import examples, json_values, texts

KINDS = ("apply_start", "apply_complete", "apply_errored", "diagnostic", "change_summary")
#: Lines around Terraform's JSON, none of them an object of its own.
warnings = st.lists(
    st.sampled_from(["│ Warning: deprecated {", "╷", "{not json}", "  [1]", "}, {", '"{"', "{", "See {x: 1}"]),
    max_size=4,
).map(lambda lines: "".join(f"{line}\n" for line in lines))
events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | json_values},
    optional={"hook": json_values, "diagnostic": json_values, "@message": json_values},
)


@given(document=st.dictionaries(st.text(max_size=8), json_values, max_size=5), before=warnings, after=warnings)
@examples(200)
def test_the_json_document_is_found_among_warnings(document: dict[str, Any], before: str, after: str) -> None:
    assert json_object_in(f"{before}{json.dumps(document)}\n{after}") == document


@given(lines=st.lists(st.binary(max_size=60) | events.map(lambda event: json.dumps(event).encode()), max_size=6))
@examples(200)
def test_any_bytes_are_read_as_events_or_left_out(tmp_path_factory: Any, lines: list[bytes]) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "events.jsonl"
    file.write_bytes(b"\n".join(lines))
    for event in read_events(file):
        assert isinstance(event.message, str)
        assert event.address is None or isinstance(event.address, str)
        assert event.id is None or isinstance(event.id, str)
        assert event.diagnostic is None or isinstance(event.diagnostic, Mapping)
        assert (event.action is None or isinstance(event.action, str), event.is_told in (True, False)) == (True, True)
    assert isinstance(failure(ApplyFailed, "net", file, 1), TerraformError)
    journal = Journal(file.parent, "events", 1, None, "me@here", "2026-11-24T00:00:00+00:00")
    assert {lost.address for lost in journal.lost(set())} <= {event.address for event in read_events(file)}


def test_what_json_cannot_hold_is_no_event() -> None:
    assert TerraformEvent.parse("[" * 100_000) is None
    assert TerraformEvent.parse('{"type": ' + "1" * 5_000 + "}") is None


@given(body=st.binary(max_size=80) | json_values.map(lambda value: json.dumps(value).encode()))
@examples(200)
def test_a_lock_that_cannot_be_read_is_somebody_elses(body: bytes) -> None:
    lock = read_s3_lock(_Bucket(body), "state", "key")
    assert lock is not None
    assert lock.etag == "etag"
    assert isinstance(str(lock), str)


class _Bucket:
    """As much of an S3 client as reading a lock takes."""

    class exceptions:
        class NoSuchKey(Exception): ...

        class NoSuchBucket(Exception): ...

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._body), "ETag": "etag", "LastModified": None}


@given(
    run=st.from_regex(r"\A[a-z0-9-]{1,20}\Z"),
    creates=st.dictionaries(
        texts, st.builds(PlannedCreate, texts, st.dictionaries(texts, texts, max_size=3)), max_size=3
    ),
    provider=st.dictionaries(st.text(max_size=5), texts, max_size=2),
)
@examples(60)
def test_a_journal_is_read_back_as_it_was_written(
    tmp_path_factory: Any, run: str, creates: dict[str, PlannedCreate], provider: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written = open_journal(folder, run, 1, "mark", provider, creates).with_lock("lock")
    assert unsettled(folder) == [written]


names = st.from_regex(r"\A[a-z][a-z0-9_-]{0,8}\Z")


@given(
    units=st.lists(names, min_size=1, max_size=4, unique=True),
    inputs=st.lists(st.dictionaries(texts, json_values | texts, max_size=3), min_size=4, max_size=4),
    links=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), texts), max_size=4),
    refs=st.lists(st.tuples(st.integers(0, 3), names, names), max_size=3),
)
@examples(150)
def test_a_rendered_root_has_the_edges_it_was_made_of_whatever_stands_in_its_data(
    units: list[str], inputs: list[dict[str, Any]], links: list[Any], refs: list[Any]
) -> None:
    needs: dict[str, set[str]] = {unit: set() for unit in units}
    takes: dict[str, set[str]] = {unit: set() for unit in units}
    given_to: dict[str, dict[str, Any]] = {unit: {"data": inputs[i]} for i, unit in enumerate(units)}
    for number, (into, out_of, between) in enumerate(links):
        if out_of < into < len(units):
            given_to[units[into]][f"link{number}"] = [Text(between, UnitRef(units[out_of], "id"), between)]
            needs[units[into]].add(units[out_of])
    for number, (into, stack, unit) in enumerate(refs):
        if into < len(units):
            ref = Ref(stack, unit, "id")
            given_to[units[into]][f"ref{number}"] = ref
            takes[units[into]].add(ref.variable)
    calls = tuple(ModuleCall(unit, "part", given_to[unit]) for unit in units)
    root = analyse([_body(calls)], "net", Path("nowhere"), {})
    assert {unit.name: set(unit.needs) for unit in root.units} == needs
    assert {unit.name: set(unit.variables) for unit in root.units} == takes


def _body(calls: tuple[ModuleCall, ...]) -> dict[str, Any]:
    rendered = RenderedRoot("net", calls, None, None)
    return json.loads(json.dumps(body_of(rendered, {"part": ("id",)}, Path("modules"))))


@given(text=texts)
@examples(200)
def test_escaped_text_has_no_expression_in_it(text: str) -> None:
    escaped = escape(text)
    assert "${" not in escaped.replace("$${", "-").replace('${"\\r"}', "-")
    assert "%{" not in escaped.replace("%%{", "-")
    if "${" not in text and "%{" not in text:
        assert escaped == text


parts_of_plans = st.fixed_dictionaries({part: st.text(max_size=4) for part in PARTS})


@given(parts=parts_of_plans, part=st.sampled_from(PARTS), other=st.text(max_size=4))
@examples(150)
def test_a_digest_changes_with_every_part_and_with_nothing_else(parts: dict[str, str], part: str, other: str) -> None:
    changed = {**parts, part: other}
    assert digest_of(dict(reversed(parts.items()))) == digest_of(parts)
    assert (digest_of(changed) == digest_of(parts)) == (other == parts[part])
    assert differing(parts, changed) == (() if other == parts[part] else (part,))


@given(value=st.dictionaries(st.text(max_size=5), json_values, max_size=4), key=st.text(max_size=5))
@examples(150)
def test_a_hash_of_data_does_not_know_the_order_of_its_keys_and_needs_its_key(value: dict[str, Any], key: str) -> None:
    assert hash_of(dict(reversed(value.items())), key) == hash_of(value, key)
    assert hash_of(value, key) != hash_of(value, key + "x")
    assert hash_of({**value, "more": 1}, key) != hash_of({**value, "more": "1"}, key)
