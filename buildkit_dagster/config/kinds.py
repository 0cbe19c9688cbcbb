"""Which kind of configuration file a document is, known by its keys in either spelling, wherever the file lies.

What is checked and what is rewritten of each kind is in `validate.py` and `rewrite.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.draft import PROJECT_KEYS, connector_model
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.models import PlatformFile
from buildkit_dagster.config.nested_assets import is_nested
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.spelling import plain
from buildkit_dagster.config.yaml import Document

_KINDS: Mapping[type[BaseModel], tuple[str, ...]] = {
    PlatformFile: ("environments",),
    DbtProject: PROJECT_KEYS,
    JobFile: ("asset_path", "tenant_id"),
    TableAsset: ("schema", "source_type"),
}
_OF_CONNECTORS = ("bucket", "dataset")

#: The keys that tell the kinds apart, for people.
KNOWN_BY = "; ".join(", ".join(keys) for keys in (*_KINDS.values(), _OF_CONNECTORS))


def kind_of(document: Document) -> type[BaseModel] | None:
    """The model of the file, or of the dbt projects it lists; None for a file that is none of a platform."""
    if is_nested(document):
        return TableAsset
    keys = {plain(key) for key in document.data} if isinstance(document.data, Mapping) else set()
    for model, own in _KINDS.items():
        if keys.intersection(own):
            return model
    return connector_model(document) if keys.intersection(_OF_CONNECTORS) else None
