"""The folder Terraform runs in: a rendered root is written there, with its modules, variables and lock file.

A root written by hand stays as it is; what we add goes to the stack's work folder. Everything here may be deleted.
Running Terraform is `engine.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_dagster.alone import alone
from buildkit_dagster.terraform.backends import LocalBackend
from buildkit_dagster.terraform.module_folder import module_files
from buildkit_dagster.terraform.private import make_work_folder, write_private
from buildkit_dagster.terraform.providers import Sources
from buildkit_dagster.terraform.rendered_root import RenderedRoot
from buildkit_dagster.terraform.stack import IMPORTS_FILE, TerraformStack

LOCK_FILE = ".terraform.lock.hcl"
_HASHES = re.compile(r"^ *hashes = \[.*?\]\n", re.MULTILINE | re.DOTALL)
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
        """Keep other processes on this machine out of the folder; the system lets go when we die.

        No plan file is left in it, whatever came of the plan.
        """
        make_work_folder(self.work)
        with alone(self.work / ".alone"), self.plan_removed():
            yield

    @contextmanager
    def plan_removed(self) -> Iterator[None]:
        """Remove the plan file in the end: it holds secrets, and one that is kept lies in the store."""
        try:
            yield
        finally:
            self.plan.unlink(missing_ok=True)

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the rendered root (if it is one) and the variables it is given."""
        write_private(self.values, json.dumps(values, indent=2, default=str))
        if self.stack.source is None:
            return
        write_private(self.folder / "main.tf.json", json.dumps(self.stack.body(), indent=2))
        write_files(self.stack.source, self.folder)
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

    def make_reading_folder(self) -> Path:
        """A folder to read plans in: its lock file names the providers without their hashes.

        Terraform hashes a provider before each command, half a second for AWS's. Reading a plan changes nothing, and
        plan and apply, before and after it, make sure of the same files.
        """
        folder, lock = self.work / "reading", self.folder / LOCK_FILE
        folder.mkdir(exist_ok=True)
        write_private(folder / LOCK_FILE, _HASHES.sub("", lock.read_text()) if lock.exists() else "")
        return folder

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
        copy_modules(self.stack.source, target)


def copy_modules(root: RenderedRoot, target: Path) -> None:
    """The modules a rendered root calls, and those they call, below `target`; what else is there stays."""
    if target.resolve() == root.modules.resolve():
        return
    for name in sorted(called_modules(root.modules, {call.module for call in root.calls})):
        shutil.rmtree(target / name, ignore_errors=True)
        shutil.copytree(root.modules / name, target / name, ignore=_NOT_NEEDED)


def write_files(root: RenderedRoot, folder: Path) -> None:
    """The files that lie beside a rendered root."""
    for name, content in root.files.items():
        (folder / name).write_bytes(content())


def called_modules(modules: Path, names: Iterable[str]) -> set[str]:
    """These modules of a folder, and those of its modules that they call."""
    folder = modules.resolve()
    return {file.relative_to(folder).parts[0] for name in names for file in module_files(folder / name)}
