"""A rendered root as one file that people keep: `NAME.tf` or `NAME.tf.json`, with its modules beside it.

The folder Terraform runs in for Dagster is `workdir.py`'s; which root it is, is decided in `stacks/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from buildkit_dagster import process
from buildkit_dagster.errors import FolderHoldsARoot, FolderNotWritable, InvalidRoot
from buildkit_dagster.terraform.hcl import root_files
from buildkit_dagster.terraform.hcl_text import hcl_text
from buildkit_dagster.terraform.module_folder import module_outputs
from buildkit_dagster.terraform.providers import find_terraform
from buildkit_dagster.terraform.render import body_of
from buildkit_dagster.terraform.rendered_root import RenderedRoot
from buildkit_dagster.terraform.workdir import copy_modules, write_files

Format = Literal["hcl", "json"]

_SUFFIXES: Mapping[Format, str] = {"hcl": ".tf", "json": ".tf.json"}
_SECONDS = 60.0


def write_root(root: RenderedRoot, folder: Path, form: Format, variables: Mapping[str, str]) -> Path:
    """Write the root as `<stack>.tf` or `<stack>.tf.json`; returns the file.

    `variables` are those of this process, for Terraform, which formats HCL. Raises `FolderHoldsARoot` where another
    root is in the folder, as Terraform takes all files of a folder for one, and `FolderNotWritable`.
    """
    file = folder / f"{root.stack}{_SUFFIXES[form]}"
    others = [other for other in root_files(folder) if other != file] if folder.is_dir() else []
    if others:
        raise FolderHoldsARoot(folder, others[0], file.name)
    body = _body(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderNotWritable(folder, error.strerror or str(error)) from None
    copy_modules(root, folder / "modules")
    write_files(root, folder)
    if form == "json":
        file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        file.write_text(hcl_text(body), encoding="utf-8")
        _format(file, variables)
    return file


def _body(root: RenderedRoot) -> dict[str, Any]:
    """The root with a word on every variable: nobody hands it the other stacks' outputs."""
    names = {call.module for call in root.calls}
    body = body_of(root, {name: module_outputs(root.modules / name) for name in names}, Path("modules"))
    for ref in root.refs():
        body["variable"][ref.variable]["description"] = f"Output `{ref.output}` of infra/{ref.stack}/{ref.unit}."
    return body


def _format(file: Path, variables: Mapping[str, str]) -> None:
    """As `terraform fmt` does, which needs neither providers nor a network."""
    binary, _ = find_terraform(variables)
    env = {name: value for name, value in variables.items() if not name.startswith("TF_")}
    answer = process.run([str(binary), "fmt", "-list=false", file.name], cwd=file.parent, env=env, timeout=_SECONDS)
    if answer.returncode != 0:
        raise InvalidRoot(file, f"Terraform cannot format it: {answer.stderr.strip()}")
