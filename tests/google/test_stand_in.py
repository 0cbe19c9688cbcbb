"""The stand-in for Google is held to Google's descriptions, and does what the clients of its services expect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed
from googleapiclient.errors import HttpError

from buildkit_dagster.cloud.gcp import Gcp
from buildkit_dagster.config.environment import ProcessEnvironment
from tests.google.discovery import Api, Wrong
from tests.google.server import GoogleStandIn, google

JOB = "projects/p/locations/europe-west1/jobs/j"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[GoogleStandIn]:
    with google({"PATH": os.environ["PATH"]}) as started:
        yield started


@pytest.fixture
def gcp(stand_in: GoogleStandIn) -> Gcp:
    return Gcp(ProcessEnvironment(None, None, None, None, None, False, stand_in.variables), emulated=True)


@pytest.mark.parametrize(
    ("schema", "value", "says"),
    [
        ("GoogleCloudRunV2RunJobRequest", {"override": {}}, "'override' was unexpected"),
        ("GoogleCloudRunV2Overrides", {"timeout": "30 seconds"}, "is not a 'google-duration'"),
        ("GoogleCloudRunV2Execution", {"createTime": "2026-11-29"}, "is not a 'google-datetime'"),
        ("GoogleCloudRunV2Execution", {"taskCount": "1"}, "is not of type 'integer'"),
        ("GoogleCloudRunV2Condition", {"state": "DONE"}, "is not one of"),
    ],
)
def test_a_shape_that_is_not_googles_is_an_error(schema: str, value: Any, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        Api("run.v2").check(schema, value)


def test_unknown_fields_and_what_is_not_made_are_refused_in_googles_form(gcp: Gcp, stand_in: GoogleStandIn) -> None:
    jobs = gcp.client("run").projects().locations().jobs()
    with pytest.raises(HttpError, match=r"400.*'overide' was unexpected"):
        jobs.run(name=JOB, body={"overide": {}}).execute()
    assert stand_in.problems.pop().startswith("GoogleCloudRunV2RunJobRequest: ")
    with pytest.raises(HttpError, match=r"501.*run.projects.locations.jobs.delete is not made"):
        jobs.delete(name=JOB).execute()
    with pytest.raises(HttpError, match=r"404.*of kind 'JOB' does not exist"):
        jobs.run(name=JOB, body={}).execute()


def test_objects_have_generations_preconditions_and_pages(gcp: Gcp, stand_in: GoogleStandIn) -> None:
    stand_in.storage.make_bucket("raw")
    bucket = gcp.storage().bucket("raw")
    content = bytes(range(256)) * 40
    first = bucket.blob("in/a b.csv")
    first.upload_from_string(content, if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.blob("in/a b.csv").upload_from_string(b"x", if_generation_match=0)
    assert bucket.blob("in/a b.csv").download_as_bytes() == content
    assert bucket.blob("in/a b.csv").download_as_bytes(start=2, end=4) == content[2:5]
    bucket.blob("in/large", chunk_size=262144).upload_from_string(content * 60)
    assert bucket.blob("in/large").download_as_bytes() == content * 60
    for name in "cde":
        bucket.blob(f"in/{name}").upload_from_string(b"")
    assert [blob.name for blob in bucket.list_blobs(prefix="in/", start_offset="in/c", page_size=2)] == [
        "in/c",
        "in/d",
        "in/e",
        "in/large",
    ]
    first.delete(if_generation_match=first.generation)
    with pytest.raises(NotFound):
        first.download_as_bytes()


def test_what_happens_in_a_bucket_is_announced_and_comes_again_until_it_is_acknowledged(
    gcp: Gcp, stand_in: GoogleStandIn
) -> None:
    stand_in.storage.make_bucket("told")
    stand_in.storage.topics["told"] = "projects/p/topics/t"
    name = "projects/p/subscriptions/s"
    stand_in.pubsub.subscribe(name, "projects/p/topics/t")
    generation = stand_in.storage.put("told", "a.csv", b"id\n")
    subscriptions = gcp.client("pubsub").projects().subscriptions()

    def pull() -> list[Any]:
        return list(
            subscriptions.pull(subscription=name, body={"maxMessages": 10}).execute().get("receivedMessages", [])
        )

    [received] = pull()
    attributes = received["message"]["attributes"]
    assert (attributes["eventType"], attributes["objectId"]) == ("OBJECT_FINALIZE", "a.csv")
    assert attributes["objectGeneration"] == str(generation)
    assert pull() == []
    subscriptions.modifyAckDeadline(
        subscription=name, body={"ackIds": [received["ackId"]], "ackDeadlineSeconds": 0}
    ).execute()
    [again] = pull()
    subscriptions.acknowledge(subscription=name, body={"ackIds": [again["ackId"]]}).execute()
    assert stand_in.pubsub.waiting(name) == 0


def test_a_function_is_described_as_google_does(gcp: Gcp) -> None:
    functions = gcp.client("cloudfunctions").projects().locations().functions()
    with pytest.raises(HttpError, match="404"):
        functions.get(name="projects/p/locations/europe-west1/functions/absent").execute()
