"""IAM: AWS's own managed policies exist, so that roles can have them attached; requests take turns.

moto has the policies and loads them on request only; they are read when the first call to IAM comes. It walks through
its roles to find one, which fails when another request makes a role meanwhile.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.core.config import default_user_config
from moto.core.responses import BaseResponse
from moto.iam.responses import IamResponse

from buildkit_dagster.emulator.actions import replace

_turn = threading.RLock()


def install() -> None:
    """Let moto load the policies, and answer one request after the other."""
    default_user_config["iam"]["load_aws_managed_policies"] = True
    replace(IamResponse, call_action)


def call_action(self: IamResponse) -> Any:
    with _turn:
        return BaseResponse.call_action(self)
