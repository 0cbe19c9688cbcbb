"""Drift as asset checks: what was changed by hand is named, noise is not, and an apply puts it right."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetKey,
    DagsterInstance,
    Definitions,
    asset,
    define_asset_job,
    in_process_executor,
    materialize,
)

from buildkit_dagster import TerraformCliResource, TerraformStack, refuse_to_start, terraform_drift_checks
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.defs.checks import Result, last_results
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.drift import look_for_drift
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import ModuleCall
from buildkit_dagster.terraform.retries import Retries
from tests.chaos.proxy import Answer, Proxy, Request
from tests.repository_runs import error_of
from tests.terraform_runs import REGION, assets_of, copy_root, emulated_stack, key_of, materialize_stack


class Store:
    """A stack of two buckets with roles, `first` and `second`, on an instance of its own."""

    def __init__(self, emulator: Emulator, boto: Callable[[str], Any], folder: Path) -> None:
        self.name = f"drift-{uuid.uuid4().hex[:8]}"
        process = replace(read_environment(), endpoint=emulator.endpoint)
        self.aws = Aws(process, region=REGION, emulator=folder / "emulator.json")
        self.boto, self.folder = boto, folder
        self.instance = DagsterInstance.ephemeral()
        boto("s3").create_bucket(Bucket=f"{self.name}-state")
        boto("dynamodb").create_table(
            TableName=f"{self.name}-state-locks",
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def stack(self, *units: str) -> TerraformStack:
        calls = [
            ModuleCall(unit, "store", {"name": f"{self.name}-{unit}", "labels": {"team": "data"}})
            for unit in units or ("first", "second")
        ]
        return emulated_stack(self.name, f"{self.name}-state", self.folder, *calls, drift={calls[0].name: "block"})

    def apply(self, stack: TerraformStack | None = None, units: list[str] | None = None) -> None:
        run = materialize_stack(stack or self.stack(), units=units, instance=self.instance, aws=self.aws)
        assert run.success, run.error

    def look(self, stack: TerraformStack | None = None) -> dict[str, Result]:
        """The last results after a run of the checks, by `unit check`."""
        stack = stack or self.stack()
        job = (
            self.definitions(stack)
            .resolve_implicit_global_asset_job_def()
            .get_subset(
                asset_selection=set(), asset_check_selection=set(terraform_drift_checks(stack=stack).check_keys)
            )
        )
        self.run = job.execute_in_process(instance=self.instance, raise_on_error=False)
        return self.results(stack)

    def definitions(self, stack: TerraformStack) -> Definitions:
        @asset(deps=[key_of(self.name, "first"), key_of(self.name, "second")])
        def table(context: AssetExecutionContext) -> None:
            refuse_to_start(context)

        return Definitions(
            [assets_of(stack), table],
            asset_checks=[terraform_drift_checks(stack=stack)],
            jobs=[define_asset_job("table_job", [table], executor_def=in_process_executor)],
            resources={"terraform": TerraformCliResource(aws=self.aws)},
        )

    def error_of_table(self) -> str:
        """Why a job on both units does not start; empty where it does."""
        return error_of(self.definitions(self.stack()), "table_job", self.instance)

    def results(self, stack: TerraformStack) -> dict[str, Result]:
        found = last_results(self.instance, terraform_drift_checks(stack=stack).check_keys)
        return {f"{key.asset_key.path[-1]} {key.name}": result for key, result in found.items()}

    def logged(self) -> str:
        """All log lines and events of the last look."""
        return str(list(self.instance.all_logs(self.run.run_id)))

    def writes(self) -> int:
        """Results that were ever written for the check of `first`."""
        key = AssetCheckKey(key_of(self.name, "first"), "drift")
        return len(self.instance.event_log_storage.get_asset_check_execution_history(key, limit=100))


@pytest.fixture
def store(emulator: Emulator, boto: Callable[[str], Any], tmp_path: Path) -> Store:
    return Store(emulator, boto, tmp_path)


def test_what_was_changed_by_hand_is_named_an_apply_says_that_it_is_gone_and_an_orphan_is_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {check.passed for check in store.look().values()} == {True}, "never applied is no drift"
    store.apply()
    assert {check.passed for check in store.look().values()} == {True}
    bucket, role = f"{store.name}-first", f"{store.name}-second-role"
    tags = {"TagSet": [{"Key": "team", "Value": "somebody"}]}
    store.boto("s3").put_bucket_tagging(Bucket=bucket, Tagging=tags)
    store.boto("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    store.boto("iam").delete_role(RoleName=role)

    direct, slow = store.aws, Proxy(store.aws.process.endpoint or "")
    slow.add(lambda request: request.is_object("GET", bucket), _throttled)
    monkeypatch.setattr(Retries, "wait", slow.clear_at_a_wait)
    few_retries = {"provider": {"aws": {"max_retries": 2}}}
    (store.stack().path / "few_retries_override.tf.json").write_text(json.dumps(few_retries))
    store.aws = replace(direct, process=replace(direct.process, endpoint=slow.endpoint))
    found = store.look()
    assert "StatusCode: 503" in store.logged()
    assert "trying again in 0 s (1 of 3)" in store.logged()
    slow.close()
    first, second = found["first drift"], found["second drift"]
    assert (first.passed, first.severity) == (False, AssetCheckSeverity.ERROR)
    assert "module.first.aws_s3_bucket.this: tags. Materialize infra" in first.description
    assert (second.passed, second.severity) == (False, AssetCheckSeverity.WARN)
    assert "module.second.aws_iam_role.this: gone" in second.description
    (checked,) = [
        event.asset_check_evaluation_data.metadata["resources"]
        for entry in store.instance.all_logs(store.run.run_id)
        if (event := entry.dagster_event)
        and event.event_type_value == "ASSET_CHECK_EVALUATION"
        and event.asset_check_evaluation_data.asset_key == key_of(store.name, "second")
    ]
    assert {"address": "module.second.aws_iam_role.this", "differs": "gone"} in [row.data for row in checked.records]
    assert "somebody" not in store.logged()

    store.aws = replace(direct, process=replace(direct.process, endpoint="http://127.0.0.1:9"))
    failed = store.look()
    assert (store.run.success, failed["first drift"].passed) == (False, False), "the last result stays"
    store.aws = direct

    stopped = store.error_of_table()
    assert f"check drift of infra/{store.name}/first has failed since" in stopped
    assert "second" not in stopped, "a warning stops nothing"

    before = store.writes()
    store.apply(units=["first"])
    assert {name: check.passed for name, check in store.results(store.stack()).items()} == {
        "first drift": True,
        "second drift": False,
        "first orphans": True,
    }
    assert store.error_of_table() == ""
    store.apply(units=["first"])
    assert store.writes() == before + 1, "written once, when it was failing"
    smaller = store.stack("first")
    orphans = store.look(smaller)["first orphans"]
    assert (orphans.passed, orphans.severity) == (False, AssetCheckSeverity.WARN)
    assert f"No longer in the configuration of stack {store.name}: second" in orphans.description
    assert store.run.success


def test_units_that_a_run_applies_are_not_looked_at_in_the_same_run(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    run = materialize(
        [assets_of(stack), terraform_drift_checks(stack=stack)], resources={"terraform": TerraformCliResource()}
    )
    assert run.success
    assert run.get_asset_check_evaluations() == []


def test_modes_and_units_there_are_not_are_refused(tmp_path: Path) -> None:
    root = copy_root("slow", tmp_path)
    with pytest.raises(InvalidRoot, match=r"says nobody: warn, quick: loud; allowed: warn, block, off for units"):
        terraform_drift_checks(stack=TerraformStack(root, drift={"nobody": "warn", "quick": "loud"}))  # type: ignore[dict-item]
    with pytest.raises(InvalidRoot, match="leave terraform_drift_checks out"):
        terraform_drift_checks(stack=TerraformStack(root, drift="off"))
    checks = terraform_drift_checks(stack=TerraformStack(root, drift={"quick": "off"}))
    assert AssetCheckKey(AssetKey(["infra", "slow", "quick"]), "drift") not in checks.check_keys


def test_a_root_written_by_hand_has_orphans_too(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    materialize_stack(stack)
    main = stack.path / "main.tf"
    main.write_text(main.read_text().replace('module "beside" {\n  source = "./step"\n}\n', ""))
    smaller = TerraformStack(stack.path)
    found = look_for_drift(_engine(smaller))
    assert dict(found.orphans) == {"beside": tuple(sorted(found.orphans["beside"]))}
    assert found.drifted == ()
    materialize_stack(smaller, units=["quick"])
    assert "beside" in look_for_drift(_engine(smaller)).orphans
    assert "orphans/remove" in materialize_stack(smaller).error
    (record,) = Plans(smaller, None).records()
    assert materialize_stack(smaller, plan=record.digest).success
    assert look_for_drift(_engine(smaller)).orphans == {}


def _throttled(_: Proxy, request: Request) -> Answer:
    return request.error(503, "SlowDown", "Please reduce your request rate.")


def _engine(stack: TerraformStack) -> Engine:
    return TerraformCliResource().engine(stack)
