"""What a job says beside what it loads and where it runs, as frozen, strict models: overrides, retries, its log.

The job itself is in `ingest.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from buildkit_dagster.config.values import Identifier, Model, RetentionDays, Text

#: What happens to rows that do not fit the declared columns: `strict` fails the load, `warn` lets them in and says so.
ValidationMode = Literal["strict", "warn"]

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

#: A column's class by its name; `default` is that of the whole table, and wins over `compliance.classification`.
ClassificationOverrides = Mapping[Identifier, Text]


class GovernanceOverrides(Model):
    """What wins over the asset's `team.owner` and `compliance.retention_days`."""

    owner: Text | None = None
    retention_days: RetentionDays | None = None


class RetryConfig(Model):
    """How often a load is tried again that failed by what passes by itself (no capacity, throttling), never one whose
    work failed; beside the tries to start it, which are its runtime's own.

    `max_retries` are tries after the first one; the waits start at `initial_delay_seconds`, grow by
    `backoff_multiplier` and are at most `max_delay_seconds`.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "max_attempts": "it counts the first try too; write `max_retries`, which is one less"
    }

    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    initial_delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    max_delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 300
    backoff_multiplier: Annotated[float, Field(ge=1, le=10)] = 2


class Logging(Model):
    """The job's own log: its lines from `level` on come into the run's log. Secrets are always taken out of it."""

    level: LogLevel = "INFO"
    redaction: bool = True

    @field_validator("redaction")
    @classmethod
    def _always(cls, redaction: bool) -> bool:
        if not redaction:
            raise ValueError("false is not allowed: secrets are always taken out of logs; write true, or leave it away")
        return redaction
