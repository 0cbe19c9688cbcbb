"""The tags that the configuration wants: value and source of each, for the platform, a dbt project or an ingest job.

Which places there are is `vocabulary.py`; how a cloud writes the values, `rendering.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.tags.rendering import Rendered, Value, aws_tags, gcp_labels
from buildkit_dagster.tags.vocabulary import MANAGED_BY, VOCABULARY, Level, Place, Row, connector_places

#: Whose tags are asked for; None is what belongs to the platform as a whole.
Subject = IngestJob | DbtProject | None

#: The files a subject's tags come from; what is not there gives nothing.
_Files = Mapping[Level, Any]

_CONNECTORS: tuple[Level, ...] = ("source connector", "target connector")
_KNOWN = frozenset(row.tag for row in VOCABULARY)


class Wanted(NamedTuple):
    """One tag of the configuration, before a cloud's rules; `source` is the place it comes from."""

    tag: str
    value: Value
    source: Place


def wanted_tags(platform: Platform, subject: Subject = None) -> tuple[Wanted, ...]:
    """Every tag of the subject's resources, in the order of the vocabulary; those of the user's own at the end."""
    files = _files(platform, subject)
    found = (_wanted(row, files) for row in (*VOCABULARY, *_of_metadata(files), *_of_connectors(files)))
    return tuple(each for each in found if each is not None)


def platform_tags(platform: Platform) -> dict[str, str]:
    """The tags every resource of the platform carries, as AWS wants them."""
    return dict(aws_tags(_values(wanted_tags(platform))).tags)


def platform_labels(platform: Platform) -> dict[str, str]:
    """The same as labels of Google Cloud."""
    return dict(gcp_labels(_values(wanted_tags(platform))).tags)


def dbt_tags(platform: Platform, project: DbtProject) -> Rendered:
    """All tags of a dbt project's resources, as AWS wants them."""
    return aws_tags(_values(wanted_tags(platform, project)))


def job_tags(platform: Platform, job: IngestJob) -> Rendered:
    """All tags of an ingest job's resources, the platform's included, as AWS wants them."""
    return aws_tags(_values(wanted_tags(platform, job)))


def job_labels(platform: Platform, job: IngestJob) -> Rendered:
    """The same as labels of Google Cloud."""
    return gcp_labels(_values(wanted_tags(platform, job)))


def _values(wanted: Iterable[Wanted]) -> dict[str, Value]:
    return {each.tag: each.value for each in wanted}


def _files(platform: Platform, subject: Subject) -> _Files:
    files: dict[Level, Any] = {
        "platform": {"environment": platform.environment, "managed_by": MANAGED_BY},
        "environment": platform.config,
    }
    if isinstance(subject, IngestJob):
        connectors: dict[Level, Any] = {"source connector": subject.source, "target connector": subject.target}
        files |= {"job": subject.job, "asset": subject.asset}
        # Most connectors have no tags, and most tags have places in them.
        files |= {level: connector for level, connector in connectors.items() if connector.tags}
    elif subject is not None:
        files["dbt project"] = subject
    return files


def _of_metadata(files: _Files) -> Iterator[Row]:
    """`infra_<key>` for the keys of the user's own in the job's `infrastructure.metadata`."""
    further = files["job"].infrastructure.metadata.further if "job" in files else {}
    return (Row(f"infra_{key}", (Place("job", f"infrastructure.metadata.{key}"),)) for key in further)


def _of_connectors(files: _Files) -> Iterator[Row]:
    """Tags that connectors give and the vocabulary does not know."""
    connectors = [files[level] for level in _CONNECTORS if level in files]
    keys = dict.fromkeys(key for connector in connectors for key in connector.tags)
    return (Row(key, connector_places(key)) for key in keys if key not in _KNOWN)


def _wanted(row: Row, files: _Files) -> Wanted | None:
    for place in row.places:
        if place.level == "tag":
            other = _wanted(next(each for each in VOCABULARY if each.tag == place.path), files)
            if other is not None:
                return Wanted(row.tag, other.value, other.source)
        elif place.level in files and (value := _at(files[place.level], place.parts)) not in (None, "", (), []):
            return Wanted(row.tag, value, place)
    return None


def _at(found: Any, path: Iterable[str]) -> Any:
    """What a model says at a path; None where something on the way is not there."""
    for part in path:
        if found is None:
            return None
        # A model's own fields, never its methods: keys of the user's own may be called as these are.
        fields = getattr(found, "__dict__", found)
        found = fields[part] if part in fields else (getattr(found, "__pydantic_extra__", None) or {}).get(part)
    return found
