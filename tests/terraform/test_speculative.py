"""Plans made from outputs that are only planned: what is unknown stays unknown, and nothing of it is applied."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from buildkit_dagster import Ref, TerraformCliResource, TerraformStack
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.errors import NotPlannable, PoliciesMissing, UpstreamOutputMissing, UpstreamOutputSensitive
from buildkit_dagster.terraform.adopt import Adoption, write_imports
from buildkit_dagster.terraform.plan import UNKNOWN, Plan
from buildkit_dagster.terraform.plan_record import PlanRecord, changes_of
from buildkit_dagster.terraform.planning import StackPlan, plan_stack, stored_outputs
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot, Text, UnitRef
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.speculative import differences
from buildkit_dagster.terraform.state import read_state
from buildkit_dagster.terraform.upstream import PlannedOutputs
from tests.terraform_runs import ROOTS, copy_root, materialize_stack


def rendered(folder: Path, name: str, *calls: ModuleCall, upstream: tuple[TerraformStack, ...] = ()) -> TerraformStack:
    """A stack of modules that hold one `terraform_data` each; no provider, local state."""
    root = RenderedRoot(name, calls, None, None, ROOTS / "repeated")
    return TerraformStack.rendered(root, folder / ".buildkit" / "dev", upstream)


def shore(folder: Path) -> TerraformStack:
    return rendered(folder, "shore", ModuleCall("quay", "one", {"text": "stone"}))


def boats(folder: Path, upstream: TerraformStack, name: str = "boat") -> TerraformStack:
    """Takes the quay's id, alone and in a text."""
    quay = Ref("shore", "quay", "id")
    return rendered(
        folder,
        "boats",
        ModuleCall("mooring", "one", {"text": quay}),
        ModuleCall("sign", "one", {"text": Text(f"${{{name}}} at ", quay)}),
        ModuleCall("paint", "one", {"text": name}),
        ModuleCall("rope", "one", {"text": UnitRef("mooring", "id")}),
        upstream=(upstream,),
    )


def hand_written(folder: Path, upstream: TerraformStack) -> TerraformStack:
    text = Ref(upstream.name, "quay", "id")
    return TerraformStack(copy_root("mixture", folder), variables={"text": text}, upstream=[upstream])


def planned(
    stack: TerraformStack,
    upstream: PlannedOutputs,
    units: tuple[str, ...] | None = None,
    policies: str | None = None,
) -> StackPlan:
    terraform = TerraformCliResource(gates=Gates(), policies=policies)
    gatekeeper = terraform.gatekeeper(terraform.engine(stack))
    return plan_stack(gatekeeper, units or stack.root.names, upstream)


def outputs(plan: StackPlan) -> PlannedOutputs:
    assert plan.outputs is not None
    return {plan.stack.name: plan.outputs}


def known(plan: StackPlan, address: str) -> dict[str, object]:
    (change,) = (change for change in plan.plan.changes if change.address == address)
    return dict(change.values)


def record_of(plan: StackPlan) -> PlanRecord:
    assert plan.record is not None
    return plan.record


