"""`buildkit generate`: the infrastructure of one ingest job as a Terraform root of its own.

Which root that is, is decided in `stacks/standalone.py`; writing it is `terraform/written_root.py`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.folder import find_folder
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.runtimes import GCP_RUNTIMES
from buildkit_dagster.config.sources import CONFIG_FOLDER, is_yaml
from buildkit_dagster.config.yaml import read_document
from buildkit_dagster.errors import FlagContradictsJob, NothingToGenerate, UnknownIngestJob
from buildkit_dagster.runtimes.image import image_tags
from buildkit_dagster.stacks.standalone import KINDS, standalone_root
from buildkit_dagster.tags.wanted import job_labels, job_tags
from buildkit_dagster.terraform.written_root import Format, write_root

_JOBS = Path(CONFIG_FOLDER, "jobs")
_CLOUDS = ", ".join(dict.fromkeys(cloud for cloud, _ in KINDS.values()))
_RESOURCES = ", ".join(resource for _, resource in KINDS.values())


def run(
    job: Annotated[str, typer.Argument(help="The job's file, config/jobs/TENANT/JOB.yaml, or TENANT/JOB.")],
    cloud: Annotated[str | None, typer.Option(help=f"{_CLOUDS}: what the job says already; checked.")] = None,
    resource_type: Annotated[str | None, typer.Option(help=f"{_RESOURCES}: the same.")] = None,
    output_dir: Annotated[Path, typer.Option(help="The root's folder; one for each root.")] = Path("terraform"),
    format: Annotated[Format, typer.Option(help="hcl writes NAME.tf, json NAME.tf.json.")] = "hcl",
    env: EnvironmentOption = None,
) -> None:
    """Write the Terraform root of one ingest job: its module, provider, backend and variables."""
    opened = open_platform(env, _environment_of(job))
    found = _find(opened.platform, job)
    _check_flags(found, job, cloud, resource_type)
    root = standalone_root(opened.platform, found, image_tags(opened.platform))
    file = write_root(root, output_dir, format, opened.process.variables)
    out.print(f"✓ Generated {file}")
    out.print(_runs_in(found))
    in_google = found.job.infrastructure.runtime.type in GCP_RUNTIMES
    carried = (job_labels if in_google else job_tags)(opened.platform, found)
    out.print(f"{len(carried.tags)} {'labels' if in_google else 'tags'}:")
    for key, value in carried.tags.items():
        out.print(f"  {key} = {value}")
    for change in carried.changes:
        err.print(f"tag {change}")
    if root.refs():
        out.print("Variables to give it, outputs of other stacks:")
        for ref in root.refs():
            out.print(f"  {ref.variable}")


def _environment_of(job: str) -> str | None:
    """The one environment the job's file is for, if it says so and none is chosen."""
    files = [Path(job)] if Path(job).is_file() else _files_of(job)
    data: Any = read_document(files[0]).data if len(files) == 1 else None
    written = data.get("environment") if isinstance(data, dict) else None
    return written if isinstance(written, str) else None


def _files_of(asked: str) -> list[Path]:
    """The files of jobs in the platform folder that `TENANT/JOB`, or a name alone, may mean."""
    tenant, name = _meant(Path(asked))
    files = (find_folder(read_environment()) / _JOBS).rglob("*")
    return [file for file in files if is_yaml(file) and file.stem == name and tenant in ("", file.parent.name)]


def _meant(path: Path) -> tuple[str, str]:
    """Tenant and name of the job that `TENANT/JOB` or the path of a file means; no tenant where none is written."""
    return path.parent.name, path.stem if path.suffix.lower() in (".yaml", ".yml") else path.name


def _find(platform: Platform, asked: str) -> IngestJob:
    """The job by its file or by `TENANT/JOB`; by its name alone where one tenant has such a job.

    Whose job is meant is never guessed: no other tenant than the written one is looked at, and a file that lies
    elsewhere is none of the platform's.
    """
    path = Path(asked)
    if path.is_file():
        path = path.parent.resolve() / path.name
    tenant, name = _meant(path)
    named = [job for job in platform.ingest_jobs if job.name == name and tenant in ("", job.tenant)]
    if len(named) == 1 and (not path.is_file() or path.is_relative_to(platform.folder / _JOBS)):
        return named[0]
    known = [f"{job.tenant}/{job.name}" for job in platform.ingest_jobs]
    raise UnknownIngestJob(asked, platform.environment, known)


def _runs_in(job: IngestJob) -> str:
    """Where the job runs, the values the platform gives it included."""
    runtime = job.job.infrastructure.runtime
    said = runtime.model_dump(exclude={"type"}, exclude_none=True)
    return f"Runs in {runtime.type}: {', '.join(f'{name} {value}' for name, value in said.items())}"


def _check_flags(job: IngestJob, asked: str, cloud: str | None, resource: str | None) -> None:
    runtime = job.job.infrastructure.runtime.type
    if runtime not in KINDS:
        raise NothingToGenerate(asked, runtime, list(KINDS))
    for flag, given, right in zip(("--cloud", "--resource-type"), (cloud, resource), KINDS[runtime], strict=True):
        if given not in (None, right):
            raise FlagContradictsJob(flag, str(given), asked, runtime, right)
