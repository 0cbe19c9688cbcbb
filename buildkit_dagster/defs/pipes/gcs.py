"""A Pipes session in Cloud Storage, for the runtimes of Google.

The entrypoint tells it from one in S3 by `scheme` in its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster import AssetExecutionContext, open_pipes_session
from dagster._core.pipes.context import PipesSession
from dagster_gcp.pipes import PipesGCSContextInjector, PipesGCSMessageReader
from dagster_pipes import PipesContextData, PipesParams

from buildkit_dagster.cloud.google_failures import told_as_ours
from buildkit_dagster.defs.pipes.messages import EndableReader
from buildkit_dagster.stacks.registry import PIPES

_SCHEME = {"scheme": "gs"}


class GcsMessageReader(EndableReader, PipesGCSMessageReader):
    """Dagster's reader of messages in Cloud Storage, with the end of the session said here."""

    @contextmanager
    def get_params(self) -> Iterator[PipesParams]:
        with super().get_params() as params:
            yield {**params, **_SCHEME}


class GcsContextInjector(PipesGCSContextInjector):
    """Dagster's, which says where it is."""

    @contextmanager
    def inject_context(self, context: PipesContextData) -> Iterator[PipesParams]:
        with super().inject_context(context) as params:
            yield {**params, **_SCHEME}


@contextmanager
def gcs_session(
    context: AssetExecutionContext, extras: Mapping[str, Any], client: Any, bucket: str
) -> Iterator[PipesSession]:
    """A session in `bucket`; when the block is left, whatever the reason, nothing more is waited for."""
    reader = GcsMessageReader(bucket=bucket, client=client, interval=0)
    injector = GcsContextInjector(bucket=bucket, client=client, key_prefix=PIPES)
    with ExitStack() as stack:
        with told_as_ours(f"open a session in gs://{bucket}"):
            session = stack.enter_context(open_pipes_session(context, injector, reader, extras=dict(extras)))
        stack.callback(reader.end)
        yield session
