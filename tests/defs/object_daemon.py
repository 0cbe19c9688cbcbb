"""What Dagster's daemon does for a sensor on objects, by hand: a test ticks it, and loses a result as a crash does."""

from __future__ import annotations

import time
from typing import Any

from dagster import DagsterInstance, RunRequest, SensorDefinition, SensorResult, build_sensor_context, job

from buildkit_dagster.defs.object_requests import OBJECT_TAG
from tests.defs.till import Till


class Daemon:
    """What Dagster's daemon does with a tick: keep the cursor, add partitions, record each request's run once."""

    def __init__(self, till: Till, instance: DagsterInstance, sensor: SensorDefinition, url: str = "") -> None:
        self.till, self.instance, self.sensor, self.url = till, instance, sensor, url
        self.cursor: str | None = None
        self.runs: list[RunRequest] = []

    def evaluate(self) -> SensorResult:
        """A tick whose result is lost, as in a crash, unless it is recorded."""
        if self.url:
            self.show_everything()
        context = build_sensor_context(self.instance, cursor=self.cursor, sensor_name=self.sensor.name)
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
        """Let the time pass after which received messages are back."""
        deadline = time.monotonic() + 20
        attribute = "ApproximateNumberOfMessagesNotVisible"
        sqs = self.till.client("sqs")
        while int(sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[attribute])["Attributes"][attribute]):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _nothing() -> Any:
    @job
    def nothing() -> None: ...

    return nothing
