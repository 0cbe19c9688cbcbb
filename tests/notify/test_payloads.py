"""The payloads in docs/notifications.md are those that arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.notify.messages import failure, recovery, send
from tests.receiver import receiver

DOCUMENT = REPOSITORY / "docs" / "notifications.md"
TOKEN = {"token": "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"}
URLS = {
    "teams-notification": "https://prod-1.westeurope.logic.azure.com/workflows/abc/triggers/manual/paths/invoke?sig=abc",
    "discord-notification": "https://discord.com/api/webhooks/1234567890/abcDEFghijkl",
}


def test_the_documented_payloads_are_those_that_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boto: Callable[[str], Any], secret: Callable[[object], str]
):
    with receiver(tmp_path, monkeypatch) as post:
        post.answers = {"slack.com": (200, '{"ok": true}'), "api.opsgenie.com": (202, '{"requestId": "1"}')}
        send(boto, "slack-notification", {"channel": "#data-alerts", "secret_name": secret(TOKEN)}, failure())
        for key, url in URLS.items():
            send(boto, key, {"webhook_url": url}, failure())
        send(boto, "webhook-notification", {"webhook_url": f"{post.url}/alerts"}, failure(), recovery())
        send(boto, "pagerduty-notification", {"secret_name": secret("integration-key")}, failure(), recovery())
        send(boto, "opsgenie-notification", {"secret_name": secret("integration-key")}, failure(), recovery())
        bodies = [request.body for request in post.requests]
    for attachment in bodies[0]["attachments"]:
        attachment.pop("ts")
    written = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)
    assert written == [json.dumps(body, indent=2, ensure_ascii=False) + "\n" for body in bodies]
