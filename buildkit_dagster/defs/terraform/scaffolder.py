"""What `dg scaffold defs buildkit_dagster.TerraformStackComponent NAME` writes.

A `defs.yaml` that names the Terraform root: the one of `--path`, or a small one of its own beside it. The component
itself is in `component.py`.
"""

import os
import sys
from pathlib import Path
from textwrap import dedent

import click
import dagster as dg
from dagster.components.component_scaffolding import scaffold_component
from pydantic import BaseModel, Field

_STARTER = """\
# A Terraform root: every module it calls becomes one asset, and all resources outside modules another one.
resource "terraform_data" "hello" {
  input = "replace me"
}

output "hello" {
  value = terraform_data.hello.output
}
"""


class TerraformScaffoldParams(BaseModel):
    """Options of `dg scaffold defs`."""

    path: str | None = Field(default=None, description="Folder of a Terraform root that exists.")
    init: bool = Field(default=False, description="Write a small root beside the defs.yaml.")


class TerraformStackScaffolder(dg.Scaffolder[TerraformScaffoldParams]):
    """Writes `defs.yaml`; asks for the root where it was not named and somebody can answer."""

    @classmethod
    def get_scaffold_params(cls) -> type[TerraformScaffoldParams]:
        return TerraformScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[TerraformScaffoldParams]) -> None:
        """Write the folder of the component."""
        path = request.params.path
        if path and request.params.init:
            raise click.UsageError("--path names a root that exists and --init makes one: give one of them")
        if path is None and not request.params.init and sys.stdin.isatty():
            path = click.prompt("Folder of the Terraform root (empty: a new one here)", default="", show_default=False)
        if not path:
            _start(request.target_path)
        scaffold_component(request, {"stack": _relative(path, request.project_root) if path else "."})


def _start(folder: Path) -> None:
    if not any(folder.glob("*.tf")):
        (folder / "main.tf").write_text(dedent(_STARTER))


def _relative(path: str, project_root: Path | None) -> str:
    root = Path(path).absolute()
    if not root.is_dir():
        raise click.UsageError(f"--path {path}: there is no such folder")
    return f"{{{{ context.project_root }}}}/{Path(os.path.relpath(root, project_root or Path.cwd())).as_posix()}"
