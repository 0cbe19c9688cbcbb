"""Remarks on dbt projects: keys that mean nothing where a project runs or is started, and engines its image lacks.

Which projects are left out is told in `remarks.py`, which calls these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.naming import PACKAGE_IMAGE

#: What a project that runs in a child process has no use for.
_OF_BUILDS = ("compute_type", "concurrency", "deploy_key", "elementary", "queued_timeout", "vpc_config")
#: What Dagster does around the builds that it starts.
_OF_DAGSTER = (
    *("elementary", "freshness", "retries"),
    *("slack_notification", "teams_notification", "discord_notification", "webhook_notification", "sns_notification"),
    *("email_notification", "pagerduty_notification", "opsgenie_notification", "incident_manager"),
)
#: Engines whose adapters the platform's own image does not have (deploy/image/requirements.txt).
_WITHOUT_ADAPTER = ("databricks", "glue")


def project_remarks(projects: Sequence[DbtProject]) -> Iterator[str]:
    """Whole sentences on active projects."""
    for project in projects:
        if project.runtime == "local" and (idle := _written(project, _OF_BUILDS)):
            yield f"Nothing comes of {idle} of dbt project {project.name}: with `runtime: local` there is no build."
        if project.scheduler == "eventbridge" and (idle := _written(project, _OF_DAGSTER)):
            yield (
                f"Nothing comes of {idle} of dbt project {project.name} in builds that EventBridge starts, which "
                "Dagster does not see; with `scheduler: dagster` it does."
            )
        if project.engine in _WITHOUT_ADAPTER and project.image == PACKAGE_IMAGE and not project.ecr_repository:
            yield (
                f"The image {PACKAGE_IMAGE} has no dbt adapter for {project.engine}, the engine of dbt project "
                f"{project.name}: name one that has it, as `image` or `ecr_repository`."
            )


def _written(project: DbtProject, keys: Sequence[str]) -> str:
    """Those of the keys that say something, as they are written in the file."""
    fields = type(project).model_fields
    return ", ".join(
        f"`{fields[key].alias or key}`" for key in keys if getattr(project, key) != fields[key].get_default()
    )
