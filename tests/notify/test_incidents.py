"""Incident Manager at the emulator: one incident for each failure, its story in the timeline, closed at its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.errors import ResponsePlanNotFound
from buildkit_dagster.notify.channels import channels_of
from buildkit_dagster.notify.facts import Failed, RunFacts, Severity
from buildkit_dagster.notify.message import Message, Writer
from buildkit_dagster.notify.news import News
from buildkit_dagster.notify.outbox import Channel


@pytest.fixture
def client(boto: Callable[[str], Any]) -> Any:
    return boto("ssm-incidents")


@pytest.fixture
def plan(client: Any) -> str:
    name = f"plan-{uuid4().hex[:8]}"
    client.create_response_plan(name=name, incidentTemplate={"title": "data", "impact": 4})
    return name


def manager(boto: Callable[[str], Any], **keys: Any) -> Channel:
    settings = Notifying.model_validate(keys, strict=False)
    [found] = channels_of(settings, boto)[1]
    return found


def told(name: str, run: str, *failed: Failed, opens: bool = False) -> Message:
    """The message of a run in which these failed, or in which everything is well again."""
    now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    news = News(name, failed, opens=opens, closes=not failed, recovered=not failed, since=now)
    [message] = Writer(name, "prod", UTC).pages(RunFacts(run, "dbt_shop", now, now), [news])
    return message


def orders(severity: Severity) -> Failed:
    return Failed("model:shop/orders", "build-failure", "shop/orders", severity, "no such column")


def incidents(client: Any, name: str) -> list[dict[str, Any]]:
    found = client.list_incident_records()["incidentRecordSummaries"]
    return [one for one in found if one["title"].startswith(f"[{name}/prod] ")]


@pytest.mark.parity("A-12", "A-52", "A-195", "A!39")
def test_a_failure_is_one_incident_from_its_beginning_to_its_end(boto: Callable[[str], Any], client: Any, plan: str):
    channel = manager(boto, **{"incident-manager": {"active": True, "incident-response-plan": plan}})
    name = f"shop-{uuid4().hex[:6]}"
    channel.send(told(name, "run-1", orders(Severity.ERROR), opens=True))
    channel.send(told(name, "run-1", orders(Severity.ERROR), opens=True))  # tried again: nobody heard the answer
    channel.send(told(name, "run-2", orders(Severity.ERROR)))
    [incident] = incidents(client, name)
    assert incident["status"] == "OPEN"
    channel.send(told(name, "run-3"))
    [incident] = incidents(client, name)
    assert incident["status"] == "RESOLVED"
    events = client.list_timeline_events(incidentRecordArn=incident["arn"])["eventSummaries"]
    story = [
        client.get_timeline_event(incidentRecordArn=incident["arn"], eventId=event["eventId"])["event"]["eventData"]
        for event in events
    ]
    assert [json.loads(text)["event"] for text in story] == ["build-failure", "build-failure", "recovered"]
    channel.send(told(name, "run-4", orders(Severity.ERROR), opens=True))
    assert sorted(one["status"] for one in incidents(client, name)) == ["OPEN", "RESOLVED"]


@pytest.mark.parity("A-53", "A!39")
@pytest.mark.parametrize("impact", [1, 2, 3, 4, 5])
def test_the_impact_is_the_configured_one(boto: Callable[[str], Any], client: Any, plan: str, impact: int):
    entry = {"active": True, "impact": impact, "incident-response-plan": plan}
    name = f"shop-{uuid4().hex[:6]}"
    manager(boto, **{"incident-manager": entry}).send(told(name, "run", orders(Severity.ERROR), opens=True))
    assert [one["impact"] for one in incidents(client, name)] == [impact]


def test_a_critical_table_raises_the_impact_and_a_warning_opens_nothing(
    boto: Callable[[str], Any], client: Any, plan: str
):
    entry = {"active": True, "impact": 3, "incident-response-plan": plan}
    channel, name = manager(boto, **{"incident-manager": entry}), f"shop-{uuid4().hex[:6]}"
    channel.send(told(name, "run-1", orders(Severity.WARNING), opens=True))
    assert incidents(client, name) == []
    channel.send(told(name, "run-2", orders(Severity.CRITICAL), opens=True))
    assert [one["impact"] for one in incidents(client, name)] == [1]


@pytest.mark.parity("A-54", "A-55")
def test_the_top_level_plan_beats_the_nested_one(boto: Callable[[str], Any], client: Any, plan: str):
    keys = {
        "incident-manager": {"active": True, "incident-response-plan": "nowhere"},
        "incident-response-plan": plan,
    }
    name = f"shop-{uuid4().hex[:6]}"
    manager(boto, **keys).send(told(name, "run", orders(Severity.ERROR), opens=True))
    assert f"/{plan}/" in incidents(client, name)[0]["arn"]


@pytest.mark.parity("A!1")
@pytest.mark.parametrize("wanted", ["", "nowhere"])
def test_a_plan_that_is_missing_is_named_when_it_is_needed_and_not_before(
    boto: Callable[[str], Any], plan: str, wanted: str
):
    channel = manager(boto, **{"incident-manager": {"active": True}, "incident-response-plan": wanted})
    with pytest.raises(ResponsePlanNotFound, match=f"Incident Manager has: .*{plan}"):
        channel.send(told("shop", "run", orders(Severity.ERROR), opens=True))


def test_what_incident_manager_would_set_off_is_refused_by_the_emulator(client: Any):
    with pytest.raises(client.exceptions.ClientError, match="does not do engagements of a response plan"):
        client.create_response_plan(
            name="paging",
            incidentTemplate={"title": "data", "impact": 1},
            engagements=["arn:aws:ssm-contacts:us-east-1:123456789012:contact/oncall"],
        )
    with pytest.raises(client.exceptions.ClientError, match="does not do 'listReplicationSets' of ssm-incidents"):
        client.list_replication_sets()
