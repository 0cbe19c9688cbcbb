"""Cases that `make test` leaves to `make test-all`: more of what its other cases show already, and minutes each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")


def cases(found: Iterable[Case], *, always: Callable[[Case], bool], name: Callable[[Case], str] = str) -> list[Any]:
    """Parameters of a test; those that are not for `always` are marked."""
    return [pytest.param(case, id=name(case), marks=[] if always(case) else [pytest.mark.thorough]) for case in found]
