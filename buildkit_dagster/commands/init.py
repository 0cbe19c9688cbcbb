"""`buildkit init`: a platform folder that works, made from the demo that travels with the package."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from buildkit_dagster.commands.common import make_output_folder, out
from buildkit_dagster.data import data_path, demo_files
from buildkit_dagster.errors import FolderNotEmpty

_LEFT_OUT = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml", "*.duckdb", "__pycache__")

_GITIGNORE = """\
.buildkit/
.terraform/
target/
logs/
dbt_packages/
.user.yml
*.duckdb
*.duckdb.wal
"""

_README = """\
# {name}

A data platform as one Dagster asset graph, made by `buildkit init`.

    buildkit doctor --env dev    # what is installed, and what is missing
    buildkit demo                # all of it in the local emulator, from nothing
    buildkit dev                 # the same, then Dagster's UI on http://127.0.0.1:3000
    buildkit validate            # check config/

- `config/platform.yaml` names the platform and its environments,
- `config/codebuild-config.yml` lists the dbt projects,
- `config/jobs/`, `config/assets/`, `config/connectors/` describe what is loaded,
- `dbt_projects/` holds the dbt projects,
- `.github/workflows/platform.yml` plans pull requests and applies main; its first lines say what it needs.
"""


def run(folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist or be empty.")]) -> None:
    """Make a platform folder with the demo's configuration, dbt project and workflow."""
    make_folder(folder)
    out.print(f"Made {folder}. Next: cd {folder} && buildkit demo")


def make_folder(folder: Path) -> None:
    """Write a new platform folder; where something is there, raise FolderNotEmpty and touch nothing."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderNotEmpty(folder)
    make_output_folder(folder)
    for source in demo_files():
        _copy(source, folder / source.name)
    _copy(data_path("workflows"), folder / ".github" / "workflows")
    (folder / "requirements.txt").write_text(f"buildkit-dagster=={metadata.version('buildkit-dagster')}\n")
    (folder / ".gitignore").write_text(_GITIGNORE)
    (folder / "README.md").write_text(_README.format(name=folder.resolve().name))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_LEFT_OUT)
    else:
        shutil.copyfile(source, target)
