"""Everything about how a dbt project looks in the graph: keys, groups, owners, tags, and what roots depend on.

Running the project is in `dbt.py`; automation is laid over the specs in `automation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetDep, AssetKey, AssetSpec
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.naming import identifier, infra_key, table_key
from buildkit_dagster.tags.on_assets import dagster_tags, owners
from buildkit_dagster.tags.wanted import dbt_tags

#: The stack whose units are the dbt projects.
DBT_STACK = "dbt"


class ProjectTranslator(DagsterDbtTranslator):
    """A project's models as `<project>/<model>`, its sources as `<source>/<table>`, which are the ingest tables.

    What a model says itself under `meta.dagster` (asset_key, group, owners) wins. Models that read no other model
    depend on the project's infrastructure too, unless it runs locally.
    """

    def __init__(self, platform: Platform, project: DbtProject) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
        self._project = project
        self._tags = dbt_tags(platform, project).tags
        self._specs: dict[tuple[int, str], AssetSpec] = {}

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> AssetSpec:
        memo = (id(manifest), unique_id)
        if memo not in self._specs:
            self._specs[memo] = self._with_infrastructure(super().get_asset_spec(manifest, unique_id, project))
        return self._specs[memo]

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        if _dagster_meta(dbt_resource_props).get("asset_key"):
            return super().get_asset_key(dbt_resource_props)
        if dbt_resource_props["resource_type"] == "source":
            return AssetKey(table_key(dbt_resource_props["source_name"], dbt_resource_props["name"]))
        name = dbt_resource_props["alias" if dbt_resource_props.get("version") else "name"]
        return AssetKey([self._project.name, name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_group_name(dbt_resource_props)
        return super().get_group_name(dbt_resource_props) or identifier(self._project.name)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        return super().get_owners(dbt_resource_props) or owners(self._tags)

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        return {**dagster_tags(self._tags), **super().get_tags(dbt_resource_props)}

    def _with_infrastructure(self, spec: AssetSpec) -> AssetSpec:
        is_model = spec.key.path[0] == self._project.name
        reads_models = any(dep.asset_key.path[0] == self._project.name for dep in spec.deps)
        if not is_model or reads_models or self._project.runtime == "local":
            return spec
        infrastructure = AssetDep(AssetKey(infra_key(DBT_STACK, self._project.name)))
        return spec.replace_attributes(deps=[*spec.deps, infrastructure])


def _dagster_meta(dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = dbt_resource_props.get("config", {}).get("meta") or dbt_resource_props.get("meta") or {}
    found: Mapping[str, Any] = meta.get("dagster") or {}
    return found
