"""Stored plans: applied as they are, or refused with the part that changed. Real Terraform, local state."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetExecutionContext, Config, materialize

from buildkit_dagster import Ref, TerraformCliResource, TerraformStack, terraform_assets
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.errors import PlanDamaged, PlanNotFound
from buildkit_dagster.terraform.adopt import Adoption, write_imports
from buildkit_dagster.terraform.digest import digest_of
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.state import read_state
from tests.terraform_runs import ROOTS, Run, copy_root, materialize_stack

EVERY_CHANGE = Gates(every_change=True)


def asked(stack: TerraformStack, units: list[str] | None = None) -> PlanRecord:
    """The plan of a run that was refused because every change needs an approval."""
    run = materialize_stack(stack, units=units, gates=EVERY_CHANGE)
    record = Plans(stack, None).records()[0]
    assert record.digest in run.error
    return record


def apply(stack: TerraformStack, record: PlanRecord, units: list[str] | None = None) -> Run:
    return materialize_stack(stack, units=units, gates=EVERY_CHANGE, plan=record.digest)


def rewritten(stack: TerraformStack, record: PlanRecord, **changes: object) -> None:
    """The record as it would be, had it been made in another way."""
    Plans(stack, None).store.put(f"{record.digest}.json", replace(record, **changes).to_json().encode())  # type: ignore[arg-type]


def edited(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def pair(folder: Path) -> tuple[TerraformStack, TerraformStack]:
    """Two stacks: the second takes the first one's output, which is materialized."""
    upstream = TerraformStack(copy_root("secret", folder), variables={"password": "x", "name": "one"})
    text = Ref("secret", "vault", "name")
    return upstream, TerraformStack(copy_root("mixture", folder), variables={"text": text}, upstream=[upstream])


