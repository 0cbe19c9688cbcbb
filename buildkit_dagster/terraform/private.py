"""Files that hold what others must not read, written completely or not at all, in folders nobody commits.

Which files there are is decided by whoever writes them.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file completely or not at all, readable as `mode` says from its first byte."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    draft.replace(file)


def make_work_folder(folder: Path) -> None:
    """A folder for its owner only; nothing in it is ever to be committed."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    note = folder / ".gitignore"
    if not note.exists():
        note.write_text("*\n")
