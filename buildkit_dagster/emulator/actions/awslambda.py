"""Lambda: what a function is told about logs, keys, storage, images and dead letters stays as it was told.

moto takes these at a function's creation, or drops them, and forgets every later change. What functions do when they
are invoked is in `executors/`.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import ImageConfig, LambdaFunction

from buildkit_dagster.emulator.actions import replace

#: Settings moto knows nothing of: what was sent is what is read.
_KEPT = ("LoggingConfig", "DeadLetterConfig")


def install() -> None:
    """Keep every setting of a function, at its creation and at every change."""
    moto_init, moto_update = LambdaFunction.__init__, LambdaFunction.update_configuration
    moto_configuration = LambdaFunction.get_configuration

    def __init__(self: LambdaFunction, account_id: str, spec: dict[str, Any], *args: Any, **more: Any) -> None:
        moto_init(self, account_id, spec, *args, **more)
        _keep(self, spec)

    def update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        moto_update(self, config_updates)
        _keep(self, config_updates)
        _change(self, config_updates)
        return self.get_configuration()

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        return {**moto_configuration(self, on_create), **getattr(self, "_buildkit_kept", {})}

    replace(LambdaFunction, __init__, update_configuration, get_configuration)


def _keep(function: LambdaFunction, told: dict[str, Any]) -> None:
    kept = {name: told[name] for name in _KEPT if told.get(name)}
    vars(function)["_buildkit_kept"] = {**getattr(function, "_buildkit_kept", {}), **kept}
    group = kept.get("LoggingConfig", {}).get("LogGroup")
    if group:
        function.logs_group_name = group


def _change(function: LambdaFunction, told: dict[str, Any]) -> None:
    """What moto keeps from the creation on."""
    if "KMSKeyArn" in told:
        function.kms_key_arn = told["KMSKeyArn"]
    if "EphemeralStorage" in told:
        function.ephemeral_storage = told["EphemeralStorage"]["Size"]
    if "ImageConfig" in told:
        function.image_config = ImageConfig(told["ImageConfig"])
    if "TracingConfig" in told:
        function.tracing_config = told["TracingConfig"]
