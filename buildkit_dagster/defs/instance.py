"""The Dagster home of a platform: where it is, what is in it, and which emulator it belongs to.

One instance per environment. An emulated platform's home is `.buildkit/<env>/dagster` and lives as long as its
emulator, because history without the infrastructure it made would be wrong. A real one's is DAGSTER_HOME where set.
Runs are submitted in `launch.py`, daemons are started in `services.py`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.defs.sqlite import runs_held_open
from buildkit_dagster.emulator.control import running_emulator
from buildkit_dagster.errors import EmulatorNotRunning

_EMULATOR_ID = "emulator.id"

#: A run whose start takes longer is failed for good by Dagster's queue: 60 seconds are few on a busy machine.
_START_SECONDS = "300"


def home_of(platform: Platform, process: ProcessEnvironment) -> Path:
    """Where this platform's Dagster instance is or will be."""
    if platform.config.cloud != "emulator" and process.dagster_home is not None:
        return process.dagster_home
    return platform.work / "dagster"


def prepare_home(platform: Platform, process: ProcessEnvironment) -> Path:
    """The home with its dagster.yaml; made anew when it belongs to an emulator that is gone."""
    home = home_of(platform, process)
    if platform.config.cloud == "emulator":
        _bind_to_emulator(platform, home)
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if home == platform.work / "dagster" or not settings.exists():
        shutil.copyfile(_settings_of(platform), settings)
    return home


def _bind_to_emulator(platform: Platform, home: Path) -> None:
    emulator = running_emulator(platform.work)
    if emulator is None:
        raise EmulatorNotRunning(platform.environment)
    mark = home / _EMULATOR_ID
    if mark.exists() and mark.read_text() == emulator.id:
        return
    forget_work(platform)
    home.mkdir(parents=True, exist_ok=True)
    mark.write_text(emulator.id)


def forget_work(platform: Platform) -> None:
    """Remove what one life of an emulator left in the work folder; its log and its record stay."""
    for entry in platform.work.glob("*"):
        if entry.name.startswith("emulator"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _settings_of(platform: Platform) -> Path:
    own = platform.folder / "dagster.yaml"
    return own if own.exists() else data_path("demo") / "dagster.yaml"


@contextmanager
def open_instance(home: Path) -> Iterator[DagsterInstance]:
    """The instance of `home`, without looking at this process's DAGSTER_HOME."""
    with DagsterInstance.from_config(str(home)) as instance, runs_held_open(home):
        yield instance


def dagster_variables(platform: Platform, process: ProcessEnvironment) -> dict[str, str]:
    """The whole environment of a Dagster process: the cloud's, ours, and the virtual environment first on PATH."""
    variables = dict(aws_for(platform, process).variables)
    path = variables.get("PATH", "")
    binaries = str(Path(sys.executable).parent)
    ours = {
        "BUILDKIT_ENV": platform.environment,
        "BUILDKIT_PROJECT": str(platform.folder),
        "DAGSTER_HOME": str(home_of(platform, process)),
        "DAGSTER_GRPC_TIMEOUT_SECONDS": variables.get("DAGSTER_GRPC_TIMEOUT_SECONDS", _START_SECONDS),
        "PATH": path if path.split(":")[0] == binaries else f"{binaries}:{path}",
    }
    if process.provider_mirror is not None:
        ours["BUILDKIT_PROVIDER_MIRROR"] = str(process.provider_mirror)
    return {**variables, **ours}
