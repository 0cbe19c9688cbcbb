"""Lambda: how a function is invoked asynchronously can be changed, and only what there is can be sent somewhere.

moto keeps every configuration it was given and answers with the first. Delivering events is `executors/lambda_events`'.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import EventInvokeConfig, LambdaBackend

from buildkit_dagster.emulator.actions import Refused, replace

_SENDABLE = ("sqs", "sns")


def install() -> None:
    """Let a configuration take the place of the one before it."""
    replace(LambdaBackend, put_function_event_invoke_config, update_function_event_invoke_config)


def put_function_event_invoke_config(self: LambdaBackend, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The one configuration of the function."""
    for name, wanted in config.get("DestinationConfig", {}).items():
        arn = wanted.get("Destination")
        if arn and arn.split(":")[2] not in _SENDABLE:
            raise Refused("NotEmulated", f"{name}: the emulator sends to {' and '.join(_SENDABLE)}, not to {arn}")
    function = self.get_function(function_name)
    function.event_invoke_config = [EventInvokeConfig(function.function_arn, function.last_modified, config)]
    return function.event_invoke_config[0].response()


def update_function_event_invoke_config(
    self: LambdaBackend, function_name: str, config: dict[str, Any]
) -> dict[str, Any]:
    """Change what is named, keep the rest."""
    before = self.get_function(function_name).event_invoke_config
    return put_function_event_invoke_config(self, function_name, {**(before[0].config if before else {}), **config})
