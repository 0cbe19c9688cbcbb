"""The process environment, read once and passed on; nobody else looks at `os.environ`.

Values written in the platform folder belong to `models.py`. The emulator and the entrypoints, which are processes
of their own, read theirs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Credentials the emulator accepts and no cloud does.
DUMMY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "emulator",
    "AWS_SECRET_ACCESS_KEY": "emulator",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

#: What a child of the emulated platform may inherit; anything else (keys, profiles, proxies, TF_*) stays behind.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "SSL_CERT_FILE")

#: Usage statistics are off in everything we start.
NO_TELEMETRY = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "CHECKPOINT_DISABLE": "1",
}


@dataclass(frozen=True)
class ProcessEnvironment:
    """What we read from the environment of this process."""

    environment: str | None
    project: Path | None
    provider_mirror: Path | None
    endpoint: str | None
    dagster_home: Path | None
    github_actions: bool
    variables: Mapping[str, str]


def read_environment() -> ProcessEnvironment:
    """Take a snapshot of the process environment."""
    variables = dict(os.environ)
    return ProcessEnvironment(
        environment=variables.get("BUILDKIT_ENV") or None,
        project=_path(variables.get("BUILDKIT_PROJECT")),
        provider_mirror=_path(variables.get("BUILDKIT_PROVIDER_MIRROR")),
        endpoint=variables.get("AWS_ENDPOINT_URL") or None,
        dagster_home=_path(variables.get("DAGSTER_HOME")),
        github_actions=variables.get("GITHUB_ACTIONS") == "true",
        variables=variables,
    )


def emulated_variables(process: ProcessEnvironment, endpoint: str, region: str) -> dict[str, str]:
    """The whole environment of a child that talks to the emulator: scrubbed, dummy keys, loopback endpoint."""
    inherited = {name: process.variables[name] for name in _INHERITED if name in process.variables}
    return {
        **inherited,
        **DUMMY_CREDENTIALS,
        **NO_TELEMETRY,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def cloud_variables(process: ProcessEnvironment, region: str) -> dict[str, str]:
    """The environment of a child that talks to a real account: ours, without Terraform's own settings."""
    kept = {name: value for name, value in process.variables.items() if not name.startswith("TF_")}
    return {**kept, **NO_TELEMETRY, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}


@contextmanager
def replaced_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """A library that starts a child with our environment starts it with `variables` instead; keep the block short."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value else None
