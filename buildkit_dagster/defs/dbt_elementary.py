"""Elementary's report as an asset per project: `elementary/<project>`, which rests on the project's last models.

No op makes it. The build that published the report says so in its log, also when models failed, and that is the asset's
materialization. What runs is in `runtimes/elementary.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    MetadataValue,
)

from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.freshness import last_models
from buildkit_dagster.defs.pipes.codebuild import Translate
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.naming import identifier
from buildkit_dagster.notify.secrets import Fetch, slack_secret
from buildkit_dagster.runtimes import elementary

_PREFIX = "elementary"


def elementary_specs(project: DbtProject, models: Iterable[AssetsDefinition]) -> list[AssetSpec]:
    """The project's report; none where Elementary is not active."""
    if not project.elementary.active or project.runtime != "codebuild":
        return []
    return [
        AssetSpec(
            key=_key(project),
            deps=last_models(models),
            description=project.elementary.description or f"Elementary's report on {project.name}.",
            group_name=identifier(project.name),
            kinds={"elementary"},
        )
    ]


def with_alerts_that_can_be_sent(project: DbtProject, fetch: Fetch, context: AssetExecutionContext) -> DbtProject:
    """The project, without Elementary's alerts where its Slack secret has no token for them.

    CodeBuild fails a build, before it begins, one of whose references leads nowhere.
    """
    if not elementary.secrets(project):
        return project
    name = str(project.slack_notification.secret)
    try:
        sendable = slack_secret(name, text := fetch(name)).token and text.lstrip().startswith("{")
        problem = "" if sendable else 'Elementary needs {"token": "xoxb-..."} in it'
    except BuildkitError as error:
        problem = str(error)
    if not problem:
        return project
    context.log.warning(f"no alerts of Elementary for {project.name}: Slack secret {name}: {problem}")
    silent = project.elementary.model_copy(update={"channel": ""})
    return project.model_copy(update={"elementary": silent})


def with_elementary(translate: Translate, project: DbtProject, context: AssetExecutionContext, link: str) -> Translate:
    """`translate` for the lines of a build that ends with Elementary's commands; `link` is where the report is read."""

    def translated(line: str) -> tuple[list[Any], str | None]:
        said = elementary.said(line)
        if said is None:
            return translate(line)
        if not said.ok:
            context.log.warning(f"Elementary's {said.what} of {project.name} failed: see the lines above")
        return list(_events(said, _key(project), link)), None

    return translated


def _events(said: elementary.Said, key: AssetKey, link: str) -> Iterator[Any]:
    if said.what != "report":
        return
    if said.ok:
        yield AssetMaterialization(key, metadata={"report": MetadataValue.url(link)})
    else:
        yield AssetObservation(key, metadata={"report": "failed"})


def _key(project: DbtProject) -> AssetKey:
    return AssetKey([_PREFIX, project.name])
