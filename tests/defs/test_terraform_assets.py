"""Terraform roots as Dagster assets: real Terraform, local state, no provider to download."""

import json
import re
import stat
from pathlib import Path

import pytest
from dagster import AssetSpec, DagsterInstance, Definitions

from buildkit_dagster import (
    DagsterTerraformTranslator,
    Ref,
    TerraformCliResource,
    TerraformStack,
    terraform_drift_checks,
)
from buildkit_dagster.defs.terraform import invocation
from buildkit_dagster.errors import InvalidRoot, UpstreamOutputMissing
from buildkit_dagster.terraform.outputs import read_outputs, resolve
from buildkit_dagster.terraform.plans import Plans
from tests.terraform_runs import assets_of, copy_root, key_of, materialize_stack


def test_a_root_written_by_hand_is_materialized_unit_by_unit_in_dependency_order(tmp_path: Path) -> None:
    run = materialize_stack(TerraformStack(copy_root("mixture", tmp_path)))
    assert run.success, run.error
    assert sorted(run.reported) == sorted(
        ["first", "alone", "through_local", "through_depends_on", "root", "through_root", "through_data"]
    )
    assert run.reported.index("first") < run.reported.index("root") < run.reported.index("through_root")
    metadata = run.metadata("first")
    assert (metadata["added"], metadata["resource_count"]) == (2, 2)
    assert "module.first.terraform_data.one" in metadata["resources"]
    assert "| first | 2 | 0 | 0 |" in metadata["plan"]
    assert metadata["outputs"]["first"]


def test_counted_and_for_each_modules_are_one_asset_each(tmp_path: Path) -> None:
    run = materialize_stack(TerraformStack(copy_root("repeated", tmp_path)))
    assert run.reported == ["counted", "each"]
    assert run.metadata("each")["resource_count"] == 2


def test_a_stack_whose_root_resources_make_a_loop_is_one_asset(tmp_path: Path) -> None:
    assets = assets_of(TerraformStack(copy_root("whole", tmp_path)))
    assert [key.path for key in assets.keys] == [["infra", "whole"]]
    run = materialize_stack(assets)
    assert run.metadata("whole")["resource_count"] == 3


def test_a_second_run_reports_every_unit_with_the_same_data_version(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("mixture", tmp_path))
    first, second = materialize_stack(stack), materialize_stack(stack)
    assert second.versions == first.versions
    assert second.metadata("first")["added"] == 0
    assert second.metadata("first")["plan"] == "No changes."
    changed = materialize_stack(TerraformStack(stack.path, variables={"text": "other"}))
    assert changed.metadata("first")["changed"] == 1
    assert {unit for unit in first.versions if changed.versions[unit] != first.versions[unit]} == {"first"}


def test_a_failing_unit_leaves_the_finished_ones_reported_and_holds_its_dependents_back(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path), variables={"verdict": "false"})
    run = materialize_stack(stack)
    assert not run.success
    assert sorted(run.reported) == ["beside", "quick"]
    assert run.metadata("quick")["outputs"]["quick"]
    assert "terraform apply failed for stack 'slow'" in run.error
    assert re.search(r"module\.middle\.terraform_data\.run, .*main\.tf:\d+: local-exec provisioner error", run.error)
    checks = Definitions(
        asset_checks=[terraform_drift_checks(stack=stack)], resources={"terraform": TerraformCliResource()}
    )
    looked = checks.resolve_implicit_global_asset_job_def().execute_in_process(instance=run.instance)
    found = {(each.asset_key.path[-1], each.check_name): each.passed for each in looked.get_asset_check_evaluations()}
    drift = dict.fromkeys(((unit, "drift") for unit in ("beside", "last", "middle", "quick")), True)
    assert found == {**drift, (stack.root.names[0], "orphans"): True}, "drift is looked for after a failed apply too"
    repaired = materialize_stack(TerraformStack(tmp_path / "slow"))
    assert sorted(repaired.reported) == ["beside", "last", "middle", "quick"]


def test_units_are_reported_while_terraform_still_runs_and_their_outputs_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation, "_TALK_SECONDS", 0.2)
    run = materialize_stack(TerraformStack(copy_root("slow", tmp_path), variables={"pause": 10}))
    assert run.reported.index("quick") < run.reported.index("middle")
    assert run.metadata("middle")["seconds"] - run.metadata("quick")["seconds"] > 1
    assert run.metadata("middle")["seconds"] >= 10
    assert run.events_with_outputs("quick") == ["ASSET_OBSERVATION"], "it was reported while Terraform ran"


def test_outputs_come_with_the_unit_when_terraform_ends_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "_TALK_SECONDS", 600.0)
    run = materialize_stack(TerraformStack(copy_root("slow", tmp_path)))
    assert run.events_with_outputs("quick") == ["ASSET_MATERIALIZATION"]


