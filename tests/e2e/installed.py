"""The package as a user has it: the wheel installed outside the checkout, and processes of it to watch.

The virtual environment borrows its dependencies from the one that runs the tests, the package itself comes from the
wheel: what is not in the wheel is not there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and a home that is nobody's."""

    root: Path

    @property
    def binaries(self) -> Path:
        return self.root / "venv" / "bin"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a user who has no cloud account and no platform chosen."""
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        passed = {name: os.environ[name] for name in ("BUILDKIT_PROVIDER_MIRROR",) if name in os.environ}
        path = f"{self.binaries}:{os.environ['PATH']}"
        return {**passed, "PATH": path, "HOME": str(home), "TERM": "dumb", "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.binaries / "buildkit"), *arguments]

    def run(self, *arguments: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=cwd, env=self.variables, capture_output=True, text=True, timeout=timeout
        )


def install_wheel(root: Path) -> Installed:
    """Build the wheel and install it below `root`, without looking at the network."""
    wheels = root / "wheels"
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(REPOSITORY)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True, timeout=300)
    (wheel,) = wheels.glob("*.whl")
    venv.create(root / "venv", symlinks=True, with_pip=False)
    python = root / "venv" / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True, timeout=300)
    _borrow_dependencies(root / "venv")
    return Installed(root)


def _borrow_dependencies(environment: Path) -> None:
    """The test environment's packages after our own, its editable install of the package left out."""
    (site,) = environment.glob("lib/python*/site-packages")
    ours = sysconfig.get_paths()["purelib"]
    # A line of a .pth file that is a path is appended; the lent folder's own .pth files are not read.
    (site / "borrowed.pth").write_text(f"{ours}\n")
    _write_script(environment / "bin" / "dbt", environment / "bin" / "python", "dbt.cli.main", "cli")
    _write_script(environment / "bin" / "dagster", environment / "bin" / "python", "dagster.cli", "main")


def _write_script(script: Path, python: Path, module: str, function: str) -> None:
    script.write_text(f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    script.chmod(0o755)


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes whose environment or command names `folder`; zombies do not count."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(folder).encode() in text:
            found.append(f"{entry.name} {command}")
    return found
