"""The `lake` stack: one bucket per entry of `buckets`, each with its queue of object events where that is asked for."""

from __future__ import annotations

from typing import Any

from buildkit_dagster.config.buckets import Bucket
from buildkit_dagster.stacks.scope import LAKE, Scope, after_state_backend
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot


def lake_root(scope: Scope) -> RenderedRoot:
    calls = [_bucket(scope, name, bucket) for name, bucket in sorted(scope.platform.config.buckets.items())]
    return scope.root(LAKE, *map(after_state_backend, calls))


def _bucket(scope: Scope, name: str, bucket: Bucket) -> ModuleCall:
    inputs: dict[str, Any] = {
        "name": scope.platform.names.bucket(name),
        "account_id": scope.account,
        "force_destroy": scope.platform.config.cloud == "emulator",
    }
    if bucket.expire_days:
        inputs["expire_days"] = {"": bucket.expire_days}
    if bucket.notifications:
        inputs["notifications"] = {"queue_name": scope.platform.names.queue(name)}
    return scope.unit(name, "bucket", inputs)
