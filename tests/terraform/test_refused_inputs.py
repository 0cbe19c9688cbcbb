"""What the modules `registry` and `dbt` refuse before anything is made, each time saying what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import PlanFailed
from tests.module_roots import ModuleRoot

CONFIG = "codebuild: [{name: marts, active: true, org: acme, repo: r, engine: snowflake, commands: [dbt build]}]\n"
REGISTRY = {"source": "registry", "name": "quay", "environment": "dev"}
DBT = {
    "source": "dbt",
    "name": "quay",
    "environment": "dev",
    "config_file": "${path.root}/codebuild-config.yml",
    "image": "aws/codebuild/standard:7.0",
    "connection_arns": {"acme": "arn:aws:codeconnections:us-east-1:123456789012:connection/ffff"},
}
STATEMENT = {"effect": "Permit", "actions": ["s3:*"], "resources": ["*"]}
NAMES = {"name": "Quay_1", "environment": "my stage"}


@pytest.mark.parity(
    "A-70", "A-71", "A-72", "A-73", "A-81", "A-86", "A-120", "A-121", "A-122", "A-126", "A-128", "A-133"
)
@pytest.mark.parametrize(
    ("region", "calls", "said"),
    [
        pytest.param(
            "us-east-1",
            {
                "registry": {**REGISTRY, **NAMES, "organizations": ["azure/acme"]},
                "dbt": {**DBT, **NAMES, "config_file": "${path.root}/nowhere.yml", "iam": "wide"},
            },
            (
                *("A name has lower-case letters, digits and hyphens and begins with a letter.",) * 2,
                *("An environment has lower-case letters, digits and hyphens and begins with a letter.",) * 2,
                "An organization is ORG for GitHub, gitlab/ORG or bitbucket/ORG.",
                "There is no file ./nowhere.yml.",
                "iam is minimal, broad or custom.",
            ),
            id="what is written in the root",
        ),
        pytest.param(
            "us-east-1",
            {
                "registry": {**REGISTRY, "repository_name": "Tools/dbt", "tagged_count": 0},
                "dbt": {**DBT, "image": "Tools", "policy_statements": [STATEMENT]},
            },
            (
                "A repository name has 2 to 256 lower-case letters and digits, separated by single dots,",
                "At least one tagged image is kept.",
                "An image is written in lower case and names a tag or a digest.",
                "List the actions; a statement with a wildcard action is refused.",
                "A statement's effect is Allow or Deny.",
            ),
            id="what is handed on",
        ),
        pytest.param(
            "us-gov-west",
            {"registry": REGISTRY, "dbt": DBT},
            ("invalid AWS Region: us-gov-west",),
            id="region",
        ),
    ],
)
def test_what_no_resource_can_have_is_refused_with_what_is_allowed(
    emulator: Emulator, tmp_path: Path, region: str, calls: Mapping[str, Mapping[str, Any]], said: Sequence[str]
) -> None:
    root = ModuleRoot(tmp_path, emulator, region)
    (tmp_path / "codebuild-config.yml").write_text(CONFIG)
    root.write(calls)
    with pytest.raises(PlanFailed) as refused:
        root.engine.plan()
    assert {text: str(refused.value).count(text) for text in said} == {text: said.count(text) for text in said}
