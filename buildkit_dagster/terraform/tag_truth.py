"""Looking at the tags of one stack: a plan, and what the Resource Groups Tagging API lists, each once.

What is a difference is `rules/tag_truth.py`, who is told is decided in `defs/tag_truth.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildkit_dagster.rules.tag_truth import TagDifference, carried_in_plan, carried_in_state, tag_differences
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.rendered_root import ModuleCall
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.tagged import UNIT_TAG, tags_of_units


@dataclass(frozen=True)
class TagTruth:
    """What was found in a stack; a stack that was never applied has nothing to compare."""

    applied: bool
    differences: tuple[TagDifference, ...] = ()

    def of(self, unit: str) -> tuple[TagDifference, ...]:
        return tuple(each for each in self.differences if each.unit == unit)


def look_at_tags(engine: Engine) -> TagTruth:
    """Compare the three places for a rendered stack. Changes nothing."""
    return engine.alone(lambda: _look(engine))


def _look(engine: Engine) -> TagTruth:
    settle_locks(engine)
    state = engine.state()
    if not state.resources:
        return TagTruth(applied=False)
    engine.write()
    engine.init()
    plan = engine.plan()
    wanted = wanted_in(engine.stack)
    marked = [tags[UNIT_TAG] for tags in wanted.values() if UNIT_TAG in tags]
    live = tags_of_units(engine.tagging, marked) if marked else {}
    carried = carried_in_state(state, engine.stack.root) if plan.is_empty else carried_in_plan(plan)
    return TagTruth(applied=True, differences=tuple(tag_differences(carried, wanted, live)))


def wanted_in(stack: TerraformStack) -> dict[str, Mapping[str, str]]:
    """The tags of each unit as the configuration wants them; none for a root written by hand."""
    calls = stack.source.calls if stack.source else ()
    return {call.name: {**call.tags, **_mark(call)} for call in calls}


def _mark(call: ModuleCall) -> Mapping[str, str]:
    """The unit's own tag; units of Google have none."""
    given = call.inputs.get("tags", {})
    return {UNIT_TAG: given[UNIT_TAG]} if UNIT_TAG in given else {}
