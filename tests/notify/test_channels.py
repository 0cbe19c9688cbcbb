"""Every channel sends to a real server on loopback, over TLS where the service has it; AWS's own to the emulator."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from email import message_from_string
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from buildkit_dagster.errors import BuildkitError
from tests.notify.messages import RUN, failure, recovery, send
from tests.receiver import Receiver, mail_server, receiver


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver(tmp_path, monkeypatch) as box:
        yield box


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What any handler of the process would get to see."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keep = Keep()
    logging.getLogger().addHandler(keep)
    yield lines
    logging.getLogger().removeHandler(keep)


@pytest.mark.parity("A-10", "A-42", "A-43", "A-44", "A-190")
def test_slack_gets_a_message_with_a_token_by_its_api(post: Receiver, boto: Callable[[str], Any], secret: Any):
    post.answers["slack.com"] = (200, '{"ok": true, "channel": "C1"}')
    name = secret({"token": "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"})
    send(boto, "slack-notification", {"channel": "#data-alerts", "secret_name": name}, failure())
    [request] = post.of("slack.com")
    assert request.path == "/api/chat.postMessage"
    assert request.headers["Authorization"] == "Bearer xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"
    assert request.body["channel"] == "#data-alerts"
    [attachment] = request.body["attachments"]
    assert attachment["title"] == "shop (prod): 1 failure, 1 failed test"
    assert "`shop/orders` (critical): `Binder Error: no column 'total'`" in attachment["text"]
    assert f"<{RUN.link}|run 0f3c1a52>" in attachment["text"]


@pytest.mark.parity("A-10", "A-190")
def test_slack_gets_a_message_by_a_webhook(post: Receiver, boto: Callable[[str], Any], secret: Any):
    name = secret({"url": "https://hooks.slack.com/services/T0000AAAA/B0000BBBB/abcdefghijklmnopqrstuvwx"})
    send(boto, "slack-notification", {"secret_name": name}, failure())
    [request] = post.of("hooks.slack.com")
    assert request.path == "/services/T0000AAAA/B0000BBBB/abcdefghijklmnopqrstuvwx"
    assert request.body["attachments"][0]["title"] == "shop (prod): 1 failure, 1 failed test"


TEAMS = "https://prod-1.westeurope.logic.azure.com:443/workflows/abc/triggers/manual/paths/invoke?api-version=1&sig=s3cr3tsig"


@pytest.mark.parity("A-10", "A-45", "A-191")
@pytest.mark.parametrize("url", ["https://outlook.office.com/webhook/11aa@22bb/IncomingWebhook/33cc/44dd", TEAMS])
@pytest.mark.parametrize("form", ["json", "plain", "inline"])
def test_teams_gets_a_card_at_the_url_as_it_is(
    post: Receiver, boto: Callable[[str], Any], secret: Any, url: str, form: str
):
    entry = {
        "json": lambda: {"secret_name": secret({"webhook_url": url})},
        "plain": lambda: {"secret_name": secret(url)},
        "inline": lambda: {"webhook_url": url},
    }[form]()
    send(boto, "teams-notification", entry, failure())
    [request] = post.requests
    assert f"https://{request.host}{request.path}" == url.partition("?")[0].replace(":443", "")
    assert ("sig" in request.query) == ("sig=" in url)
    [card] = request.body["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"][0]["text"] == "shop (prod): 1 failure, 1 failed test"


@pytest.mark.parity("A-10", "A-46", "A-192")
@pytest.mark.parametrize("form", ["json", "plain", "inline"])
def test_discord_gets_a_message(post: Receiver, boto: Callable[[str], Any], secret: Any, form: str):
    url = "https://discord.com/api/webhooks/1234567890/abcDEF_ghi-jkl"
    entry = {
        "json": lambda: {"secret_name": secret({"webhook_url": url})},
        "plain": lambda: {"secret_name": secret(url)},
        "inline": lambda: {"webhook_url": url},
    }[form]()
    send(boto, "discord-notification", entry, failure())
    [request] = post.requests
    assert (request.host, request.path) == ("discord.com", "/api/webhooks/1234567890/abcDEF_ghi-jkl")
    assert "shop (prod): 1 failure, 1 failed test" in request.body["content"]
    assert len(request.body["content"]) < 2000


def test_a_webhook_gets_the_message_as_data(post: Receiver, boto: Callable[[str], Any], secret: Any):
    name = secret({"webhook_url": f"{post.url}/alerts?team=data"})
    send(boto, "webhook-notification", {"secret_name": name}, failure())
    [request] = post.requests
    assert (request.path, request.query) == ("/alerts", {"team": ["data"]})
    assert {key: request.body[key] for key in ("event", "severity", "project", "environment", "run", "seconds")} == {
        "event": "build-failure",
        "severity": "critical",
        "project": "shop",
        "environment": "prod",
        "run": RUN.id,
        "seconds": 192,
    }
    assert [one["name"] for one in request.body["failed"]] == ["shop/orders", "shop/orders: unique_orders_id"]


def test_a_letter_arrives(boto: Callable[[str], Any], secret: Any):
    letters: list[str] = []
    with mail_server(letters) as port:
        name = secret({"host": "127.0.0.1", "port": port, "from": "buildkit@example.com", "security": "insecure"})
        send(boto, "email-notification", {"secret_name": name, "to": ["data@example.com"]}, failure())
    [letter] = [message_from_string(text) for text in letters]
    assert letter["To"] == "data@example.com"
    assert "buildkit@example.com" in letter["From"]
    assert letter["Subject"] == "shop (prod): 1 failure, 1 failed test"
    [html] = [part for part in letter.walk() if part.get_content_type() == "text/html"]
    assert b"shop/orders: unique_orders_id" in html.get_payload(decode=True)


@pytest.mark.parity("A-10", "A-47", "A-193")
def test_sns_hands_the_message_to_who_subscribed(boto: Callable[[str], Any]):
    topic = boto("sns").create_topic(Name=f"alerts-{uuid4().hex[:8]}")["TopicArn"]
    queue = boto("sqs").create_queue(QueueName=f"alerts-{uuid4().hex[:8]}")["QueueUrl"]
    arn = boto("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    send(boto, "sns-notification", {"topic_arn": topic}, failure())
    [received] = boto("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    told = json.loads(received["Body"])
    assert told["Subject"] == "shop (prod): 1 failure, 1 failed test"
    assert "shop/orders: unique_orders_id" in told["Message"]
    assert told["MessageAttributes"]["severity"]["Value"] == "critical"


def test_pagerduty_gets_one_incident_from_its_beginning_to_its_end(
    post: Receiver, boto: Callable[[str], Any], secret: Any
):
    post.answers["events.pagerduty.com"] = (202, '{"status": "success"}')
    entry = {"secret_name": secret({"key": "0123456789abcdef0123456789abcdef"})}
    send(boto, "pagerduty-notification", entry, failure(), recovery())
    begun, ended = (request.body for request in post.of("events.pagerduty.com"))
    assert (begun["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert begun["dedup_key"] == ended["dedup_key"] == "shop/prod"
    assert begun["payload"]["severity"] == "critical"
    assert begun["routing_key"] == "0123456789abcdef0123456789abcdef"


def test_opsgenie_gets_one_alert_and_its_end_by_alias(post: Receiver, boto: Callable[[str], Any], secret: Any):
    post.answers["api.eu.opsgenie.com"] = (202, '{"result": "Request will be processed", "requestId": "1"}')
    entry = {"secret_name": secret("11111111-2222-3333-4444-555555555555"), "region": "eu"}
    send(boto, "opsgenie-notification", entry, failure(), recovery())
    begun, ended = post.of("api.eu.opsgenie.com")
    assert (begun.path, begun.body["alias"], begun.body["priority"]) == ("/v2/alerts", "shop/prod", "P1")
    assert (ended.path, ended.query) == ("/v2/alerts/shop%2Fprod/close", {"identifierType": ["alias"]})
    assert begun.headers["Authorization"] == "GenieKey 11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("slack-notification", {"tokn": "xoxb-very-secret-token"}),
        ("slack-notification", '{"token": "xoxb-very-secret-token"'),
        ("slack-notification", {"token": "very-secret-token"}),
        ("teams-notification", {"webhook": "https://outlook.office.com/very-secret-token"}),
        ("discord-notification", "discord.com/api/webhooks/1/very-secret-token"),
        ("discord-notification", "https://discord.com/api/very-secret-token"),
        ("webhook-notification", "very-secret-token"),
        ("webhook-notification", "https://hooks.example.com:very-secret-token/"),
        ("teams-notification", "https://[very-secret-token/"),
        ("email-notification", {"host": "mail.example.com", "password": "very-secret-token"}),
        ("pagerduty-notification", {"token": "very-secret-token"}),
        ("opsgenie-notification", "very-secret-token and more"),
    ],
)
@pytest.mark.parity("A-190", "A-191", "A-192", "A!19")
def test_a_malformed_secret_is_named_and_not_quoted(
    boto: Callable[[str], Any], secret: Any, logged: list[str], key: str, value: object
):
    name = secret(value)
    more = {"to": ["data@example.com"]} if key == "email-notification" else {}
    with pytest.raises(BuildkitError) as raised:
        send(boto, key, {"secret_name": name, **more}, failure())
    assert name in str(raised.value) or "not one this service gives out" in str(raised.value)
    assert "very-secret" not in "".join([str(raised.value), *logged])


@pytest.mark.parity("A!19")
def test_what_a_service_answers_is_told_and_its_url_is_not(
    post: Receiver, boto: Callable[[str], Any], logged: list[str], capfd: pytest.CaptureFixture[str]
):
    post.answers["discord.com"] = (404, '{"message": "Unknown Webhook abcDEFghijkl", "code": 10015}')
    with pytest.raises(BuildkitError, match=r"error=404.*Unknown Webhook") as raised:
        send(
            boto,
            "discord-notification",
            {"webhook_url": "https://discord.com/api/webhooks/1234567890/abcDEFghijkl"},
            failure(),
        )
    assert "abcDEFghijkl" not in "".join([str(raised.value), *logged, *capfd.readouterr()])


def test_slack_says_why_it_refused(post: Receiver, boto: Callable[[str], Any], secret: Any):
    post.answers["slack.com"] = (200, '{"ok": false, "error": "channel_not_found"}')
    name = secret({"token": "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"})
    with pytest.raises(BuildkitError, match="channel_not_found"):
        send(boto, "slack-notification", {"channel": "#nowhere", "secret_name": name}, failure())


def test_a_token_without_a_channel_says_where_to_name_it(boto: Callable[[str], Any], secret: Any):
    name = secret({"token": "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"})
    with pytest.raises(BuildkitError, match=r"slack-notification\.channel"):
        send(boto, "slack-notification", {"secret_name": name}, failure())


def test_a_secret_that_is_not_there_is_named(boto: Callable[[str], Any]):
    with pytest.raises(BuildkitError, match="can't find the specified secret"):
        send(boto, "teams-notification", {"secret_name": "nowhere"}, failure())
