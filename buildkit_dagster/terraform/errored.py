"""`errored.tfstate`: what Terraform could not save where its state belongs; kept here until the next run can push it.

Terraform leaves it in the folder it ran in, which may be a root under version control. It is moved to the stack's work
folder at once and never deleted before the stored state says the same. Running Terraform is `engine.py`, when this is
looked at `recovery.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from buildkit_dagster.terraform.state import State, parse_state
from buildkit_dagster.terraform.workdir import Workdir

_NAME = "errored.tfstate"
#: Where files go that were told about and need nothing any more.
_DONE = "superseded"


@dataclass(frozen=True)
class ErroredState:
    """A state that was not saved, and the file that holds it."""

    file: Path
    state: State

    def why_not(self, stored: State) -> str | None:
        """Why it must not replace `stored`; None when it follows from it."""
        if stored.lineage is None:
            return None
        if self.state.lineage != stored.lineage:
            return f"it belongs to another state (lineage {self.state.lineage}; the stored one has {stored.lineage})"
        if self.state.serial <= stored.serial:
            return f"it is not newer (serial {self.state.serial}; the stored one has {stored.serial})"
        return None

    def lacking(self, stored: State) -> list[str]:
        """Addresses of resources that `stored` does not know."""
        return sorted(self.state.addresses - stored.addresses)

    def forget(self) -> None:
        """The stored state is the same."""
        self.file.unlink()

    def set_aside(self) -> Path:
        """Keep it where no run looks again."""
        target = self.file.parent / _DONE / self.file.name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        return self.file.rename(target)


def catch(workdir: Workdir) -> Path | None:
    """Move what Terraform left in its folder to the work folder; where it is now, None where there is nothing."""
    left = workdir.folder / _NAME
    if not left.exists():
        return None
    workdir.errored.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = workdir.errored / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.tfstate"
    left.chmod(0o600)
    return left.rename(kept)


def kept(workdir: Workdir) -> list[ErroredState]:
    """What waits to be pushed, oldest first."""
    files = sorted(workdir.errored.glob("*.tfstate"))
    return [ErroredState(file, parse_state(file.read_text())) for file in files]


def set_aside_damaged(workdir: Workdir) -> list[Path]:
    """Put away files that a full disk cut off, so that no run stops at them; where they are now."""
    damaged = [file for file in sorted(workdir.errored.glob("*.tfstate")) if not _is_whole(file)]
    for file in damaged:
        (file.parent / _DONE).mkdir(mode=0o700, exist_ok=True)
    return [file.rename(file.parent / _DONE / file.name) for file in damaged]


def _is_whole(file: Path) -> bool:
    try:
        json.loads(file.read_text())
    except ValueError:
        return False
    return True
