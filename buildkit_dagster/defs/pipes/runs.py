"""Which Dagster runs are over, as what they left behind is asked about."""

from __future__ import annotations

from collections.abc import Callable

from dagster import DagsterInstance


def ended_runs(instance: DagsterInstance) -> Callable[[str], bool]:
    """Whether a run of this instance has ended, by its id; a run of another instance has not, for all that is known."""

    def has_ended(run: str) -> bool:
        found = instance.get_run_by_id(run)
        return found is not None and found.is_finished

    return has_ended
