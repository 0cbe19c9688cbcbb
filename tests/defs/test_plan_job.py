"""The job `plan` and the blast radius it tells: real Terraform, local state, nothing applied."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    DagsterEvent,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RepositoryDefinition,
    ScheduleDefinition,
    asset,
    define_asset_job,
    execute_job,
    in_process_executor,
    multi_asset,
)
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from buildkit_dagster import Ref, TerraformCliResource, TerraformStack, terraform_plan_job
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.defs.landscape import landscape_of
from buildkit_dagster.defs.planning import plan_stacks, stacks_in
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.errors import InvalidSelection, NoSuchStack, NoUnitSelected
from buildkit_dagster.naming import key_text
from buildkit_dagster.rules.blast_radius import blast_radius
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.plan_text import Shown, as_data, as_markdown, as_table
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.state import read_state
from tests.terraform_runs import ROOTS, assets_of, materialize_stack

#: A module whose resource is replaced by another when its text changes.
REPLACED = """
variable "text" {
  type = string
}

resource "terraform_data" "this" {
  triggers_replace = var.text
}

output "id" {
  value = terraform_data.this.id
}
"""


def stack_of(
    folder: Path,
    name: str,
    *calls: ModuleCall,
    upstream: tuple[TerraformStack, ...] = (),
    modules: Path = ROOTS / "repeated",
) -> TerraformStack:
    root = RenderedRoot(name, calls, None, None, modules)
    return TerraformStack.rendered(root, folder / ".buildkit" / "dev", upstream)


def two_stacks(folder: Path, text: str = "stone", *more: ModuleCall) -> tuple[TerraformStack, TerraformStack]:
    shore = stack_of(folder, "shore", ModuleCall("quay", "one", {"text": text}), *more)
    mooring = ModuleCall("mooring", "one", {"text": Ref("shore", "quay", "id")})
    return shore, stack_of(folder, "boats", mooring, upstream=(shore,))


class _Manifest:
    """What dagster-dbt puts into an asset's metadata."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest


def data_assets() -> list[AssetsDefinition]:
    """A table on the mooring, a model on the table, and one that hangs on nothing."""

    @asset(key=["till", "sales"], deps=[AssetKey(["infra", "boats", "mooring"])], kinds={"python"})
    def sales() -> None: ...

    exposure = {"name": "takings_report", "depends_on": {"nodes": ["model.shop.takings"]}}
    manifest = _Manifest({"sources": {}, "exposures": {"exposure.shop.takings_report": exposure}})

    @multi_asset(
        specs=[
            AssetSpec(
                ["shop", "takings"],
                deps=[["till", "sales"]],
                kinds={"dbt"},
                metadata={"dagster_dbt/unique_id": "model.shop.takings", "dagster_dbt/manifest": manifest},
            ),
            AssetSpec(["shop", "calendar"], kinds={"dbt"}),
        ],
        can_subset=True,
    )
    def shop():  # type: ignore[no-untyped-def]
        ...

    return [sales, shop]


def definitions_of(*stacks: TerraformStack) -> Definitions:
    assets = [*(assets_of(stack) for stack in stacks), *data_assets()]
    dbt = define_asset_job("dbt_shop", AssetSelection.groups("default") - AssetSelection.assets(["till", "sales"]))
    return Definitions(
        assets=assets,
        resources={"terraform": TerraformCliResource()},
        jobs=[
            terraform_plan_job(assets),
            define_asset_job("infrastructure", "kind:terraform", executor_def=in_process_executor),
            dbt,
            define_asset_job("calendar", "key:shop/calendar"),
        ],
        schedules=[ScheduleDefinition(name="nightly", job_name="dbt_shop", cron_schedule="0 2 * * *")],
    )


def planned(*stacks: TerraformStack, instance: DagsterInstance | None = None) -> ExecuteInProcessResult:
    job = definitions_of(*stacks).resolve_job_def("plan")
    return job.execute_in_process(instance=instance or DagsterInstance.ephemeral(), raise_on_error=False)


