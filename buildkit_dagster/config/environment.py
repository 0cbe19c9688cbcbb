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

from buildkit_dagster.config.values import is_loopback

#: Credentials the emulator accepts and no cloud does.
DUMMY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "emulator",
    "AWS_SECRET_ACCESS_KEY": "emulator",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

#: Nobody to act as at Google: its libraries end here, and do not look for gcloud's login or the machine's account.
NO_GOOGLE_CREDENTIALS = {"GOOGLE_APPLICATION_CREDENTIALS": os.devnull, "NO_GCE_CHECK": "true"}

#: What a child of the emulated platform may inherit; anything else (keys, profiles, proxies, TF_*) stays behind.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "SSL_CERT_FILE")

#: Where each of Google's services is looked for instead of at Google: gcloud's variables, and the one that every client
#: of Cloud Storage reads. https://cloud.google.com/sdk/docs/properties, "api_endpoint_overrides".
GOOGLE_ENDPOINTS = {
    "bigquery": "BIGQUERY_EMULATOR_HOST",
    "cloudasset": "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDASSET",
    "cloudfunctions": "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS",
    "logging": "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING",
    "pubsub": "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB",
    "run": "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN",
    "storage": "STORAGE_EMULATOR_HOST",
}

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

    def google_endpoint(self, service: str) -> str | None:
        """The URL that stands for one of Google's services, of those in `GOOGLE_ENDPOINTS`; None is Google's own."""
        return self.variables.get(GOOGLE_ENDPOINTS[service], "").rstrip("/") or None


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
        **NO_GOOGLE_CREDENTIALS,
        **_google_stand_ins(process),
        **NO_TELEMETRY,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def _google_stand_ins(process: ProcessEnvironment) -> dict[str, str]:
    """What stands for Google's services on this machine; an address elsewhere stays behind."""
    named = {variable: process.google_endpoint(service) for service, variable in GOOGLE_ENDPOINTS.items()}
    return {variable: url for variable, url in named.items() if url and is_loopback(url)}


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
