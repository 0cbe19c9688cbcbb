"""Resources a plan would create although they exist already: found by the names planned, written as `import` blocks.

Types whose name is theirs alone in an account are looked for, and connections. Looking needs boto3 clients and no
Terraform beyond the plan; what is written is carried out by the next ordinary apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plan import Plan, ResourceChange
from buildkit_dagster.terraform.private import write_private
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.render import escape

#: `client("s3")`: a boto3 client.
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Adoption:
    """One resource that exists and is not in the state."""

    address: str
    id: str


def find_adoptions(engine: Engine) -> tuple[Adoption, ...]:
    """Plan the whole stack and look for what it would create; changes nothing. Raises TerraformError."""
    return tuple(adoptions_in(engine.alone(lambda: _plan(engine)), engine.cloud.client))


def _plan(engine: Engine) -> Plan:
    settle_locks(engine)
    engine.write()
    engine.init()
    return engine.plan()


def adoptions_in(plan: Plan, client: Clients) -> Iterator[Adoption]:
    """What of a plan's creations exists already."""
    for change in plan.changes:
        find = _FINDERS.get(change.type)
        if find is not None and change.actions == ("create",) and (found := find(change, client)):
            yield Adoption(change.address, found)


def import_blocks(adoptions: Sequence[Adoption]) -> str:
    """The blocks in Terraform's JSON syntax."""
    return json.dumps({"import": [{"to": one.address, "id": escape(one.id)} for one in adoptions]}, indent=2) + "\n"


def write_imports(file: Path, adoptions: Sequence[Adoption]) -> None:
    """Add these to the file's blocks, for the user to review and commit."""
    kept = json.loads(file.read_text())["import"] if file.exists() else []
    known = {block["to"] for block in kept}
    added = json.loads(import_blocks([one for one in adoptions if one.address not in known]))["import"]
    write_private(file, json.dumps({"import": [*kept, *added]}, indent=2) + "\n", mode=0o644)


def _bucket(change: ResourceChange, client: Clients) -> str | None:
    s3 = client("s3")
    return _named(change, "bucket", s3.exceptions.ClientError, lambda name: s3.head_bucket(Bucket=name))


def _role(change: ResourceChange, client: Clients) -> str | None:
    iam = client("iam")
    missing = iam.exceptions.NoSuchEntityException
    return _named(change, "name", missing, lambda name: iam.get_role(RoleName=name))


def _repository(change: ResourceChange, client: Clients) -> str | None:
    ecr = client("ecr")
    missing = ecr.exceptions.RepositoryNotFoundException
    return _named(change, "name", missing, lambda name: ecr.describe_repositories(repositoryNames=[name]))


def _build_project(change: ResourceChange, client: Clients) -> str | None:
    name = change.values.get("name")
    return name if name and client("codebuild").batch_get_projects(names=[name])["projects"] else None


def _connection(change: ResourceChange, client: Clients) -> str | None:
    """Names are no keys here: of several the one that is approved, and none where that does not tell them apart."""
    wanted = (change.values.get("name"), change.values.get("provider_type"))
    found = [one for one in _connections(client) if (one["ConnectionName"], one["ProviderType"]) == wanted]
    approved = [one for one in found if one["ConnectionStatus"] == "AVAILABLE"] or found
    return str(approved[0]["ConnectionArn"]) if len(approved) == 1 else None


def _connections(client: Clients) -> Iterator[Mapping[str, Any]]:
    given: dict[str, str] = {}
    while True:
        page = client("codeconnections").list_connections(**given)
        yield from page["Connections"]
        if not page.get("NextToken"):
            return
        given = {"NextToken": page["NextToken"]}


def _log_group(change: ResourceChange, client: Clients) -> str | None:
    name = change.values.get("name")
    if not name:
        return None
    pages = client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return name if any(group["logGroupName"] == name for page in pages for group in page["logGroups"]) else None


def _oidc_provider(change: ResourceChange, client: Clients) -> str | None:
    url = str(change.values.get("url", "")).removeprefix("https://")
    listed = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] if url else ()
    return next((str(found["Arn"]) for found in listed if found["Arn"].partition("oidc-provider/")[2] == url), None)


def _named(change: ResourceChange, attribute: str, missing: type[Exception], look: Callable[[str], Any]) -> str | None:
    name = change.values.get(attribute)
    if not name:
        return None
    try:
        look(name)
    except missing:
        return None
    return str(name)


_FINDERS: Mapping[str, Callable[[ResourceChange, Clients], str | None]] = {
    "aws_s3_bucket": _bucket,
    "aws_iam_role": _role,
    "aws_iam_openid_connect_provider": _oidc_provider,
    "aws_ecr_repository": _repository,
    "aws_codebuild_project": _build_project,
    "aws_codeconnections_connection": _connection,
    "aws_cloudwatch_log_group": _log_group,
}
