"""A data platform as one Dagster asset graph. The public API is re-exported here.

`TerraformStack`, `terraform_assets`, `TerraformCliResource` and `DagsterTerraformTranslator` make assets of any
Terraform root, `TerraformStackComponent` does so from YAML. They are looked up when first used: the commands that need
no Dagster should not wait for its import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildkit_dagster.config.gates import Gates
    from buildkit_dagster.defs.approving import approve_plan
    from buildkit_dagster.defs.drift import terraform_drift_checks
    from buildkit_dagster.defs.locks import terraform_lock_checks, terraform_lock_sensor, terraform_release_job
    from buildkit_dagster.defs.planning import terraform_plan_job
    from buildkit_dagster.defs.policy import terraform_policy_checks
    from buildkit_dagster.defs.start import refuse_to_start
    from buildkit_dagster.defs.terraform.assets import terraform_assets
    from buildkit_dagster.defs.terraform.component import TerraformStackComponent
    from buildkit_dagster.defs.terraform.resource import TerraformCliResource
    from buildkit_dagster.defs.terraform.translator import DagsterTerraformTranslator
    from buildkit_dagster.terraform.rendered_root import Ref
    from buildkit_dagster.terraform.stack import TerraformStack

__all__ = [
    "DagsterTerraformTranslator",
    "Gates",
    "Ref",
    "TerraformCliResource",
    "TerraformStack",
    "TerraformStackComponent",
    "approve_plan",
    "refuse_to_start",
    "terraform_assets",
    "terraform_drift_checks",
    "terraform_lock_checks",
    "terraform_lock_sensor",
    "terraform_plan_job",
    "terraform_policy_checks",
    "terraform_release_job",
]

_HOMES = {
    "DagsterTerraformTranslator": "defs.terraform.translator",
    "Gates": "config.gates",
    "Ref": "terraform.rendered_root",
    "TerraformCliResource": "defs.terraform.resource",
    "TerraformStack": "terraform.stack",
    "TerraformStackComponent": "defs.terraform.component",
    "approve_plan": "defs.approving",
    "refuse_to_start": "defs.start",
    "terraform_assets": "defs.terraform.assets",
    "terraform_drift_checks": "defs.drift",
    "terraform_lock_checks": "defs.locks",
    "terraform_lock_sensor": "defs.locks",
    "terraform_plan_job": "defs.planning",
    "terraform_policy_checks": "defs.policy",
    "terraform_release_job": "defs.locks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """`dg` looks for components here."""
    return sorted({*globals(), *__all__})
