"""Example messages, and sending them through a channel as it is configured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.notify.channels import channels_of
from buildkit_dagster.notify.facts import Failed, RunFacts, Severity
from buildkit_dagster.notify.message import Message, Writer
from buildkit_dagster.notify.news import News

RUN = RunFacts(
    "0f3c1a52-5d0e-4f7e-9a51-3d8a1f6f2b10",
    "dbt_shop",
    datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
    datetime(2026, 11, 24, 2, 3, 12, tzinfo=UTC),
    "https://dagster.example.com/runs/0f3c1a52-5d0e-4f7e-9a51-3d8a1f6f2b10",
)
WRITER = Writer("shop", "prod", UTC)
FAILED = (
    Failed("model:shop/orders", "build-failure", "shop/orders", Severity.CRITICAL, "Binder Error: no column `total`"),
    Failed("check:shop/orders:unique", "test-failure", "shop/orders: unique_orders_id", Severity.ERROR, "3 rows"),
)


def failure() -> Message:
    message = WRITER.write(RUN, [News("shop", FAILED, opens=True)])
    assert message is not None
    return message


def recovery() -> Message:
    since = datetime(2026, 11, 23, 23, 50, tzinfo=UTC)
    message = WRITER.write(RUN, [News("shop", closes=True, recovered=True, since=since)])
    assert message is not None
    return message


def send(boto: Callable[[str], Any], key: str, entry: dict[str, Any], *messages: Message, **more: Any) -> None:
    settings = Notifying.model_validate({key: {"active": True, **entry}, **more}, strict=False)
    [channel] = [channel for channels in channels_of(settings, boto) for channel in channels]
    for message in messages:
        channel.send(message)
