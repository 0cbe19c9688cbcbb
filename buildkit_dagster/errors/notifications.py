"""Somebody could not be told."""

from __future__ import annotations

from collections.abc import Sequence

from buildkit_dagster.errors.base import NotificationError


class SecretMalformed(NotificationError):
    """The text of a secret is not what its channel needs; `expected` is an example."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"the secret {name!r} in Secrets Manager is malformed; it should hold {expected}")


class SlackNeedsChannel(NotificationError):
    def __init__(self, secret: str) -> None:
        super().__init__(
            f"the secret {secret!r} holds a token, which posts to a channel: name it in `slack-notification.channel`"
        )


class ResponsePlanNotFound(NotificationError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        asked = f"there is no response plan {name!r}" if name else "no response plan is named"
        super().__init__(
            f"{asked}; Incident Manager has: {', '.join(known) or 'none'}. Name one in `incident-response-plan`"
        )


class DeliveryFailed(NotificationError):
    """`reason` is what the service or the connection said, without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"could not be sent: {reason}")
