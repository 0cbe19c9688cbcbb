"""What Dagster's daemon does for a sensor on objects, by hand: a test ticks it, and loses a result as a crash does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from dagster import DagsterInstance, RunRequest, SensorDefinition, SensorResult, build_sensor_context, job

from buildkit_dagster.defs.object_requests import OBJECT_TAG
from buildkit_dagster.runtimes.object_queue import ObjectQueue
from tests.defs.till import Till


class Daemon:
    """What Dagster's daemon does with a tick: keep the cursor, add partitions, record each request's run once."""

    def __init__(self, till: Till, instance: DagsterInstance, sensor: SensorDefinition, url: str = "") -> None:
        self.till, self.instance, self.sensor, self.url = till, instance, sensor, url
        self.cursor: str | None = None
        self.runs: list[RunRequest] = []
        self._hidden: list[str] = []

    def evaluate(self) -> SensorResult:
        """A tick whose result is lost, as in a crash, unless it is recorded."""
        if self.url:
            self.show_everything()
        context = build_sensor_context(self.instance, cursor=self.cursor, sensor_name=self.sensor.name)
        with self._noted():
            result = self.sensor(context)
        assert isinstance(result, SensorResult), result
        return result

    def objects(self) -> list[str]:
        """The keys of all objects that a run answers for, each as often as one does."""
        tags = [item for request in self.runs for item in request.tags.items()]
        return sorted(value for tag, value in tags if tag.startswith(OBJECT_TAG))

    def record(self, result: SensorResult) -> list[RunRequest]:
        self.cursor = result.cursor
        for addition in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(addition.partitions_def_name, addition.partition_keys)
        for request in result.run_requests or ():
            self.instance.create_run_for_job(_nothing(), tags=request.tags)
            self.runs.append(request)
        return list(result.run_requests or ())

    def tick(self) -> list[RunRequest]:
        return self.record(self.evaluate())

    def waiting(self) -> int:
        """Messages in the queue, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.till.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def show_everything(self) -> None:
        """What ticks have received and not settled is back, as after the time for which it is hidden."""
        hidden, self._hidden = self._hidden, []
        ObjectQueue(self.till.client("sqs"), self.url).show((receipt, 0) for receipt in hidden)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Note the receipts of what is received meanwhile."""
        receive = ObjectQueue.receive_raw

        def receive_noted(queue: ObjectQueue, *given: Any, **named: Any) -> list[dict[str, Any]]:
            found = receive(queue, *given, **named)
            self._hidden += [item["ReceiptHandle"] for item in found]
            return found

        with mock.patch.object(ObjectQueue, "receive_raw", receive_noted):
            yield


def _nothing() -> Any:
    @job
    def nothing() -> None: ...

    return nothing
