"""Finding what a dead Terraform made by the tag of its unit: `buildkit_unit = <stack>/<unit>` on every resource.

Rendered units carry it (`stacks/scope.py`). Which types are looked for, and by which id they are imported, is data in
`import_ids.py`.
"""

from __future__ import annotations

import re
from typing import Any

from buildkit_dagster.terraform.import_ids import Tagged
from buildkit_dagster.terraform.state import State

UNIT_TAG = "buildkit_unit"


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


def _number(arn: str) -> int:
    found = re.search(r"\d+$", arn)
    return int(found[0]) if found else 0
