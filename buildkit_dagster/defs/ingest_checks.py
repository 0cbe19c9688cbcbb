"""The asset checks of an ingest table: those its asset's file asks for, and no others.

They are evaluated where the job runs, right after the load, in the target itself (`runtimes/entrypoints/quality.py`),
and come with the load's own results. None of them blocks: the rows are there already.
"""

from __future__ import annotations

from dagster import AssetCheckSpec, AssetKey

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.runtimes.checks import check_descriptions
from buildkit_dagster.runtimes.ingest import checks_of


def check_specs(job: IngestJob, table: AssetKey) -> list[AssetCheckSpec]:
    """One for each check of the job's table."""
    rotation = job.asset.data_quality.monitoring.oncall_rotation
    metadata = {"oncall_rotation": rotation} if rotation else None
    return [
        AssetCheckSpec(name, asset=table, description=description, metadata=metadata)
        for name, description in check_descriptions(checks_of(job)).items()
    ]
