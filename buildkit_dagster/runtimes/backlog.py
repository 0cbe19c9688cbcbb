"""Whether too much waits in a bucket's queue, or was given up. Pure; counting is `object_queue.py`'s."""

from __future__ import annotations

from dataclasses import dataclass

from buildkit_dagster.config.buckets import Backlog


@dataclass(frozen=True)
class Waiting:
    """What was counted: messages in the queue, seconds since the oldest was sent, messages that were given up."""

    waiting: int
    age: float
    dead: int

    def beyond(self, allowed: Backlog) -> tuple[str, ...]:
        """Which of `waiting`, `age` and `dead` is more than allowed."""
        return tuple(name for name in ("waiting", "age", "dead") if getattr(self, name) > getattr(allowed, name))

    def told(self, allowed: Backlog, bucket: str) -> str:
        """What is wrong and what helps, a sentence each; nothing where all is well."""
        sentences = {
            "waiting": f"{self.waiting} events wait, and {allowed.waiting} may.",
            "age": f"The oldest has waited for {_minutes(self.age)}, and {_minutes(allowed.age)} are allowed.",
            "dead": f"{self.dead} were given up: `buildkit dead-letters list {bucket}` says why, the job "
            f"replay_{bucket} sends them back.",
        }
        return " ".join(sentences[name] for name in self.beyond(allowed))


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"
