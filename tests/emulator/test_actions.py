"""API answers: what moto lacks is there and real, what nobody has is refused at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from helpers import Boto


@pytest.mark.parametrize(
    ("service", "action", "arguments", "message"),
    [
        ("glue", "list_blueprints", {}, "'ListBlueprints' of glue"),
        ("codeconnections", "list_hosts", {}, "'ListHosts' of codeconnections"),
        ("apprunner", "list_services", {}, "no service 'apprunner'"),
        ("lambda", "list_provisioned_concurrency_configs", {"FunctionName": "f"}, "lambda"),
        ("ec2", "describe_fleet_history", {"FleetId": "f", "StartTime": 1}, "'DescribeFleetHistory' of ec2"),
    ],
)
def test_unknown_actions_and_services_are_refused_at_once_by_name(
    boto: Boto, service: str, action: str, arguments: dict[str, Any], message: str
) -> None:
    began = time.monotonic()
    with pytest.raises(ClientError, match=message) as caught:
        getattr(boto(service), action)(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert time.monotonic() - began < 5
