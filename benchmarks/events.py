"""What a sensor's tick costs: with 100,000 objects in the bucket, and with a backlog of 10,000 events.

Against the first stands `dagster_aws.s3.sensor`, over the same bucket; against the second a backlog of 1,000. A tick is
the whole evaluation of our sensor on an instance with Dagster's SQLite storage; of a backlog its processor seconds
count, as its queue lets nobody wait. What is missed or doubled is no figure: then nothing is measured.
"""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from dagster import (
    DagsterInstance,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    build_sensor_context,
    job,
)

from benchmarks.clock import Clock
from benchmarks.ground import CouldNotMeasure
from benchmarks.platforms import platform_text
from benchmarks.standins import Queue, bucket_of
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.object_jobs import lake_jobs
from buildkit_dagster.defs.object_polling import poll
from buildkit_dagster.defs.object_requests import OBJECT_TAG
from buildkit_dagster.defs.object_sensor import TickLimits, answer
from buildkit_dagster.runtimes.object_listing import PollLimits, s3_pages
from buildkit_dagster.runtimes.object_queue import ObjectQueue

OBJECTS, NEW = 100_000, 10
SMALL, LARGE = 1_000, 10_000

_ASSET = """\
name: post_{name}
version: "1.0"
source_type: post
object: {name}
team: {{owner: post@example.com}}
schema:
  - {{name: id, type: bigint}}
"""
_JOB = """\
tenant_id: acme
source_connector_path: connectors/raw.yaml
target_connector_path: connectors/warehouse.yaml
asset_path: assets/{name}.yaml
source: {source}
infrastructure: {{runtime: {{type: local}}}}
"""
#: One job with a partition for each object, one without partitions.
_SOURCES = {"letters": "{path: letters/, partition: key}", "cards": "{path: cards/, suffix: .csv}"}


def measure_events(clock: Clock, folder: Path, rounds: int) -> None:
    """A tick beside `dagster_aws`, in turn, and the backlogs."""
    platform = write_post(folder / "platform")
    _measure_ticks(clock, folder, platform, rounds)
    for number in range(rounds):
        for size in (SMALL, LARGE):
            _work_off(clock, folder / f"backlog{size}-{number}", platform, size)


def write_post(folder: Path) -> Platform:
    """A platform with two jobs that read one bucket, on this machine."""
    files = {
        "platform.yaml": platform_text("post", notifications=True),
        "codebuild-config.yml": "codebuild: []\n",
        "connectors/raw.yaml": "name: raw\ntype: s3\nbucket: raw\n",
        "connectors/warehouse.yaml": "name: warehouse\ntype: warehouse\ndataset: post\n",
    }
    for name, source in _SOURCES.items():
        files[f"assets/{name}.yaml"] = _ASSET.format(name=name)
        files[f"jobs/acme/{name}.yaml"] = _JOB.format(name=name, source=source)
    for name, text in files.items():
        (folder / "config" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / name).write_text(text)
    return load_platform(folder, "dev")


def _measure_ticks(clock: Clock, folder: Path, platform: Platform, rounds: int) -> None:
    objects = [(f"cards/{number:06}.csv", f"2013-01-01T{number // 30_000:02}:00:00.000Z") for number in range(OBJECTS)]
    last = objects[-1][0]
    came = [f"cards/9{number:06}.csv" for number in range(NEW)]
    everything = [*objects, *((key, "2013-01-01T09:00:00.000Z") for key in came)]
    with bucket_of(everything) as endpoint:
        for number in range(rounds):
            with DagsterInstance.local_temp(_new(folder / f"tick{number}")) as instance:
                clock.time("events tick polled", _check, _poll_tick(platform, instance, endpoint, last), came)
                clock.time("events tick queue", _check, _queue_tick(platform, instance, came), came)
            clock.time("events dagster_aws", _check, _dagster_aws(endpoint, last), came)