def test_a_run_that_needs_an_approval_stores_its_plan_and_names_it(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    run = materialize_stack(stack, gates=EVERY_CHANGE)
    (record,) = Plans(stack, None).records()
    assert not run.reported
    assert f"plan {record.digest} needs an approval and nothing was applied" in run.error
    assert f'"plan": "{record.digest}"' in run.error
    assert (record.stack, record.units, record.speculative) == ("repeated", ("counted", "each"), ())
    assert "@" in record.requester
    assert {change.address for change in record.changes if change.type == "terraform_data"} == {
        f"module.{unit}.terraform_data.this" for unit in ("counted[0]", "counted[1]", 'each["a"]', 'each["b"]')
    }
    folder = stack.work / "plans"
    assert {oct(file.stat().st_mode & 0o777) for file in folder.iterdir()} == {"0o600"}


def test_a_stored_plan_is_applied_as_it_is_and_once(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    run = apply(stack, record)
    assert run.success, run.error
    assert run.reported == ["counted", "each"]
    assert len(read_state(stack.backend, None).addresses) == 4
    assert not (stack.work / "plans" / f"{record.digest}.tfplan").exists()
    again = apply(stack, record)
    assert f"plan {record.digest} of stack 'repeated' was applied already, by run {run.result.run_id}" in again.error


def test_the_beginning_of_a_digest_names_the_plan(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    assert Plans(stack, None).load(record.digest[:8]) == record
    unknown = materialize_stack(stack, plan="0" * 32)
    assert f"there is no stored plan {'0' * 32}; stored plans:\n  {record.digest} (stack repeated" in unknown.error


def test_an_empty_digest_names_no_plan_and_nothing_is_applied(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    run = materialize_stack(stack, plan="")
    assert "there is no stored plan ''; stored plans: none" in run.error
    assert read_state(stack.backend, None).addresses == frozenset()


@pytest.mark.parametrize("text", ["{half a rec", "[]", '{"parts": {}}', '{"parts": {"weather": "wet"}}'])
def test_a_damaged_record_is_named_and_keeps_no_other_plan_from_being_found(tmp_path: Path, text: str) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record, damaged = asked(stack), "d" * 32
    plans = Plans(stack, None)
    plans.store.put(f"{damaged}.json", text.encode())
    assert (plans.records(), list(plans.open(datetime.now(UTC)))) == ([record], [record])
    assert plans.load(record.digest[:8]) == record
    plans.remove_expired(datetime.now(UTC))
    with pytest.raises(
        PlanDamaged, match=rf"plan {damaged} of stack 'repeated' .* its record .*/{damaged}.json is damaged"
    ):
        plans.load(damaged)
    with pytest.raises(PlanNotFound) as missing:
        plans.load("e" * 32)
    assert (str(missing.value).count(damaged), str(missing.value).count(record.digest)) == (2, 1)


def configuration(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    edited(stack.path / "main.tf", '"alone"\n}', '"lonely"\n}')
    return stack


def files_that_the_root_reads(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    (stack.path / "notes.txt").write_text("read by file()")
    return stack


def variables(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    (stack.path / "more.auto.tfvars").write_text('text = "other"\n')
    return stack


def upstream_outputs(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    renamed = TerraformStack(upstream.path, variables={"password": "x", "name": "two"})
    assert materialize_stack(renamed).success
    return stack


def state(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    assert materialize_stack(stack, units=["alone"]).success
    return stack


def modules(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    with (stack.path / "pair" / "main.tf").open("a") as file:
        file.write("# another line\n")
    return stack


def providers(upstream: TerraformStack, stack: TerraformStack) -> TerraformStack:
    del upstream
    (stack.path / ".terraform.lock.hcl").write_text("# other hashes\n")
    return stack


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (configuration, "configuration"),
        (files_that_the_root_reads, "configuration"),
        (variables, "variables"),
        (upstream_outputs, "upstream outputs"),
        (state, "state"),
        (modules, "modules"),
        (providers, "providers"),
    ],
)
def test_apply_refuses_a_plan_after_a_change_and_names_the_part(
    tmp_path: Path, change: Callable[[TerraformStack, TerraformStack], TerraformStack], part: str
) -> None:
    upstream, stack = pair(tmp_path)
    assert materialize_stack(upstream).success
    record = asked(stack)
    changed = change(upstream, stack)
    before = read_state(stack.backend, None).serial
    run = apply(changed, record)
    assert f"since it was made, these changed: {part}. Nothing was applied." in run.error
    assert not run.reported
    assert read_state(stack.backend, None).serial == before


def rendered(folder: Path, note: bytes = b"low") -> TerraformStack:
    root = RenderedRoot(
        "tide", (ModuleCall("pool", "one", {"text": "x"}),), None, None, ROOTS / "repeated", {"note.txt": lambda: note}
    )
    return TerraformStack.rendered(root, folder / ".buildkit" / "dev")


def imports(folder: Path) -> TerraformStack:
    stack = rendered(folder)
    write_imports(stack.imports, [Adoption("module.pool.terraform_data.this", "found")])
    return stack


def files_beside_the_root(folder: Path) -> TerraformStack:
    return rendered(folder, b"high")


@pytest.mark.parametrize("change", [imports, files_beside_the_root])
def test_apply_refuses_a_rendered_stacks_plan_after_a_change_beside_its_root(
    tmp_path: Path, change: Callable[[Path], TerraformStack]
) -> None:
    record = asked(rendered(tmp_path))
    changed = change(tmp_path)
    run = apply(changed, record)
    assert "since it was made, these changed: configuration. Nothing was applied." in run.error
    assert apply(changed, asked(changed)).success


@pytest.mark.parametrize("part", ["tools", "changes"])
def test_apply_refuses_a_plan_of_other_tools_or_one_that_says_something_else(tmp_path: Path, part: str) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    parts = {**record.parts, part: "another"}
    rewritten(stack, record, parts=parts)
    assert "its record" in apply(stack, record).error
    made_otherwise = replace(record, parts=parts, digest=digest_of(parts))
    Plans(stack, None).save(made_otherwise, (stack.work / "plans" / f"{record.digest}.tfplan").read_bytes())
    rewritten(stack, record)
    assert f"these changed: {part}." in apply(stack, made_otherwise).error


def test_apply_refuses_a_plan_file_that_somebody_replaced(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    other = asked(stack)
    folder = stack.work / "plans"
    shutil.copy(folder / f"{other.digest}.tfplan", folder / f"{record.digest}.tfplan")
    assert "these changed: plan file." in apply(stack, record).error


def test_apply_refuses_a_plan_for_another_selection(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack, units=["counted"])
    assert not record.full
    assert "these changed: selection." in apply(stack, record).error
    run = apply(stack, record, units=["counted"])
    assert run.reported == ["counted"], run.error


def test_a_plan_expires(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    life = datetime.fromisoformat(record.expires) - datetime.fromisoformat(record.created)
    assert life == timedelta(minutes=EVERY_CHANGE.plan_minutes)
    ended = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
    rewritten(stack, record, expires=ended)
    run = apply(stack, record)
    assert f"plan {record.digest} of stack 'repeated' expired at {ended}; nothing was applied" in run.error
    asked(stack)
    assert not (stack.work / "plans" / f"{record.digest}.tfplan").exists()


def test_a_speculative_plan_is_refused(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    rewritten(stack, record, speculative=("network",))
    run = apply(stack, record)
    assert "is speculative: it counts on network, which is only planned, and cannot be applied" in run.error


def test_a_record_holds_no_value_and_reads_back_as_it_was(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("secret", tmp_path), variables={"password": "canary-7341", "name": "open-5512"})
    record = asked(stack)
    text = (stack.work / "plans" / f"{record.digest}.json").read_text()
    assert "canary-7341" not in text
    assert "open-5512" not in json.dumps(json.loads(text)["changes"])
    assert PlanRecord.from_json(text).to_json() == text


def test_a_function_with_a_config_of_its_own_keeps_it(tmp_path: Path) -> None:
    class Mine(Config):
        plan: str | None = None
        louder: bool = False

    stack = TerraformStack(copy_root("repeated", tmp_path))
    record = asked(stack)
    seen = []

    @terraform_assets(stack=stack)
    def mine(context: AssetExecutionContext, config: Mine, terraform: TerraformCliResource):  # type: ignore[no-untyped-def]
        seen.append(config.louder)
        yield from terraform.cli(["apply"], context=context).stream()

    resources = {"terraform": TerraformCliResource(gates=EVERY_CHANGE)}
    asks = {"ops": {"terraform_repeated": {"config": {"plan": record.digest, "louder": True}}}}
    assert materialize([mine], resources=resources, run_config=asks).success
    assert seen == [True]
