"""Plans in the shape of `terraform show -json`, for tables of rules."""

import json
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.plan import Plan, parse_plan
from buildkit_dagster.terraform.reading import read_root
from buildkit_dagster.terraform.stack import TerraformStack

FOLDER = Path(__file__).parents[1] / "terraform" / "roots" / "slow"
ROOT = read_root(FOLDER, "slow")
STACK = TerraformStack(FOLDER)


def change(address: str, *actions: str, **change: Any) -> dict[str, Any]:
    """One entry of `resource_changes`; `before` and `after` as given."""
    kind = address.split(".")[-2]
    body = {"actions": list(actions or ("create",)), "before": None, "after": None, "after_unknown": {}, **change}
    return {"address": address, "mode": "managed", "type": kind, "change": body}


def planned(*changes: dict[str, Any]) -> Plan:
    return parse_plan(json.dumps({"resource_changes": changes}), "slow", ROOT, Path("plan.tfplan"))
