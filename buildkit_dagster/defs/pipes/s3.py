"""The messages of a Pipes session in S3, for the runtimes of AWS that have a bucket between them and the run."""

from __future__ import annotations

from typing import Any

from dagster_aws.pipes import PipesS3MessageReader

from buildkit_dagster.defs.pipes.messages import EndableReader


class S3MessageReader(EndableReader, PipesS3MessageReader):
    """Dagster's reader of messages in S3, in the job's own folder, with the end of the session said here."""

    def __init__(self, folder: str, **given: Any) -> None:
        super().__init__(**given)
        self.folder = folder
