"""`TerraformStackComponent`: the same assets from YAML, scaffolded and checked by the real `dg`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.testing import create_defs_folder_sandbox

from buildkit_dagster import TerraformStack, TerraformStackComponent
from buildkit_dagster.errors import InvalidRoot
from tests.terraform_runs import assets_of, copy_root, key_of, materialize_stack

DG = Path(sys.executable).parent / "dg"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `create-dagster project` makes, in short."""
    folder = tmp_path
    package = folder / "src" / "team"
    (package / "defs").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "team"\nversion = "1"\n\n[tool.dg]\ndirectory_type = "project"\n\n'
        '[tool.dg.project]\nroot_module = "team"\n'
    )
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(
        "from pathlib import Path\n\nfrom dagster import definitions, load_from_defs_folder\n\n\n@definitions\n"
        "def defs():\n    return load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
    )
    copy_root("mixture", folder / "terraform")
    return folder


def dg_says(project: Path, *args: str, code: int = 0) -> str:
    home = project / "home"
    home.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(project / "src")}
    env |= {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "COLUMNS": "200", "NO_COLOR": "1"}
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    done = subprocess.run([DG, *args], cwd=project, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_dg_lists_scaffolds_checks_and_launches_it(project: Path) -> None:
    listed = dg_says(project, "list", "components", "--json")
    assert "buildkit_dagster.TerraformStackComponent" in listed
    component = "buildkit_dagster.TerraformStackComponent"
    dg_says(project, "scaffold", "defs", component, "mixture", "--path", "terraform/mixture")
    dg_says(project, "scaffold", "defs", component, "network")
    folder = project / "src" / "team" / "defs"
    assert yaml.safe_load((folder / "mixture" / "defs.yaml").read_text()) == {
        "type": component,
        "attributes": {"stack": "{{ context.project_root }}/terraform/mixture"},
    }
    assert sorted(file.name for file in (folder / "network").iterdir()) == ["defs.yaml", "main.tf"]
    text = (folder / "mixture" / "defs.yaml").read_text()
    (folder / "mixture" / "defs.yaml").write_text(f"{text}  drift: warn\n  policy_checks: true\n")
    assert "All component YAML validated successfully" in dg_says(project, "check", "yaml")
    assert "All definitions loaded successfully" in dg_says(project, "check", "defs")
    dg_says(project, "launch", "--assets", "key:infra/network/root")
    assert (folder / "network" / "terraform.tfstate").exists()
    assert not (project / "terraform" / "mixture" / "terraform.tfstate").exists()


def test_dg_check_yaml_names_an_attribute_that_does_not_exist(project: Path) -> None:
    folder = project / "src" / "team" / "defs" / "wrong"
    folder.mkdir()
    text = "type: buildkit_dagster.TerraformStackComponent\n\nattributes:\n  stack:\n    path: .\n    workspce: stage\n"
    text += "  gates:\n    protectd: deny\n"
    (folder / "defs.yaml").write_text(text)
    said = dg_says(project, "check", "yaml", code=1)
    assert "wrong/defs.yaml:4 - buildkit_dagster.TerraformStackComponent attributes.stack" in said
    assert "workspce" in said
    assert "Additional properties are not allowed ('protectd' was unexpected)" in said


def test_a_folder_that_does_not_exist_is_not_scaffolded(project: Path) -> None:
    component = "buildkit_dagster.TerraformStackComponent"
    said = dg_says(project, "scaffold", "defs", component, "typo", "--path", "terraform/typo", code=2)
    assert "--path terraform/typo: there is no such folder" in said


class Sandbox:
    """Components of one project, in this process."""

    def __init__(self, folder: Any) -> None:
        self.folder, self.root = folder, folder.project_root

    def add(self, name: str, stack: Any, **more: Any) -> None:
        target = self.folder.defs_folder_path / name
        target.mkdir(parents=True)
        content = {"type": "buildkit_dagster.TerraformStackComponent", "attributes": {"stack": stack, **more}}
        (target / "defs.yaml").write_text(yaml.safe_dump(content))

    def assets(self) -> list[dg.AssetsDefinition]:
        with self.folder.build_all_defs() as defs:
            return [asset for asset in defs.assets or [] if isinstance(asset, dg.AssetsDefinition)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with create_defs_folder_sandbox() as folder:
        yield Sandbox(folder)


def test_it_makes_the_assets_the_decorator_makes(sandbox: Sandbox, tmp_path: Path) -> None:
    root = copy_root("mixture", tmp_path)
    sandbox.add("mixture", str(root))
    (ours,), theirs = sandbox.assets(), assets_of(TerraformStack(root))
    assert ours.op.name == theirs.op.name
    assert ours.op.pool == theirs.op.pool
    for key, spec in theirs.specs_by_key.items():
        other = ours.specs_by_key[key]
        assert (other.deps, other.code_version, other.kinds, other.group_name) == (
            spec.deps,
            spec.code_version,
            spec.kinds,
            spec.group_name,
        )
    run = materialize_stack(ours)
    assert run.success, run.error
    assert len(run.reported) == 7


def test_every_attribute_reaches_the_stack_and_the_op(sandbox: Sandbox, tmp_path: Path) -> None:
    root = copy_root("spaces", tmp_path)
    (root / "some.tfvars").write_text('name = "filed"\ncity = "filed"\n')
    (root / "backend.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    stack = {
        "path": "{{ context.project_root }}/../" + os.path.relpath(root, sandbox.root.parent),
        "name": "other",
        "variables": {"city": "1.10"},
        "var_files": ["some.tfvars"],
        "workspace": "stage",
        "backend_config": {"workspace_dir": "states"},
        "terraform_binary": "terraform",
    }
    sandbox.add(
        "spaces",
        stack,
        cli_args=["apply", "-parallelism=2"],
        op={"name": "the_op", "pool": "the_pool", "tags": {"a": "b"}, "description": "Ours."},
        translation={"key": "ours/{{ unit }}", "group_name": "net", "owners": ["team:net"]},
        lock_timeout="1s",
    )
    (assets,) = sandbox.assets()
    assert (assets.op.name, assets.op.pool, assets.op.description) == ("the_op", "the_pool", "Ours.")
    assert assets.op.tags["a"] == "b"
    (spec,) = assets.specs
    assert (spec.key.path, spec.group_name, spec.owners) == (["ours", "root"], "net", ["team:net"])
    run = materialize_stack(assets)
    assert run.success, run.error
    state = json.loads((root / "states" / "stage" / "terraform.tfstate").read_text())
    assert state["outputs"]["name"]["value"] == "filed-stage-1.10"


def test_its_gates_stand_between_plan_and_apply(sandbox: Sandbox, tmp_path: Path) -> None:
    root = copy_root("spaces", tmp_path)
    sandbox.add("spaces", str(root), gates={"every_change": True, "required_tags": ["owner"]})
    run = materialize_stack(*sandbox.assets())
    assert not run.success
    assert "approv" in run.error
    assert not (root / "terraform.tfstate").exists()


def test_its_units_are_checked_for_drift_where_it_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add("one", str(copy_root("mixture", tmp_path)), drift={"first": "block", "alone": "warn"})
    sandbox.add("two", {"path": str(copy_root("spaces", tmp_path))})
    with sandbox.folder.build_all_defs() as defs:
        repository = defs.get_repository_def()
        keys = {key for key in repository.asset_graph.asset_check_keys if key.name == "drift"}
        assert {key.asset_key for key in keys} >= {key_of("mixture", "first"), key_of("mixture", "alone")}
        assert not [key for key in keys if key.asset_key == key_of("spaces", "root")]
        job = defs.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(raise_on_error=False)
    assert result.success


def test_its_units_have_policy_checks_where_it_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.rego").write_text('package own\n\nimport rego.v1\n\ndeny contains "not today"\n')
    sandbox.add(
        "one",
        str(copy_root("spaces", tmp_path)),
        policies=str(tmp_path / "policies"),
        policy_checks=True,
        translation={"key": "ours/{{ unit }}"},
    )
    sandbox.add("two", str(copy_root("mixture", tmp_path)))
    with sandbox.folder.build_all_defs() as defs:
        keys = defs.get_repository_def().asset_graph.asset_check_keys
        assert {(key.name, key.asset_key) for key in keys} == {("policy", dg.AssetKey(["ours", "root"]))}
        job = defs.resolve_implicit_global_asset_job_def()
        look = job.get_subset(asset_selection=set(), asset_check_selection=set(keys))
        (found,) = look.execute_in_process().get_asset_check_evaluations()
    assert (found.check_name, found.passed) == ("policy", False)
    assert "not today [rego/own.deny]" in (found.description or "")
    assert not (tmp_path / "spaces" / "terraform.tfstate").exists()


def test_an_output_of_another_component_is_an_input_and_an_edge_to_its_translated_key(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add("names", str(copy_root("spaces", tmp_path)), translation={"key_prefix": "theirs"})
    output = "{{ context.load_component('names').output('root', 'name') }}"
    sandbox.add("reader", {"path": str(copy_root("mixture", tmp_path)), "variables": {"text": output}})
    names, reader = sorted(sandbox.assets(), key=lambda asset: asset.op.name, reverse=True)
    theirs = dg.AssetKey(["theirs", "infra", "spaces", "root"])
    assert set(names.keys) == {theirs}
    assert theirs in reader.asset_deps[key_of("mixture", "first")]
    run = materialize_stack(names, reader)
    assert run.success, run.error
    assert "net-default-zürich" in (tmp_path / "mixture" / "terraform.tfstate").read_text()


def test_a_subclass_decides_what_an_asset_looks_like_and_what_its_op_does(tmp_path: Path) -> None:
    class Ours(TerraformStackComponent):
        def get_asset_spec(self, stack: TerraformStack, unit: str) -> dg.AssetSpec:
            return super().get_asset_spec(stack, unit).replace_attributes(group_name=f"of_{unit}")

        def execute(self, context: dg.AssetExecutionContext, terraform: Any) -> Iterator[Any]:
            context.log.info("before")
            yield from super().execute(context, terraform)

    component = Ours(TerraformStack(copy_root("spaces", tmp_path)))
    (assets,) = component.build_defs(dg.ComponentTree.for_test().load_context).assets or []
    assert isinstance(assets, dg.AssetsDefinition)
    assert assets.specs_by_key[component.asset_key_for_unit("root")].group_name == "of_root"
    run = materialize_stack(assets)
    assert run.success, run.error
    assert "before" in run.logged()


def test_a_root_that_cannot_be_read_is_told_when_definitions_are_loaded(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add("empty", str(tmp_path))
    with pytest.raises(ComponentTreeException) as caught:
        sandbox.assets()
    assert isinstance(caught.value.__cause__, InvalidRoot)
