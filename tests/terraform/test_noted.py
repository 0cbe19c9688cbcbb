"""A root that was read before is read from its note, and anew as soon as anything is different."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.noted import NOTE
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.stack import TerraformStack

MAIN = """\
variable "size" {}
variable "password" {}
locals { text = file("${path.module}/data/x.txt") }
module "a" {
  source   = "../part"
  text     = local.text
  size     = var.size
  password = var.password
}
module "b" {
  source = "../part"
  a      = module.a.id
}
output "b" { value = module.b.id }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "root/main.tf": MAIN,
        "root/data/x.txt": "x",
        "part/main.tf": 'resource "aws_s3_bucket" "this" {}\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "root"


def read(folder: Path, size: str = "1", password: str = "correct-horse") -> Root:
    return TerraformStack(folder, variables={"size": size, "password": password}).root


def note_of(folder: Path) -> Path:
    return folder / ".buildkit" / folder.name / NOTE


def test_a_root_read_from_its_note_is_the_same_root(folder: Path) -> None:
    first, noted = read(folder), note_of(folder).stat().st_mtime_ns
    assert read(folder) == first
    assert note_of(folder).stat().st_mtime_ns == noted


@pytest.mark.parametrize("file", ["../part/main.tf", "data/x.txt"])
def test_a_changed_file_that_the_root_only_looks_at_is_seen(folder: Path, file: str) -> None:
    before = read(folder)
    (folder / file).write_text((folder / file).read_text() + "\n")
    assert read(folder).unit("a").code != before.unit("a").code


def test_a_changed_file_of_the_root_is_seen(folder: Path) -> None:
    before = read(folder)
    (folder / "main.tf").write_text(MAIN.replace("  a      = module.a.id\n", ""))
    assert before.unit("b").needs == ("a",)
    assert read(folder).unit("b").needs == ()


def test_a_new_file_beside_a_module_or_in_the_root_is_seen(folder: Path) -> None:
    before = read(folder)
    (folder.parent / "part/more.tf").write_text('resource "aws_sqs_queue" "this" {}\n')
    assert read(folder).unit("a").types != before.unit("a").types
    (folder / "more.tf").write_text('module "c" {\n  source = "../part"\n}\n')
    assert "c" in read(folder).names


def test_a_value_that_is_no_secret_is_seen(folder: Path) -> None:
    assert read(folder, size="2").unit("a").code != read(folder, size="1").unit("a").code


def test_a_changed_or_new_file_of_values_is_seen(folder: Path) -> None:
    codes = [read_filed(folder)]
    for file, text in {
        "terraform.tfvars": "size = 3",
        "more.auto.tfvars": "size = 4",
        "own.tfvars": "size = 5",
    }.items():
        (folder / file).write_text(f"{text}\n")
        codes.append(read_filed(folder))
    assert len(set(codes)) == 4


def read_filed(folder: Path) -> str:
    (folder / "own.tfvars").touch()
    return TerraformStack(folder, var_files=["own.tfvars"]).root.unit("a").code


_READ = """
import sys
from pathlib import Path
from buildkit_dagster.terraform.stack import TerraformStack

opened = []
sys.addaudithook(lambda event, about: opened.append(Path(str(about[0])).name) if event == "open" else None)
TerraformStack(Path(sys.argv[1])).root
print("terraform.tfvars" in opened)
"""


def test_a_file_of_values_is_not_read_again_while_it_is_as_it_was(folder: Path) -> None:
    (folder / "terraform.tfvars").write_text('size = 2\npassword = "a"\n')
    read_in_process = [sys.executable, "-c", _READ, str(folder)]
    opened = [subprocess.run(read_in_process, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert opened == ["True\n", "False\n"]


def test_a_value_for_a_variable_nobody_declares_is_refused_after_a_note_too(folder: Path) -> None:
    read(folder)
    with pytest.raises(InvalidRoot, match="declares no variable sise"):
        _ = TerraformStack(folder, variables={"sise": "1"}).root


@pytest.mark.parametrize("text", ["", "{", '{"files": 1}', "\0"])
def test_a_broken_note_is_made_anew(folder: Path, text: str) -> None:
    first = read(folder)
    note_of(folder).write_text(text)
    assert read(folder) == first
    assert first.unit("a").code in note_of(folder).read_text()


def test_a_note_is_for_its_owner_only_and_holds_neither_text_nor_values(folder: Path) -> None:
    main = folder / "main.tf"
    main.write_text(MAIN.replace("module.a.id", '"${module.a.id}battery-staple"'))
    read(folder)
    assert stat.S_IMODE(note_of(folder).stat().st_mode) == 0o600
    text = note_of(folder).read_text()
    assert "correct-horse" not in text
    assert "battery-staple" not in text


@pytest.mark.parametrize(
    "backend", ['backend "s3" {\n secret_key = "k" \n}', 'backend "http" {\n address = "https://u:p@example.com" \n}']
)
def test_a_root_whose_backend_block_may_hold_a_secret_is_not_noted(folder: Path, backend: str) -> None:
    (folder / "backend.tf").write_text(f"terraform {{\n{backend}\n}}\n")
    assert read(folder).names == ("a", "b")
    assert not note_of(folder).exists()


def test_a_folder_nobody_may_write_is_read_all_the_same(folder: Path) -> None:
    (folder / ".buildkit").write_text("a file where the work folder would be")
    assert read(folder) == read(folder)
