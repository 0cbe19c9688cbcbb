"""Whom a dbt project, or the platform itself, tells what: the keys of the published codebuild-config.yml, and ours.

Only shapes; what is told when is decided in `notify/`, and sent from there.
"""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from buildkit_dagster.config.values import Model, Text, Timezone, TopicArn, WebUrl

#: What can be told. `recovered` is told once what was told as failing is well again.
Event = Literal["build-success", "build-failure", "test-failure", "freshness", "drift", "plan", "recovered"]

#: Without a list, everything but what went well: whoever names a channel and no more wants to hear of failures.
DEFAULT_EVENTS: frozenset[Event] = frozenset(get_args(Event)) - {"build-success"}


def switchable(value: object) -> object:
    """`slack-notification: true` is short for `{active: true}`."""
    return {"active": value} if isinstance(value, bool) else value


class SlackNotification(Model):
    """Secret: `{"token": "xoxb-..."}`, which needs a channel, or `{"url": "https://hooks.slack.com/..."}`."""

    active: bool = False
    channel: str = ""
    secret_name: str = ""

    @property
    def secret(self) -> str:
        """The name the published examples give as the default."""
        return self.secret_name or "slack-token"


class WebhookNotification(Model):
    """A URL to post to, or the Secrets Manager secret that holds it; the URL is a secret itself."""

    active: bool = False
    secret_name: str = ""
    webhook_url: Annotated[WebUrl, Field(repr=False)] = ""

    @model_validator(mode="after")
    def _has_a_target(self) -> WebhookNotification:
        if self.active and not (self.secret_name or self.webhook_url):
            raise ValueError("an active notification needs `secret_name` or `webhook_url`")
        return self


class SnsNotification(Model):
    active: bool = False
    topic_arn: TopicArn = ""

    @model_validator(mode="after")
    def _has_a_target(self) -> SnsNotification:
        if self.active and not self.topic_arn:
            raise ValueError("an active notification needs `topic_arn`")
        return self


class EmailNotification(Model):
    """Secret: `{"host": ..., "port": ..., "user": ..., "password": ..., "from": ..., "security": "starttls"}`."""

    active: bool = False
    secret_name: str = ""
    # Not strict: below a validator of ours pydantic sees a Python list, which a strict tuple refuses.
    to: Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _has_a_target(self) -> EmailNotification:
        if self.active and not (self.secret_name and self.to):
            raise ValueError("an active notification needs `secret_name` and `to`")
        return self


class PagerNotification(Model):
    """PagerDuty and Opsgenie. Secret: `{"key": ...}`, the integration's key."""

    active: bool = False
    secret_name: str = ""
    region: Literal["us", "eu"] = "us"

    @model_validator(mode="after")
    def _has_a_target(self) -> PagerNotification:
        if self.active and not self.secret_name:
            raise ValueError("an active notification needs `secret_name`")
        return self


class Elementary(Model):
    """Elementary's report and alerts."""

    active: bool = False
    channel: str = ""
    gitpages: bool = False
    description: str = ""


class IncidentManager(Model):
    """AWS Systems Manager Incident Manager; impact 1 critical, 2 high, 3 medium, 4 low, 5 none."""

    active: bool = False
    impact: Annotated[int, Field(ge=1, le=5)] = 1
    incident_response_plan: Annotated[str, Field(alias="incident-response-plan")] = ""


_Slack = Annotated[SlackNotification, BeforeValidator(switchable, json_schema_input_type=SlackNotification | bool)]
_Webhook = Annotated[
    WebhookNotification, BeforeValidator(switchable, json_schema_input_type=WebhookNotification | bool)
]
_Sns = Annotated[SnsNotification, BeforeValidator(switchable, json_schema_input_type=SnsNotification | bool)]
_Email = Annotated[EmailNotification, BeforeValidator(switchable, json_schema_input_type=EmailNotification | bool)]
_Pager = Annotated[PagerNotification, BeforeValidator(switchable, json_schema_input_type=PagerNotification | bool)]
_Incidents = Annotated[IncidentManager, BeforeValidator(switchable, json_schema_input_type=IncidentManager | bool)]


class Notifying(Model):
    """The keys of whoever tells something: a dbt project's entry, and `notifications` of an environment.

    Times in messages are in `timezone`, or `utc` hours from UTC where that is given. `critical_tables` and
    `not_critical_tables` name models as `schema.table` or `table`; they raise and lower the severity.
    """

    slack_notification: Annotated[_Slack, Field(alias="slack-notification")] = SlackNotification()
    teams_notification: Annotated[_Webhook, Field(alias="teams-notification")] = WebhookNotification()
    discord_notification: Annotated[_Webhook, Field(alias="discord-notification")] = WebhookNotification()
    webhook_notification: Annotated[_Webhook, Field(alias="webhook-notification")] = WebhookNotification()
    sns_notification: Annotated[_Sns, Field(alias="sns-notification")] = SnsNotification()
    email_notification: Annotated[_Email, Field(alias="email-notification")] = EmailNotification()
    pagerduty_notification: Annotated[_Pager, Field(alias="pagerduty-notification")] = PagerNotification()
    opsgenie_notification: Annotated[_Pager, Field(alias="opsgenie-notification")] = PagerNotification()
    incident_manager: Annotated[_Incidents, Field(alias="incident-manager")] = IncidentManager()
    incident_response_plan: Annotated[str, Field(alias="incident-response-plan")] = ""
    auto_notifications: Annotated[tuple[Event, ...], Field(alias="auto-notifications")] = ()
    timezone: Timezone = "UTC"
    utc: Annotated[float, Field(ge=-12, le=14)] = 0
    critical_tables: tuple[Text, ...] = ()
    not_critical_tables: tuple[Text, ...] = ()

    @property
    def events(self) -> frozenset[str]:
        return frozenset(self.auto_notifications) or DEFAULT_EVENTS

    @property
    def zone(self) -> tzinfo:
        return timezone(timedelta(hours=self.utc)) if self.utc else ZoneInfo(self.timezone)

    @property
    def response_plan(self) -> str:
        """The plan an incident follows; the top-level key beats the one below `incident-manager`."""
        return self.incident_response_plan or self.incident_manager.incident_response_plan
