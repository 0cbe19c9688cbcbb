"""What every reader of Pipes messages in a bucket adds to Dagster's own; which bucket is its subclass's.

After a session without a goodbye Dagster waits ten seconds for late messages. A bucket shows what was written at once,
so when the work is known to have ended, the last chunk there is the last one, and the goodbye is said here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from dagster._core.pipes.utils import PipesBlobStoreMessageReader
from dagster_pipes import PIPES_PROTOCOL_VERSION, PIPES_PROTOCOL_VERSION_FIELD, PipesParams

from buildkit_dagster.stacks.registry import PIPES

_GOODBYE = json.dumps({PIPES_PROTOCOL_VERSION_FIELD: PIPES_PROTOCOL_VERSION, "method": "closed", "params": {}})


class EndableReader(PipesBlobStoreMessageReader):
    """Mixed into a reader: its messages lie where a lifecycle rule clears them away, and it can be told of the end.

    It counts its messages, so it serves one session. What is abstract here is the reader's, the next base.
    """

    #: The key prefix of the session.
    folder = PIPES
    _ended = False

    def end(self) -> None:
        """Say that the work writes no more."""
        self._ended = True

    @contextmanager
    def get_params(self) -> Iterator[PipesParams]:
        with super().get_params() as params:  # type: ignore[safe-super]
            yield {**params, "key_prefix": f"{self.folder}{params['key_prefix']}"}

    def messages_are_readable(self, params: PipesParams) -> bool:
        return self._ended or super().messages_are_readable(params)  # type: ignore[safe-super]

    def download_messages_chunk(self, index: int, params: PipesParams) -> str | None:
        ended = self._ended
        chunk = super().download_messages_chunk(index, params)  # type: ignore[safe-super]
        return _GOODBYE if chunk is None and ended else chunk
