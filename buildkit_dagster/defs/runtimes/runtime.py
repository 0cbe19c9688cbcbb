"""What every runtime of ingest jobs says of itself, and what it is handed for one load.

The runtimes are in files of their own beside this one, `table.py` lists them; what becomes of a load's results is
`defs/ingest.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dagster import AssetExecutionContext, PipesClientCompletedInvocation

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.errors import InfrastructureMissing
from buildkit_dagster.naming import infra_key, ingest_stack, table_key
from buildkit_dagster.runtimes.ingest import IngestRequest
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.state import read_state

#: A unit by its stack and its name in it.
Unit = tuple[str, str]


@dataclass(frozen=True)
class Load:
    """One load of one job's table in one run."""

    context: AssetExecutionContext
    platform: Platform
    job: IngestJob
    process: ProcessEnvironment
    request: IngestRequest

    @property
    def extras(self) -> dict[str, Any]:
        """What the Pipes session carries."""
        return {"request": self.request.to_extras()}

    @property
    def timeout(self) -> int:
        """Seconds the work may take."""
        return self.job.job.infrastructure.runtime.timeout

    @property
    def aws(self) -> Aws:
        return aws_for(self.platform, self.process)

    @property
    def settle(self) -> float:
        """Seconds that log lines may come after the work's end: CloudWatch lags, the emulator does not."""
        return 0.0 if self.platform.config.cloud == "emulator" else 5.0


@dataclass(frozen=True)
class IngestRuntime:
    """One kind of place; `kind` is its name among Dagster's kinds.

    `units` are those of Terraform that a job rests on there: they are above its table in the graph, and the job is
    ready when each was made. `run` is one load to its end; it raises a `BuildkitError`.
    """

    kind: str
    units: Callable[[IngestJob], tuple[Unit, ...]]
    run: Callable[[Load], PipesClientCompletedInvocation]


def own_unit(job: IngestJob) -> tuple[Unit, ...]:
    """The unit that is made for the job alone, in its tenant's stack."""
    return ((ingest_stack(job.tenant), job.name),)


def unit_outputs(platform: Platform, job: IngestJob, unit: Unit, s3: Any) -> Mapping[str, Any]:
    """What Terraform wrote down about a unit that the job rests on; raises `InfrastructureMissing`."""
    stack, name = unit
    backend = S3Backend(platform.names.state_bucket(), platform.names.state_key(stack), platform.config.region)
    outputs: Mapping[str, Any] | None = read_state(backend, s3).outputs.get(name)
    if not outputs:
        raise InfrastructureMissing(table_key(job.asset.source_type, job.asset.object), infra_key(*unit))
    return outputs
