"""CodeConnections, which moto does not have: connections and their tags, over JSON and CBOR.

A connection is PENDING until someone approves it, in the AWS console by signing in to GitHub, here by the emulator's
own call. Hosts, repository links and sync configurations are refused. Who uses a connection: `executors/sources`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from botocore.parsers import BaseCBORParser
from moto.iam.models import get_account_id_from
from werkzeug.wrappers import Request, Response

from buildkit_dagster.aws_regions import partition_of

#: With the package in front from boto3, without it from the Go SDK that Terraform's provider is built on.
_TARGET = re.compile(r"(?:.+\.)?(?:CodeConnections|CodeStar_connections)_\d+\.(?P<action>\w+)")
_CBOR_PATH = re.compile(r"/service/CodeConnections_20231201/operation/(?P<action>\w+)")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")

_PROVIDERS = ("Bitbucket", "GitHub", "GitHubEnterpriseServer", "GitLab", "GitLabSelfManaged", "AzureDevOps")


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CodeConnections:
    """All connections of all accounts and regions, by ARN."""

    def __init__(self) -> None:
        self._connections: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def claims(self, request: Request) -> bool:
        """Whether the request is for this service."""
        return _action(request) is not None

    def answer(self, request: Request) -> Response:
        """One API call, in the protocol it came in."""
        cbor = request.path.startswith("/service/")
        given = _read_cbor(request.get_data()) if cbor else request.get_json(force=True)
        try:
            status, body = 200, self._call(request, given)
        except _Refused as refused:
            status, body = 400, {"__type": refused.code, "message": str(refused)}
        return _cbor_response(body, status) if cbor else _json_response(body, status)

    def approve(self, arn: str) -> dict[str, Any]:
        """The handshake a person does in the console; raises ValueError for an unknown connection."""
        if arn not in self._connections:
            known = ", ".join(sorted(self._connections)) or "none"
            raise ValueError(f"There is no connection {arn!r}; there are: {known}.")
        self._connections[arn]["ConnectionStatus"] = "AVAILABLE"
        return self._connections[arn]

    def status(self, arn: str) -> str | None:
        """PENDING or AVAILABLE, None when there is no such connection; both ARN forms name the same one."""
        arn = arn.replace(":codestar-connections:", ":codeconnections:")
        legacy = arn.replace(":codeconnections:", ":codestar-connections:")
        found = self._connections.get(arn) or self._connections.get(legacy)
        return found["ConnectionStatus"] if found else None

    def tagged(self) -> list[tuple[str, dict[str, str]]]:
        """ARN and tags of every connection."""
        return [(arn, dict(tags)) for arn, tags in self._tags.items()]

    def _call(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        action = _action(request)
        if action == "CreateConnection":
            return self._create(request, given)
        actions: dict[str | None, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "GetConnection": lambda given: {"Connection": self._found(given["ConnectionArn"])},
            "ListConnections": self._list,
            "DeleteConnection": self._delete,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }
        if action not in actions:
            raise _Refused("NotEmulated", f"The emulator does not do {action!r} of codeconnections.")
        return actions[action](given)

    def _create(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        provider = given.get("ProviderType", "GitHub")
        if provider not in _PROVIDERS:
            raise _Refused("InvalidInputException", f"ProviderType {provider!r} is not one of {', '.join(_PROVIDERS)}")
        if len(given["ConnectionName"]) > 32:
            raise _Refused("InvalidInputException", "ConnectionName is longer than 32 characters")
        account, region, service = _caller(request)
        arn = f"arn:{partition_of(region)}:{service}:{region}:{account}:connection/{uuid4()}"
        self._connections[arn] = {
            "ConnectionName": given["ConnectionName"],
            "ConnectionArn": arn,
            "ProviderType": provider,
            "OwnerAccountId": account,
            "ConnectionStatus": "PENDING",
            **({"HostArn": given["HostArn"]} if given.get("HostArn") else {}),
        }
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in given.get("Tags") or []}
        return {"ConnectionArn": arn, "Tags": _as_list(self._tags[arn])}

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        provider = given.get("ProviderTypeFilter")
        found = [one for one in self._connections.values() if provider in (None, one["ProviderType"])]
        return {"Connections": found}

    def _delete(self, given: dict[str, Any]) -> dict[str, Any]:
        arn = self._found(given["ConnectionArn"])["ConnectionArn"]
        del self._connections[arn], self._tags[arn]
        return {}

    def _tag(self, given: dict[str, Any]) -> dict[str, Any]:
        self._tags_of(given).update({tag["Key"]: tag["Value"] for tag in given["Tags"]})
        return {}

    def _untag(self, given: dict[str, Any]) -> dict[str, Any]:
        for key in given["TagKeys"]:
            self._tags_of(given).pop(key, None)
        return {}

    def _list_tags(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": _as_list(self._tags_of(given))}

    def _tags_of(self, given: dict[str, Any]) -> dict[str, str]:
        return self._tags[self._found(given["ResourceArn"])["ConnectionArn"]]

    def _found(self, arn: str) -> dict[str, Any]:
        if arn not in self._connections:
            raise _Refused("ResourceNotFoundException", f"Connection not found: {arn}")
        return self._connections[arn]


def _action(request: Request) -> str | None:
    found = _TARGET.fullmatch(request.headers.get("X-Amz-Target", "")) or _CBOR_PATH.fullmatch(request.path)
    return found["action"] if found else None


def _caller(request: Request) -> tuple[str, str, str]:
    """Account, region and signing name of the request."""
    found = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    if not found:
        raise _Refused("AccessDeniedException", "The request is not signed")
    return get_account_id_from(found[1]), found[2], found[3]


def _as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _json_response(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/x-amz-json-1.0")


def _cbor_response(body: dict[str, Any], status: int) -> Response:
    headers = {"smithy-protocol": "rpc-v2-cbor"}
    return Response(_cbor(body), status, headers, content_type="application/cbor")


def _read_cbor(data: bytes) -> dict[str, Any]:
    if not data:
        return {}
    read: dict[str, Any] = BaseCBORParser().parse_data_item(io.BufferedReader(io.BytesIO(data)))
    return read


def _cbor(value: Any) -> bytes:
    """Text, lists and maps as CBOR (RFC 8949), which is all these answers hold."""
    if isinstance(value, str):
        data = value.encode()
        return _cbor_head(3, len(data)) + data
    if isinstance(value, dict):
        return _cbor_head(5, len(value)) + b"".join(_cbor(part) for item in value.items() for part in item)
    return _cbor_head(4, len(value)) + b"".join(_cbor(item) for item in value)


def _cbor_head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    size, mark = (1, 24) if length < 1 << 8 else (2, 25) if length < 1 << 16 else (4, 26)
    return bytes([major << 5 | mark]) + length.to_bytes(size, "big")
