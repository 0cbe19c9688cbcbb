"""What the jobs of two tenants have in common of their data: prefixes of a bucket, and datasets of a database.

Pure functions from a draft, as in `rules.py`, which calls them; what is told, and no problem, is in `remarks.py`. That
a role reaches no more than its job reads and writes is the modules' part.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from buildkit_dagster.config.connectors import TARGETS
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.file_source import FileSource
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.job_rules import tenant_of
from buildkit_dagster.config.job_sources import default_source
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.config.source_connectors import GcsFiles, S3Files
from buildkit_dagster.config.target_connectors import FilesTarget, IcebergTarget, WarehouseTarget
from buildkit_dagster.runtimes.object_keys import KeyPattern

#: How a job comes to a prefix: it writes there, it reads there by default, or because its file says so.
_How = Literal["writes", "default", "reads"]
#: Which of them is worst to share, and in which of two jobs the problem is.
_WORST: tuple[_How, ...] = ("writes", "default", "reads")
_BLAME: tuple[_How, ...] = ("default", "reads", "writes")
#: Where the file says it, or could.
_PLACES: dict[_How, KeyPath] = {
    "writes": ("target_connector_path",),
    "default": ("asset_path",),
    "reads": ("source", "path"),
}
#: What of a target, or of the warehouse's settings, says which database it is.
_DATABASE_KEYS = ("host", "account", "project", "database", "path")


@dataclass(frozen=True)
class Claim:
    """A prefix of a bucket that a job reads or writes."""

    entry: Entry[JobFile]
    tenant: str
    bucket: str
    prefix: str
    how: _How

    @property
    def job(self) -> str:
        return f"{self.tenant}/{self.entry.name}"


@dataclass
class _Known:
    """The first claims to one prefix, of each kind those of two tenants: more say nothing new to anybody."""

    prefix: str
    claims: dict[_How, list[Claim]] = field(default_factory=dict)

    def add(self, claim: Claim) -> None:
        kept = self.claims.setdefault(claim.how, [])
        if len(kept) < 2 and claim.tenant not in [each.tenant for each in kept]:
            kept.append(claim)


def shared_data(draft: Draft) -> Iterator[Problem]:
    """Prefixes and datasets that overlap, but for prefixes that both tenants were told to read."""
    for pair in _overlaps(_claims(draft)):
        claim, other = sorted(pair, key=lambda each: _BLAME.index(each.how))
        if claim.how != "reads" or other.how != "reads":
            yield claim.entry.document.problem(_PLACES[claim.how], _why(claim, other))
    yield from _shared_datasets(draft)


def shared_reads(draft: Draft) -> Iterator[tuple[Claim, Claim]]:
    """Jobs of two tenants that were both told to read what the other one reads too."""
    return (pair for pair in _overlaps(_claims(draft)) if {claim.how for claim in pair} == {"reads"})


def _why(claim: Claim, other: Claim) -> str:
    unsaid = " because its file has no `source`" if claim.how == "default" else ""
    fix = (
        "use a target connector with a `prefix` or `dataset` of the tenant's own"
        if claim.how == "writes"
        else f"write a path of the tenant's own, as in `source: {{path: {claim.tenant}/{claim.prefix}}}`"
    )
    return (
        f"job {claim.job} {_verb(claim)} {claim.prefix!r} of bucket {claim.bucket}{unsaid}, and job {other.job} of "
        f"another tenant {_verb(other)} {other.prefix!r}; {fix}"
    )


def _verb(claim: Claim) -> str:
    return "writes below" if claim.how == "writes" else "reads"


def _claims(draft: Draft) -> Iterator[Claim]:
    for entry in draft.jobs:
        if entry.value is None:
            continue
        tenant, (source, target) = tenant_of(entry), _connectors(draft, entry.value)
        reads = _reads(draft, entry.value, source)
        if reads is not None:
            bucket = source.bucket if isinstance(source, S3Files) else f"gs://{source.bucket}"
            how: _How = "reads" if entry.value.source else "default"
            yield Claim(entry, tenant, bucket, KeyPattern.of(reads).prefix, how)
        if isinstance(target, (FilesTarget, IcebergTarget)):
            yield Claim(entry, tenant, target.bucket, target.folder, "writes")


def _connectors(draft: Draft, job: JobFile) -> tuple[Any, Any]:
    paths = (job.source_connector_path, job.target_connector_path)
    found = [draft.connectors.get(path) for path in paths]
    source, target = (entry.value if entry else None for entry in found)
    return source, target


def _reads(draft: Draft, job: JobFile, source: Any) -> FileSource | None:
    """The files it reads; None where it reads something else, or its asset is not known."""
    asset = draft.assets.get(job.asset_path)
    if not isinstance(source, (S3Files, GcsFiles)) or asset is None or asset.value is None:
        return None
    reads = job.source or default_source(source, job.asset_path, asset.value)
    return reads if isinstance(reads, FileSource) else None


def _overlaps(claims: Iterable[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Claims of two tenants of which one's prefix begins with the other's; each claim with the one it is worst with.

    In the order of their prefixes, those that a prefix begins with are the ones that are open when it comes.
    """
    ordered = sorted(claims, key=lambda claim: (claim.bucket, claim.prefix))
    for _, in_bucket in groupby(ordered, key=lambda claim: claim.bucket):
        opened: list[_Known] = []
        for claim in in_bucket:
            while opened and not claim.prefix.startswith(opened[-1].prefix):
                opened.pop()
            if not opened or opened[-1].prefix != claim.prefix:
                opened.append(_Known(claim.prefix))
            other = _worst(claim, opened)
            if other is not None:
                yield claim, other
            opened[-1].add(claim)


