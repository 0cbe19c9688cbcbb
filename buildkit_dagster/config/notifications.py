"""Whom a dbt project's build tells what: the shapes of the published codebuild-config.yml.

Only shapes; sending is not configuration's.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from buildkit_dagster.config.values import Model


def switchable(value: object) -> object:
    """`slack-notification: true` is short for `{active: true}`."""
    return {"active": value} if isinstance(value, bool) else value


class SlackNotification(Model):
    active: bool = False
    channel: str = ""
    secret_name: str = ""


class WebhookNotification(Model):
    """Microsoft Teams and Discord: a Secrets Manager secret that holds the URL, or the URL itself."""

    active: bool = False
    secret_name: str = ""
    webhook_url: str = ""

    @model_validator(mode="after")
    def _has_a_target(self) -> WebhookNotification:
        if self.active and not (self.secret_name or self.webhook_url):
            raise ValueError("an active notification needs `secret_name` or `webhook_url`")
        return self


class SnsNotification(Model):
    active: bool = False
    topic_arn: str = ""

    @model_validator(mode="after")
    def _has_a_target(self) -> SnsNotification:
        if self.active and not self.topic_arn:
            raise ValueError("an active notification needs `topic_arn`")
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
