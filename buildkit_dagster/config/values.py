"""The single values configuration is made of, and the base of its models.

What they are put together to is in `models.py`; how a value that is not allowed is reported, in `check.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from buildkit_dagster.config.schedule import dagster_cron


def _is_schedule(expression: str) -> str:
    dagster_cron(expression)
    return expression


def canonical_environment(name: object) -> object:
    return ENVIRONMENT_ALIASES.get(name, name) if isinstance(name, str) else name


def known_environments(written: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [str(canonical_environment(name)) for name in written]
    unknown = [name for name in names if name not in get_args(EnvironmentName)]
    if unknown:
        allowed = (*get_args(EnvironmentName), *ENVIRONMENT_ALIASES)
        raise ValueError(f"not an environment: {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is described twice, once by its alias; keep one")
    return written


def _is_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write an IANA name such as Europe/Berlin, or UTC")
    return name


EnvironmentName = Literal["dev", "staging", "prod"]

#: Other spellings of the same three environments.
ENVIRONMENT_ALIASES: Mapping[str, EnvironmentName] = {"stg": "staging", "prd": "prod"}
#: An environment as files may spell it.
WrittenEnvironment = Annotated[
    EnvironmentName,
    BeforeValidator(canonical_environment, json_schema_input_type=EnvironmentName | Literal["stg", "prd"]),
]
Cloud = Literal["emulator", "aws"]
DriftMode = Literal["warn", "block", "off"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
#: The name of a dbt project or ingest job: hyphens as in `my-dbt-project`, underscores as in `hubspot_contacts`.
EntryName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
#: A tag key every cloud accepts.
TagKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=63)]
AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
GithubName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]
Text = Annotated[str, Field(min_length=1)]
#: An EventBridge expression: `cron(0 2 * * ? *)`, `rate(12 hours)`, or the six fields alone.
Schedule = Annotated[str, AfterValidator(_is_schedule)]
Timezone = Annotated[str, AfterValidator(_is_timezone)]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
SecretArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$")]

#: A user or role of IAM; whole accounts and wildcards would let in more than is named.
PrincipalArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(user|role)/[A-Za-z0-9+=,.@_/-]+$")]


class Model(BaseModel):
    """Base of every configuration model: frozen, no unknown keys, no coercion; YAML lists are tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
