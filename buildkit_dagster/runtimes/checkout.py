"""How a build gets the source of a dbt project: over SSH with a deploy key, or through a connection that is available.

The script that clones, and the keys that the providers publish for their hosts, are the HCL module `dbt`'s. What a
project says about its source is in `config/building.py`; the build itself is in `codebuild.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from buildkit_dagster.aws_regions import console_of
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.data import data_path
from buildkit_dagster.errors import ConnectionGone, ConnectionNotAvailable

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_codeconnections.client import CodeConnectionsClient

#: What CodeConnections says of a connection; there is `ERROR` besides.
AVAILABLE, PENDING = "AVAILABLE", "PENDING"


def with_checkout(spec: str, project: DbtProject) -> str:
    """The buildspec (JSON), with a phase before its own that clones the project if it has a deploy key."""
    if not project.deploy_key:
        return spec
    document = json.loads(spec)
    script = (data_path("modules") / "dbt" / "checkout.sh").read_text()
    return json.dumps({**document, "phases": {"pre_build": {"commands": [script]}, **document["phases"]}})


def checkout_variables(project: DbtProject) -> dict[str, str]:
    """What the script reads, but for the key."""
    if not project.deploy_key:
        return {}
    return {
        "BUILDKIT_REPOSITORY": f"git@{project.host}:{project.org}/{project.repo}.git",
        "BUILDKIT_BRANCH": project.branch,
        "BUILDKIT_KNOWN_HOSTS": project.known_hosts or _published_keys(project.host),
    }


def checkout_secrets(project: DbtProject) -> dict[str, str]:
    """The key, as a reference."""
    return {"BUILDKIT_DEPLOY_KEY": project.deploy_key} if project.deploy_key else {}


def with_ref(project: DbtProject, ref: str | None) -> dict[str, str]:
    """Arguments of `start_build` that build a branch, tag, commit or pull request (`pr/7`) in place of the branch."""
    return {"sourceVersion": ref} if ref and not project.deploy_key else {}


def ref_variables(project: DbtProject, ref: str | None) -> dict[str, str]:
    """The same for a project that is cloned over SSH."""
    return {"BUILDKIT_BRANCH": ref} if ref and project.deploy_key else {}


def refuse_unavailable(codebuild: CodeBuildClient, connections: CodeConnectionsClient, project: str) -> None:
    """Raise ConnectionNotAvailable or ConnectionGone when the connection of a project (its name in CodeBuild) is.

    A project that does not exist, or has no connection, is not looked at.
    """
    found = codebuild.batch_get_projects(names=[project])["projects"]
    auth = found[0]["source"].get("auth", {}) if found else {}
    if auth.get("type") != "CODECONNECTIONS":
        return
    arn = auth["resource"]
    status = connection_status(connections, arn)
    if status is None:
        raise ConnectionGone(project, arn)
    if status != AVAILABLE:
        raise ConnectionNotAvailable(project, arn, status, approval_link(arn))


def connection_status(connections: CodeConnectionsClient, arn: str) -> str | None:
    """What CodeConnections says of a connection; None where somebody has deleted it."""
    try:
        return connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    except connections.exceptions.ResourceNotFoundException:
        return None


def approval_link(arn: str) -> str:
    """The connection in the AWS console, where a person approves it."""
    _, _, _, region, account, resource = arn.split(":", 5)
    identity = resource.partition("/")[2]
    return f"{console_of(region)}/codesuite/settings/{account}/{region}/codeconnections/connections/{identity}"


def _published_keys(host: str) -> str:
    lines = (data_path("modules") / "dbt" / "known_hosts").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(f"{host} "))
