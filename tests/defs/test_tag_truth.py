"""Tags in three places: what differs between configuration, plan and what is there is told by the checks `tags`."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, Definitions

from buildkit_dagster import TerraformCliResource, TerraformStack
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.defs.checks import Result, last_results
from buildkit_dagster.defs.tag_truth import tag_checks_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.terraform.rendered_root import ModuleCall
from buildkit_dagster.terraform.tagged import UNIT_TAG, tags_of_units
from tests.terraform_runs import REGION, emulated_stack, materialize_stack

TAGS = {"cost_center": "ENG-001", "owner": "data"}


class Tagged:
    """A stack of the units `one` and `two`, each a bucket and a role, on an instance of its own."""

    def __init__(self, emulator: Emulator, boto: Callable[[str], Any], folder: Path) -> None:
        self.name = f"tags-{uuid.uuid4().hex[:8]}"
        process = replace(read_environment(), endpoint=emulator.endpoint)
        self.aws = Aws(process, region=REGION, emulator=folder / "emulator.json")
        self.boto, self.folder, self.instance = boto, folder, DagsterInstance.ephemeral()
        boto("s3").create_bucket(Bucket=f"{self.name}-state")
        boto("dynamodb").create_table(
            TableName=f"{self.name}-state-locks",
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def stack(self, **wanted: str) -> TerraformStack:
        """The stack; `wanted` are tags that the configuration wants and the module is not given."""
        calls = [
            ModuleCall(
                unit,
                "tagged",
                {"name": f"{self.name}-{unit}", "tags": {**TAGS, UNIT_TAG: f"{self.name}/{unit}"}},
                tags={**TAGS, **wanted},
            )
            for unit in ("one", "two")
        ]
        return emulated_stack(self.name, f"{self.name}-state", self.folder, *calls, drift={"one": "block"})

    def apply(self, *units: str) -> None:
        run = materialize_stack(self.stack(), units=list(units) or None, instance=self.instance, aws=self.aws)
        assert run.success, run.error

    def look(self, stack: TerraformStack | None = None) -> dict[str, Result]:
        """The last result of each unit after a run of the checks alone."""
        chosen = stack or self.stack()
        checks = tag_checks_of(chosen, lambda: TerraformCliResource(aws=self.aws).engine(chosen))
        assert checks is not None
        job = Definitions(asset_checks=[checks]).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=self.instance, raise_on_error=False).run_id
        return self.results()

    def results(self) -> dict[str, Result]:
        checks = tag_checks_of(self.stack(), lambda: TerraformCliResource(aws=self.aws).engine(self.stack()))
        assert checks is not None
        return {key.asset_key.path[-1]: each for key, each in last_results(self.instance, checks.check_keys).items()}


@pytest.fixture
def tagged(emulator: Emulator, boto: Callable[[str], Any], tmp_path: Path) -> Tagged:
    return Tagged(emulator, boto, tmp_path)


@pytest.mark.parity("B-2")
def test_a_tag_that_is_not_the_same_in_configuration_plan_and_cloud_fails_the_units_check(tagged: Tagged) -> None:
    assert {each.passed for each in tagged.look().values()} == {True}, "never applied is no difference"
    tagged.apply()
    assert {each.passed for each in tagged.look().values()} == {True}
    kept = [{"Key": "owner", "Value": "data"}, {"Key": UNIT_TAG, "Value": f"{tagged.name}/one"}]
    more = [{"Key": "team", "Value": "somebody"}]
    tagged.boto("s3").put_bucket_tagging(Bucket=f"{tagged.name}-one", Tagging={"TagSet": kept + more})
    tagged.boto("iam").untag_role(RoleName=f"{tagged.name}-two-role", TagKeys=["owner"])

    found = tagged.look()
    one, two = found["one"], found["two"]
    assert (one.passed, one.severity) == (False, AssetCheckSeverity.ERROR)
    assert "module.one.aws_s3_bucket.this: cost_center: wanted 'ENG-001', planned 'ENG-001', live missing" in (
        one.description
    )
    assert "module.one.aws_s3_bucket.this: team: wanted missing, planned missing, live 'somebody'" in one.description
    assert (two.passed, two.severity) == (False, AssetCheckSeverity.WARN)
    assert two.description.startswith(
        "Tags differ: module.two.aws_iam_role.this: owner: wanted 'data', planned 'data', live missing. Materialize"
    )

    tagged.apply("one")
    assert {unit: each.passed for unit, each in tagged.results().items()} == {"one": True, "two": False}
    unplanned = tagged.look(tagged.stack(purpose="analytics"))["two"]
    assert "module.two.aws_s3_bucket.this: purpose: wanted 'analytics', planned missing, live missing" in (
        unplanned.description
    )


def test_live_tags_are_read_page_by_page_for_any_number_of_units(boto: Callable[[str], Any]) -> None:
    prefix = f"paged-{uuid.uuid4().hex[:8]}"
    units = [f"{prefix}/{number}" for number in range(57)]
    for number, unit in enumerate(units):
        bucket = f"{prefix}-{number}"
        boto("s3").create_bucket(Bucket=bucket)
        boto("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": UNIT_TAG, "Value": unit}]})
    found = tags_of_units(boto("resourcegroupstaggingapi"), units)
    assert sorted(tags[UNIT_TAG] for tags in found.values()) == sorted(units)
