"""Where a resource is shown in the console of AWS or Google: addresses as data, by resource type.

A type that is not listed has no link; nothing is guessed. The places follow the console's own deep links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

_GOOGLE = "https://console.cloud.google.com"
_HOST = "https://{region}.console.aws.amazon.com"

#: Type → address; fields are attributes of the resource, `{region}` is the provider's.
_PLACES: Mapping[str, str] = {
    "aws_cloudwatch_log_group": _HOST + "/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{name}",
    "aws_codebuild_project": _HOST + "/codesuite/codebuild/projects/{name}",
    "aws_codeconnections_connection": _HOST + "/codesuite/settings/connections",
    "aws_dynamodb_table": _HOST + "/dynamodbv2/home?region={region}#table?name={name}",
    "aws_ecr_repository": _HOST + "/ecr/repositories/private/{registry_id}/{name}?region={region}",
    "aws_ecs_cluster": _HOST + "/ecs/v2/clusters/{name}?region={region}",
    "aws_ecs_task_definition": _HOST + "/ecs/v2/task-definitions/{family}?region={region}",
    "aws_iam_role": "https://console.aws.amazon.com/iam/home#/roles/details/{name}",
    "aws_kms_key": _HOST + "/kms/home?region={region}#/kms/keys/{key_id}",
    "aws_lambda_function": _HOST + "/lambda/home?region={region}#/functions/{function_name}",
    "aws_s3_bucket": "https://s3.console.aws.amazon.com/s3/buckets/{bucket}?region={region}",
    "aws_secretsmanager_secret": _HOST + "/secretsmanager/secret?name={name}&region={region}",
    "aws_security_group": _HOST + "/vpc/home?region={region}#SecurityGroup:groupId={id}",
    "google_cloud_run_v2_job": _GOOGLE + "/run/jobs/details/{location}/{name}/executions?project={project}",
    "google_cloud_scheduler_job": _GOOGLE + "/cloudscheduler?project={project}",
    "google_cloudfunctions2_function": _GOOGLE + "/run/detail/{location}/{name}/metrics?project={project}",
    "google_service_account": _GOOGLE + "/iam-admin/serviceaccounts?project={project}",
    "google_storage_bucket": _GOOGLE + "/storage/browser/{name}?project={project}",
    "aws_sqs_queue": _HOST + "/sqs/v3/home?region={region}#/queues/{url}",
}


def console_link(kind: str, values: Mapping[str, Any], region: str) -> str | None:
    """The console's page of one resource; None where there is none or an attribute of it is not known yet."""
    place = _PLACES.get(kind)
    known = {**values, "region": region}
    fields = re.findall(r"\{(\w+)\}", place or "")
    if place is None or any(not known.get(name) for name in fields):
        return None
    return place.format(**{name: quote(str(known[name]), safe="-_.~:") for name in fields})


def console_links(resources: Iterable[tuple[str, str, Mapping[str, Any]]], region: str) -> dict[str, str]:
    """Address → page, of (address, type, values)."""
    found = ((address, console_link(kind, values, region)) for address, kind, values in resources)
    return {address: link for address, link in found if link}
