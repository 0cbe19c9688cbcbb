"""The small platform's lake and ingest jobs on the emulator, made by hand instead of by Terraform.

`python -m tests.defs.till FOLDER NAME ENDPOINT KEY` is a run worker: it materializes one table in a process of its
own, which tests cancel and kill.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
from dagster import AssetsDefinition, DagsterInstance, ExecuteInProcessResult, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.defs.runtimes.ecs import job_infrastructure
from tests.scenario import write_platform

ENTRYPOINT = ("python", "-m", "buildkit_dagster.runtimes.entrypoints.ingest")
HEADER = b"id,amount,sold_at\n"


def sales(first: int, last: int) -> bytes:
    """A month's file with the ids from `first` up to `last`."""
    return HEADER + b"".join(b"%d,NA,2013-01-01T10:00:00Z\n" % number for number in range(first, last))


@dataclass
class Till:
    """A platform of its own name, with what its jobs need in the emulator."""

    platform: Platform
    process: ProcessEnvironment
    boto: Callable[[str, str], Any]

    @property
    def assets(self) -> list[AssetsDefinition]:
        return ingest_assets(self.platform, self.process)

    def client(self, service: str) -> Any:
        return self.boto(service, self.platform.config.region)

    def job(self, name: str) -> IngestJob:
        return next(job for job in self.platform.ingest_jobs if job.name == name)

    def put(self, key: str, body: bytes) -> str:
        """Write a raw file; its version id."""
        bucket = self.platform.names.bucket("raw")
        return str(self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])

    def make_lake(self) -> None:
        """The raw bucket with its queue, and a bucket for Pipes."""
        s3, names = self.client("s3"), self.platform.names
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.platform.config.region}}
        for bucket in (names.bucket("raw"), names.bucket("artifacts"), names.state_bucket()):
            s3.create_bucket(Bucket=bucket, **where)
        s3.put_bucket_versioning(Bucket=names.bucket("raw"), VersioningConfiguration={"Status": "Enabled"})

    def make_queue(self) -> str:
        """The queue of the raw bucket's events, which gives up after four receives; its URL."""
        sqs, names = self.client("sqs"), self.platform.names
        dead = sqs.create_queue(QueueName=names.dead_letters("raw"))["QueueUrl"]
        behind = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": behind, "maxReceiveCount": 4})
        url = sqs.create_queue(QueueName=names.queue("raw"), Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=names.bucket("raw"), NotificationConfiguration=configuration
        )
        return str(url)

    def make_task(self, job: str, command: Sequence[str] = ENTRYPOINT) -> None:
        """A job's task definition and log group, and the states that tell of them."""
        ecs, names = self.client("ecs"), self.platform.names
        family = names.task_family("acme", job)
        group = names.log_group("acme", job)
        if not self.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            self.client("logs").create_log_group(logGroupName=group)
        ecs.create_cluster(clusterName=names.cluster())
        logging = {
            "awslogs-group": group,
            "awslogs-region": self.platform.config.region,
            "awslogs-stream-prefix": "task",
        }
        container = {
            "name": "job",
            "image": "public.ecr.aws/docker/library/python:3.11",
            "memory": 512,
            "command": list(command),
            "logConfiguration": {"logDriver": "awslogs", "options": logging},
        }
        ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        self.write_state("registry", "cluster", {"name": names.cluster(), "subnet_ids": self._subnets()})
        self.write_state("ingest-acme", job, {"family": family, "security_group_id": self._security_group()})

    def _subnets(self) -> list[str]:
        return [subnet["SubnetId"] for subnet in self.client("ec2").describe_subnets()["Subnets"]]

    def _security_group(self) -> str:
        return str(self.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"])

    def write_state(self, stack: str, unit: str, outputs: dict[str, Any]) -> None:
        """What Terraform would have written down of a unit."""
        state = {"version": 4, "outputs": {unit: {"value": outputs}}, "resources": []}
        names = self.platform.names
        self.client("s3").put_object(
            Bucket=names.state_bucket(), Key=names.state_key(stack), Body=json.dumps(state).encode()
        )

    def infrastructure(self, job: str) -> dict[str, Any]:
        """What the states say of the job."""
        return job_infrastructure(self.platform, self.job(job), self.client("s3"))

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks of the platform's cluster as ECS describes them."""
        ecs, cluster = self.client("ecs"), self.platform.names.cluster()
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
        ]
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    def materialize(self, instance: DagsterInstance, job: str, **options: Any) -> ExecuteInProcessResult:
        [asset] = [asset for asset in self.assets if asset.key.path[-1] == job]
        return materialize([asset], instance=instance, raise_on_error=False, **options)

    @property
    def warehouse(self) -> Path:
        """Its file."""
        return self.platform.folder / str(self.platform.config.warehouse.path)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def till_at(folder: Path, name: str, endpoint: str, boto: Callable[[str, str], Any]) -> Till:
    """The platform of `folder` under another name, so that tests do not meet in the emulator."""
    platform = load_platform(folder, "dev").model_copy(update={"name": name})
    return Till(platform, replace(read_environment(), endpoint=endpoint), boto)


def new_till(folder: Path, endpoint: str, boto: Callable[[str, str], Any]) -> Till:
    return till_at(write_platform(folder), f"till-{uuid.uuid4().hex[:8]}", endpoint, boto)


def _worker(folder: str, name: str, endpoint: str, job: str) -> int:
    def no_client(service: str, region: str) -> Any:
        raise AssertionError((service, region))

    with DagsterInstance.get() as instance:
        till = till_at(Path(folder), name, endpoint, no_client)
        return 0 if till.materialize(instance, job).success else 1


if __name__ == "__main__":
    sys.exit(_worker(*sys.argv[1:]))
