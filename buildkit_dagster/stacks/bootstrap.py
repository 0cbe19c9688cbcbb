"""The `bootstrap` stack: the state bucket, and the roles GitHub's workflows take on.

It makes the bucket its own state ends up in; how it gets there is `terraform/migrate.py`.
"""

from __future__ import annotations

from typing import Any

from buildkit_dagster.stacks.permissions import apply_policy, workload_boundary
from buildkit_dagster.stacks.scope import BOOTSTRAP, STATE_BACKEND, Scope
from buildkit_dagster.terraform.render import RenderedRoot, UnitRef

GITHUB_OIDC = "github_oidc"


def bootstrap_root(scope: Scope) -> RenderedRoot:
    """The stack as it is once its state lies in the bucket."""
    return scope.root(
        BOOTSTRAP,
        scope.unit(STATE_BACKEND, "state_backend", _state_backend(scope)),
        scope.unit(GITHUB_OIDC, "github_oidc", _github_oidc(scope)),
    )


def _state_backend(scope: Scope) -> dict[str, Any]:
    names, config = scope.platform.names, scope.platform.config
    return {
        "bucket_name": names.state_bucket(),
        "lock_table_name": names.lock_table() if config.lock_table else None,
        # An emulated bucket is gone with the emulator anyway; it must not hold up a destroy.
        "force_destroy": config.cloud == "emulator",
    }


def _github_oidc(scope: Scope) -> dict[str, Any]:
    names, github = scope.platform.names, scope.platform.config.github
    inputs: dict[str, Any] = {
        "organization": github.organization,
        "repository": github.repository,
        "plan_role_name": names.plan_role(),
        "plan_branches": list(github.plan_branches),
        "apply_role_name": names.apply_role(),
        "apply_environment": github.apply_environment,
        "apply_policy": apply_policy(scope),
        "workload_boundary": {"name": scope.boundary_name(), "policy": workload_boundary()},
        "state_bucket_arn": UnitRef(STATE_BACKEND, "bucket_arn"),
    }
    if scope.platform.config.lock_table:
        inputs["lock_table_arn"] = UnitRef(STATE_BACKEND, "lock_table_arn")
    return inputs
