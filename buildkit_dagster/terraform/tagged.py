"""Finding what a dead Terraform made by the tag of its unit: `buildkit_unit = <stack>/<unit>` on every resource.

Rendered units carry it (`stacks/scope.py`). Which types are looked for, and by which id they are imported, is data in
`import_ids.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from buildkit_dagster.terraform.import_ids import Tagged
from buildkit_dagster.terraform.state import State

UNIT_TAG = "buildkit_unit"

#: A filter of GetResources takes 20 values (Resource Groups Tagging API reference, "TagFilter").
_VALUES = 20


def unit_tag(stack: str, unit: str) -> str:
    """The tag's value; at most 256 characters are AWS's limit, which names of stacks and modules stay below."""
    return f"{stack}/{unit}"


def find_tagged(tagging: Any, kind: Tagged, value: str, state: State) -> list[str]:
    """Import ids of the objects of this kind that carry the unit's tag and are not in the state.

    `tagging` is a boto3 client of the Resource Groups Tagging API.
    """
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": UNIT_TAG, "Values": [value]}], ResourceTypeFilters=[kind.filter]
    )
    arns = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    known = {text for resource in state.resources for text in (resource.id, resource.values.get("arn")) if text}
    free = [arn for arn in arns if arn not in known and kind.import_id(arn) not in known]
    if kind.newest and free:
        free = [max(free, key=_number)]
    return sorted(kind.import_id(arn) for arn in free)


def tags_of_units(tagging: Any, units: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of every object that carries the tag of one of these units, by ARN."""
    found = {}
    for start in range(0, len(units), _VALUES):
        filters = [{"Key": UNIT_TAG, "Values": list(units[start : start + _VALUES])}]
        for page in tagging.get_paginator("get_resources").paginate(TagFilters=filters):
            for item in page["ResourceTagMappingList"]:
                found[item["ResourceARN"]] = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
    return found


def _number(arn: str) -> int:
    found = re.search(r"\d+$", arn)
    return int(found[0]) if found else 0