def _worst(claim: Claim, opened: list[_Known]) -> Claim | None:
    """The claim of another tenant that this one should least be shared with."""
    kept = (other for how in _WORST for known in opened for other in known.claims.get(how, ()))
    return next((other for other in kept if other.tenant != claim.tenant), None)


def _shared_datasets(draft: Draft) -> Iterator[Problem]:
    """Datasets of one database that two tenants load into, or that dlt prepares the tables of one of them in."""
    first: dict[tuple[Any, ...], dict[str, tuple[str, str, str]]] = defaultdict(dict)
    for entry in draft.jobs:
        target: Any = _connectors(draft, entry.value)[1] if entry.value else None
        if not isinstance(target, TARGETS) or isinstance(target, (FilesTarget, IcebergTarget)):
            continue
        tenant, dataset = tenant_of(entry), target.dataset
        known = first[_database(draft, target)]
        taken = [known.setdefault(name, (tenant, entry.name, dataset)) for name in (dataset, f"{dataset}_staging")]
        for owner, job, theirs in [each for each in taken if each[0] != tenant][:1]:
            yield entry.document.problem(
                ("target_connector_path",),
                f"job {tenant}/{entry.name} loads into dataset {dataset!r}, and job {owner}/{job} of another tenant "
                f"into {theirs!r}, so that each may read and write tables of the other; use a target connector with a "
                f"dataset of the tenant's own, as in `dataset: {tenant.replace('-', '_')}_{dataset}`",
            )


def _database(draft: Draft, target: Any) -> tuple[Any, ...]:
    """Which database a target is in: the environment's warehouse is another target with the same settings."""
    kind, said = target.type, target.model_dump()
    if isinstance(target, WarehouseTarget) and draft.config.value is not None:
        warehouse = draft.config.value.warehouse
        kind, said = warehouse.type, {**warehouse.settings, "path": warehouse.path}
    if kind == "athena":
        said.setdefault("database", "awsdatacatalog")
    if kind == "duckdb":
        said["path"] = posixpath.normpath(said["path"])
    return (kind, *(said.get(key) for key in _DATABASE_KEYS))
