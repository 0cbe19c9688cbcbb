"""AWS client factories and the environments of child processes; nothing else.

Which account, region and endpoint a client talks to is decided here once, so that an emulated environment never reaches
a real account and a real one never an emulator. What is done with a client belongs to the caller.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import botocore.credentials
import botocore.session
from botocore.config import Config

from buildkit_dagster.aws_regions import console_of
from buildkit_dagster.config.environment import (
    DUMMY_CREDENTIALS,
    ProcessEnvironment,
    cloud_variables,
    emulated_variables,
)
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.values import is_loopback
from buildkit_dagster.errors import EmulatorNotRunning, EndpointIsLoopback, EndpointNotLoopback


@dataclass(frozen=True)
class Aws:
    """Clients and child environments of one AWS account and region.

    `emulator` is the emulator's `emulator.json` when the environment is emulated, None when it is real. Nothing is read
    and nothing is connected before first use, and the endpoint is looked up each time: an emulator may be restarted.
    """

    process: ProcessEnvironment = field(repr=False)
    region: str | None = None
    emulator: Path | None = None
    role: str | None = None

    @property
    def endpoint(self) -> str | None:
        """The emulator's address, or the one the process environment names for a real account (VPC endpoints)."""
        if self.emulator is not None:
            return _loopback(self.process.endpoint or _written_endpoint(self.emulator))
        if self.process.endpoint and is_loopback(self.process.endpoint):
            raise EndpointIsLoopback(self.process.endpoint)
        return self.process.endpoint

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment of a child process."""
        endpoint = self.endpoint
        if self.emulator is not None:
            return emulated_variables(self.process, str(endpoint), str(self.region))
        return cloud_variables(self.process, self.region) if self.region else dict(self.process.variables)

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, of another region if one is given; short timeouts and few retries against the emulator,
        boto3's own settings otherwise."""
        if self.emulator is not None:
            return _emulated_session(self.region).client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, connect_timeout=5),
            )
        return self._session().client(service, region_name=region, endpoint_url=self.endpoint)

    def object_link(self, bucket: str, key: str) -> str:
        """Where a person opens an object: the console, or the emulator itself."""
        if self.emulator is not None:
            return f"{self.endpoint}/{bucket}/{quote(key)}"
        return f"{console_of(str(self.region))}/s3/object/{bucket}?region={self.region}&prefix={quote(key)}"

    def as_role(self, role: str, session: str) -> Callable[..., Any]:
        """Clients with the credentials of a role that is taken on for an hour; also in the emulator."""
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        taken: Any = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.region,
            botocore_session=_without_profile(),
        )
        config = Config(s3={"addressing_style": "path" if self.emulator is not None else "auto"})
        return lambda service, region=None: taken.client(
            service, region_name=region, endpoint_url=self.endpoint, config=config
        )

    def _session(self) -> Any:
        session = boto3.Session(region_name=self.region)
        return _assume(session, self.role) if self.role else session


@dataclass(frozen=True)
class Ambient(Aws):
    """The account that the process environment itself points at, as every AWS tool reads it; for roots without a
    platform. A loopback endpoint is what the user asked for there."""

    @property
    def endpoint(self) -> str | None:
        return self.process.endpoint

    def client(self, service: str, region: str | None = None) -> Any:
        emulated = self.endpoint is not None and is_loopback(self.endpoint)
        config = Config(s3={"addressing_style": "path" if emulated else "auto"})
        return self._session().client(service, region_name=region, endpoint_url=self.endpoint, config=config)


def aws_for(platform: Platform, process: ProcessEnvironment) -> Aws:
    """The account of a platform's environment, or its emulator."""
    config = platform.config
    emulated = config.cloud == "emulator"
    return Aws(process, config.region, platform.work / "emulator.json" if emulated else None, config.role)


def _loopback(endpoint: str) -> str:
    if not is_loopback(endpoint):
        raise EndpointNotLoopback(endpoint)
    return endpoint


def _written_endpoint(file: Path) -> str:
    try:
        return str(json.loads(file.read_text())["endpoint"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise EmulatorNotRunning(file.parent.name) from None


def _emulated_session(region: str | None) -> Any:
    return boto3.Session(
        aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=region,
        botocore_session=_without_profile(),
    )


def _without_profile() -> Any:
    """A botocore session that looks at no profile and no shared file, whatever the environment says."""
    fixed = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
    return botocore.session.Session(session_vars={name: (None, None, value, None) for name, value in fixed.items()})


def _assume(session: Any, role: str) -> Any:
    """The same region as another role; credentials renew themselves before they expire."""
    fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=session.get_credentials(),
        role_arn=role,
        extra_args={"RoleSessionName": "buildkit-dagster"},
    )
    assumed: Any = botocore.session.get_session()
    assumed._credentials = botocore.credentials.DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=assumed, region_name=session.region_name)
