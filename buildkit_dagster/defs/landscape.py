"""The asset graph as `rules/blast_radius.py` wants it, read from a code location's definitions.

dbt's exposures come from the manifests that dbt assets carry, so it works for any user's project too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster import AssetExecutionContext, AssetKey, MetadataValue, OpExecutionContext, RepositoryDefinition
from dagster._check import CheckError
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from buildkit_dagster.naming import key_text
from buildkit_dagster.rules.blast_radius import IMAGE, MODEL, OTHER, TABLE, UNIT, BlastRadius, Landscape
from buildkit_dagster.terraform.plan_text import unit_blast

_MANIFEST, _UNIQUE_ID = "dagster_dbt/manifest", "dagster_dbt/unique_id"

#: Jobs that hold the whole graph, or nothing but infrastructure, say nothing about what hangs on a unit.
_BROAD = frozenset({"platform", "infrastructure"})


def landscape_of(repository: RepositoryDefinition) -> Landscape:
    """Kinds, edges, jobs, schedules and exposures of a code location."""
    graph = repository.asset_graph
    keys = graph.materializable_asset_keys
    needs = {key: {key_text(parent.path) for parent in graph.get(key).parent_keys} for key in keys}
    return Landscape(
        kinds={key_text(key.path): _kind(key, graph) for key in keys},
        needs={key_text(key.path): parents for key, parents in needs.items()},
        jobs=dict(_jobs(repository)),
        schedules={schedule.name: schedule.job_name for schedule in repository.schedule_defs},
        exposures=_exposures(graph),
    )


def landscape_in(context: AssetExecutionContext | OpExecutionContext) -> Landscape:
    """The landscape of the code location a run belongs to; an empty one where the run has none, as in a script."""
    try:
        return landscape_of(context.repository_def)
    except CheckError:
        return Landscape()


def blast_metadata(radius: BlastRadius) -> dict[str, MetadataValue]:
    """The metadata `blast_radius` of a unit that loses something; nothing for another."""
    return {"blast_radius": MetadataValue.md(unit_blast(radius))} if radius else {}


def _kind(key: AssetKey, graph: AssetGraph) -> str:
    if key.path[0] == "infra" or "terraform" in graph.get(key).kinds:
        return UNIT
    if key.path[0] == "image":
        return IMAGE
    kinds = graph.get(key).kinds
    return MODEL if "dbt" in kinds else OTHER if not kinds and len(key.path) == 1 else TABLE


def _jobs(repository: RepositoryDefinition) -> Iterator[tuple[str, set[str]]]:
    for job in repository.get_all_jobs():
        if not job.name.startswith(IMPLICIT_ASSET_JOB_NAME) and job.name not in _BROAD:
            yield job.name, {key_text(key.path) for key in job.asset_layer.selected_asset_keys}


def _exposures(graph: AssetGraph) -> dict[str, set[str]]:
    """Exposure → keys it reads."""
    keys: dict[str, str] = {}
    manifests: dict[int, Mapping[str, Any]] = {}
    for key in graph.get_all_asset_keys():
        metadata = graph.get(key).metadata
        if _UNIQUE_ID in metadata:
            keys[_plain(metadata[_UNIQUE_ID])] = key_text(key.path)
        if _MANIFEST in metadata:
            manifest = metadata[_MANIFEST].manifest
            manifests[id(manifest)] = manifest
    return dict(_read(manifests.values(), keys))


def _read(manifests: Any, keys: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    for manifest in manifests:
        sources = {uid: f"{source['source_name']}/{source['name']}" for uid, source in manifest["sources"].items()}
        for exposure in manifest["exposures"].values():
            nodes = exposure["depends_on"]["nodes"]
            yield exposure["name"], {keys.get(node) or sources[node] for node in nodes if node in {**keys, **sources}}


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))
