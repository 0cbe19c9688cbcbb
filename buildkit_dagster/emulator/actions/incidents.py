"""Incident Manager, which moto does not have: response plans, incidents and their timelines.

What an incident sets off in AWS (pages, chats, runbooks) does not happen, and a plan that asks for it is refused. There
is one replication set, which is simply there. Who opens incidents: `notify/incidents.py`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from moto.iam.models import get_account_id_from
from werkzeug.wrappers import Request, Response

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/ssm-incidents/")
_SUMMARY = ("arn", "title", "status", "impact", "creationTime", "resolvedTime", "incidentRecordSource")


class _Refused(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Incidents:
    """All response plans and incidents, by ARN. A client token gets the answer of its first call again."""

    def __init__(self) -> None:
        self._plans: dict[str, dict[str, Any]] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}

    def claims(self, request: Request) -> bool:
        """Whether the request is for this service."""
        return _CREDENTIAL.search(request.headers.get("Authorization", "")) is not None

    def answer(self, request: Request) -> Response:
        """One API call."""
        given = {**request.args.to_dict(), **(request.get_json(silent=True) or {})}
        try:
            status, body = self._call(request, given)
        except _Refused as refused:
            text = json.dumps({"message": str(refused)})
            return Response(text, refused.status, {"x-amzn-ErrorType": refused.code}, content_type="application/json")
        return Response(json.dumps(body) if status != 204 else "", status, content_type="application/json")

    def _call(self, request: Request, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        action = request.path.strip("/")
        calls: dict[str, tuple[int, Callable[[str, dict[str, Any]], dict[str, Any]]]] = {
            "createResponsePlan": (201, self._create_plan),
            "listResponsePlans": (200, self._list_plans),
            "startIncident": (200, self._start),
            "updateIncidentRecord": (204, self._update),
            "getIncidentRecord": (200, lambda _, given: {"incidentRecord": self._found(given["arn"])}),
            "listIncidentRecords": (200, self._list),
            "createTimelineEvent": (201, self._note),
            "listTimelineEvents": (200, self._list_events),
            "getTimelineEvent": (200, self._event),
        }
        if action not in calls:
            raise _Refused("NotEmulated", f"The emulator does not do {action!r} of ssm-incidents.")
        status, call = calls[action]
        token = (action, given.get("clientToken", ""))
        if token[1] and token in self._answers:
            return status, self._answers[token]
        body = call(_arn_prefix(request), given)
        if token[1]:
            self._answers[token] = body
        return status, body

    def _create_plan(self, prefix: str, given: dict[str, Any]) -> dict[str, Any]:
        asked = [name for name in ("actions", "engagements", "chatChannel", "integrations") if given.get(name)]
        if asked:
            raise _Refused("NotEmulated", f"The emulator does not do {', '.join(asked)} of a response plan.")
        arn = f"{prefix}:response-plan/{given['name']}"
        if arn in self._plans:
            raise _Refused("ConflictException", f"There is a response plan {given['name']!r}", 409)
        self._plans[arn] = given
        return {"arn": arn}

    def _list_plans(self, *_: Any) -> dict[str, Any]:
        return {"responsePlanSummaries": [{"arn": arn, "name": plan["name"]} for arn, plan in self._plans.items()]}

    def _start(self, prefix: str, given: dict[str, Any]) -> dict[str, Any]:
        plan = self._plans.get(given["responsePlanArn"])
        if plan is None:
            raise _Refused("ResourceNotFoundException", f"no response plan {given['responsePlanArn']}", 404)
        impact = given.get("impact", plan["incidentTemplate"]["impact"])
        if impact not in range(1, 6):
            raise _Refused("ValidationException", f"impact {impact} is not one of 1 to 5")
        arn = f"{prefix}:incident-record/{plan['name']}/{uuid4()}"
        now = time.time()
        self._records[arn] = {
            "arn": arn,
            "title": given.get("title", plan["incidentTemplate"]["title"]),
            "impact": impact,
            "status": "OPEN",
            "creationTime": now,
            "lastModifiedTime": now,
            "lastModifiedBy": "emulator",
            "dedupeString": plan["incidentTemplate"].get("dedupeString", ""),
            "incidentRecordSource": {"createdBy": "emulator", "source": "aws.ssm-incidents.custom"},
        }
        self._events[arn] = []
        return {"incidentRecordArn": arn}

    def _update(self, _: str, given: dict[str, Any]) -> dict[str, Any]:
        record = self._found(given["arn"])
        record |= {name: given[name] for name in ("title", "impact", "status", "summary") if name in given}
        record["lastModifiedTime"] = time.time()
        if record["status"] == "RESOLVED":
            record.setdefault("resolvedTime", record["lastModifiedTime"])
        return {}

    def _list(self, _: str, given: dict[str, Any]) -> dict[str, Any]:
        filters = given.get("filters", ())
        found = [record for record in self._records.values() if all(_fits(record, one) for one in filters)]
        summaries = [{name: record[name] for name in _SUMMARY if name in record} for record in reversed(found)]
        return {"incidentRecordSummaries": summaries}

    def _note(self, _: str, given: dict[str, Any]) -> dict[str, Any]:
        arn = self._found(given["incidentRecordArn"])["arn"]
        kept = {name: given[name] for name in ("eventTime", "eventType", "eventData")}
        event = {**kept, "incidentRecordArn": arn, "eventId": str(uuid4()), "eventUpdatedTime": time.time()}
        self._events[arn].append(event)
        return {"incidentRecordArn": arn, "eventId": event["eventId"]}

    def _list_events(self, _: str, given: dict[str, Any]) -> dict[str, Any]:
        events = self._events[self._found(given["incidentRecordArn"])["arn"]]
        return {"eventSummaries": [{name: one[name] for name in one if name != "eventData"} for one in events]}

    def _event(self, _: str, given: dict[str, Any]) -> dict[str, Any]:
        events = self._events[self._found(given["incidentRecordArn"])["arn"]]
        for event in events:
            if event["eventId"] == given["eventId"]:
                return {"event": event}
        raise _Refused("ResourceNotFoundException", f"no event {given['eventId']}", 404)

    def _found(self, arn: str) -> dict[str, Any]:
        if arn not in self._records:
            raise _Refused("ResourceNotFoundException", f"no incident {arn}", 404)
        return self._records[arn]


def _fits(record: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Equality of status or impact, which is what is asked here; anything else is refused."""
    values = asked["condition"].get("equals", {})
    wanted = values.get("stringValues") or values.get("integerValues")
    if asked["key"] not in ("status", "impact") or not wanted:
        raise _Refused("NotEmulated", f"The emulator does not filter incidents by {asked}.")
    return record[asked["key"]] in wanted


def _arn_prefix(request: Request) -> str:
    """Of the caller's account; Incident Manager's ARNs name no region."""
    found = _CREDENTIAL.search(request.headers["Authorization"])
    assert found
    return f"arn:aws:ssm-incidents::{get_account_id_from(found[1])}"
