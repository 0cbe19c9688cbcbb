"""When units are given out while Terraform runs."""

import json
from pathlib import Path

from buildkit_dagster.terraform.plan import parse_plan
from buildkit_dagster.terraform.reading import read_root
from buildkit_dagster.terraform.release import Release

ROOT = read_root(Path(__file__).parent / "roots" / "slow", "slow")


def release(changes: dict[str, list[str]], selected: tuple[str, ...] = ROOT.names) -> Release:
    items = [
        {"address": address, "mode": "managed", "type": "terraform_data", "change": {"actions": actions}}
        for address, actions in changes.items()
    ]
    text = json.dumps({"resource_changes": items})
    return Release(ROOT, parse_plan(text, "slow", ROOT, Path("plan.tfplan")), selected)


def test_a_unit_waits_for_all_its_changes() -> None:
    found = release({"module.beside.a.x": ["create"], "module.beside.a.y": ["create"]}, ("beside",))
    assert found.begin() == []
    assert found.complete("module.beside.a.x", "create") == []
    assert found.complete("module.beside.a.y", "create") == ["beside"]


def test_a_replacement_is_complete_when_both_halves_are() -> None:
    found = release({"module.beside.a.x": ["delete", "create"]}, ("beside",))
    assert found.complete("module.beside.a.x", "delete") == []
    assert found.complete("module.beside.a.x", "create") == ["beside"]


def test_a_complete_unit_waits_for_those_it_needs_and_comes_after_them() -> None:
    found = release({"module.quick.a.x": ["create"], "module.middle.a.x": ["create"]})
    assert found.begin() == ["beside"]
    assert found.complete("module.middle.a.x", "create") == []
    assert found.complete("module.quick.a.x", "create") == ["quick", "middle", "last"]


def test_units_outside_the_run_hold_nothing_up() -> None:
    assert release({}, ("last",)).begin() == ["last"]


def test_what_failed_and_what_needs_it_stay_back() -> None:
    found = release({"module.quick.a.x": ["create"], "module.middle.a.x": ["create"]})
    found.begin()
    assert found.complete("module.quick.a.x", "create") == ["quick"]
    assert found.waiting == ("middle", "last")


def test_an_apply_that_ended_well_completes_everything() -> None:
    found = release({"module.quick.a.x": ["create"]}, ("quick", "last"))
    found.begin()
    assert found.finish() == ["quick", "last"]
