"""Cost Explorer: which tags count for costs. Costs are what was put into moto; nothing else costs anything.

A tag is known once a resource carries it, and inactive until somebody activates it, as in AWS.
"""

from __future__ import annotations

import json

from moto.ce.responses import CostExplorerResponse
from moto.core.base_backend import BackendDict
from moto.resourcegroupstaggingapi.models import resourcegroupstaggingapi_backends

from buildkit_dagster.emulator.actions import Refused, replace

#: Account and key of every tag that was activated.
_ACTIVE: set[tuple[str, str]] = set()


def install() -> None:
    """Add the actions moto lacks."""
    replace(CostExplorerResponse, list_cost_allocation_tags, update_cost_allocation_tags_status)


def list_cost_allocation_tags(self: CostExplorerResponse) -> str:
    """All on one page."""
    asked = json.loads(self.body)
    tags = [
        {"TagKey": key, "Type": "UserDefined", "Status": _status(self.current_account, key)}
        for key in sorted(_known(self.current_account))
        if key in asked.get("TagKeys", [key])
    ]
    wanted = asked.get("Status")
    return json.dumps({"CostAllocationTags": [tag for tag in tags if wanted in (None, tag["Status"])]})


def update_cost_allocation_tags_status(self: CostExplorerResponse) -> str:
    """Refuses tags that nothing carries yet, each by itself."""
    errors = []
    for entry in json.loads(self.body)["CostAllocationTagsStatus"]:
        key, account = entry["TagKey"], self.current_account
        if entry["Status"] not in ("Active", "Inactive"):
            raise Refused("ValidationException", f"Status {entry['Status']!r}; allowed: Active, Inactive.")
        if key not in _known(account):
            errors.append({"TagKey": key, "Code": "TagKeysNotFoundException", "Message": "Tag keys not found"})
        elif entry["Status"] == "Active":
            _ACTIVE.add((account, key))
        else:
            _ACTIVE.discard((account, key))
    return json.dumps({"Errors": errors})


def _status(account: str, key: str) -> str:
    return "Active" if (account, key) in _ACTIVE else "Inactive"


def _known(account: str) -> set[str]:
    """Tag keys of the account's resources, in every region in use."""
    taggable = resourcegroupstaggingapi_backends[account]
    services = BackendDict._instances  # type: ignore[misc]  # moto's own way to all of them
    in_use = {region for service in services if account in service for region in service[account]}
    backends = [taggable[region] for region in sorted(in_use) if region in taggable.regions]
    found = (resource for backend in backends for resource in backend._get_resources_generator())
    return {key for resource in found for key in resource.tags if not key.startswith("aws:")}
