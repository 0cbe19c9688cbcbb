"""A problem in the platform folder, and the place it is at.

Problems are data: `validate.py` collects them, the CLI prints them, `errors.InvalidPlatform` carries them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KeyPath = tuple[str | int, ...]


def path_text(path: KeyPath) -> str:
    """`codebuild[0].schedule`: a key path as people write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, where it is, and what is allowed instead; `line` counts from 1."""

    file: Path
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """`file:line: path: message`, the file as seen from the working directory where it lies below it."""
        here = Path.cwd()
        file = self.file.relative_to(here) if self.file.is_relative_to(here) else self.file
        return (
            f"{file}:{self.line}: {self.path}: {self.message}" if self.path else f"{file}:{self.line}: {self.message}"
        )


@dataclass(frozen=True)
class Mark:
    """Where a key or value is written; `line` and `column` count from 1, `path` is its path in that file."""

    file: Path
    line: int
    column: int
    path: KeyPath

    def below(self, rest: KeyPath) -> Mark:
        """The same place for a key that is missing below it."""
        return Mark(self.file, self.line, self.column, self.path + rest) if rest else self

    def problem(self, message: str) -> Problem:
        return Problem(self.file, self.line, path_text(self.path), message)
