"""Lambda: a function really runs, under the Runtime API, and what is told of it is what happened."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from helpers import PATIENCE, Boto, stream, until

from buildkit_dagster import process
from buildkit_dagster.emulator.control import start_emulator, stop_emulator

CODE = """
import json, logging, os, sys, time
logging.getLogger().setLevel("INFO")

def echo(event, context):
    print("said by", event["who"])
    logging.info("logged")
    left = context.get_remaining_time_in_millis()
    return {
        "who": event["who"], "variable": os.environ["OWN"], "id": context.aws_request_id, "name": context.function_name,
        "memory": context.memory_limit_in_mb, "in time": 0 < left <= 20000, "stream": context.log_stream_name,
        "region": os.environ["AWS_REGION"], "arn": context.invoked_function_arn,
    }

def fail(event, context):
    with open(event["log"], "a") as log:
        log.write("x")
    raise ValueError("no luck")

def sleep(event, context):
    with open(event["log"], "a") as log:
        log.write(f"{os.getpid()}\\n")
    end = time.monotonic() + event.get("seconds", 600)
    while time.monotonic() < end and not os.path.exists(event.get("gate", "")):
        time.sleep(0.05)
    return "slept"

def records(event, context):
    print("keys:", [record["s3"]["object"]["key"] for record in event.get("Records", ())])

def die(event, context):
    os._exit(3)

def large(event, context):
    return "x" * 6300000
