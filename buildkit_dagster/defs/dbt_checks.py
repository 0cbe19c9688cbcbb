"""Checks that dbt runs and dagster-dbt does not know: unit tests of models, and the freshness of sources.

dbt's data tests are dagster-dbt's. What a line of the log says about a check becomes its result here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import AssetCheckKey, AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.dagster_dbt_translator import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.naming import identifier
from buildkit_dagster.runtimes.dbt_selection import asks_for_freshness

_UNIT_TEST = "unit_test"
_RESULTS = {"LogTestResult", "LogFreshnessResult"}


def extra_checks(
    project: DbtProject, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
) -> list[AssetCheckSpec]:
    """A check per unit test, and per source whose freshness one of the project's commands asks for."""
    fresh = any(asks_for_freshness(command) for command in project.commands)
    return [
        *(_unit_test(manifest, translator, test) for test in manifest.get("unit_tests", {}).values()),
        *(_freshness(project, translator, source) for source in _watched_sources(manifest) if fresh),
    ]


def extra_result(raw: Mapping[str, Any], specs: Sequence[AssetCheckSpec]) -> AssetCheckResult | None:
    """The result in a parsed line of dbt's log, if it is one of these checks'."""
    node = raw["data"].get("node_info") or {}
    spec = next((each for each in specs if unique_id(each) == node.get("unique_id")), None)
    if spec is None or raw["info"]["name"] not in _RESULTS:
        return None
    status = status_of(raw)
    failures = raw["data"].get("num_failures")
    return AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=status == "pass",
        severity=AssetCheckSeverity.WARN if status == "warn" else AssetCheckSeverity.ERROR,
        metadata={
            "status": status,
            "unique_id": unique_id(spec),
            **({} if failures is None else {"dagster_dbt/failed_row_count": MetadataValue.int(int(failures))}),
        },
    )


def status_of(raw: Mapping[str, Any]) -> str:
    """What dbt says became of a node: `success`, `pass`, `fail`, `error`, `skipped`, …"""
    stated = (raw["data"].get("node_info") or {}).get("node_status")
    return str(raw["data"].get("status") if stated in (None, "", "None") else stated).lower()


def unique_id(spec: AssetCheckSpec) -> str:
    return str((spec.metadata or {})[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY])


def freshness_name(project: DbtProject) -> str:
    """Two projects may read the same source."""
    return identifier("freshness", project.name)


def is_freshness(project: DbtProject, key: AssetCheckKey) -> bool:
    return key.name == freshness_name(project)


def _unit_test(
    manifest: Mapping[str, Any], translator: DagsterDbtTranslator, test: Mapping[str, Any]
) -> AssetCheckSpec:
    [model] = test["depends_on"]["nodes"]
    return AssetCheckSpec(
        name=test["name"],
        asset=translator.get_asset_spec(manifest, model, None).key,
        description=test.get("description") or None,
        metadata={DAGSTER_DBT_UNIQUE_ID_METADATA_KEY: test["unique_id"]},
        blocking=True,
    )


def _freshness(project: DbtProject, translator: DagsterDbtTranslator, source: Mapping[str, Any]) -> AssetCheckSpec:
    return AssetCheckSpec(
        name=freshness_name(project),
        asset=translator.get_asset_key(source),
        description=f"How old the newest row is, as {project.name} asks of it.",
        metadata={DAGSTER_DBT_UNIQUE_ID_METADATA_KEY: source["unique_id"]},
    )


def _watched_sources(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Sources with a limit of age that some model reads: only those are in the graph."""
    for source in manifest["sources"].values():
        freshness = source.get("freshness") or {}
        limited = any((freshness.get(name) or {}).get("count") for name in ("warn_after", "error_after"))
        children = manifest["child_map"].get(source["unique_id"], ())
        if limited and any(not child.startswith("test.") for child in children):
            yield source
