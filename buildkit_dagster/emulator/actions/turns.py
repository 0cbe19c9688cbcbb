"""Requests to one service take turns where moto walks through its records to answer.

It fails with "dictionary changed size during iteration" when another request adds one meanwhile, which Terraform's ten
at once do. A turn is short: these services keep records only.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.core.responses import BaseResponse
from moto.iam.responses import IamResponse
from moto.logs.responses import LogsResponse
from moto.ssm.responses import SimpleSystemManagerResponse

from buildkit_dagster.emulator.actions import replace


def install() -> None:
    """Let the requests to each of them wait for one another."""
    for service in (IamResponse, LogsResponse, SimpleSystemManagerResponse):
        _take_turns(service)


def _take_turns(service: type[BaseResponse]) -> None:
    turn = threading.RLock()

    def call_action(self: BaseResponse) -> Any:
        with turn:
            return BaseResponse.call_action(self)

    replace(service, call_action)
