"""The single values configuration is made of, and the base of its models.

What they are put together to is in `models.py`; how a value that is not allowed is reported, in `wording.py`.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from buildkit_dagster.config.eventbridge import parse


def _is_schedule(expression: str) -> str:
    parse(expression)
    return expression


def _is_not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("blank text is not allowed")
    return text


def _is_scalar(value: object) -> object:
    if not isinstance(value, (str, int, float)):
        raise ValueError("a list, a mapping or nothing is not allowed; allowed: text, a number, true or false")
    return value


def repeated(names: Iterable[str]) -> list[str]:
    """Those that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def canonical_environment(name: object) -> object:
    return ENVIRONMENT_ALIASES.get(name, name) if isinstance(name, str) else name


def known_environments(written: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [str(canonical_environment(name)) for name in written]
    unknown = [name for name in names if name not in get_args(EnvironmentName)]
    if unknown:
        allowed = (*get_args(EnvironmentName), *ENVIRONMENT_ALIASES)
        raise ValueError(f"not an environment: {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    if twice := repeated(names):
        raise ValueError(f"{', '.join(twice)} is described twice, once by its alias; keep one")
    return written


def _is_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write an IANA name such as Europe/Berlin, or UTC")
    return name


def is_web_url(text: str) -> bool:
    """Whether it is an http or https address with a host, and can be taken apart."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.startswith(("https://", "http://")) and text.split() == [text]


def is_loopback(endpoint: str) -> bool:
    """Whether nothing sent to this URL can leave the machine."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_web_url_or_empty(text: str) -> str:
    if text and not is_web_url(text):
        # Without the text: in a webhook's URL is what lets anybody post.
        raise ValueError("not a URL; allowed: https://HOST/PATH, or http")
    return text


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
#: A region of Google Cloud.
GcpRegion = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+\d{1,2}$")]
GithubName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_is_not_blank)]
#: For how long data is kept: a hundred years are for ever.
RetentionDays = Annotated[int, Field(ge=1, le=36500)]
#: A host by its name or address; what else its URL would have stands in keys of its own.
Host = Annotated[str, Field(pattern=r"^[^\s/@?#]+$")]
#: One value of a kind that JSON has.
Scalar = Annotated[str | int | float | bool, BeforeValidator(_is_scalar)]
#: A container image by its address, with tag or digest.
ImageUri = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=1024)]
#: One in a private repository of ECR.
EcrImageUri = Annotated[
    str,
    Field(
        pattern=r"^\d{12}\.dkr[.-]ecr\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)/"
        r"[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$"
    ),
]
#: An EventBridge expression: `cron(0 2 * * ? *)`, `rate(12 hours)`, or the six fields alone.
Schedule = Annotated[str, AfterValidator(_is_schedule)]
Timezone = Annotated[str, AfterValidator(_is_timezone)]
#: The address of a service, or nothing.
WebUrl = Annotated[
    str,
    AfterValidator(_is_web_url_or_empty),
    WithJsonSchema({"type": "string", "pattern": r"^(https?://\S+)?$"}, mode="validation"),
]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
SecretArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$")]
#: A secret of AWS or of Google, by its name there; never its value.
SecretName = Annotated[
    str,
    Field(
        pattern=r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+"
        r"|projects/[^/\s]+/secrets/[\w-]+(/versions/\w+)?)$"
    ),
]
#: A standard topic, or nothing: a FIFO one takes no message without a group.
TopicArn = Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+)?$")]
SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-z]+$")]
SecurityGroupId = Annotated[str, Field(pattern=r"^sg-[0-9a-z]+$")]

#: A user or role of IAM; whole accounts and wildcards would let in more than is named.
PrincipalArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(user|role)/[A-Za-z0-9+=,.@_/-]+$")]


class Model(BaseModel):
    """Base of every configuration model: frozen, no unknown keys, no coercion; YAML lists are tuples.

    `elsewhere` answers keys the model does not have, but that other systems' files do: what to write instead.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
