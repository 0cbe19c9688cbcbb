"""Plans as Markdown: nothing in an address or a message leaves its place, and no part is too long for a comment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR
from buildkit_dagster.rules.blast_radius import BlastRadius
from buildkit_dagster.rules.verdicts import Severity, Verdict
from buildkit_dagster.terraform.plan import Plan, ResourceChange
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plan_text import Shown, as_data, as_markdown, as_table
from buildkit_dagster.terraform.planning import StackPlan
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform_runs import MODULES

GITHUB = 65_536


def shown(addresses: list[str], message: str = "", models: tuple[str, ...] = ()) -> Shown:
    changes = tuple(ResourceChange(address, "u", "t", ("delete", "create"), None, {}) for address in addresses)
    verdicts = (Verdict("policy/x", Severity.WARN, "u", "a", message),) if message else ()
    plan = StackPlan(TerraformStack(Path("s")), ("u",), Plan("s", None, changes), verdicts)
    return Shown("s", plan, BlastRadius(units=("infra/s/u",), models=models))


def stored(stack: TerraformStack, changes: tuple[ResourceChange, ...]) -> Shown:
    record = PlanRecord(
        digest="d1",
        parts={},
        stack="s",
        units=("u",),
        full=True,
        options=(),
        nonce="",
        created="now",
        expires="later",
        requester="ann@laptop",
        run="",
        changes=(),
    )
    return Shown("s", StackPlan(stack, ("u",), Plan("s", None, changes), record=record))


def test_a_thousand_changes_and_models_are_all_told_in_parts_below_githubs_limit() -> None:
    addresses = [f'module.u.aws_s3_bucket.this["{"k" * 60}-{number}"]' for number in range(2000)]
    models = tuple(f"shop/model_{number}" for number in range(1000))
    parts = as_markdown([shown(addresses, models=models)])
    assert len(parts) > 1
    assert all(len(part) < GITHUB for part in parts)
    text = "\n".join(parts)
    assert all(f"`{address}`" in text for address in addresses)
    assert all(f"`{model}`" in text for model in models)


@settings(max_examples=100)
@given(st.lists(st.text(max_size=3000), max_size=5), st.text(max_size=3000), st.integers(2000, 5000))
def test_no_part_is_longer_than_asked_whatever_addresses_and_messages_hold(
    addresses: list[str], message: str, longest: int
) -> None:
    assert all(len(part) <= longest for part in as_markdown([shown(addresses, message)], longest))


def test_an_address_or_a_message_cannot_mention_anybody_or_draw_a_link() -> None:
    (text,) = as_markdown([shown(['module.u.x["`@team`"]'], "see [here](https://example.com) <b> @team")])
    assert '- -/+ ``module.u.x["`@team`"]``' in text or '`` module.u.x["`@team`"] ``' in text
    assert r"see \[here\](https://example.com) \<b\> \@team" in text


def test_what_the_apply_does_to_the_state_alone_is_told_too(tmp_path: Path) -> None:
    changes = (
        ResourceChange("module.u.found", "u", "t", ("no-op",), "i", {}, importing="i"),
        ResourceChange("module.u.other", "u", "t", ("update",), "j", {}, importing="j"),
        ResourceChange("module.u.there", "u", "t", ("no-op",), "k", {}, moved_from="module.u.here"),
        ResourceChange("module.u.as_it_is", "u", "t", ("no-op",), "l", {}),
    )
    shown = stored(TerraformStack(tmp_path), changes)
    assert as_table([shown]).splitlines() == [
        "s: 2 to import, 0 to add, 1 to change, 0 to destroy; plan d1, expires later",
        "  = module.u.found (imported)",
        "  ~ module.u.other (imported)",
        "  = module.u.there (moved)",
    ]
    assert "- = `module.u.found` (imported)\n- ~ `module.u.other` (imported)\n" in as_markdown([shown])[0]
    assert as_data([shown])[0]["changes"][:2] == [
        {"address": "module.u.found", "unit": "u", "actions": ["no-op"], "imported": True},
        {"address": "module.u.other", "unit": "u", "actions": ["update"], "imported": True},
    ]


@pytest.mark.parity("B!10", "B!11")
def test_how_tags_are_written_otherwise_is_in_the_plan_and_on_the_asset(tmp_path: Path) -> None:
    change = "finops_business_tags: 'sales,crm' is written 'sales crm': a list is joined by ' '"
    calls = (ModuleCall("u", "store", {"name": "x"}, tag_changes=(change,)), ModuleCall("same", "store", {"name": "y"}))
    stack = TerraformStack.rendered(RenderedRoot("s", calls, None, None, MODULES), tmp_path / ".buildkit" / "dev")
    changes = (ResourceChange("module.u.x.this", "u", "t", ("create",), None, {}),)
    plan = Shown("s", StackPlan(stack, ("u", "same"), Plan("s", None, changes)))
    assert f"  tags of u: {change}\n" in as_table([plan])
    assert as_data([plan])[0]["tag_changes"] == {"u": [change]}
    assert "- `u`: finops\\_business\\_tags: 'sales,crm' is written 'sales crm'" in as_markdown([plan])[0]
    metadata = DEFAULT_TRANSLATOR.get_asset_spec(stack, "u").metadata
    assert metadata["tag_changes"].value == f"- {change}"
    assert "tag_changes" not in DEFAULT_TRANSLATOR.get_asset_spec(stack, "same").metadata
