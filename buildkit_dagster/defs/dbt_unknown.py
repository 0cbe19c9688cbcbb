"""A dbt project in another repository before its first complete build: one asset, `<project>/build`.

The build leaves the manifest in S3; after `buildkit prepare` and a reload the models take this asset's place.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, MaterializeResult, asset

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.dbt_log import PlainLog
from buildkit_dagster.defs.dbt_run import DbtRun, started_again
from buildkit_dagster.defs.dbt_translator import DBT_STACK
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.naming import WAREHOUSE_POOL, identifier, infra_key
from buildkit_dagster.tags.on_assets import dagster_tags, owners
from buildkit_dagster.tags.wanted import dbt_tags


def unknown_project(platform: Platform, project: DbtProject, process: ProcessEnvironment) -> AssetsDefinition:
    """All of the project as one asset."""
    own = dbt_tags(platform, project).tags

    @asset(
        key=[project.name, "build"],
        deps=[AssetKey(infra_key(DBT_STACK, project.name))],
        description=f"All of {project.name}: which models it has is known after its first complete build.",
        group_name=identifier(project.name),
        owners=owners(own),
        tags=dagster_tags(own),
        kinds={"dbt", project.engine},
        pool=WAREHOUSE_POOL if project.engine == "duckdb" else None,
    )
    def build(context: AssetExecutionContext) -> Iterator[Any]:
        with told_plainly():
            refuse_to_start(context)
            run = DbtRun(platform, project, aws_for(platform, process), context, PlainLog(context), None, None)
            yield from started_again(run)
            context.log.info("its models are in the graph after: buildkit prepare, and a reload of the code location")
            yield MaterializeResult()

    return build
