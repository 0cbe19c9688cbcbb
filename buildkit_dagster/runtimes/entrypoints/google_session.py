"""The Pipes session of a job that runs in Google Cloud: its context and its messages lie in Cloud Storage."""

from __future__ import annotations

from dagster_pipes import (
    PipesContext,
    PipesGCSContextLoader,
    PipesGCSMessageWriter,
    PipesParamsLoader,
    open_dagster_pipes,
)


def open_google_session(params: PipesParamsLoader) -> PipesContext:
    """Open it as whoever the container runs as."""
    # Only here: a container elsewhere does without, and the import takes a third of a second.
    from buildkit_dagster.cloud.google_storage import ObjectClient

    client = ObjectClient()
    return open_dagster_pipes(
        context_loader=PipesGCSContextLoader(client),
        message_writer=PipesGCSMessageWriter(client, interval=1),
        params_loader=params,
    )
