"""Plans as data: counts per unit, nothing sensitive, and which selections are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.errors import SelectionTooNarrow
from buildkit_dagster.terraform.plan import Counts, Plan, check_selection, parse_plan
from buildkit_dagster.terraform.reading import read_root

ROOT = read_root(Path(__file__).parent / "roots" / "slow", "slow")


def change(unit: str, *actions: str, kind: str = "terraform_data", **more: Any) -> dict[str, Any]:
    body = {"actions": list(actions), "before": None, "after": None, **more}
    return {"address": f"module.{unit}.{kind}.x", "mode": "managed", "type": kind, "change": body}


def plan(*changes: dict[str, Any]) -> Plan:
    return parse_plan(json.dumps({"resource_changes": changes}), "slow", ROOT, Path("plan.tfplan"))


def test_counts_are_per_unit_and_a_replacement_is_one_of_each() -> None:
    found = plan(change("quick", "create"), change("middle", "delete", "create"), change("last", "no-op"))
    assert (found.counts("quick"), found.counts("middle")) == (Counts(add=1), Counts(add=1, destroy=1))
    assert found.changed_units == ("quick", "middle")
    whole = "| *the whole stack* | 2 | 0 | 1 |"
    assert found.summary().splitlines()[2:] == ["| quick | 1 | 0 | 0 |", "| middle | 1 | 0 | 1 |", whole]
    assert found.summary(["last"]).splitlines()[2:] == ["| last | 0 | 0 | 0 |", whole]


def test_values_that_are_sensitive_or_unknown_are_not_read() -> None:
    after = {"name": "n", "tags": {"a": "canary"}, "password": "canary", "arn": None}
    found = plan(
        change(
            "quick",
            "create",
            after=after,
            after_sensitive={"password": True, "tags": {"a": True}},
            after_unknown={"arn": True},
        )
    )
    assert found.resources[0].values == {"name": "n"}


def test_what_is_needed_for_an_import_is_kept_from_the_plan() -> None:
    found = plan(change("quick", "create", kind="aws_s3_bucket", after={"bucket": "b", "force_destroy": True}))
    assert found.creates()["module.quick.aws_s3_bucket.x"].values == {"bucket": "b"}


def test_a_selection_may_change_only_itself() -> None:
    found = plan(change("quick", "update"), change("middle", "create"))
    with pytest.raises(SelectionTooNarrow) as refused:
        check_selection(found, ROOT, ["middle"])
    assert refused.value.outside == ("quick",)
    assert set(refused.value.needed) == {"quick", "middle"}
    check_selection(found, ROOT, ["quick", "middle"])


def test_only_a_full_selection_removes_a_unit_that_left_the_configuration() -> None:
    found = plan(change("gone", "delete"))
    with pytest.raises(SelectionTooNarrow):
        check_selection(found, ROOT, ["quick"])
    check_selection(found, ROOT, ROOT.names)
