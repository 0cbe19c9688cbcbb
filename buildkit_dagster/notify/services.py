"""Services that apprise knows: Slack, Teams, Discord, e-mail, webhooks, PagerDuty, Opsgenie.

Each function makes apprise's plugin for one message; SNS is in `sns.py`, Incident Manager in `incidents.py`. What
apprise logs may hold tokens and URLs: it goes nowhere, and of a failure only what the service said is told, without
them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase
from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP, NotifyOpsgenie
from apprise.plugins.workflows import NotifyWorkflows

from buildkit_dagster.errors import DeliveryFailed
from buildkit_dagster.notify.facts import Severity
from buildkit_dagster.notify.message import Message
from buildkit_dagster.notify.secrets import Smtp
from buildkit_dagster.terraform.redaction import Secrets

#: apprise writes down URLs and payloads; it may, for us alone.
_LOGGER = logging.getLogger("apprise")
_LOGGER.propagate = False
_LOGGER.setLevel(logging.DEBUG)
_LOGGER.addHandler(logging.NullHandler())

#: No pictures from other people's servers.
_ASSET = AppriseAsset(app_id="buildkit", app_desc="buildkit", image_url_mask="", image_url_logo="")

_TYPES = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.ERROR: NotifyType.FAILURE,
    Severity.CRITICAL: NotifyType.FAILURE,
}
#: Opsgenie calls its most urgent priority 1.
_PRIORITIES = {Severity.INFO: "5", Severity.WARNING: "4", Severity.ERROR: "2", Severity.CRITICAL: "1"}


@dataclass(frozen=True)
class Service:
    """One channel that apprise reaches. `make` also gives what must not appear in what is told of a failure."""

    name: str
    people: bool
    make: Callable[[Message], tuple[NotifyBase | None, Sequence[str]]]

    def send(self, message: Message) -> None:
        """Raises DeliveryFailed, and what reading the secret raises."""
        plugin, secrets = self.make(message)
        if plugin is None:
            raise DeliveryFailed("its URL or key is not one this service gives out")
        apprise = Apprise(asset=_ASSET)
        apprise.add(plugin)
        result = apprise.notify(
            body=message.body,
            title=message.title,
            notify_type=NotifyType.SUCCESS if message.action == "close" else _TYPES[message.level],
            body_format=NotifyFormat.MARKDOWN,
            log_level=logging.DEBUG,
        )
        if not result:
            raise DeliveryFailed(_reason([entry.message for entry in result.logs()], secrets))


def slack_bot(token: str, channel: str) -> NotifyBase | None:
    return _plugin(schema="slack", access_token=token, targets=[channel])


def slack_webhook(url: str) -> NotifyBase | None:
    return Apprise.instantiate(url, asset=_ASSET) if _host(url).endswith((".slack.com", ".slack-gov.com")) else None


def discord(url: str) -> NotifyBase | None:
    found = re.search(r"/api/webhooks/(\d+)/([\w-]+)", urlsplit(url).path)
    return _plugin(schema="discord", webhook_id=found[1], webhook_token=found[2]) if found else None


def teams(url: str) -> NotifyBase:
    return _TeamsWebhook(url)


def webhook(url: str, message: Message) -> NotifyBase | None:
    """The message as one JSON object; what it holds is documented in docs/notifications.md."""
    parts = urlsplit(url)
    more = {
        "event": message.event,
        "severity": message.level.label,
        "key": message.key,
        "action": message.action,
        "link": message.link,
        **message.data,
    }
    return _plugin(
        schema="jsons" if parts.scheme == "https" else "json",
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        fullpath=parts.path,
        params=dict(parse_qsl(parts.query)),
        # An empty name leaves a field of apprise's own out.
        payload={"attachments": "", **more},
    )


def email(smtp: Smtp, to: Sequence[str]) -> NotifyBase | None:
    return _plugin(
        schema="mailto" if smtp.security == "insecure" else "mailtos",
        host=smtp.host,
        smtp_host=smtp.host,
        port=smtp.port,
        user=smtp.user or None,
        password=smtp.password or None,
        from_addr=smtp.sender,
        secure_mode=smtp.security,
        targets=list(to),
    )


def pagerduty(key: str, region: str, message: Message) -> NotifyBase | None:
    """An event of the Events API v2; those of one key are one incident, which `close` resolves."""
    return _plugin(
        schema="pagerduty",
        integrationkey=key,
        apikey=key,
        region_name=region,
        source=str(message.data.get("environment", "")),
        component=str(message.data.get("project", "")),
        severity=message.level.label,
        dedup=message.key,
        action="resolve" if message.action == "close" else "trigger",
        click=message.link or None,
        include_image=False,
    )


def opsgenie(key: str, region: str, message: Message) -> NotifyBase | None:
    """An alert whose alias is the message's key, which `close` closes."""
    if message.action == "close":
        return _OpsgenieClose(apikey=key, targets=[], region_name=region, alias=message.key, asset=_ASSET)
    return _plugin(
        schema="opsgenie",
        apikey=key,
        targets=[],
        region_name=region,
        alias=message.key,
        action="new",
        priority=_PRIORITIES[message.level],
        details={"run": message.link or str(message.data.get("run", ""))},
    )


def pieces(url: str) -> list[str]:
    """A URL and the parts of it that are secret."""
    parts = urlsplit(url)
    return [url, parts.path, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)), parts.query]


class _TeamsWebhook(NotifyWorkflows):
    """Posts the card to the URL as it is: apprise makes it anew from its parts, and knows some of its forms only."""

    def __init__(self, url: str) -> None:
        super().__init__(workflow="webhook", signature="webhook", host=_host(url), asset=_ASSET)
        self._url = url

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_: Any) -> bool:
        card = self.gen_payload(body=body, title=title, notify_type=notify_type)
        headers = {"User-Agent": self.app_id, "Content-Type": "application/json"}
        try:
            answer = requests.post(self._url, data=json.dumps(card), headers=headers, timeout=self.request_timeout)
        except requests.RequestException as error:
            self.logger.warning("A Connection error occurred: %s", type(error).__name__)
            return False
        if not answer.ok:
            self.logger.warning("Failed to send: error=%s", answer.status_code)
            self.logger.debug("Response Details: %r", answer.content[:300])
        return answer.ok


class _OpsgenieClose(NotifyOpsgenie):
    """Closes by alias: apprise closes by the ids it remembers of requests, which a later process does not have."""

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_: Any) -> bool:  # noqa: ARG002  apprise's signature
        url = f"{OPSGENIE_API_LOOKUP[str(self.region_name)]}/{quote(str(self.alias), safe='')}/close"
        note = {"source": self.app_desc, "note": title}
        done, _request = self._fetch(requests.post, url, note, {"identifierType": "alias"})
        return bool(done)


def _plugin(**given: Any) -> NotifyBase | None:
    return Apprise.instantiate(given, asset=_ASSET)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _reason(lines: Sequence[str], secrets: Sequence[str]) -> str:
    """What the service answered, out of apprise's log, without anything secret."""
    hidden = Secrets()
    for secret in secrets:
        hidden.add(secret)
    told = [line for line in lines if line.startswith(("Failed", "Response Details", "A Connection error"))]
    return hidden.scrub(" ".join(" ".join(told).split())[:400]) or "the message was not accepted"