"""


@pytest.fixture(scope="module")
def role(boto: Boto) -> str:
    return new_role(boto)


def new_role(boto: Boto) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    name = f"lambda-{uuid4().hex[:8]}"
    return str(boto("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"])


def package(code: str = CODE) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("code_of_mine.py", code)
    return made.getvalue()


def function(boto: Boto, role: str, handler: str, **settings: Any) -> str:
    """A new function from a zip package; its name."""
    name = f"function-{uuid4().hex[:8]}"
    boto("lambda").create_function(
        FunctionName=name,
        Role=role,
        Code={"ZipFile": package()},
        **{"Runtime": "python3.11", "Handler": f"code_of_mine.{handler}", "Timeout": 20, **settings},
    )
    return name


def call(boto: Boto, name: str, event: Any = None, **options: Any) -> dict[str, Any]:
    answer = boto("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **options)
    body = answer["Payload"].read()
    return {**answer, "payload": json.loads(body) if body else None}


def said(boto: Boto, name: str) -> str:
    """All a function ever said."""
    group = f"/aws/lambda/{name}"
    streams = boto("logs").describe_log_streams(logGroupName=group)["logStreams"]
    return "\n".join(stream(boto, group, one["logStreamName"]) for one in streams)


def received(boto: Boto, url: str) -> dict[str, Any]:
    found = until(
        lambda: boto("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", []), bool
    )
    return dict(found[0])


def queue(boto: Boto) -> tuple[str, str]:
    url = boto("sqs").create_queue(QueueName=uuid4().hex)["QueueUrl"]
    return url, boto("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_zip_package_runs_with_event_context_variables_and_lambdas_log(boto: Boto, role: str) -> None:
    name = function(boto, role, "echo", Environment={"Variables": {"OWN": "value"}}, MemorySize=256)
    answer = call(boto, name, {"who": "caller"}, LogType="Tail")
    told = answer["payload"]
    assert (answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer) == (200, "$LATEST", False)
    assert (told["who"], told["variable"], told["name"], told["memory"]) == ("caller", "value", name, "256")
    assert told["in time"]
    assert told["arn"].endswith(f":function:{name}")
    request = answer["ResponseMetadata"]["RequestId"]
    assert told["id"] == request

    lines = stream(boto, f"/aws/lambda/{name}", told["stream"]).splitlines()
    assert lines[0] == f"START RequestId: {request} Version: $LATEST"
    assert "said by caller" in lines
    assert any(re.fullmatch(rf"\[INFO\]\t\S+Z\t{request}\tlogged", line) for line in lines)
    assert lines[-2] == f"END RequestId: {request}"
    assert re.fullmatch(
        rf"REPORT RequestId: {request}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t"
        r"Max Memory Used: [1-9]\d* MB\tInit Duration: [\d.]+ ms",
        lines[-1],
    )
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert tail.splitlines() == lines


def test_an_image_runs_the_entry_point_and_command_of_its_configuration(boto: Boto, role: str) -> None:
    name = f"image-{uuid4().hex[:8]}"
    runs = {"EntryPoint": ["python", "-m", "awslambdaric"], "Command": ["platform.python_version"]}
    boto("lambda").create_function(
        FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": "example.com/any:1"}, ImageConfig=runs
    )
    assert call(boto, name)["payload"]["errorType"] == "TypeError"
    boto("lambda").update_function_code(FunctionName=name, ImageUri="123456789012.dkr.ecr.us-east-1.amazonaws.com/no:1")
    assert call(boto, name)["payload"]["errorType"] == "ImageAccessDenied"


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("fail", "ValueError", "no luck"),
        ("die", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("absent", "Runtime.HandlerNotFound", "Handler 'absent' missing"),
        ("large", "Function.ResponseSizeTooLarge", "6291556 bytes"),
    ],
)
def test_an_error_is_told_as_lambda_tells_it(
    boto: Boto, role: str, tmp_path: Any, handler: str, kind: str, message: str
) -> None:
    answer = call(boto, function(boto, role, handler), {"log": str(tmp_path / "log")})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["payload"]["errorType"] == kind
    assert message in answer["payload"]["errorMessage"]
    assert handler != "fail" or "code_of_mine.py" in answer["payload"]["stackTrace"][0]


def test_a_function_that_takes_too_long_is_killed(boto: Boto, role: str, tmp_path: Any) -> None:
    name, log = function(boto, role, "sleep", Timeout=5), tmp_path / "log"
    answer = call(boto, name, {"log": str(log)})
    assert answer["FunctionError"] == "Unhandled"
    assert "Task timed out after 5.00 seconds" in answer["payload"]["errorMessage"]
    assert not Path(f"/proc/{log.read_text().strip()}").exists()
    assert "Status: timeout" in said(boto, name)


def test_an_asynchronous_event_is_tried_three_times_and_then_a_dead_letter(
    boto: Boto, role: str, tmp_path: Any
) -> None:
    log, (letters, letters_arn), (failures, failures_arn) = tmp_path / "log", queue(boto), queue(boto)
    name = function(boto, role, "fail")
    boto("lambda").update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": letters_arn})
    boto("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": failures_arn}}
    )
    answer = call(boto, name, {"log": str(log)}, InvocationType="Event")
    assert (answer["StatusCode"], answer["payload"]) == (202, None)
    letter, record = received(boto, letters), json.loads(received(boto, failures)["Body"])
    assert json.loads(letter["Body"]) == {"log": str(log)}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no luck"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert log.read_text() == "xxx"

    boto("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    assert "DestinationConfig" not in boto("lambda").get_function_event_invoke_config(FunctionName=name)
    call(boto, name, {"log": str(log)}, InvocationType="Event")
    received(boto, letters)
    assert log.read_text() == "xxxx"


def test_an_event_of_a_bucket_reaches_a_function_and_waits_for_nothing(boto: Boto, role: str) -> None:
    name, bucket = function(boto, role, "records"), f"bucket-{uuid4().hex[:8]}"
    boto("s3").create_bucket(Bucket=bucket)
    arn = boto("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    told = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    boto("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    boto("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    group = f"/aws/lambda/{name}"
    until(lambda: boto("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"], bool)
    until(lambda: said(boto, name), lambda log: "keys: ['a']" in log)


def test_reserved_concurrency_holds_for_callers_and_makes_events_wait(boto: Boto, role: str, tmp_path: Any) -> None:
    name, log, gate = function(boto, role, "sleep", Timeout=600), tmp_path / "log", tmp_path / "gate"
    boto("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    call(boto, name, {"log": str(log), "gate": str(gate)}, InvocationType="Event")
    until(log.exists, bool)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        call(boto, name, {"log": str(log)})
    call(boto, name, {"log": str(log), "seconds": 0}, InvocationType="Event")
    gate.touch()
    assert len(until(lambda: log.read_text().split(), lambda pids: len(pids) == 2)) == 2


def test_what_lambda_refuses_is_refused(boto: Boto, role: str) -> None:
    name = function(boto, role, "echo")
    assert call(boto, name, InvocationType="DryRun")["StatusCode"] == 204
    with pytest.raises(ClientError, match=r"RequestEntityTooLargeException.*6291456"):
        call(boto, name, "x" * 6_291_456)
    with pytest.raises(ClientError, match=r"RequestEntityTooLargeException.*1048576"):
        call(boto, name, "x" * 1_048_576, InvocationType="Event")
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        boto("lambda").invoke(FunctionName=name, Payload=b"{")
    boto("lambda").update_function_configuration(FunctionName=name, Runtime="nodejs20.x")
    assert "runs Python, not nodejs20.x" in call(boto, name)["payload"]["errorMessage"]
    bus = {"OnFailure": {"Destination": "arn:aws:events:us-east-1:123456789012:event-bus/default"}}
    with pytest.raises(ClientError, match="NotEmulated"):
        boto("lambda").put_function_event_invoke_config(FunctionName=name, DestinationConfig=bus)


def test_a_running_function_is_a_process_of_the_emulators_and_ends_with_it(tmp_path: Path) -> None:
    own = start_emulator(state_dir=tmp_path / "own", repositories={}, owner_pid=os.getpid())
    session = boto3.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator", region_name="us-east-1")
    boto: Boto = lambda service: session.client(service, endpoint_url=own.endpoint)  # type: ignore[call-overload]  # noqa: E731
    name, log = function(boto, new_role(boto), "sleep"), tmp_path / "log"
    try:
        call(boto, name, {"log": str(log)}, InvocationType="Event")
        pid = int(until(lambda: log.read_text() if log.exists() else "", lambda text: text.endswith("\n")))
        [running] = own.call("GET", "processes")["processes"]
        assert running["pid"] == pid
        assert f":function:{name}/" in running["name"]
        mark = process.started_at(pid)
    finally:
        stop_emulator(own)
    assert process.wait_until_gone(pid, mark, PATIENCE)


def test_a_published_version_runs_as_it_was(boto: Boto, role: str) -> None:
    name = function(boto, role, "echo", Environment={"Variables": {"OWN": "first"}})
    version = boto("lambda").publish_version(FunctionName=name)["Version"]
    boto("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    boto("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": {"OWN": "second"}})
    alias, latest = call(boto, name, {"who": "me"}, Qualifier="live"), call(boto, name, {"who": "me"})
    assert (alias["ExecutedVersion"], alias["payload"]["variable"]) == (version, "first")
    assert (latest["ExecutedVersion"], latest["payload"]["variable"]) == ("$LATEST", "second")