def test_a_selection_becomes_targets_and_reports_only_itself(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    assert materialize_stack(stack, units=["beside"]).reported == ["beside"]
    state = json.loads((stack.path / "terraform.tfstate").read_text())
    assert {resource["module"] for resource in state["resources"]} == {"module.beside"}


def test_a_selection_whose_plan_reaches_further_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    run = materialize_stack(stack, units=["middle"])
    assert "would also change quick; nothing was applied" in run.error
    assert "Select these together: quick, middle" in run.error
    assert run.reported == []
    assert not (stack.path / "terraform.tfstate").exists()


def test_a_root_unit_can_be_selected_alone(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("mixture", tmp_path))
    materialize_stack(stack)
    run = materialize_stack(stack, units=["root"])
    assert (run.reported, run.error if not run.success else "") == (["root"], "")


def test_only_a_full_selection_removes_a_unit_that_left_the_configuration(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    materialize_stack(stack)
    main = stack.path / "main.tf"
    main.write_text(re.sub(r'module "beside" \{.*?\n\}\n', "", main.read_text(), flags=re.DOTALL))
    smaller = TerraformStack(stack.path)
    materialize_stack(smaller, units=["quick"])
    assert "module.beside" in (stack.path / "terraform.tfstate").read_text()
    refused = materialize_stack(smaller)
    assert "module.beside" in refused.error
    assert "module.beside" in (stack.path / "terraform.tfstate").read_text()
    (record,) = Plans(smaller, None).records()
    assert f'"plan": "{record.digest}"' in refused.error
    assert materialize_stack(smaller, plan=record.digest).reported == ["quick", "middle", "last"]
    assert "module.beside" not in (stack.path / "terraform.tfstate").read_text()


def test_a_sensitive_value_is_in_no_metadata_event_or_log(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("secret", tmp_path), variables={"password": "canary-7341"})
    run = materialize_stack(stack)
    assert run.success, run.error
    assert run.metadata("vault")["outputs"] == {"name": "plain"}
    assert "canary-7341" not in run.logged()
    second = materialize_stack(TerraformStack(stack.path, variables={"password": "canary-7341", "name": "new"}))
    assert second.metadata("vault")["changed"] == 1
    assert "canary-7341" not in second.logged()
    assert stat.S_IMODE((stack.work / "terraform.tfvars.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.work.stat().st_mode) == 0o700
    assert not (stack.work / "plan.tfplan").exists()


def test_outputs_of_another_stack_are_inputs_and_edges(tmp_path: Path) -> None:
    upstream = TerraformStack(copy_root("secret", tmp_path), variables={"password": "x", "name": "from-upstream"})
    downstream = TerraformStack(
        copy_root("mixture", tmp_path), variables={"text": Ref("secret", "vault", "name")}, upstream=[upstream]
    )
    with pytest.raises(UpstreamOutputMissing, match="materialize infra/secret/vault first"):
        resolve(downstream, None)
    both = [assets_of(upstream), assets_of(downstream)]
    assert key_of("secret", "vault") in both[1].asset_deps[key_of("mixture", "first")]
    run = materialize_stack(*both)
    assert run.success, run.error
    state = json.loads((downstream.path / "terraform.tfstate").read_text())
    assert '"from-upstream"' in json.dumps(state)
    assert read_outputs(upstream, None) == {"vault": {"name": "from-upstream"}}


def test_a_sensitive_output_of_another_stack_is_refused(tmp_path: Path) -> None:
    upstream = TerraformStack(copy_root("secret", tmp_path), variables={"password": "x"})
    materialize_stack(upstream)
    downstream = TerraformStack(
        copy_root("mixture", tmp_path), variables={"text": Ref("secret", "vault", "password")}, upstream=[upstream]
    )
    assert "which is sensitive; pass a reference to it" in materialize_stack(downstream).error


def test_an_output_of_several_units_is_an_edge_to_each_and_may_be_taken_from_any(tmp_path: Path) -> None:
    upstream = TerraformStack(copy_root("slow", tmp_path))
    (upstream.path / "more.tf").write_text('output "pair" {\n  value = "${module.quick.id}-${module.beside.id}"\n}\n')
    (upstream.path / "none.tf").write_text('output "fixed" {\n  value = "fixed"\n}\n')
    reads = {"text": {"pair": Ref("slow", "beside", "pair"), "fixed": [Ref("slow", "last", "fixed")]}}
    root = copy_root("mixture", tmp_path)
    (root / "main.tf").write_text('variable "text" {}\nresource "terraform_data" "this" {\n  input = var.text\n}\n')
    downstream = assets_of(TerraformStack(root, variables=reads, upstream=[upstream]))
    wanted = {key_of("slow", unit) for unit in ("beside", "quick", "last")}
    assert downstream.asset_deps[key_of("mixture", "root")] == wanted
    run = materialize_stack(assets_of(upstream), downstream)
    assert run.success, run.error
    value = json.loads((root / "terraform.tfstate").read_text())["resources"][0]["instances"][0]["attributes"]["output"]
    assert value["value"]["fixed"] == ["fixed"]
    assert len(value["value"]["pair"].split("-")) > 2


def test_a_whole_stack_gives_its_outputs_under_any_unit(tmp_path: Path) -> None:
    upstream = TerraformStack(copy_root("whole", tmp_path))
    (upstream.path / "more.tf").write_text(
        'output "text" {\n  value = module.part.id == "" ? "" : "from the whole"\n}\n'
    )
    downstream = TerraformStack(
        copy_root("mixture", tmp_path), variables={"text": Ref("whole", "part", "text")}, upstream=[upstream]
    )
    run = materialize_stack(upstream, downstream)
    assert run.success, run.error
    assert "from the whole" in (downstream.path / "terraform.tfstate").read_text()


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (Ref("slow", "typo", "quick"), "'slow'|slow: has no unit 'typo' to refer to; it has: .*quick"),
        (Ref("slow", "quick", "typo"), r"declares no output 'typo' to refer to; .*declares: quick"),
    ],
)
def test_a_reference_to_what_the_other_root_does_not_have_is_refused(tmp_path: Path, ref: Ref, said: str) -> None:
    upstream = TerraformStack(copy_root("slow", tmp_path))
    with pytest.raises(InvalidRoot, match=said):
        assets_of(TerraformStack(copy_root("mixture", tmp_path), variables={"text": ref}, upstream=[upstream]))


def test_init_runs_once_and_again_when_a_module_is_added(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    materialize_stack(stack)
    mark = stack.work / ".terraform" / "initialised"
    first = mark.stat().st_mtime_ns
    materialize_stack(stack)
    assert mark.stat().st_mtime_ns == first
    (stack.path / "more.tf").write_text('module "more" {\n  source = "./step"\n}\n')
    assert "more" in materialize_stack(TerraformStack(stack.path)).reported


def test_the_translator_decides_what_an_asset_looks_like(tmp_path: Path) -> None:
    class Flat(DagsterTerraformTranslator):
        def get_asset_spec(self, stack: TerraformStack, unit: str) -> AssetSpec:
            spec = super().get_asset_spec(stack, unit)
            return spec.replace_attributes(key=["flat", unit], group_name="mine", owners=["team:net"])

    assets = assets_of(TerraformStack(copy_root("repeated", tmp_path)), translator=Flat())
    specs = {spec.key.to_user_string(): spec for spec in assets.specs}
    assert [dep.asset_key.to_user_string() for dep in specs["flat/each"].deps] == ["flat/counted"]
    assert (specs["flat/each"].group_name, specs["flat/each"].owners) == ("mine", ["team:net"])
    assert specs["flat/each"].code_version


def test_one_op_in_one_pool_serves_the_whole_stack(tmp_path: Path) -> None:
    assets = assets_of(TerraformStack(copy_root("mixture", tmp_path)))
    assert (assets.op.name, assets.op.pool, assets.can_subset) == ("terraform_mixture", "terraform_mixture", True)


def test_a_plan_changes_and_reports_nothing(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    planned = TerraformCliResource().cli(["plan"], stack=stack).wait()
    assert planned.plan is not None
    assert planned.plan.counts("quick").add == 2
    assert not (stack.path / "terraform.tfstate").exists()


@pytest.mark.parametrize("args", [["destroy"], ["apply", "-target=module.a"], ["apply", "-var", "a=b"], []])
def test_options_that_belong_to_the_selection_or_the_stack_are_refused(tmp_path: Path, args: list[str]) -> None:
    with pytest.raises(InvalidRoot, match="does not take"):
        TerraformCliResource().cli(args, stack=TerraformStack(tmp_path))


def test_progress_is_in_the_log_while_it_runs(tmp_path: Path) -> None:
    instance = DagsterInstance.ephemeral()
    run = materialize_stack(TerraformStack(copy_root("repeated", tmp_path)), instance=instance)
    assert "module.counted[0].terraform_data.this: Creation complete" in run.logged()


def test_units_that_dagster_cannot_tell_apart_are_refused_by_name(tmp_path: Path) -> None:
    modules = [f'module "{name}" {{\n  source = "./part"\n}}\n' for name in ("my-net", "my_net")]
    (tmp_path / "main.tf").write_text("".join(modules))
    with pytest.raises(InvalidRoot, match="'my-net' and 'my_net' apart; rename"):
        assets_of(TerraformStack(tmp_path, name="net"))
