"""Who is told: the channels of one reader's configuration, ready to send.

Nothing is connected and no secret is read before something is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from buildkit_dagster.config.notifications import Notifying, PagerNotification, WebhookNotification
from buildkit_dagster.errors import SlackNeedsChannel
from buildkit_dagster.notify import secrets, services
from buildkit_dagster.notify.incidents import IncidentManager
from buildkit_dagster.notify.message import Message
from buildkit_dagster.notify.outbox import Channel
from buildkit_dagster.notify.secrets import Fetch
from buildkit_dagster.notify.services import Service
from buildkit_dagster.notify.sns import SnsTopic

#: A boto3 client of a service, by its name.
Client = Callable[[str], Any]

_Made = tuple[Any, Sequence[str]]


def channels_of(settings: Notifying, client: Client) -> tuple[list[Channel], list[Channel]]:
    """Channels that get one message a run, and those that keep an incident for each subject."""
    fetch = secrets.fetch_from(lambda: client("secretsmanager"))
    return list(_tellers(settings, client, fetch)), list(_pagers(settings, client, fetch))


def _tellers(settings: Notifying, client: Client, fetch: Fetch) -> Iterator[Channel]:
    if settings.slack_notification.active:
        yield Service("slack", True, _slack(settings, fetch))
    posted = {
        "teams": (settings.teams_notification, True, lambda url, _: services.teams(url)),
        "discord": (settings.discord_notification, True, lambda url, _: services.discord(url)),
        "webhook": (settings.webhook_notification, False, services.webhook),
    }
    for name, (entry, people, make) in posted.items():
        if entry.active:
            yield Service(name, people, _posted(entry, fetch, make))
    if settings.email_notification.active:
        yield Service("email", True, _email(settings, fetch))
    if settings.sns_notification.active:
        yield SnsTopic("sns", settings.sns_notification.topic_arn, lambda: client("sns"))


def _pagers(settings: Notifying, client: Client, fetch: Fetch) -> Iterator[Channel]:
    if settings.pagerduty_notification.active:
        yield Service("pagerduty", False, _paged(settings.pagerduty_notification, fetch, services.pagerduty))
    if settings.opsgenie_notification.active:
        yield Service("opsgenie", False, _paged(settings.opsgenie_notification, fetch, services.opsgenie))
    if settings.incident_manager.active:
        impact, plan = settings.incident_manager.impact, settings.response_plan
        yield IncidentManager("incident-manager", plan, impact, lambda: client("ssm-incidents"))


def _slack(settings: Notifying, fetch: Fetch) -> Callable[[Message], _Made]:
    entry = settings.slack_notification

    def make(_: Message) -> _Made:
        found = secrets.slack_secret(entry.secret, fetch(entry.secret))
        if found.url:
            return services.slack_webhook(found.url), services.pieces(found.url)
        if not entry.channel:
            raise SlackNeedsChannel(entry.secret)
        return services.slack_bot(found.token, entry.channel), [found.token]

    return make


def _posted(
    entry: WebhookNotification, fetch: Fetch, plugin: Callable[[str, Message], Any]
) -> Callable[[Message], _Made]:
    def make(message: Message) -> _Made:
        url = entry.webhook_url or secrets.webhook_url(entry.secret_name, fetch(entry.secret_name))
        return plugin(url, message), services.pieces(url)

    return make


def _email(settings: Notifying, fetch: Fetch) -> Callable[[Message], _Made]:
    entry = settings.email_notification

    def make(_: Message) -> _Made:
        smtp = secrets.smtp_secret(entry.secret_name, fetch(entry.secret_name))
        return services.email(smtp, entry.to), [smtp.password] if smtp.password else []

    return make


def _paged(
    entry: PagerNotification, fetch: Fetch, plugin: Callable[[str, str, Message], Any]
) -> Callable[[Message], _Made]:
    def make(message: Message) -> _Made:
        key = secrets.pager_key(entry.secret_name, fetch(entry.secret_name))
        return plugin(key, entry.region, message), [key]

    return make
