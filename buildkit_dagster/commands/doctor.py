"""`buildkit doctor`: the facts about this machine and this platform, and what must be installed or set first.

It must work where nothing else does: every fact is asked for by itself, and one that cannot be had says why.
"""

from __future__ import annotations

import importlib.metadata
import platform as machine
from collections.abc import Callable
from typing import Annotated

import typer
import yaml
from rich.table import Table

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.commands.common import EnvironmentOption, Opened, open_platform, out
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.data import data_path
from buildkit_dagster.emulator.control import running_emulator
from buildkit_dagster.errors import BuildkitError, ConfigError, DoctorRefused
from buildkit_dagster.terraform.providers import (
    GOOGLE_PROVIDER,
    GOOGLE_PROVIDER_VERSION,
    REGISTRY,
    describe_sources,
    mirrored_versions,
)

_DISTRIBUTIONS = ("buildkit-dagster", "dagster", "dbt-core", "dlt", "moto")
#: The first digits of a supported Python, as in pyproject.toml.
_PYTHONS = ("3.11", "3.12", "3.13")


def run(
    check: Annotated[bool, typer.Option("--check", help="Print nothing when all is well, else one message.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Print versions, provider source, emulator, Dagster home and cloud identity; --check exits 1 if one is missing."""
    process = read_environment()
    if check:
        check_machine(process)
        return
    table = Table("what", "is", show_header=False)
    for name, value in facts(process, env).items():
        table.add_row(name, value)
    out.print(table)


def check_machine(process: ProcessEnvironment) -> None:
    """Raise DoctorRefused naming everything that demo and tests need and this machine lacks; takes seconds."""
    findings = [] if machine.python_version().startswith(_PYTHONS) else [f"Python {', '.join(_PYTHONS)} is needed"]
    try:
        describe_sources(process.variables, process.provider_mirror)
    except BuildkitError as error:
        findings.append(str(error))
    if _version("moto") is None:
        findings.append("the emulator is not installed: pip install 'buildkit-dagster[local]'")
    if findings:
        raise DoctorRefused(findings)


def facts(process: ProcessEnvironment, environment: str | None) -> dict[str, str]:
    """Everything doctor knows, by name, in the order it is printed."""
    found = {"python": machine.python_version()}
    found |= {name: _version(name) or "not installed" for name in _DISTRIBUTIONS}
    found |= _attempt("terraform", lambda: describe_sources(process.variables, process.provider_mirror))
    try:
        opened = open_platform(environment)
    except ConfigError as error:
        return found | {"platform": str(error)}
    found["platform"] = f"{opened.platform.name} ({opened.platform.environment}) in {opened.platform.folder}"
    found |= _emulator(opened)
    found |= _google(opened)
    found |= _attempt("dagster home", lambda: _home(opened))
    return found | _attempt("cloud identity", lambda: _identity(opened))


def _attempt(name: str, ask: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return ask()
    except BuildkitError as error:
        return {name: str(error)}
    except Exception as error:  # noqa: BLE001  a fact that cannot be had must not hide the others
        return {name: f"{type(error).__name__}: {error}"}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _emulator(opened: Opened) -> dict[str, str]:
    if opened.platform.config.cloud != "emulator":
        return {}
    running = running_emulator(opened.platform.work)
    return {"emulator": f"{running.endpoint} (process {running.pid})" if running else "not running"}


def _google(opened: Opened) -> dict[str, str]:
    """The project of Google Cloud, and the provider that Terraform fetches for its stacks when it first runs one."""
    gcp = opened.platform.config.gcp
    if gcp is None:
        return {}
    mirror = opened.process.provider_mirror
    held = mirrored_versions(mirror, GOOGLE_PROVIDER) if mirror else ()
    source = f"filesystem mirror {mirror}" if GOOGLE_PROVIDER_VERSION in held else f"registry {REGISTRY}"
    runs = "; not emulated, its stacks run in other environments" if opened.platform.config.cloud == "emulator" else ""
    return {
        "google project": f"{gcp.project} ({gcp.region}){runs}",
        "google provider": f"{GOOGLE_PROVIDER_VERSION} (pinned), from the {source}",
    }


def _home(opened: Opened) -> dict[str, str]:
    from buildkit_dagster.defs.instance import home_of

    home = home_of(opened.platform, opened.process)
    made = (home / "dagster.yaml").exists()
    settings = yaml.safe_load(((home if made else data_path("demo")) / "dagster.yaml").read_text()) or {}
    concurrency = settings.get("concurrency", {})
    pools, runs = concurrency.get("pools", {}), concurrency.get("runs", {})
    return {
        "dagster home": str(home) if made else f"{home} (not made yet)",
        "pools": f"{pools.get('default_limit', 'NO LIMIT')} per pool, granularity {pools.get('granularity', 'op')}",
        "run queue": f"{runs.get('max_concurrent_runs', 10)} runs at a time",
    }


def _identity(opened: Opened) -> dict[str, str]:
    if opened.platform.config.cloud == "emulator" and running_emulator(opened.platform.work) is None:
        return {"cloud identity": "none, the emulator is not running"}
    answer = aws_for(opened.platform, opened.process).client("sts").get_caller_identity()
    return {"cloud identity": f"account {answer['Account']}, {answer['Arn']}"}
