"""Secrets a job needs, put where dlt looks for them: variables of this process.

ECS and Cloud Run put them there before the process begins; what is not there is fetched from Secrets Manager with the
runtime's own role. Names of secrets come with the request, values never leave the process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3
import botocore.exceptions

from buildkit_dagster.errors import SecretUnavailable

#: Parts of the ARN of a secret itself; ECS takes a key of its JSON after them.
_ARN_PARTS = 7


def fetch_secrets(secrets: Mapping[str, str]) -> None:
    """Set the variables that are not set yet; raises `SecretUnavailable`."""
    missing = {variable: secret for variable, secret in secrets.items() if not os.environ.get(variable)}
    client: Any = None
    for variable, secret in missing.items():
        if not secret.startswith("arn:"):
            raise SecretUnavailable(secret, f"it belongs in the variable {variable}, which the runtime did not set")
        client = client or boto3.client("secretsmanager", region_name=secret.split(":")[3])
        os.environ[variable] = _value(client, secret)


def hidden(text: str, secrets: Mapping[str, str]) -> str:
    """`text` without the values of secrets, which some libraries quote in their errors."""
    for variable in secrets:
        value = os.environ.get(variable, "")
        if len(value) > 2:
            text = text.replace(value, "***")
    return text


def _value(client: Any, secret: str) -> str:
    """The secret, or one key of its JSON where the ARN goes on with `:key`."""
    parts = secret.split(":")
    arn, key = ":".join(parts[:_ARN_PARTS]), (parts[_ARN_PARTS:] or [""])[0]
    try:
        text = str(client.get_secret_value(SecretId=arn)["SecretString"])
        return str(json.loads(text)[key]) if key else text
    except botocore.exceptions.ClientError as error:
        raise SecretUnavailable(arn, str(error.response["Error"]["Code"])) from None
    except (KeyError, ValueError, TypeError):
        raise SecretUnavailable(arn, f"it has no key {key!r}" if key else "it is not text") from None