def test_planned_outputs_feed_a_rendered_stack_and_what_is_unknown_stays_unknown(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    first = planned(upstream, {})
    assert first.plan.outputs == {"quay": {"id": UNKNOWN}}
    found = planned(boats(tmp_path, upstream), outputs(first))
    assert record_of(found).speculative == ("shore",)
    assert sorted(found.plan.changed_units) == ["mooring", "paint", "rope", "sign"]
    assert known(found, "module.paint.terraform_data.this")["input"] == "boat"
    for unit in ("mooring", "sign", "rope"):
        (change,) = (change for change in found.plan.changes if change.unit == unit)
        assert "input" in change.unknown
    assert "buildkit_unknown" not in json.dumps(found.plan.document)
    assert "buildkit_unknown" not in record_of(found).to_json()


def test_planned_outputs_feed_a_root_written_by_hand_of_which_nothing_is_changed(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = hand_written(tmp_path, upstream)
    before = {file: file.read_bytes() for file in stack.path.rglob("*") if file.is_file()}
    found = planned(stack, outputs(planned(upstream, {})))
    assert record_of(found).speculative == ("shore",)
    changed = {change.address: change for change in found.plan.changes}
    assert changed["module.first.terraform_data.one"].unknown >= {"input"}
    assert changed["module.alone.terraform_data.one"].values["input"] == "alone"
    assert changed["terraform_data.own"].unit == "root"
    assert set(found.plan.changed_units) == set(stack.root.names)
    assert {file: file.read_bytes() for file in before} == before


def test_a_planned_stack_imports_what_the_real_one_will(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = boats(tmp_path, upstream)
    write_imports(stack.imports, [Adoption("module.mooring.terraform_data.this", "found")])
    found = planned(stack, outputs(planned(upstream, {})))
    importing = {change.unit: change.importing for change in found.plan.changes}
    assert importing == {"mooring": "found", "sign": None, "paint": None, "rope": None}


def test_an_existing_state_is_planned_against_where_it_lies(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    assert materialize_stack(upstream).success
    assert materialize_stack(hand_written(tmp_path, upstream)).success
    stack = hand_written_again(tmp_path, upstream)
    found = planned(stack, {"shore": {"quay": {"id": UNKNOWN}}})
    actions = {change.address: change.actions for change in found.plan.changes}
    assert actions == {"module.first.terraform_data.one": ("update",)}
    assert not list((stack.work / "speculative").rglob("*.tfstate"))
    part = planned(stack, {"shore": {"quay": {"id": UNKNOWN}}}, units=("alone",))
    assert (part.plan.is_empty, part.record) == (True, None)


def hand_written_again(folder: Path, upstream: TerraformStack) -> TerraformStack:
    text = Ref(upstream.name, "quay", "id")
    return TerraformStack(folder / "mixture", variables={"text": text}, upstream=[upstream])


def test_known_planned_values_are_used_as_they_are(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    assert materialize_stack(upstream).success
    stack = boats(tmp_path, upstream)
    found = planned(stack, {"shore": {"quay": {"id": "from-a-plan"}}})
    assert known(found, "module.mooring.terraform_data.this")["input"] == "from-a-plan"
    assert known(found, "module.sign.terraform_data.this")["input"] == "${boat} at from-a-plan"
    assert record_of(found).speculative == ("shore",)


def test_a_planned_output_that_is_real_already_makes_nothing_speculative(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    assert materialize_stack(upstream).success
    real = read_state(upstream.backend, None).outputs
    found = planned(boats(tmp_path, upstream), {"shore": real})
    assert record_of(found).speculative == ()
    assert materialize_stack(boats(tmp_path, upstream), plan=record_of(found).digest).success


def test_a_speculative_plan_cannot_be_applied(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = boats(tmp_path, upstream)
    record = record_of(planned(stack, outputs(planned(upstream, {}))))
    assert materialize_stack(upstream).success
    run = materialize_stack(stack, plan=record.digest)
    assert (
        f"plan {record.digest} of stack 'boats' is speculative: it counts on shore, which is only planned" in run.error
    )
    assert read_state(stack.backend, None).serial == 0


def test_the_newest_stored_plan_of_an_upstream_stack_counts_until_its_state_is_another(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = boats(tmp_path, upstream)
    engine = TerraformCliResource().engine(stack)
    assert stored_outputs(stack, engine, ["shore"]) == {}
    with pytest.raises(UpstreamOutputMissing):
        planned(stack, {})
    first = planned(upstream, {})
    assert stored_outputs(stack, engine, ["shore"]) == {"shore": {"quay": {"id": UNKNOWN}}}
    assert materialize_stack(upstream, plan=record_of(first).digest).success
    assert stored_outputs(stack, engine, ["shore"]) == {}
    assert record_of(planned(stack, {})).speculative == ()


def test_a_plan_that_has_become_real_says_the_same_or_where_it_differs(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = boats(tmp_path, upstream)
    record = record_of(planned(stack, outputs(planned(upstream, {}))))
    assert materialize_stack(upstream).success
    real = planned(stack, {})
    assert differences(record, real.plan, stack.root) == ()
    other = boats(tmp_path, upstream, name="ship")
    assert differences(record, planned(other, {}).plan, other.root) == (
        "module.paint.terraform_data.this: input is another",
    )


def said(after: dict[str, object], *unknown: str, actions: tuple[str, ...] = ("create",)) -> Plan:
    """A plan of one change."""
    change = {"actions": actions, "after": after, "after_unknown": dict.fromkeys(unknown, True)}
    item = {"address": "module.a.aws_x.b", "mode": "managed", "type": "aws_x", "change": change}
    return Plan("s", None, document={"resource_changes": [item]})


BEFORE = said({"size": 1, "tags": {"owner": "me"}}, "id", "policy")


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (said({"size": 1, "tags": {"owner": "me"}}, "id", "policy", actions=("update",)), "create has become update"),
        (said({"size": 2, "tags": {"owner": "me"}}, "id", "policy"), "size is another"),
        (said({"tags": {"owner": "me"}}, "id", "policy", "size"), "size is another"),
        (said({"size": 1, "tags": {}}, "id", "policy"), "tags/owner is another"),
        (said({"size": 1, "tags": {"owner": "me", "more": "x"}}, "id", "policy"), "tags/more is another"),
        (said({"size": 1, "tags": {"owner": "me"}, "id": "i", "policy": [{"sid": "s"}]}), None),
        (said({"size": 1, "tags": {"owner": "me"}}, "id", "policy"), None),
        (Plan("s", None), "no longer create"),
    ],
)
def test_every_known_value_and_action_is_compared(now: Plan, line: str | None) -> None:
    root = Root((), False, {}, ())
    record = PlanRecord("d", {}, "s", (), True, (), "", "", "", "", "", changes_of(BEFORE, root))
    found = differences(record, now, root)
    assert [text.partition(": ")[2] for text in found] == ([line] if line else [])


def test_a_sensitive_planned_output_is_refused(tmp_path: Path) -> None:
    upstream = TerraformStack(copy_root("secret", tmp_path), variables={"password": "canary-7341"})
    stack = TerraformStack(
        copy_root("mixture", tmp_path), variables={"text": Ref("secret", "vault", "password")}, upstream=[upstream]
    )
    with pytest.raises(UpstreamOutputSensitive):
        planned(stack, outputs(planned(upstream, {})))


def test_a_root_that_cannot_be_called_as_a_module_is_refused_with_the_reason(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    stack = hand_written(tmp_path, upstream)
    (stack.path / "imports.tf").write_text('import {\n  to = terraform_data.own\n  id = "x"\n}\n')
    with pytest.raises(NotPlannable, match="holds blocks that only a root may: import"):
        planned(stack, outputs(planned(upstream, {})))
    (stack.path / "imports.tf").write_text("locals {\n  here = path.root\n}\n")
    with pytest.raises(NotPlannable, match=r"uses path\.root"):
        planned(stack, outputs(planned(upstream, {})))


def test_a_plan_of_nothing_is_not_stored(tmp_path: Path) -> None:
    stack = shore(tmp_path)
    assert materialize_stack(stack).success
    found = planned(stack, {})
    assert (found.plan.is_empty, found.record, Plans(stack, None).records()) == (True, None, [])


def test_a_plan_of_nothing_removes_the_file_of_an_expired_one(tmp_path: Path) -> None:
    stack = shore(tmp_path)
    record, store = record_of(planned(stack, {})), Plans(stack, None).store
    store.put(f"{record.digest}.json", replace(record, expires=record.created).to_json().encode())
    assert materialize_stack(stack).success
    assert f"{record.digest}.tfplan" in store.names()
    assert planned(stack, {}).plan.is_empty
    assert store.names() == [f"{record.digest}.json"]


def test_a_plan_that_cannot_be_judged_leaves_no_file_of_it(tmp_path: Path) -> None:
    upstream = shore(tmp_path)
    counted_on = {"shore": {"quay": {"id": UNKNOWN}}}
    for stack in (upstream, boats(tmp_path, upstream), hand_written(tmp_path, upstream)):
        with pytest.raises(PoliciesMissing):
            planned(stack, counted_on, policies=str(tmp_path / "nowhere"))
    assert not list(tmp_path.rglob("*.tfplan"))
