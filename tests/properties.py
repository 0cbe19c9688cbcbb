"""How the property tests run: the same examples every time, few enough for every run of the suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st


def examples(number: int) -> Callable[[Any], Any]:
    """A decorator: `number` examples, without a deadline since machines are busy."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


#: Text as users write it, with what needs escaping more often than chance would have it.
texts = st.lists(
    st.one_of(
        st.sampled_from(["${", "%{", "$${", "}", '"', "\\", "\n", "$", "%", "~}", "é", " "]), st.text(max_size=5)
    ),
    max_size=8,
).map("".join)

#: Any JSON value.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