def observations(result: ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    found = (event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION")
    return {
        "/".join(event.asset_key.path): {  # type: ignore[union-attr]
            name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()
        }
        for event in found
    }


def quay_and_boats(folder: Path, text: str) -> tuple[TerraformStack, TerraformStack]:
    """Like `two_stacks`, of a module whose resource is replaced by another when its text changes."""
    (folder / "modules" / "one").mkdir(parents=True, exist_ok=True)
    (folder / "modules" / "one" / "main.tf").write_text(REPLACED)
    shore = stack_of(folder, "shore", ModuleCall("quay", "one", {"text": text}), modules=folder / "modules")
    mooring = ModuleCall("mooring", "one", {"text": Ref("shore", "quay", "id")})
    return shore, stack_of(folder, "boats", mooring, upstream=(shore,))


def repository_of_quay(folder: str, text: str) -> RepositoryDefinition:
    """For runs that know their code location, as a daemon's do."""
    return definitions_of(*quay_and_boats(Path(folder), text)).get_repository_def()


_QUAY = ModuleCodePointer(__name__, "repository_of_quay", None)


def blasts(events: Sequence[DagsterEvent]) -> list[tuple[str, str]]:
    """What materializations and observations note as `blast_radius`, with their keys."""
    found = []
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            metadata = event.materialization.metadata
        elif event.event_type_value == "ASSET_OBSERVATION":
            metadata = event.asset_observation_data.asset_observation.metadata
        else:
            continue
        if event.asset_key and "blast_radius" in metadata:
            found.append((key_text(event.asset_key.path), str(metadata["blast_radius"].value)))
    return found


def shown_of(stacks: tuple[TerraformStack, ...]) -> list[Shown]:
    repository = definitions_of(*stacks).get_repository_def()
    found, keys = stacks_in(list(repository.assets_defs_by_key.values()))
    wanted = chosen_units(found, None, None)

    def quiet(stack: TerraformStack) -> Gatekeeper:
        return TerraformCliResource(gates=Gates()).gatekeeper_of(stack, "run", lambda _: None)

    return list(plan_stacks(found, wanted, quiet, keys, landscape_of(repository)))


def test_the_job_plans_every_stack_in_order_and_applies_none(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path)
    instance = DagsterInstance.ephemeral()
    result = planned(boats, shore, instance=instance)
    assert result.success
    seen = observations(result)
    assert list(seen) == ["infra/shore/quay", "infra/boats/mooring"]
    (record,) = Plans(shore, None).records()
    assert seen["infra/shore/quay"]["plan_digest"] == record.digest == result.output_for_node("plan_shore")
    assert (seen["infra/shore/quay"]["speculative"], seen["infra/boats/mooring"]["speculative"]) == (False, True)
    assert "| quay | 1 | 0 | 0 |" in seen["infra/shore/quay"]["plan"]
    log = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert "## Stack shore" in log
    assert "Speculative: it counts on shore, only planned yet; it cannot be applied." in log
    assert (read_state(shore.backend, None).serial, read_state(boats.backend, None).serial) == (0, 0)


def test_a_plan_that_changes_nothing_stands_for_the_state(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path)
    assert materialize_stack(shore).success
    Plans(shore, None).store.put("left.json", b"not a record of this stack")
    Plans(shore, None).store.delete("left.json")
    result = planned(shore, boats)
    assert result.output_for_node("plan_shore") == ""
    assert observations(result)["infra/boats/mooring"]["speculative"] is False


def test_what_hangs_on_a_unit_that_loses_something_is_told(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path, "stone", ModuleCall("crane", "one", {"text": "steel"}))
    for stack in (shore, boats):
        assert materialize_stack(stack).success
    without_quay = stack_of(tmp_path, "shore", ModuleCall("crane", "one", {"text": "steel"}))
    repository = definitions_of(shore, boats).get_repository_def()
    landscape = landscape_of(repository)
    radius = blast_radius(["infra/shore/quay"], landscape)
    assert (radius.tables, radius.models) == (("till/sales",), ("shop/takings",))
    assert (radius.jobs, radius.schedules, radius.exposures) == (("dbt_shop",), ("nightly",), ("takings_report",))
    assert radius.others == ("infra/boats/mooring",)
    assert blast_radius(["infra/shore/crane"], landscape).downstream == {}
    (shown,) = shown_of((without_quay,))
    assert shown.blast.units == ("infra/shore/quay",)
    assert "- module.quay.terraform_data.this" in as_table([shown])


def test_what_hangs_on_a_unit_that_is_replaced_is_told_and_noted_on_it_by_the_plan_and_by_the_run(
    tmp_path: Path,
) -> None:
    with DagsterInstance.ephemeral() as instance:

        def run(job: str, text: str) -> Sequence[DagsterEvent]:
            found = ReconstructableRepository(CustomPointer(_QUAY, (str(tmp_path), text), ()))
            with execute_job(ReconstructableJob(found, job), instance, raise_on_error=True) as result:
                return result.all_events

        first = run("infrastructure", "wood")
        (shown, _) = shown_of(quay_and_boats(tmp_path, "stone"))
        planned, replaced = run("plan", "stone"), run("infrastructure", "stone")
    hanging = [line for line in as_table([shown]).splitlines() if "hangs on it" in line]
    assert hanging == [
        "  hangs on it: jobs: dbt_shop",
        "  hangs on it: tables: till/sales",
        "  hangs on it: dbt models: shop/takings",
        "  hangs on it: schedules: nightly",
        "  hangs on it: exposures: takings_report",
        "  hangs on it: other assets: infra/boats/mooring",
    ]
    (noted,) = blasts(planned)
    assert (noted[0], blasts(replaced), blasts(first)) == ("infra/shore/quay", [noted], [])
    assert noted[1].splitlines()[:4] == ["- units (1):", "  - `infra/shore/quay`", "- jobs (1):", "  - `dbt_shop`"]
    assert all(f"`{name}`" in noted[1] for name in ("till/sales", "shop/takings", "nightly", "takings_report"))


def test_a_report_names_what_is_planned_and_holds_no_value(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path, "canary-7341")
    shown = shown_of((shore, boats))
    (text,) = as_markdown(shown)
    data = as_data(shown)
    record = Plans(shore, None).records()[0]
    assert [each["stack"] for each in data] == ["shore", "boats"]
    assert (data[0]["digest"], data[0]["speculative"], data[1]["speculative"]) == (record.digest, [], ["shore"])
    assert data[0]["changes"] == [{"address": "module.quay.terraform_data.this", "unit": "quay", "actions": ["create"]}]
    assert f"| shore | 1 | 0 | 0 | `{record.digest}` |" in text
    assert "- + `module.mooring.terraform_data.this`" in text
    assert "canary-7341" not in text + str(data) + as_table(shown)


def test_a_long_report_comes_in_parts_that_each_fit_into_a_comment(tmp_path: Path) -> None:
    calls = [ModuleCall(f"unit_{number}", "one", {"text": "x"}) for number in range(40)]
    shown = shown_of((stack_of(tmp_path, "many", *calls),))
    parts = as_markdown(shown, longest=1500)
    assert len(parts) > 1
    assert all(len(part) <= 1500 for part in parts)
    assert all(part.startswith("_(goes on from the part before)_") for part in parts[1:])
    told = [line for part in parts for line in part.splitlines() if line.startswith("- + ")]
    assert told == [
        f"- + `module.{call.name}.terraform_data.this`" for call in sorted(calls, key=lambda call: call.name)
    ]


def test_a_stack_that_cannot_be_planned_leaves_out_those_that_need_it_only(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path)
    broken = stack_of(tmp_path, "shore", ModuleCall("quay", "one", {"wrong": "x"}))
    alone = stack_of(tmp_path, "alone", ModuleCall("rock", "one", {"text": "x"}))
    found = {each.stack: each for each in shown_of((alone, boats, broken))}
    assert "terraform plan failed for stack 'shore'" in found["shore"].error or "init" in found["shore"].error
    assert found["boats"].error == "not planned, because the plan of shore failed"
    assert found["alone"].plan is not None
    assert shore.name == broken.name


def test_a_selection_is_written_as_dagster_writes_it(tmp_path: Path) -> None:
    shore, boats = two_stacks(tmp_path)
    repository = definitions_of(shore, boats).get_repository_def()

    def chosen(selection: str | None, stack: str | None = None) -> dict[str, tuple[str, ...]]:
        found = chosen_units((shore, boats), selection, stack, repository.asset_graph)
        return {each.name: units for each, units in found.items()}

    assert chosen('key:"infra/shore/*"') == {"shore": ("quay",)}
    assert chosen('1+key:"till/sales"') == {"boats": ("mooring",)}
    assert chosen(None, "boats") == {"boats": ("mooring",)}
    with pytest.raises(NoSuchStack, match="allowed: shore, boats"):
        chosen(None, "ships")
    with pytest.raises(NoUnitSelected):
        chosen('key:"shop/*"')
    with pytest.raises(InvalidSelection):
        chosen("key:((")
