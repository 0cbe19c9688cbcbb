"""AWS Systems Manager Incident Manager: one incident for each failure, with its story as timeline events.

The incident of a failure is found by its client token and by its title's key, so a repeated call opens no second one.
AWS takes new customers for it no more; accounts that have it keep it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.errors import ResponsePlanNotFound
from buildkit_dagster.notify.facts import Severity
from buildkit_dagster.notify.message import Message

#: "Custom Event" is the only type a caller may add (API reference, "CreateTimelineEvent").
_EVENT_TYPE = "Custom Event"
#: API reference, "StartIncident": title at most 200 characters.
_LONGEST_TITLE = 200


@dataclass(frozen=True)
class IncidentManager:
    """The incidents of one project; `impact` from 1, critical, to 5, none, as configured."""

    name: str
    response_plan: str
    impact: int
    client: Callable[[], Any]
    people: bool = False

    def send(self, message: Message) -> None:
        """Raises ResponsePlanNotFound, CloudRefused or CloudUnavailable."""
        with told_as_ours():
            client = self.client()
            open_ones = _open_incidents(client, message.key)
            if message.action == "close":
                for arn in open_ones:
                    _note(client, arn, message)
                    client.update_incident_record(arn=arn, status="RESOLVED")
            elif message.level >= Severity.ERROR:
                arn = open_ones[0] if open_ones else self._start(client, message)
                _note(client, arn, message)

    def _start(self, client: Any, message: Message) -> str:
        impact = 1 if message.level is Severity.CRITICAL else self.impact
        link = (
            [{"identifier": {"type": "OTHER", "value": {"url": message.link}}, "title": "run"}] if message.link else []
        )
        started = client.start_incident(
            clientToken=_token(message),
            responsePlanArn=_plan_arn(client, self.response_plan),
            title=_title(message.key, message.title),
            impact=impact,
            relatedItems=link,
        )
        return str(started["incidentRecordArn"])


def _title(key: str, title: str) -> str:
    return f"[{key}] {title}"[:_LONGEST_TITLE]


def _open_incidents(client: Any, key: str) -> list[str]:
    pages = client.get_paginator("list_incident_records").paginate(
        filters=[{"key": "status", "condition": {"equals": {"stringValues": ["OPEN"]}}}]
    )
    records = (record for page in pages for record in page["incidentRecordSummaries"])
    return [record["arn"] for record in records if record["title"].startswith(f"[{key}] ")]


def _note(client: Any, arn: str, message: Message) -> None:
    client.create_timeline_event(
        clientToken=_token(message),
        incidentRecordArn=arn,
        eventTime=datetime.now(UTC),
        eventType=_EVENT_TYPE,
        eventData=json.dumps({"event": message.event, "title": message.title, "text": message.body}),
    )


def _plan_arn(client: Any, name: str) -> str:
    """The ARN of a response plan; an ARN stands for itself."""
    if name.startswith("arn:"):
        return name
    pages = client.get_paginator("list_response_plans").paginate()
    plans = {plan["name"]: plan["arn"] for page in pages for plan in page["responsePlanSummaries"]}
    if name not in plans:
        raise ResponsePlanNotFound(name, sorted(plans))
    return str(plans[name])


def _token(message: Message) -> str:
    """The same for every try to send the same message."""
    parts = (message.key, message.event, str(message.data.get("run", "")))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
