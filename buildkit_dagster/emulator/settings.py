"""What one emulator is told when it starts, and what it is made of while it runs.

Read from the command line in `__main__`; nothing else in the emulator parses arguments. What it keeps of AWS is in
moto's backends, not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildkit_dagster.errors import EmulatorError

#: The only addresses the emulator listens on.
LOOPBACK = ("127.0.0.1", "::1", "localhost")

STATE_FILE = "emulator.json"
LOG_FILE = "emulator.log"
#: Held while one is started.
START_FILE = "emulator.start"

_HOST = r"(?:github\.com|gitlab\.com|bitbucket\.org)"
_ADDRESS = re.compile(rf"(?:https?://(?:[^@/]+@)?{_HOST}/|git@{_HOST}:)?([^/]+/[^/]+?)(?:\.git)?/?")


class HostNotLoopback(EmulatorError):
    """The emulator was told to listen where others could reach it."""

    def __init__(self, host: str) -> None:
        super().__init__(f"The emulator does not listen on {host!r}: allowed are {', '.join(LOOPBACK)}.")


@dataclass(frozen=True)
class Settings:
    """One emulator's settings; `lifetime` is in seconds, `owner` the pid without which it ends.

    Without a `clock` schedules fire when they are told to, and at no other time.
    """

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    lifetime: float | None = None
    owner: int | None = None
    clock: bool = True
    repositories: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK:
            raise HostNotLoopback(self.host)

    @property
    def state_file(self) -> Path:
        return self.state_dir / STATE_FILE

    def repository(self, location: str) -> Path | None:
        """The folder that stands for an address of GitHub, GitLab or Bitbucket, None if none was named for it."""
        found = _ADDRESS.fullmatch(location)
        return self.repositories.get(found[1]) if found else None


def parse_repository(text: str) -> tuple[str, Path]:
    """`organization/name=folder`, as `--repository` takes it; raises ValueError for anything else."""
    name, equals, folder = text.partition("=")
    if not equals or name.count("/") != 1 or not folder:
        raise ValueError(f"{text!r} is not organization/name=folder")
    return name, Path(folder).absolute()
