"""The buckets of the lake: how objects that come into one are heard of, which start what does not read them, and when
too much of that waits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from buildkit_dagster.config.values import Model, Slug

_Count = Annotated[int, Field(ge=0)]


class Backlog(Model):
    """What the check `events` lets pass: messages waiting, the age of the oldest in seconds, and those given up."""

    waiting: _Count = 1000
    age: _Count = 3600
    dead: _Count = 0


class Bucket(Model):
    """One bucket of the lake; `notifications` sends its object events to a queue the sensor reads.

    Without them, `poll` makes the sensor list what is new: `growing_keys` says that a new key always comes behind all
    others in the alphabet, and nothing else is looked at; `any_keys` also goes round through all keys, bit by bit.
    """

    notifications: bool = False
    poll: Literal["growing_keys", "any_keys"] | None = None
    backlog: Backlog = Backlog()
    expire_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _heard_of_once(self) -> Bucket:
        if self.notifications and self.poll:
            raise ValueError("`poll` is for a bucket without `notifications`, which tell of every object; keep one")
        return self


class ObjectFilter(Model):
    """Objects that start a job: those of a bucket of the lake below `prefix`, and only those that end in `suffix`."""

    bucket: Slug
    prefix: Annotated[str, Field(pattern=r"^[^/].*/$")]
    suffix: Annotated[str | None, Field(min_length=1)] = None
