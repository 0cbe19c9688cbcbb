"""Where an ingest job runs, within what its vendor allows, as frozen, strict models; `type` tells them apart.

The sizes that vendors have are in `fargate.py` and `cloud_run.py`, the job itself in `ingest.py`. A job that does not
say where it runs gets the runtime of its environment (`assemble.py`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from buildkit_dagster.config.cloud_run import FUNCTION_MEMORY, JOB_MEMORY, refuse_outside
from buildkit_dagster.config.fargate import FARGATE_MEMORY, is_fargate_cpu, sizes_text
from buildkit_dagster.config.spelling import plain
from buildkit_dagster.config.values import EcrImageUri, GcpRegion, ImageUri, Model, Region, Slug, TagKey
from buildkit_dagster.naming import PACKAGE_IMAGE


class EcsFargate(Model):
    """A task of ECS on Fargate; `timeout` in seconds. `image` is one of the platform's, `image_uri` one from elsewhere.

    `cpu` (1024 is one vCPU) and `memory` (MB) are a pair Fargate has: ECS developer guide, "Fargate task definition
    considerations", "Task CPU and memory".
    """

    type: Literal["aws_ecs_fargate"] = "aws_ecs_fargate"
    cpu: Annotated[int, AfterValidator(is_fargate_cpu)] = 1024
    memory: Annotated[int, Field(validate_default=True)] = 2048
    image: Slug = PACKAGE_IMAGE
    image_uri: ImageUri | None = None
    timeout: Annotated[int, Field(ge=30, le=86400)] = 3600
    region: Region | None = None

    @field_validator("memory")
    @classmethod
    def _fargate_has_the_pair(cls, memory: int, info: ValidationInfo) -> int:
        if "cpu" not in info.data:
            return memory
        sizes = FARGATE_MEMORY[info.data["cpu"]]
        if memory not in sizes:
            raise ValueError(f"Fargate has no memory {memory} for cpu {info.data['cpu']}; allowed: {sizes_text(sizes)}")
        return memory


class AwsLambda(Model):
    """A Lambda function from a container image; `timeout` in seconds, `memory` and `ephemeral_storage` in MB.

    Limits: Lambda developer guide, "Lambda quotas", "Function configuration, deployment, and execution". Images come
    from private repositories of ECR alone: the same, "Create a Lambda function using a container image".
    """

    type: Literal["aws_lambda"]
    memory: Annotated[int, Field(ge=128, le=10240)] = 2048
    ephemeral_storage: Annotated[int, Field(ge=512, le=10240)] = 512
    image: Slug = PACKAGE_IMAGE
    image_uri: EcrImageUri | None = None
    timeout: Annotated[int, Field(ge=1, le=900)] = 900
    region: Region | None = None


class CloudRun(Model):
    """A Cloud Run job; `timeout` of its one task in seconds. `cpu` and `memory` as Google writes them: "1", "2Gi".

    Limits: Cloud Run documentation, "Configure CPU limits for jobs" (pairs) and "Set task timeout for jobs" (168
    hours).
    """

    type: Literal["gcp_cloud_run"]
    cpu: Literal["1", "2", "4", "6", "8"] = "1"
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$", validate_default=True)] = "2Gi"
    image_uri: ImageUri
    timeout: Annotated[int, Field(ge=1, le=604800)] = 3600
    region: GcpRegion | None = None

    @field_validator("memory")
    @classmethod
    def _cloud_run_has_the_pair(cls, memory: str, info: ValidationInfo) -> str:
        if "cpu" in info.data:
            refuse_outside(memory, JOB_MEMORY[info.data["cpu"]], f"Cloud Run with cpu {info.data['cpu']!r}")
        return memory


class CloudFunction(Model):
    """A Cloud Run function, 2nd generation, called over HTTP; `timeout` in seconds, `memory` as in "512MB".

    Limits: Cloud Run functions documentation, "Quotas" (60 minutes for HTTP functions of the 2nd generation, 32 GiB).
    """

    type: Literal["gcp_cloud_function"]
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(MB|GB|Mi|Gi)$")] = "512MB"
    runtime: Annotated[str, Field(pattern=r"^python31[1-9]$")] = "python311"
    timeout: Annotated[int, Field(ge=1, le=3600)] = 540
    region: GcpRegion | None = None

    @field_validator("memory")
    @classmethod
    def _a_function_has_it(cls, memory: str) -> str:
        refuse_outside(memory, FUNCTION_MEMORY, "A Cloud Run function")
        return memory


class Local(Model):
    """A process beside Dagster; `timeout` in seconds."""

    type: Literal["local"]
    timeout: Annotated[int, Field(ge=1, le=86400)] = 3600


#: The types of runtime that are Google's, and those that are AWS's.
GCP_RUNTIMES = ("gcp_cloud_run", "gcp_cloud_function")
AWS_RUNTIMES = ("aws_ecs_fargate", "aws_lambda")

#: What starts a job by its schedule: Dagster any, a cloud's own scheduler what runs in that cloud.
Scheduler = Literal["dagster", "eventbridge", "cloud_scheduler"]
STARTS: Mapping[str, tuple[str, ...]] = {"eventbridge": AWS_RUNTIMES, "cloud_scheduler": GCP_RUNTIMES}

Runtime = Annotated[EcsFargate | AwsLambda | CloudRun | CloudFunction | Local, Field(discriminator="type")]


#: How alike a key of the user's own and one of ours must be to be taken for a slip: `cost_centre`, `enviroment`.
_MISTYPED = 0.85


class InfrastructureMetadata(Model):
    """What only tags say. `cost_center` and `environment` win over those of `finops`; any further key of the user's own
    becomes a tag `infra_<key>`, as `terraform_workspace` does: a tag and nothing else, because the platform names its
    states itself."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[TagKey, Field(max_length=57)], str] = Field(init=False)

    terraform_workspace: str | None = None
    cost_center: str | None = None
    environment: str | None = None

    @model_validator(mode="after")
    def _no_key_is_mistyped(self) -> InfrastructureMetadata:
        for key in self.further:
            near = difflib.get_close_matches(plain(key), type(self).model_fields, n=1, cutoff=_MISTYPED)
            if near:
                raise ValueError(
                    f"`{key}` would be a tag of your own, infra_{key}; did you mean `{near[0]}`? Else call it otherwise"
                )
        return self

    @property
    def further(self) -> Mapping[str, str]:
        """The keys of the user's own."""
        return self.model_extra or {}


class Infrastructure(Model):
    """Where a job runs; `runtime` is the environment's unless it is written."""

    runtime: Runtime = EcsFargate()
    metadata: InfrastructureMetadata = InfrastructureMetadata()
