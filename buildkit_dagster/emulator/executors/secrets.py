"""Values that a build or task names instead of carrying: Secrets Manager and Parameter Store references.

Both forms AWS has are read: CodeBuild's `name:key:stage:version` and ECS's `valueFrom` ARN. Values go into the
environment of the process and nowhere else.
"""

from __future__ import annotations

import json
import re

from botocore.exceptions import BotoCoreError, ClientError

from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.errors import EmulatorError

_SECRET = re.compile(
    r"(?P<id>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+|(?!arn:)[^:]+)"
    r"(?::(?P<key>[^:]*))?(?::(?P<stage>[^:]*))?(?::(?P<version>[^:]*))?"
)


class UnreadableReference(EmulatorError):
    """A reference that is wrong, or names something that does not exist."""


def secret(world: World, region: str, reference: str) -> str:
    """The value of `id[:json key[:stage[:version]]]`; the whole secret when there is no key."""
    found = _SECRET.fullmatch(reference)
    if not found:
        raise UnreadableReference(f"{reference!r} is not a Secrets Manager reference")
    wanted = {"SecretId": found["id"], "VersionStage": found["stage"], "VersionId": found["version"]}
    try:
        answer = world.client("secretsmanager", region).get_secret_value(**{k: v for k, v in wanted.items() if v})
    except (ClientError, BotoCoreError) as error:
        raise UnreadableReference(f"secret {found['id']}: {error}") from error
    text: str = answer["SecretString"]
    return _member(text, found["key"], reference) if found["key"] else text


def parameter(world: World, region: str, reference: str) -> str:
    """The decrypted value of a parameter, by name or ARN."""
    name = reference.partition(":parameter")[2] if reference.startswith("arn:") else reference
    client = world.client("ssm", region)
    try:
        value: str = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except (ClientError, BotoCoreError) as error:
        raise UnreadableReference(f"parameter {reference}: {error}") from error
    return value


def referenced(world: World, region: str, reference: str) -> str:
    """The value of an ECS `valueFrom`."""
    kind = secret if ":secretsmanager:" in reference else parameter
    return kind(world, region, reference)


def _member(text: str, key: str, reference: str) -> str:
    try:
        value = json.loads(text)[key]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UnreadableReference(f"secret {reference}: it is no JSON object with the key {key!r}") from error
    return value if isinstance(value, str) else json.dumps(value)
