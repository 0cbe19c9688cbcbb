"""A run fails with a secret in its error, and people are told of it: what arrives has the mark in its place."""

import json
from pathlib import Path

import pytest
from dagster import DagsterInstance, SensorDefinition, build_sensor_context

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.defs.notifications import notification_sensors
from buildkit_dagster.terraform.secret_names import MARK
from buildkit_dagster.terraform.stack import TerraformStack
from tests.canaries.planted import CANARIES, found_in
from tests.dbt_shop import shop_platform
from tests.receiver import receiver
from tests.terraform_runs import materialize_stack

#: The secret comes first: a message tells the beginning of an error.
ROOT = """
variable "db_password" {
  type = string

  validation {
    condition     = var.db_password == ""
    error_message = "${var.db_password} is no password"
  }
}
"""
SECRET = CANARIES["variable secret by its name"]


def sensor_to(url: str, folder: Path) -> SensorDefinition:
    """What tells the failures of a platform to a webhook."""
    told = Notifying.model_validate({"webhook-notification": {"active": True, "webhook_url": url}}, strict=False)
    platform = shop_platform(folder)
    config = platform.config.model_copy(update={"notifications": told})
    [sensor] = notification_sensors(platform.model_copy(update={"config": config}), read_environment(), {}, [])
    return sensor


def test_a_failure_is_told_without_the_secret_in_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root := tmp_path / "root").mkdir()
    (root / "main.tf").write_text(ROOT)
    (root / "terraform.tfvars").write_text(f"db_password = {json.dumps(SECRET)}\n")
    (tmp_path / "home").mkdir()
    with receiver(tmp_path, monkeypatch) as post, DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        sensor = sensor_to(f"{post.url}/told", tmp_path / "skyline")
        with build_sensor_context(instance) as context:
            start = sensor.evaluate_tick(context).cursor
        run = materialize_stack(TerraformStack(root), instance=instance)
        assert not run.success
        with build_sensor_context(instance, start) as context:
            sensor.evaluate_tick(context)
        [arrived] = [request.body for request in post.requests]
    assert f"Invalid value for variable {MARK}" in arrived["message"]
    assert found_in(json.dumps(arrived, ensure_ascii=False).encode()) == []
