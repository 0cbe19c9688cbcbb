"""The state as data: read from where it lies, in one request; by `terraform state pull` where only Terraform can.

`terraform output` and `show` cost seconds because they load the provider; the state says the same. Values marked
sensitive never leave this module. Locks are in `locks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildkit_dagster.errors import StateNotReadable
from buildkit_dagster.terraform.backends import Backend, LocalBackend, PassedBackend
from buildkit_dagster.terraform.redaction import Secrets
from buildkit_dagster.terraform.render import escape
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.secret_names import SENSITIVE, masked
from buildkit_dagster.terraform.secret_sources import learn_state


@dataclass(frozen=True)
class StateResource:
    """One instance of a managed resource; `values` without those marked sensitive, and with those masked
    that are secret by name."""

    address: str
    type: str
    id: str | None
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class State:
    """A state file; `serial` is 0 for one that does not exist."""

    serial: int
    lineage: str | None
    resources: tuple[StateResource, ...]
    outputs: Mapping[str, Any] = field(repr=False)

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(resource.address for resource in self.resources)


EMPTY = State(0, None, (), {})


def read_state(
    backend: Backend, s3: Any, pull: Callable[[], str] | None = None, secrets: Secrets | None = None
) -> State:
    """The state behind a backend; `s3` is a boto3 client and used for a state in S3 only.

    `pull` asks Terraform for the text of a state that only Terraform reads; without it such a backend is refused.
    `secrets` learns what is secret in it.
    """
    text = read_text(backend, s3, pull)
    return parse_state(text, secrets) if text else EMPTY


def parse_state(text: str, secrets: Secrets | None = None) -> State:
    """A state from its file's text (format version 4)."""
    data = json.loads(text)
    if secrets is not None:
        learn_state(secrets, data)
    return State(
        serial=data.get("serial", 0),
        lineage=data.get("lineage"),
        resources=tuple(resource for block in data.get("resources", ()) for resource in _instances(block)),
        outputs={name: _output(output) for name, output in data.get("outputs", {}).items()},
    )


def read_text(backend: Backend, s3: Any, pull: Callable[[], str] | None) -> str | None:
    """The text of a state file, secrets and all; None where there is none."""
    if isinstance(backend, PassedBackend):
        if pull is None:
            raise StateNotReadable(backend.kind)
        return pull().strip()
    return _local_text(backend) if isinstance(backend, LocalBackend) else _s3_text(backend, s3)


def _local_text(backend: LocalBackend) -> str | None:
    return backend.path.read_text() if backend.path.exists() else None


def _s3_text(backend: S3Backend, s3: Any) -> str | None:
    try:
        return s3.get_object(Bucket=backend.bucket, Key=backend.key)["Body"].read().decode()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None


def _output(output: Mapping[str, Any]) -> Any:
    return SENSITIVE if output.get("sensitive") else output["value"]


def _instances(block: Mapping[str, Any]) -> Iterator[StateResource]:
    if block["mode"] != "managed":
        return
    base = ".".join(part for part in (block.get("module"), block["type"], block["name"]) if part)
    for instance in block["instances"]:
        if "deposed" in instance:
            continue
        values = _without(instance["attributes"], instance.get("sensitive_attributes", ()))
        yield StateResource(base + _index(instance), block["type"], values.get("id"), values)


def _index(instance: Mapping[str, Any]) -> str:
    return f"[{_quoted(instance['index_key'])}]" if "index_key" in instance else ""


def _quoted(key: str | int) -> str:
    """A key as Terraform writes it into addresses: letters of all alphabets stay, `${` and the unseen do not."""
    text = json.dumps(key, ensure_ascii=False)
    seen = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
    return escape(seen)


def _without(values: Mapping[str, Any], sensitive: Any) -> dict[str, Any]:
    """Top-level attributes that hold nothing marked; a part that is hides the whole."""
    hidden = {path[0]["value"] for path in sensitive if path and path[0].get("type") == "get_attr"}
    return {name: masked(value, name) for name, value in values.items() if name not in hidden}
