"""Units, edges and hashes, read from roots as people write them."""

import shutil
from pathlib import Path

import pytest

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.reading import read_root
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.stack import TerraformStack

REPOSITORY = Path(__file__).parents[2]
ROOTS = Path(__file__).parent / "roots"


def root(name: str) -> Root:
    return read_root(ROOTS / name, name)


def edges(found: Root) -> dict[str, tuple[str, ...]]:
    return {unit.name: unit.needs for unit in found.units}


def test_a_reference_is_an_edge_through_locals_data_sources_depends_on_and_root_resources() -> None:
    assert edges(root("mixture")) == {
        "first": (),
        "alone": (),
        "through_local": ("first",),
        "through_depends_on": ("first",),
        "root": ("first",),
        "through_root": ("root",),
        "through_data": ("through_local",),
    }


def test_units_come_in_dependency_order() -> None:
    names = root("mixture").names
    assert names.index("first") < names.index("root") < names.index("through_root")


def test_a_provider_configured_with_outputs_is_an_edge_of_the_units_that_use_it() -> None:
    assert edges(root("providers")) == {"network": (), "cluster": ("network",), "apps": ("cluster",)}


def test_counted_and_for_each_modules_are_one_unit_each() -> None:
    found = root("repeated")
    assert edges(found) == {"counted": (), "each": ("counted",)}
    assert found.unit_of('module.each["a"].terraform_data.this') == "each"
    assert found.unit_of("module.counted[1].terraform_data.this") == "counted"


