"""The folder Terraform runs in: a rendered root is written there, with its modules, variables and lock file.

A root written by hand stays as it is; what we add goes to the stack's work folder. Everything here may be deleted.
Running Terraform is `engine.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.backends import LocalBackend
from buildkit_dagster.terraform.providers import Sources
from buildkit_dagster.terraform.stack import IMPORTS_FILE, TerraformStack

LOCK_FILE = ".terraform.lock.hcl"
_NOT_NEEDED = shutil.ignore_patterns("tests", "examples", "*.md", ".terraform", LOCK_FILE)


@dataclass(frozen=True)
class Workdir:
    """The files of one stack; `folder` is the root, `work` holds what may be deleted."""

    stack: TerraformStack

    @property
    def folder(self) -> Path:
        return self.stack.path

    @property
    def work(self) -> Path:
        return self.stack.work

    @property
    def data(self) -> Path:
        return self.work / ".terraform"

    @property
    def plan(self) -> Path:
        return self.work / "plan.tfplan"

    @property
    def values(self) -> Path:
        return self.work / "terraform.tfvars.json"

    @property
    def backend_config(self) -> Path | None:
        """The file that completes the backend block, None where nothing does."""
        given = self.stack.backend_config
        if isinstance(given, Path):
            return given
        return self.work / "backend.tfbackend.json" if given else None

    @property
    def journal(self) -> Path:
        return self.work / "journal"

    @property
    def errored(self) -> Path:
        """States that Terraform could not save."""
        return self.work / "errored"

    @property
    def cli_configuration(self) -> Path:
        return self.work / "terraform-cli.tfrc.json"

    @property
    def output(self) -> Path:
        """The output of the last command that has no journal."""
        return self.work / "output.txt"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes on this machine out of the folder; the system lets go when we die."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.work.chmod(0o700)
        _ignore(self.work)
        with (self.work / ".alone").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the rendered root (if it is one) and the variables it is given."""
        write_private(self.values, json.dumps(values, indent=2, default=str))
        if self.stack.source is None:
            return
        write_private(self.folder / "main.tf.json", json.dumps(self.stack.body(), indent=2))
        self._copy_modules()
        self._copy_imports()
        if self.stack.lock_file and self.stack.lock_file.exists():
            shutil.copy(self.stack.lock_file, self.folder / LOCK_FILE)

    def close_to_others(self) -> None:
        """A plan and a local state hold secrets, and Terraform writes them with the usual mode."""
        state = self.stack.backend.path if isinstance(self.stack.backend, LocalBackend) else None
        states = (state, state.with_name(f"{state.name}.backup")) if state else ()
        for file in (self.plan, *states):
            with contextlib.suppress(OSError):
                file.chmod(0o600)

    def keep_lock_file(self) -> None:
        """After the first init: the platform folder keeps the provider hashes, for the user to commit."""
        made = self.folder / LOCK_FILE
        if self.stack.lock_file and made.exists() and not self.stack.lock_file.exists():
            write_private(self.stack.lock_file, made.read_text(), mode=0o644)

    def is_initialised(self, sources: Sources) -> bool:
        """Whether providers, modules and backend are those of the last init."""
        mark = self.data / "initialised"
        return mark.exists() and mark.read_text() == self._fingerprint(sources)

    def mark_initialised(self, sources: Sources) -> None:
        self.data.mkdir(exist_ok=True)
        (self.data / "initialised").write_text(self._fingerprint(sources))

    def write_backend_config(self) -> str | None:
        """The file for `-backend-config`; settings may be secret, so they are never on a command line."""
        file, given = self.backend_config, self.stack.backend_config
        if file is not None and not isinstance(given, Path):
            write_private(file, json.dumps(given, indent=2, default=str))
        return str(file) if file else None

    def read_computed(self, sources: Sources) -> dict[str, list[str]] | None:
        """What was kept about the providers in use; None when they are others now."""
        file = self.data / "computed.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        return kept["computed"] if kept.get("of") == self._fingerprint(sources) else None

    def keep_computed(self, computed: Mapping[str, list[str]], sources: Sources) -> None:
        write_private(self.data / "computed.json", json.dumps({"of": self._fingerprint(sources), "computed": computed}))

    def _fingerprint(self, sources: Sources) -> str:
        lock, given = self.folder / LOCK_FILE, self.stack.backend_config
        facts = (
            self.stack.root.requirements,
            str(sources.binary),
            sources.version,
            str(sources.mirror),
            lock.exists() and lock.read_text(),
            given.read_text() if isinstance(given, Path) else given,
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def _copy_imports(self) -> None:
        """The user's `import` blocks stand in the rendered root as long as they stand in the platform folder."""
        copy = self.folder / IMPORTS_FILE
        if self.stack.imports.exists():
            write_private(copy, self.stack.imports.read_text())
        else:
            copy.unlink(missing_ok=True)

    def _copy_modules(self) -> None:
        assert self.stack.source is not None
        target = self.folder / "modules"
        shutil.rmtree(target, ignore_errors=True)
        for name in sorted({call.module for call in self.stack.source.calls}):
            shutil.copytree(self.stack.source.modules / name, target / name, ignore=_NOT_NEEDED)


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file completely or not at all, readable as `mode` says from its first byte."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    draft.replace(file)


def _ignore(folder: Path) -> None:
    """Nothing in a work folder is ever to be committed."""
    note = folder / ".gitignore"
    if not note.exists():
        note.write_text("*\n")
