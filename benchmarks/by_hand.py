"""The graph of `definitions.py` in bare Dagster: with specs that say nothing, and as somebody would write it by hand.

Written by hand it has what the platform's graph has and no more: the same ops, keys, edges, checks, jobs, schedules and
the sensor, and specs with the same groups, kinds, tags, owners, descriptions, code versions and columns. The texts are
constants; nothing is read or derived.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    BackfillPolicy,
    Config,
    DefaultScheduleStatus,
    Definitions,
    Field,
    JobDefinition,
    Noneable,
    ScheduleDefinition,
    SkipReason,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    define_asset_job,
    in_process_executor,
    job,
    multi_asset,
    multi_asset_check,
    op,
    sensor,
)

_TAGS = {
    "project": "fleet",
    "owner": "sales_example.com",
    "department": "data",
    "cost_center": "DATA-1",
    "data_sensitivity": "internal",
    "purpose": "analytics",
    "environment": "dev",
    "managed_by": "hand",
    "tenant_id": "tenant0",
    "source_system": "till",
    "asset_version": "1.0",
    "governance_owner": "sales_example.com",
}
_OWNERS = ["sales@example.com"]
_PER_TENANT = 20
_REGISTRY = [["infra", "registry", f"u{unit}"] for unit in range(3)]
_SHARED = [["infra", "bootstrap", "u0"], *_REGISTRY, ["image", "platform"]]


def own_units(jobs: int) -> dict[str, int]:
    """The platform's units by stack; each needs the same five assets, as a task needs its cluster and its image."""
    tenants = {f"ingest-tenant{number}": _PER_TENANT for number in range(jobs // _PER_TENANT)}
    return {"bootstrap": 2, "registry": 5, "lake": 1, **tenants}


def written(units: int, jobs: int, per_root: int) -> Definitions:
    """As somebody would write it who wants what our graph shows."""
    sizes = own_units(jobs)
    own = {stack: [_unit(stack, number) for number in range(size)] for stack, size in sizes.items()}
    left = units - sum(sizes.values())
    roots = {f"fleet{first // per_root}": min(per_root, left - first) for first in range(0, left, per_root)}
    names = [f"table{number:03}" for number in range(jobs)]
    tables = [_table(name, number) for number, name in enumerate(names)]
    images = [_op("image_platform", [AssetSpec(["image", "platform"], deps=[["infra", "registry", "u0"]], tags=_TAGS)])]
    connection = _check_op("connection", [AssetCheckSpec("connection", asset=own["registry"][0].key)])
    checks = [connection, *(check for stack, specs in own.items() for check in _checks(stack, specs))]
    looking = AssetSelection.checks(*(key for check in checks for key in check.check_keys))
    return Definitions(
        assets=[
            *(_stack(stack, specs) for stack, specs in own.items()),
            *(_stack(root, [_call(root, number) for number in range(size)]) for root, size in roots.items()),
            *images,
            *tables,
        ],
        asset_checks=checks,
        jobs=[
            _job("platform", AssetSelection.all() - looking),
            _job("infrastructure", AssetSelection.key_prefixes(["infra"]) - looking),
            *(_job(name, looking) for name in ("drift", "tags")),
            *(_job(f"stack_{_word(stack)}", AssetSelection.key_prefixes(["infra", stack]) - looking) for stack in own),
            *(_job(f"ingest_{name}", AssetSelection.keys(["till", name]).without_checks()) for name in names),
            *(_op_job(name) for name in ("plan", "release")),
        ],
        schedules=[_schedule("drift"), _schedule("tags"), *(_schedule(f"ingest_{name}") for name in names)],
        sensors=[_watch()],
    )


def bare(units: int, jobs: int, per_root: int) -> Definitions:
    """As many specs without a word in them: a `multi_asset` for every 100 units, one of them with two checks for each
    unit, and an asset, a job and a schedule for every job."""
    stacks = [[["infra", f"s{number}", f"u{unit}"] for unit in range(per_root)] for number in range(units // per_root)]
    assets = [_op(f"s{number}", [AssetSpec(key) for key in keys], number == 0) for number, keys in enumerate(stacks)]
    names = [f"table{number}" for number in range(jobs)]
    tables = [_op(name, [AssetSpec(["till", name], deps=[["infra", "s0", "u0"]])]) for name in names]
    defined = [define_asset_job(f"job_{name}", AssetSelection.assets(["till", name])) for name in names]
    schedules = [ScheduleDefinition(job=job, cron_schedule="0 */12 * * *") for job in defined]
    return Definitions(assets=[*assets, *tables], jobs=defined, schedules=schedules)


def _op(name: str, specs: list[AssetSpec], checked: bool = False) -> AssetsDefinition:
    checks = [AssetCheckSpec(check, asset=spec.key) for spec in specs for check in ("drift", "policy") if checked]

    @multi_asset(name=name, specs=specs, check_specs=checks, can_subset=True)
    def nothing():  # type: ignore[no-untyped-def]
        yield from ()

    return nothing


def _unit(stack: str, number: int) -> AssetSpec:
    return AssetSpec(
        ["infra", stack, f"u{number}"],
        deps=[AssetKey(key) for key in _needs(stack, number)],
        group_name=_word(stack),
        kinds={"terraform", "ecs"},
        tags={**_TAGS, "asset_name": f"till_{number}"},
        owners=_OWNERS,
        code_version=f"{number:016x}",
        description=f"Unit `u{number}` of the Terraform stack `{stack}`.",
        metadata={"stack": stack, "unit": f"u{number}"},
    )


def _needs(stack: str, number: int) -> list[list[str]]:
    if stack.startswith("ingest"):
        return _SHARED
    if stack == "registry" and number:
        return [_SHARED[0], _REGISTRY[0]]
    return [] if stack == "bootstrap" and number == 0 else _SHARED[:1]


def _call(root: str, number: int) -> AssetSpec:
    """A unit of a root in HCL: of five, four use the one before."""
    return AssetSpec(
        ["infra", root, f"svc{number}"],
        deps=[AssetKey(["infra", root, f"svc{number - 1}"])] if number % 5 else [],
        group_name=root,
        kinds={"terraform", "ssm"},
        code_version=f"{number:016x}",
        description=f"Unit `svc{number}` of the Terraform stack `{root}`.",
        metadata={"stack": root, "unit": f"svc{number}"},
    )


def _stack(name: str, specs: list[AssetSpec]) -> AssetsDefinition:
    @multi_asset(
        name=f"terraform_{_word(name)}",
        specs=specs,
        can_subset=True,
        pool=f"terraform_{_word(name)}",
        config_schema={"plan": Field(Noneable(str), is_required=False, default_value=None)},
    )
    def converge(context: AssetExecutionContext) -> Iterator[Any]:
        context.log.info(name)
        yield from ()

    return converge


def _checks(stack: str, specs: list[AssetSpec]) -> Iterator[Any]:
    """An op for each: drift with orphans, policy, tags, lock."""
    first = specs[0].key
    drift = [AssetCheckSpec("drift", asset=spec.key, description="As it was left.") for spec in specs]
    yield _check_op(f"drift_{_word(stack)}", [*drift, AssetCheckSpec("orphans", asset=first)])
    yield _check_op(f"policy_{_word(stack)}", [AssetCheckSpec("policy", asset=spec.key) for spec in specs])
    yield _check_op(f"tags_{_word(stack)}", [AssetCheckSpec("tags", asset=spec.key) for spec in specs])
    yield _check_op(f"lock_{_word(stack)}", [AssetCheckSpec("lock", asset=first)])


def _check_op(name: str, specs: list[AssetCheckSpec]) -> Any:
    @multi_asset_check(name=name, specs=specs, can_subset=True, pool=name)
    def look() -> Iterator[AssetCheckResult]:
        yield from ()

    return look


class LoadConfig(Config):
    """What a run may ask of a load."""

    force: bool = False


def _table(name: str, number: int) -> AssetsDefinition:
    tenant, unit = divmod(number, _PER_TENANT)
    columns = [
        TableColumn("id", "bigint", constraints=TableColumnConstraints(nullable=False)),
        TableColumn("amount", "double", constraints=TableColumnConstraints(nullable=True)),
    ]
    spec = AssetSpec(
        ["till", name],
        deps=[["infra", "lake", "u0"], ["infra", f"ingest-tenant{tenant}", f"u{unit}"]],
        group_name="till",
        kinds={"dlt", "duckdb", "ecs"},
        tags={**_TAGS, "asset_name": name},
        owners=_OWNERS,
        code_version=f"{tenant:016x}",
        metadata={"dagster/table_name": f"till.{name}", "dagster/column_schema": TableSchema(columns)},
    )

    nulls = AssetCheckSpec("nulls", asset=spec.key, description="No nulls in required columns: id.")

    @multi_asset(
        name=f"load_{name}",
        specs=[spec],
        check_specs=[nulls],
        can_subset=True,
        backfill_policy=BackfillPolicy.single_run(),
        pool="warehouse",
    )
    def load(context: AssetExecutionContext, config: LoadConfig) -> Iterator[Any]:
        context.log.info(str(config.force))
        yield from ()

    return load


def _job(name: str, selection: AssetSelection) -> Any:
    return define_asset_job(name, selection, description=f"The job {name}.", executor_def=in_process_executor)


def _op_job(name: str) -> JobDefinition:
    @op(name=f"{name}_op")
    def work() -> None:
        pass

    @job(name=name, executor_def=in_process_executor, description=f"The job {name}.")
    def of_one_op() -> None:
        work()

    return of_one_op


def _schedule(of: str) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=f"{of}_schedule",
        job_name=of,
        cron_schedule="0 */12 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="rate(12 hours)",
    )


def _watch() -> Any:
    @sensor(name="stale_locks", minimum_interval_seconds=300)
    def stale_locks() -> SkipReason:
        return SkipReason("nothing")

    return stale_locks


def _word(name: str) -> str:
    return name.replace("-", "_")
