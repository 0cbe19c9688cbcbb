"""What moto lacks or gets wrong, one file per service; all of it changes what later reads return.

Only answers to API calls are here: what runs builds and tasks is in `executors/`. `install` is called once, before the
first request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException


class Refused(ServiceException):
    """An error to be answered, as `Refused(code, message)`; moto looks for the classes of its own modules only."""


def replace(owner: type, *functions: Callable[..., Any]) -> None:
    """Make each function a method of one of moto's classes, under its own name."""
    for function in functions:
        setattr(owner, function.__name__, function)
