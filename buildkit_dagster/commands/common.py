"""What every command needs: the options they share, the platform they are about, the two consoles.

Dagster is imported by the commands that use it, when they run: `buildkit validate` should not wait for it.
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, cast

import typer
from rich.console import Console

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.folder import choose_environment, find_folder
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.errors import FolderNotWritable
from buildkit_dagster.terraform.redaction import SEEN

EnvironmentOption = Annotated[
    str | None, typer.Option("--env", help="dev, staging or prod; BUILDKIT_ENV if not given.", show_default=False)
]


class _Scrubbing:
    """`sys.stdout` or `sys.stderr` as it is at the moment; the secrets this process has met are not written to it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, text: str) -> int:
        return int(getattr(sys, self._name).write(SEEN.scrub(text)))

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(sys, self._name), name)


def _console(name: str) -> Console:
    """Text is printed as it is: what is in brackets, and `:secret:` in an ARN, would mean something to rich."""
    return Console(file=cast(IO[str], _Scrubbing(name)), markup=False, emoji=False, highlight=False, soft_wrap=True)


out, err = _console("stdout"), _console("stderr")


@dataclass(frozen=True)
class Opened:
    """The platform a command is about, and the process environment it was chosen in."""

    platform: Platform
    process: ProcessEnvironment


def make_output_folder(folder: Path) -> None:
    """The folder a command will write to, made before its work begins; raises FolderNotWritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderNotWritable(folder, error.strerror or str(error)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderNotWritable(folder, os.strerror(errno.EACCES))


def open_platform(environment: str | None, otherwise: str | None = None) -> Opened:
    """The platform of the current folder in `--env`, BUILDKIT_ENV or `otherwise`; raises ConfigError."""
    process = read_environment()
    chosen = choose_environment(process, environment or process.environment or otherwise)
    return Opened(load_platform(find_folder(process), chosen, process.variables), process)
