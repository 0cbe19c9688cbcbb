"""The digest of a plan: the same for the same input, another for any other, and it says which part differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.terraform.digest import PARTS, differing, digest_of, hash_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SETS = st.fixed_dictionaries({part: st.text() for part in PARTS})


def shuffled(value: object) -> object:
    """The same data with its keys in another order."""
    if isinstance(value, dict):
        return {name: shuffled(inner) for name, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


@given(JSON, st.text())
def test_the_order_of_keys_makes_no_difference(value: object, key: str) -> None:
    assert hash_of(value, key) == hash_of(shuffled(value), key)


@given(JSON, JSON)
def test_other_data_has_another_hash(one: object, other: object) -> None:
    assert (hash_of([one]) == hash_of([other])) == (repr(shuffled(one)) == repr(shuffled(other)) or _same(one, other))


def _same(one: object, other: object) -> bool:
    """Equal as JSON: `True` is not 1 there."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


@given(SETS, st.sampled_from(PARTS), st.text(min_size=1))
def test_a_part_that_differs_changes_the_digest_and_is_named(parts: dict[str, str], part: str, more: str) -> None:
    changed = {**parts, part: parts[part] + more}
    assert digest_of(changed) != digest_of(parts)
    assert differing(parts, changed) == (part,)
    assert differing(parts, dict(reversed(parts.items()))) == ()
    assert digest_of(dict(reversed(parts.items()))) == digest_of(parts)


def test_whoever_does_not_know_the_key_cannot_try_short_values_out() -> None:
    assert hash_of("hunter2", "nonce") not in {hash_of("hunter2"), hash_of("hunter2", "other")}


def test_a_part_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="weather"):
        digest_of({"weather": "fine"})
