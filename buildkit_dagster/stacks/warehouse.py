"""What of the warehouse a job uses, as the HCL module `warehouse_access` takes it, which makes statements of it.

It comes from the platform's `warehouse.settings`; a dbt project adds its own `access`, and needs to where its engine is
another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.building import WarehouseAccess
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.target_connectors import AthenaTarget, WarehouseTarget

#: Settings of an Athena warehouse that name places in S3.
_PLACES = ("s3_data_dir", "s3_staging_dir", "s3_tmp_table_dir")


def warehouse_of_project(platform: Platform, project: DbtProject) -> dict[str, Any]:
    """For a project's builds."""
    shared = platform.config.warehouse.type == project.engine
    access = _merged(_settings_access(platform) if shared else {}, project.access)
    return {"engine": project.engine, "iam": project.iam, **access}


def warehouse_of_ingest(platform: Platform, job: IngestJob) -> dict[str, Any] | None:
    """For what one job loads: its own dataset and no other's. None where its target is not reached by AWS's means."""
    target, warehouse = job.target, platform.config.warehouse
    if isinstance(target, AthenaTarget):
        places = {"s3_data_dir": target.s3_data_dir, "s3_staging_dir": target.s3_staging_dir}
        return {"engine": "athena", **_athena_dataset({"work_group": target.work_group, **places}, target.dataset)}
    if not isinstance(target, WarehouseTarget):
        return None
    if warehouse.type == "athena":
        return {"engine": "athena", **_athena_dataset(warehouse.settings, target.dataset)}
    return {"engine": warehouse.type, **_settings_access(platform)}


def _athena_dataset(settings: Mapping[str, str], dataset: str) -> dict[str, Any]:
    """dlt keeps a dataset and its staging in a database and a folder each; query results are in one place for all."""
    names = (dataset, f"{dataset}_staging")
    locations = [settings["s3_staging_dir"]] if "s3_staging_dir" in settings else []
    if "s3_data_dir" in settings:
        locations += [f"{settings['s3_data_dir'].rstrip('/')}/{name}/" for name in names]
    return {
        **_renamed(settings, {"work_group": "work_group"}),
        "databases": list(names),
        "locations": sorted(locations),
    }


def _settings_access(platform: Platform) -> dict[str, Any]:
    settings = platform.config.warehouse.settings
    if platform.config.warehouse.type == "athena":
        names = {"work_group": "work_group", "spark_work_group": "spark_work_group"}
        return {
            **_renamed(settings, names),
            "databases": _databases(platform),
            "locations": sorted({settings[name] for name in _PLACES if name in settings}),
        }
    if platform.config.warehouse.type == "redshift" and "cluster_id" in settings:
        return _renamed(settings, {"cluster_id": "cluster", "database": "database", "user": "user"})
    return {}


def _databases(platform: Platform) -> list[str]:
    """dbt's schema and those dbt makes from it by adding to its name, and dlt's datasets with their staging."""
    schema = platform.config.warehouse.settings.get("schema")
    datasets = {job.target.dataset for job in platform.ingest_jobs if job.target.type == "warehouse"}
    loaded = {name for dataset in datasets for name in (dataset, f"{dataset}_staging")}
    return sorted(loaded | ({schema, f"{schema}_*"} if schema else set()))


def _renamed(settings: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: settings[theirs] for theirs, ours in names.items() if theirs in settings}


def _merged(shared: Mapping[str, Any], own: WarehouseAccess) -> dict[str, Any]:
    """Lists add up, single values of the project win."""
    merged = dict(shared)
    for name in own.model_fields_set:
        value = getattr(own, name)
        merged[name] = sorted({*shared.get(name, ()), *value}) if isinstance(value, tuple) else value
    return merged
