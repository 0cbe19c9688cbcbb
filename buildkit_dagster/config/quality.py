"""What a table's rows must be: `data_quality` of an asset, as frozen, strict models.

The columns these name, and which of them may not be null or are the key, are in `assets.py`; asset checks are made of
all that under `defs/`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from buildkit_dagster.config.values import Identifier, Model, Text

#: What a check that fails is: a warning, or an error.
Severity = Literal["warn", "error"]


class Monitoring(Model):
    """Whether somebody is called when a check of the table fails, and who: an address or a channel, as in
    `data-oncall@example.com`. It stands with the table in Dagster and in the results of its checks."""

    enabled: bool = False
    oncall_rotation: Annotated[Text | None, Field(validate_default=True)] = None

    @field_validator("oncall_rotation")
    @classmethod
    def _somebody_is_called(cls, rotation: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("enabled") and rotation is None:
            raise ValueError("required key is missing: `enabled: true` needs to know whom to call")
        return rotation


class Freshness(Model):
    """The table is stale when its newest load is older than `hours`."""

    hours: Annotated[int, Field(ge=1)]
    severity: Severity = "warn"


class Volume(Model):
    """How many rows the table has after a load; both bounds are allowed values."""

    min_rows: Annotated[int, Field(ge=0)] | None = None
    max_rows: Annotated[int, Field(ge=0)] | None = None
    severity: Severity = "warn"

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Volume:
        if self.min_rows is None and self.max_rows is None:
            raise ValueError("says nothing: give `min_rows`, `max_rows` or both")
        if self.min_rows is not None and self.max_rows is not None and self.min_rows > self.max_rows:
            raise ValueError(f"`min_rows` {self.min_rows} is more than `max_rows` {self.max_rows}")
        return self


class DataQuality(Model):
    """What is checked of a table beside its columns. `unique` names columns of which no two rows have the same value,
    each by itself. `expectations` of the Open Data Contract are checked by nothing here."""

    monitoring: Monitoring = Monitoring()
    freshness: Freshness | None = None
    volume: Volume | None = None
    unique: tuple[Identifier, ...] = ()
    expectations: Any = None