def test_a_root_without_modules_is_one_unit(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "terraform_data" "a" {}\nresource "terraform_data" "b" {}\n')
    found = read_root(tmp_path, "plain")
    assert found.names == ("root",)
    assert found.targets(["root"]) == ["terraform_data.a", "terraform_data.b"]


def test_a_stack_is_one_asset_where_root_resources_would_make_a_loop() -> None:
    found = root("whole")
    assert (found.whole, found.names) == (True, ("whole",))
    assert found.unit_of("module.part.terraform_data.this") == "whole"


def test_the_json_syntax_is_read_like_hcl() -> None:
    assert edges(root("syntax")) == {"dns": (), "net": (), "app": ("dns", "net")}


def test_an_output_belongs_to_the_unit_it_is_made_from() -> None:
    assert root("mixture").outputs == {"first": ("first",), "own": ("root",)}


def test_the_code_hash_follows_the_unit_its_module_and_its_variables_and_nothing_else(tmp_path: Path) -> None:
    moved = Path(shutil.copytree(ROOTS / "mixture", tmp_path / "elsewhere"))
    before = {unit.name: unit.code for unit in root("mixture").units}
    assert {unit.name: unit.code for unit in read_root(moved, "moved").units} == before
    given = {unit.name: unit.code for unit in read_root(moved, "moved", {"text": "other"}).units}
    assert {name for name in before if given[name] != before[name]} == {"first"}
    main = moved / "main.tf"
    main.write_text(main.read_text().replace('text   = "alone"', 'text   = "changed"'))
    changed = {unit.name: unit.code for unit in read_root(moved, "moved").units}
    assert {name for name in before if changed[name] != before[name]} == {"alone"}
    (moved / "pair" / "main.tf").write_text((moved / "pair" / "main.tf").read_text() + "# more\n")
    assert {unit.name for unit in read_root(moved, "moved").units if unit.code == changed[unit.name]} == {"root"}


def test_a_file_that_is_no_hcl_is_named(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "a" {')
    with pytest.raises(InvalidRoot, match=r"main\.tf:1: a syntax error at column 13"):
        read_root(tmp_path, "broken")


def test_a_folder_without_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoot, match=r"holds no \.tf"):
        read_root(tmp_path, "empty")


def made(folder: Path, main: str, **files: str) -> Root:
    """A root of this `main.tf` and the module `./part`."""
    (folder / "part").mkdir()
    (folder / "part" / "main.tf").write_text('resource "null_resource" "this" {}\n')
    for name, text in {"main": main, **files}.items():
        (folder / f"{name}.tf").write_text(text)
    return read_root(folder, "made")


@pytest.mark.parametrize(
    "expression",
    [
        'replace("x", "}", module.a.id)',
        '"${replace("x", "}", module.a.id)}"',
        'upper("x-${replace("x", "y", module.a.id)}")',
        'merge({ k = "x-${join(",", ["}", module.a.id])}" }, {})',
        'format("say \\"%s\\" {", module.a.id)',
        'upper(<<-EOF\n    it is 5" long ${module.a.id}\n    EOF\n  )',
        '{ (module.a.id) = "}" }',
        '"%{ if module.a.id != "" }yes%{ endif }"',
        "ephemeral.some_secret.of_a.value",
        "-module.a.id",
        "3 -module.a.id",
        "local.größe",
        "provider::aws::arn_parse(module.a.id)",
        "module.a.*.id[0]",
        "(module.a).id",
        "{ for k, v in module.a.map : v.name => k... if v.ok }",
        '"${"inner-${module.a.id}"}"',
        "<<-EOT\n    %{ for i in module.a.list ~}\n    ${i} }\n    %{ endfor ~}\n  EOT",
    ],
)
def test_a_reference_is_found_wherever_an_expression_hides_it(tmp_path: Path, expression: str) -> None:
    secret = 'ephemeral "some_secret" "of_a" {\n  id = module.a.id\n}\nlocals {\n  größe = module.a.id\n}\n'
    found = made(
        tmp_path,
        f'module "a" {{\n  source = "./part"\n}}\nmodule "b" {{\n  source = "./part"\n  x = {expression}\n}}\n{secret}',
    )
    assert edges(found) == {"a": (), "b": ("a",)}


def test_a_name_with_a_dash_is_no_subtraction(tmp_path: Path) -> None:
    main = 'module "a" {\n  source = "./part"\n}\nmodule "b" {\n  source = "./part"\n  x = local.x-module.a\n}\n'
    assert edges(made(tmp_path, main)) == {"a": (), "b": ()}


def test_an_escaped_template_is_no_reference(tmp_path: Path) -> None:
    main = (
        'module "a" {\n  source = "./part"\n}\nmodule "b" {\n  source = "./part"\n  x = upper("$${module.a.id}")\n}\n'
    )
    assert edges(made(tmp_path, main)) == {"a": (), "b": ()}


def test_configurations_of_one_provider_are_told_apart_by_alias(tmp_path: Path) -> None:
    main = """
provider "null" {
  alias = "late"
  key   = module.a.id
}
provider "null" {
  key = "fixed"
}
module "a" {
  source = "./part"
}
module "late" {
  source    = "./part"
  providers = { null = null.late }
}
module "by_default" {
  source = "./part"
}
"""
    assert edges(made(tmp_path, main)) == {"a": (), "by_default": (), "late": ("a",)}


def test_an_override_file_is_read_last(tmp_path: Path) -> None:
    block = 'module "b" {{\n  source = "./part"\n  x = {}\n}}\n'
    main = 'module "a" {\n  source = "./part"\n}\n'
    found = made(tmp_path, main, a_override=block.format("1"), b=block.format("module.a.id"))
    assert edges(found) == {"a": (), "b": ()}


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    assert made(tmp_path, '\ufeffmodule "a" {\n  source = "./part"\n}\n').names == ("a",)


def test_a_module_may_be_called_root_where_no_resource_stands_beside_it(tmp_path: Path) -> None:
    assert made(tmp_path, 'module "root" {\n  source = "./part"\n}\n').targets(["root"]) == ["module.root"]


def test_what_a_run_writes_beside_a_module_does_not_change_its_hash(tmp_path: Path) -> None:
    root_folder = tmp_path / "stages" / "dev"
    (root_folder / ".buildkit").mkdir(parents=True)
    (root_folder / "main.tf").write_text('module "all" {\n  source = "../.."\n}\n')
    before = read_root(root_folder, "dev").unit("all").code
    (root_folder / ".buildkit" / "plan.tfplan").write_text("x")
    (root_folder / "terraform.tfstate").write_text("x")
    assert read_root(root_folder, "dev").unit("all").code == before


def test_a_syntax_error_is_told_with_its_place_and_without_the_text_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoot) as caught:
        made(tmp_path, 'locals {\n  password = = "canary"\n}\n')
    assert f"{tmp_path / 'main.tf'}:2: a syntax error" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_value_for_a_variable_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    made(tmp_path, 'variable "region" {}\nmodule "a" {\n  source = "./part"\n}\n')
    with pytest.raises(InvalidRoot, match=r"declares no variable regoin; the variables it declares: region"):
        _ = TerraformStack(tmp_path, variables={"regoin": "x"}).root


def test_values_in_files_that_terraform_reads_by_itself_are_part_of_the_hash(tmp_path: Path) -> None:
    before = made(tmp_path, 'variable "x" {}\nmodule "a" {\n  source = "./part"\n  x = var.x\n}\n').unit("a").code
    (tmp_path / "terraform.tfvars").write_text('x = "1"\n')
    first = read_root(tmp_path, "made").unit("a").code
    (tmp_path / "late.auto.tfvars.json").write_text('{"x": "2"}')
    assert len({before, first, read_root(tmp_path, "made").unit("a").code}) == 3


@pytest.mark.parametrize(
    ("expression", "file", "counts"),
    [
        ('file("${path.module}/data/x.json")', "data/x.json", True),
        ('file("data/x.json")', "data/x.json", True),
        ('templatefile("${path.root}/t/x.tpl", { a = 1 })', "t/x.tpl", True),
        ('[for f in fileset("${path.module}/data", "*.json") : f]', "data/x.json", True),
        ('yamldecode(file("${path.module}/data/${var.name}.yaml"))', "data/x.yaml", True),
        ('filesha256("${path.module}/x.zip")', "x.zip", True),
        ('file("${path.module}/data/x.json")', "data/y.json", False),
        ('"${path.module}/${var.name}"', "data/y.json", False),
    ],
)
def test_a_file_an_expression_reads_is_part_of_the_hash(
    tmp_path: Path, expression: str, file: str, counts: bool
) -> None:
    target = tmp_path / file
    target.parent.mkdir(exist_ok=True)
    target.write_text("1")
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "x.json").touch()
    main = 'variable "name" {}\nlocals {\n  text = %s\n}\nmodule "a" {\n  source = "./part"\n  x = local.text\n}\n'
    before = made(tmp_path, main % expression).unit("a").code
    target.write_text("2")
    assert (read_root(tmp_path, "made").unit("a").code != before) is counts


def test_a_folder_name_that_dagster_does_not_take_needs_another_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoot, match=r"'my net' cannot be the name of a stack; give one of letters"):
        TerraformStack(tmp_path / "my net")
    assert TerraformStack(tmp_path / "my net", name="net").name == "net"
