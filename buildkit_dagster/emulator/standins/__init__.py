"""Commands an emulated build finds on its PATH in place of those a build image has: `docker` and `aws`.

They do exactly what their files say and refuse the rest by name. They talk to the emulator only.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn
from urllib.parse import urlsplit

from buildkit_dagster.emulator.settings import LOOPBACK


def refuse(command: str, message: str) -> NoReturn:
    """Say what cannot be done and end with exit code 1."""
    print(f"{command} (emulator): {message}", file=sys.stderr)
    raise SystemExit(1)


def client(command: str, service: str, region: str) -> Any:
    """A client of the emulator this process was started by; refused anywhere else."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in LOOPBACK:
        refuse(command, f"AWS_ENDPOINT_URL is {endpoint!r}, which is no emulator")
    import boto3  # takes most of a second, which `docker build` need not wait for

    session: Any = boto3.Session()
    return session.client(service, region_name=region, endpoint_url=endpoint)