def _poll_tick(platform: Platform, instance: DagsterInstance, endpoint: str, last: str) -> Callable[[], list[str]]:
    """A tick of the sensor that lists, of which the ones before have read up to the key `last`."""
    jobs = [each for each in lake_jobs(platform, {}, {"raw"})["raw"] if each.pattern.path == "cards/"]
    cursor = json.dumps({f"{jobs[0].name} cards/ .csv": {"head": last, "sweep": ""}})
    pages = s3_pages(_client(endpoint), platform.names.bucket("raw"))

    def tick() -> list[str]:
        context = build_sensor_context(instance, cursor=cursor)
        return _objects(poll(context, jobs, pages, PollLimits(), everywhere=False).run_requests or ())

    return tick


def _queue_tick(platform: Platform, instance: DagsterInstance, came: Sequence[str]) -> Callable[[], list[str]]:
    """A tick of the sensor that is told."""
    queue = Queue([_notification(platform, key) for key in came])

    def tick() -> list[str]:
        return _objects(_answer(build_sensor_context(instance), platform, queue).run_requests or ())

    return tick


def _dagster_aws(endpoint: str, last: str) -> Callable[[], list[str]]:
    """What its documentation has a sensor do: the keys behind the last one that was handled."""
    from dagster_aws.s3.sensor import get_s3_keys

    client = _client(endpoint)

    def tick() -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(get_s3_keys("raw", prefix="cards/", since_key=last, s3_session=client))

    return tick


def _check(tick: Callable[[], list[str]], came: Sequence[str]) -> None:
    found = tick()
    if sorted(found) != sorted(came):
        raise CouldNotMeasure(f"a tick found {len(found)} objects of {len(came)}")


def _work_off(clock: Clock, folder: Path, platform: Platform, size: int) -> None:
    """Tick until nothing is left, as Dagster's daemon does; only the ticks are timed, not its record of runs."""
    kinds = list(_SOURCES)
    keys = [f"{kinds[number % 2]}/{number:06}.csv" for number in range(size)]
    queue, done, cursor = Queue([_notification(platform, key) for key in keys]), Counter[str](), None
    seconds, most, ticks = 0.0, 0, 0
    with DagsterInstance.local_temp(_new(folder)) as instance:
        while queue.left:
            before, began = queue.requests, time.process_time()
            result = _answer(build_sensor_context(instance, cursor=cursor), platform, queue)
            seconds += time.process_time() - began
            most, ticks, cursor = max(most, queue.requests - before), ticks + 1, result.cursor
            done.update(_record(instance, result))
            queue.come_back()
    if done != Counter(keys):
        raise CouldNotMeasure(f"of {size} events {len(done)} were run, {done.total() - len(done)} of them again")
    clock.note(f"events backlog {size}", seconds)
    clock.counts[f"events backlog {size}"] = {"ticks": ticks, "requests": most}


def _answer(context: SensorEvaluationContext, platform: Platform, queue: Queue) -> SensorResult:
    return answer(context, lake_jobs(platform, {}, {"raw"})["raw"], ObjectQueue(queue, "queue"), TickLimits())


def _record(instance: DagsterInstance, result: SensorResult) -> list[str]:
    """What the daemon writes after a tick; the objects it wrote of."""
    for addition in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(addition.partitions_def_name, addition.partition_keys)
    for request in result.run_requests or ():
        instance.create_run_for_job(_nothing, tags=request.tags)
    return _objects(result.run_requests or ())


def _objects(requests: Sequence[RunRequest]) -> list[str]:
    return [value for request in requests for tag, value in request.tags.items() if tag.startswith(OBJECT_TAG)]


@job
def _nothing() -> None: ...


def _notification(platform: Platform, key: str) -> str:
    """As S3 writes it."""
    described = {"key": key, "size": 1, "eTag": "e", "versionId": "v1", "sequencer": "0055AED6DCD90281E5"}
    item = {"bucket": {"name": platform.names.bucket("raw")}, "object": described}
    record = {"eventName": "ObjectCreated:Put", "eventTime": "2013-01-01T00:00:00Z", "s3": item}
    return json.dumps({"Records": [record]})


def _client(endpoint: str) -> Any:
    session = boto3.Session(aws_access_key_id="bench", aws_secret_access_key="bench", region_name="us-east-1")
    return session.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))


def _new(folder: Path) -> str:
    folder.mkdir(parents=True)
    return str(folder)
