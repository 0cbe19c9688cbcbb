"""Materializing a stack in this process, and what came of it; for the tests of the Terraform integration."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    ExecuteInProcessResult,
    materialize,
)

from buildkit_dagster import DagsterTerraformTranslator, TerraformCliResource, TerraformStack, terraform_assets
from buildkit_dagster.terraform.rendered_root import AwsProvider, ModuleCall, RenderedRoot, S3Backend

ROOTS = Path(__file__).parent / "terraform" / "roots"
MODULES = Path(__file__).parent / "terraform" / "modules"
REGION, ACCOUNT = "us-east-1", "123456789012"


def copy_root(name: str, folder: Path) -> Path:
    """A root of its own for one test; its state is local."""
    return Path(shutil.copytree(ROOTS / name, folder / name))


def emulated_stack(name: str, bucket: str, work: Path, *calls: ModuleCall, **more: Any) -> TerraformStack:
    """A rendered stack of the test modules, its state in `bucket` of the emulator, its locks there and in a table."""
    provider = AwsProvider(REGION, ACCOUNT, path_style=True)
    backend = S3Backend(bucket, f"stacks/{name}/terraform.tfstate", REGION, f"{bucket}-locks", path_style=True)
    root = RenderedRoot(name, calls, provider, backend, MODULES)
    return TerraformStack.rendered(root, work, **more)


def assets_of(
    stack: TerraformStack, *args: str, translator: DagsterTerraformTranslator | None = None
) -> AssetsDefinition:
    @terraform_assets(stack=stack, dagster_terraform_translator=translator)
    def stack_assets(context: AssetExecutionContext, terraform: TerraformCliResource):  # type: ignore[no-untyped-def]
        yield from terraform.cli(args or ["apply"], context=context).stream()

    return stack_assets


@dataclass
class Run:
    """A finished run: units in the order they were reported, and everything anybody could read about it."""

    result: ExecuteInProcessResult
    instance: DagsterInstance

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def reported(self) -> list[str]:
        return [event.materialization.asset_key.path[-1] for event in self._materializations]

    @property
    def versions(self) -> dict[str, str]:
        return {
            event.materialization.asset_key.path[-1]: (event.materialization.tags or {})["dagster/data_version"]
            for event in self._materializations
        }

    @property
    def error(self) -> str:
        failures = [event for event in self.result.all_events if event.event_type_value == "STEP_FAILURE"]
        data = failures[0].step_failure_data
        return (data.user_failure_data.description or "") if data.user_failure_data else str(data.error)

    def metadata(self, unit: str) -> dict[str, Any]:
        """Metadata of a unit's materialization, with the outputs that followed."""
        found: dict[str, Any] = {}
        for event in self.result.all_events:
            if event.asset_key and event.asset_key.path[-1] == unit:
                if event.event_type_value == "ASSET_MATERIALIZATION":
                    found |= event.materialization.metadata
                if event.event_type_value == "ASSET_OBSERVATION":
                    found |= event.asset_observation_data.asset_observation.metadata
        return {key: value.value for key, value in found.items()}

    def events_with_outputs(self, unit: str) -> list[str]:
        """The events that tell a unit's outputs."""
        told = (event for event in self.result.all_events if event.asset_key and event.asset_key.path[-1] == unit)
        return [event.event_type_value for event in told if "'outputs'" in str(event.event_specific_data)]

    def logged(self) -> str:
        """All log lines and events of the run as text."""
        return "\n".join(str(entry) for entry in self.instance.all_logs(self.result.run_id))

    @property
    def _materializations(self) -> list[Any]:
        return [event for event in self.result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]


def materialize_stack(
    *stacks: TerraformStack | AssetsDefinition,
    units: list[str] | None = None,
    instance: DagsterInstance | None = None,
    plan: str | None = None,
    **resource: Any,
) -> Run:
    """Materialize the stacks in this process; `units` are those of the first one that are selected, `plan` is the
    digest of the stored plan to apply."""
    kept = instance or DagsterInstance.ephemeral()
    assets = [stack if isinstance(stack, AssetsDefinition) else assets_of(stack) for stack in stacks]
    selected = [key for key in assets[0].keys if key.path[-1] in units] if units is not None else None
    result = materialize(
        assets,
        selection=selected,
        run_config={"ops": {assets[0].op.name: {"config": {"plan": plan}}}} if plan is not None else None,
        instance=kept,
        resources={"terraform": TerraformCliResource(**resource)},
        raise_on_error=False,
    )
    return Run(result, kept)


def key_of(stack: str, unit: str) -> AssetKey:
    return AssetKey(["infra", stack, unit])
