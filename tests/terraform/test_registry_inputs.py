"""What each input of the module `registry` does, and what its outputs say, in a region of GovCloud."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildkit_dagster.emulator.control import Emulator
from tests.module_roots import ACCOUNT, ModuleRoot

REGION = "us-gov-west-1"
EXISTING = f"arn:aws-us-gov:codeconnections:{REGION}:{ACCOUNT}:connection/ffff"
CALLS: Mapping[str, Mapping[str, Any]] = {
    "said": {
        "source": "registry",
        "name": "quay",
        "environment": "dev",
        "repository_name": "tools/dbt",
        "tagged_count": 4,
        "tags_in_use": ["tag-17", "tag-29"],
        "organizations": ["acme", "gitlab/acme", "approved-org"],
        "existing_connections": {"approved-org": EXISTING},
    },
    "unsaid": {"source": "registry", "name": "quay", "environment": "stg"},
}


@dataclass(frozen=True)
class Made:
    """The calls once they are applied: what they return, and the account they are in."""

    root: ModuleRoot
    said: Mapping[str, Any]
    unsaid: Mapping[str, Any]

    @property
    def connections(self) -> dict[str, Mapping[str, Any]]:
        """Those that were made here, as the service has them, by their names."""
        listed = self.root.client("codeconnections").list_connections()["Connections"]
        return {one["ConnectionName"]: one for one in listed if one["ConnectionName"].startswith("quay-")}

    def rules(self) -> list[Mapping[str, Any]]:
        policy = self.root.client("ecr").get_lifecycle_policy(repositoryName="tools/dbt")
        return list(json.loads(policy["lifecyclePolicyText"])["rules"])


@pytest.fixture(scope="module")
def made(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = ModuleRoot(tmp_path_factory.mktemp("registry"), emulator, REGION)
    root.write(CALLS)
    return Made(root, **root.apply())


@pytest.mark.parity("A-72", "A!34")
def test_the_region_is_the_providers_in_any_partition(made: Made) -> None:
    assert made.said["repository_arn"] == f"arn:aws-us-gov:ecr:{REGION}:{ACCOUNT}:repository/tools/dbt"
    assert made.said["connection_arns"]["acme"].startswith(f"arn:aws-us-gov:codeconnections:{REGION}:{ACCOUNT}:")
    console = made.said["connections"]["acme"]["console_url"]
    assert console.startswith(f"https://{REGION}.console.amazonaws-us-gov.com/")


@pytest.mark.parity("A-81", "A-82")
def test_a_repositorys_name_is_taken_as_a_whole_or_made_of_project_and_environment(made: Made) -> None:
    assert made.said["repository_name"] == "tools/dbt"
    assert made.unsaid["repository_name"] == "quay-stg-dbt"


@pytest.mark.parity("A-90", "A-91", "A-92")
def test_the_outputs_say_what_the_repository_is_called_everywhere(made: Made) -> None:
    for returned in (made.said, made.unsaid):
        [one] = made.root.client("ecr").describe_repositories(repositoryNames=[returned["repository_name"]])[
            "repositories"
        ]
        assert (returned["repository_arn"], returned["repository_url"]) == (one["repositoryArn"], one["repositoryUri"])


@pytest.mark.parity("A-75", "A-76", "A-77")
def test_a_connection_is_made_for_each_organization_that_has_none_and_for_no_other(made: Made) -> None:
    assert {name: one["ProviderType"] for name, one in made.connections.items()} == {
        "quay-dev-acme": "GitHub",
        "quay-dev-gitlab-acme": "GitLab",
    }
    assert made.said["connection_arns"]["approved-org"] == EXISTING
    assert made.said["connections"].keys() == {"acme", "gitlab/acme"}
    assert made.unsaid["connection_arns"] == made.unsaid["connections"] == {}


@pytest.mark.parity("A-93", "A-94", "A-95", "A-96", "A-97")
def test_the_outputs_say_of_a_connection_what_the_service_says_and_where_to_approve_it(made: Made) -> None:
    for owner, told in made.said["connections"].items():
        arn = made.said["connection_arns"][owner]
        one = made.root.client("codeconnections").get_connection(ConnectionArn=arn)["Connection"]
        assert (told["name"], told["status"]) == (one["ConnectionName"], one["ConnectionStatus"])
        assert told["status"] == "PENDING"
        assert arn.endswith(f":connection/{told['id']}")
        assert told["console_url"].endswith(f"/codeconnections/connections/{told['id']}")


@pytest.mark.parity("A-83", "A-84")
def test_a_tag_names_one_image_for_good(made: Made) -> None:
    ecr = made.root.client("ecr")
    for repository in ("tools/dbt", "quay-stg-dbt"):
        first = {"repositoryName": repository, "imageTag": "3f1c9a20b7de", "imageManifest": manifest("a")}
        assert ecr.put_image(**first)["image"]["imageId"]["imageTag"] == "3f1c9a20b7de"
        with pytest.raises(ClientError, match="3f1c9a20b7de"):
            ecr.put_image(**{**first, "imageManifest": manifest("b")})
        assert ecr.put_image(**{**first, "imageTag": "0a1b", "imageManifest": manifest("b")})


@pytest.mark.parity("A-85")
def test_every_push_is_scanned(made: Made) -> None:
    found = made.root.client("ecr").describe_repositories(repositoryNames=["tools/dbt", "quay-stg-dbt"])
    assert [one["imageScanningConfiguration"] for one in found["repositories"]] == [{"scanOnPush": True}] * 2


@pytest.mark.parity("A-86", "A-101", "A!29")
def test_the_newest_images_are_kept_and_those_in_use_however_old(made: Made) -> None:
    newest_first = [f"tag-{age}" for age in range(30)]
    assert kept(made.rules(), newest_first) == ["tag-0", "tag-1", "tag-2", "tag-3", "tag-17", "tag-29"]


def manifest(content: str) -> str:
    """An image manifest whose digest follows from `content`."""
    docker = "application/vnd.docker"
    config = {"mediaType": f"{docker}.container.image.v1+json", "size": 1, "digest": f"sha256:{content * 64}"}
    kind = f"{docker}.distribution.manifest.v2+json"
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []})


def kept(rules: Sequence[Mapping[str, Any]], newest_first: Sequence[str]) -> list[str]:
    """The tagged images a lifecycle policy leaves, after "Lifecycle policy evaluation" of Amazon ECR's user guide.

    Every rule counts all images it is about; what a rule with a smaller number is about, no later one expires.
    """
    expired: set[str] = set()
    taken: set[str] = set()
    for rule in sorted(rules, key=lambda one: one["rulePriority"]):
        patterns = rule["selection"].get("tagPatternList", [])
        about = [tag for tag in newest_first if any(fnmatchcase(tag, pattern) for pattern in patterns)]
        if rule["selection"]["countType"] == "imageCountMoreThan":
            expired |= set(about[rule["selection"]["countNumber"] :]) - taken
        taken |= set(about)
    return [tag for tag in newest_first if tag not in expired]
