"""S3 notifications: a sequencer that grows with each event, the object's version, and event ids of their own.

And delete markers that can be deleted, and conditional writes of which one wins: moto looks and writes in two steps,
between which another request gets through. AWS promises growth per key; here it grows over all keys. Delivery stays
with moto.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any
from uuid import uuid4

from moto.events.models import Rule
from moto.events.utils import _BASE_EVENT_MESSAGE
from moto.s3 import notifications
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response

from buildkit_dagster.emulator.actions import replace

_sequence = itertools.count(time.time_ns())


def install() -> None:
    """Complete the events moto sends, let buckets with delete markers be emptied and objects be written in turn."""
    moto_event, moto_send, moto_put = notifications._get_s3_event, Rule.send_to_targets, S3Response.put_object
    turn = threading.RLock()

    def _get_s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, list[dict[str, Any]]]:
        event = moto_event(event_name, bucket, key, notification_id)
        described = event["Records"][0]["s3"]["object"]
        described["sequencer"] = _sequencer()
        if bucket.is_versioned:
            described["versionId"] = key.version_id
        return event

    def send_to_targets(self: Rule, original_event: Any, transform_input: bool = True) -> None:
        # One event goes to many rules; it gets its id at the first.
        if original_event.get("source") == "aws.s3" and original_event["id"] == _BASE_EVENT_MESSAGE["id"]:
            original_event["id"] = str(uuid4())
            original_event["detail"]["object"]["sequencer"] = _sequencer()
        moto_send(self, original_event, transform_input)

    def dispose(_: FakeDeleteMarker) -> None:
        """A marker holds nothing that could be let go; moto asks all versions of a key it forgets."""

    def put_object(self: S3Response) -> Any:
        with turn:
            return moto_put(self)

    setattr(notifications, _get_s3_event.__name__, _get_s3_event)
    setattr(FakeDeleteMarker, dispose.__name__, dispose)
    replace(Rule, send_to_targets)
    replace(S3Response, put_object)


def _sequencer() -> str:
    """Of one length, so that the order of the texts is the order of the events."""
    return f"{next(_sequence):020X}"
