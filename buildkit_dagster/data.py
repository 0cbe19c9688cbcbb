"""Where the files that travel with the package are: HCL modules, image, workflows, the demo's platform.

In a checkout they are the repository's own folders, in a wheel they are under `_data/`. Nothing is read here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from buildkit_dagster.errors import EnvironmentProblem

DataName = Literal["modules", "image", "function", "workflows", "demo"]

_PACKAGE = Path(__file__).parent
_IN_CHECKOUT: dict[DataName, Path] = {
    "modules": Path("terraform/modules"),
    "image": Path("deploy/image"),
    "function": Path("deploy/function"),
    "workflows": Path("deploy/github"),
    "demo": Path(),
}


class DataMissing(EnvironmentProblem):
    """The installation lacks files that belong to it."""

    def __init__(self, name: str, looked_in: tuple[Path, ...]) -> None:
        places = ", ".join(str(place) for place in looked_in)
        super().__init__(f"The package's {name} files are missing (looked in {places}); reinstall buildkit-dagster.")


def data_path(name: DataName) -> Path:
    """The folder of `modules` (HCL), `image` (build context), `function` (its source), `workflows` (GitHub) or `demo`
    (`config/`, ...)."""
    installed = _PACKAGE / "_data" / name
    checkout = _PACKAGE.parent / _IN_CHECKOUT[name]
    for folder in (installed, checkout):
        if folder.is_dir():
            return folder
    raise DataMissing(name, (installed, checkout))


def demo_files() -> tuple[Path, ...]:
    """What a platform folder starts from: the demo's folders and the two files Dagster reads."""
    demo = data_path("demo")
    names = ("config", "dbt_projects", "workspace.yaml", "dagster.yaml")
    return tuple(demo / name for name in names if (demo / name).exists())
