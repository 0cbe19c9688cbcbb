"""Rendered roots: references become expressions, data stays data."""

import json
from pathlib import Path

from buildkit_dagster.terraform.rendered_root import (
    AwsProvider,
    ModuleCall,
    Ref,
    RenderedRoot,
    S3Backend,
    Text,
    UnitRef,
)
from buildkit_dagster.terraform.stack import TerraformStack

MODULES = Path(__file__).parent / "modules"
PROVIDER = AwsProvider("eu-west-1", "123456789012", {"note": "100%{if}"}, path_style=True)
BACKEND = S3Backend("state", "stacks/app/terraform.tfstate", "eu-west-1")
CALLS = (
    ModuleCall("base", "store", {"name": "base", "labels": {"${key}": "${value}"}}),
    ModuleCall("app", "store", {"name": Text(UnitRef("base", "bucket"), "-", Ref("net", "a-b", "id"))}, ("base",)),
)


def stack(work: Path) -> TerraformStack:
    return TerraformStack.rendered(RenderedRoot("app", CALLS, PROVIDER, BACKEND, MODULES), work)


def test_references_become_expressions_and_data_is_escaped(tmp_path: Path) -> None:
    body = json.loads(json.dumps(stack(tmp_path).body()))
    assert body["module"]["base"] == {
        "source": "./modules/store",
        "name": "base",
        "labels": {"$${key}": "$${value}"},
    }
    assert body["module"]["app"]["name"] == "${module.base.bucket}-${var.net__a-b__id}"
    assert body["module"]["app"]["depends_on"] == ["module.base"]
    assert body["variable"] == {"net__a-b__id": {"type": "any", "nullable": False}}
    assert body["provider"]["aws"]["default_tags"] == {"tags": {"note": "100%%{if}"}}
    assert body["provider"]["aws"]["allowed_account_ids"] == ["123456789012"]
    assert body["terraform"]["backend"]["s3"]["use_lockfile"] is True


def test_outputs_of_stacks_and_units_with_like_names_stay_apart(tmp_path: Path) -> None:
    refs = [Ref(stack, unit, "id") for stack in ("a-b", "a_b") for unit in ("c-d", "c_d")]
    call = ModuleCall("app", "store", {"name": Text(*refs)})
    found = TerraformStack.rendered(RenderedRoot("app", (call,), PROVIDER, BACKEND, MODULES), tmp_path)
    assert len(found.body()["variable"]) == len(found.variables) == len(refs)
    assert set(found.refs("app")) == set(refs)


def test_every_output_of_a_unit_is_exported_except_sensitive_ones(tmp_path: Path) -> None:
    exported = stack(tmp_path).body()["output"]["base"]["value"]
    assert exported == {"bucket": "${module.base.bucket}", "arn": "${module.base.arn}"}


def test_edges_of_a_rendered_root_are_read_like_those_of_any_root(tmp_path: Path) -> None:
    found = stack(tmp_path)
    assert {unit.name: unit.needs for unit in found.root.units} == {"base": (), "app": ("base",)}
    assert found.refs("app") == (Ref("net", "a-b", "id"),)
    assert found.root.needs_aws


def test_only_the_emulator_gets_path_style(tmp_path: Path) -> None:
    real = RenderedRoot("app", CALLS[:1], AwsProvider("eu-west-1", "123456789012"), BACKEND, MODULES)
    body = TerraformStack.rendered(real, tmp_path).body()
    assert "path_style" not in json.dumps(body)
    assert "s3_use_path_style" in stack(tmp_path).body()["provider"]["aws"]


def test_nothing_is_written_before_the_stack_is_run(tmp_path: Path) -> None:
    assert stack(tmp_path).root.names == ("base", "app")
    assert list(tmp_path.iterdir()) == []
