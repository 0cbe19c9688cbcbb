"""What carries given tags, on both clouds; clients are given, who asks is `commands/resources.py`.

AWS: the Resource Groups Tagging API of the environment's region, which does not list every type (no roles). Google:
Cloud Asset Inventory, whose answers may be minutes old.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from buildkit_dagster.naming import infra_key, key_text
from buildkit_dagster.tags.rendering import aws_tags, gcp_labels
from buildkit_dagster.terraform.tagged import UNIT_TAG

#: Which clouds are asked; `all` leaves Google out where none is configured.
Where = Literal["aws", "gcp", "all"]

#: Cloud Asset API reference, `searchAllResources`: at most 500 results a page.
_PAGE = 500


@dataclass(frozen=True)
class Resource:
    """Something that carries the tags; `asset` is the unit's key, or the table's name where only that is known."""

    cloud: str
    type: str
    name: str
    region: str
    asset: str
    tags: Mapping[str, str]


def aws_resources(tagging: Any, tags: Mapping[str, str]) -> Iterator[Resource]:
    """Everything that carries all of `tags`; `tagging` is a boto3 client of the Resource Groups Tagging API."""
    filters = [{"Key": key, "Values": [value]} for key, value in aws_tags(as_written(tags)).tags.items()]
    for page in tagging.get_paginator("get_resources").paginate(TagFilters=filters):
        for item in page["ResourceTagMappingList"]:
            carried = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            arn = item["ResourceARN"]
            yield Resource("aws", _type(arn), arn, arn.split(":")[3], _asset(carried), carried)


def google_resources(assets: Any, project: str, tags: Mapping[str, str]) -> Iterator[Resource]:
    """The same in a project; `assets` is a REST client of the Cloud Asset API. Raises GoogleRefused or
    GoogleUnavailable."""
    from buildkit_dagster.cloud.google_failures import told_as_ours  # Google's libraries take a second to import

    labels = gcp_labels(as_written(tags)).tags
    query = " AND ".join(f"labels.{key}={value}" for key, value in labels.items())
    search = assets.v1()
    request = search.searchAllResources(scope=f"projects/{project}", query=query, pageSize=_PAGE)
    while request is not None:
        with told_as_ours(f"list resources of project {project}"):
            answer = request.execute()
        for item in answer.get("results", ()):
            carried = item.get("labels", {})
            place = item.get("location", "")
            yield Resource("gcp", item["assetType"], item["name"], place, _asset(carried), carried)
        request = search.searchAllResources_next(request, answer)


def as_written(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Values from a command line: one with commas is a list, as the guide writes `finops_business_tags`."""
    return {key: value.split(",") if "," in value else value for key, value in tags.items()}


def _type(arn: str) -> str:
    """`s3`, `ecs:task-definition`: service and, where the ARN names it, the type."""
    _, _, service, _, _, resource = arn.split(":", 5)
    kind = resource.replace("/", ":").partition(":")
    return f"{service}:{kind[0]}" if kind[1] else service


def _asset(carried: Mapping[str, str]) -> str:
    stack, _, unit = carried.get(UNIT_TAG, "").partition("/")
    return key_text(infra_key(stack, unit)) if unit else carried.get("asset_name", "")
