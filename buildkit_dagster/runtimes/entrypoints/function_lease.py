"""A function's side of the lease on its job, in Cloud Storage: taken, renewed and let go of by generation.

Each write names the generation that it replaces, so of two calls at the same moment one fails.
"""

from __future__ import annotations

import time

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed
from google.cloud.storage import Bucket

from buildkit_dagster.runtimes.cloud_function import CallResult, FunctionCall, Lease, stop_object


class HeldLease:
    """The lease on one job; `take` first."""

    def __init__(self, bucket: Bucket, call: FunctionCall) -> None:
        self._bucket, self._call = bucket, call
        self._generation = 0
        self._renew_at = 0.0

    def take(self) -> Lease | None:
        """Take it, also from a holder without a sign of life; the holder, where there is one."""
        blob = self._bucket.blob(self._call.lease_object)
        try:
            held = Lease.from_json(blob.download_as_bytes())
            if not held.is_over:
                return held
            self._generation = int(blob.generation)
        except NotFound:
            self._generation = 0
        try:
            self._write()
        except PreconditionFailed:
            return self.take()
        return None

    def keep(self) -> bool:
        """Renew it when it is time to; False when it was lost to another call."""
        if time.monotonic() < self._renew_at:
            return True
        try:
            self._write()
        except PreconditionFailed:
            return False
        except GoogleAPICallError:
            # Tried again at the next look, as long as the lease lasts.
            self._renew_at = 0.0
        return True

    def asked_to_stop(self) -> bool:
        """Whether somebody left the mark."""
        try:
            return bool(self._bucket.blob(stop_object(self._call.name, self._call.attempt)).exists())
        except GoogleAPICallError:
            return False

    def let_go(self, result: CallResult) -> None:
        """Write down how the call ended, then let the next one in."""
        self._bucket.blob(self._call.result_object).upload_from_string(result.to_json())
        try:
            self._bucket.blob(self._call.lease_object).delete(if_generation_match=self._generation)
        except (NotFound, PreconditionFailed):
            return

    def _write(self) -> None:
        blob = self._bucket.blob(self._call.lease_object)
        blob.upload_from_string(Lease.of(self._call).to_json(), if_generation_match=self._generation)
        self._generation = int(blob.generation)
        self._renew_at = time.monotonic() + self._call.lease / 3
