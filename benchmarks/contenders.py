"""Who is compared: a stack of ours in Dagster, one root by hand, and a state per unit.

Each is a class whose methods do one thing from its start to its end. What is compared with what is in `rounds.py`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    materialize,
)

from benchmarks.clock import Spans, write_shim
from benchmarks.ground import CouldNotMeasure, calls, new_ground, rendered_root, unit_name, write_by_hand
from buildkit_dagster import TerraformCliResource, TerraformStack, terraform_assets, terraform_drift_checks
from buildkit_dagster.terraform.drift import look_for_drift


class Ours:
    """One stack as assets, run in one process with Dagster's SQLite storage on disk."""

    def __init__(self, folder: Path, units: int, *, spans: bool = False, storage: Path | None = None) -> None:
        """`storage` is the folder of Dagster's storage, where it is not beside the rest."""
        self.folder, self.units = folder, units
        self.ground = new_ground(folder)
        self.instance = DagsterInstance.local_temp(str(storage or _made(folder / "dagster")))
        self.aws, self.spans, self.changed = self.ground.aws, None, set[int]()
        if spans:
            self.spans = Spans(write_shim(folder / "bin", self.ground.sources.binary))
            self.aws = self.ground.aws_with_path(folder / "bin")

    def apply(self) -> None:
        """Materialize every unit."""
        self._run(assets_of(self._stack, self.spans))

    def change_one(self, index: int) -> None:
        """Materialize one unit whose arguments changed."""
        self.changed.add(index)
        self._run(assets_of(self._stack, None), unit_name(index))

    def drift(self) -> None:
        """Run the drift checks of every unit."""
        stack = self._stack
        checks = terraform_drift_checks(stack=stack)
        assets = assets_of(stack, None)
        defs = Definitions([assets], asset_checks=[checks], resources={"terraform": self._terraform})
        job = defs.resolve_implicit_global_asset_job_def()
        job = job.get_subset(asset_selection=set(), asset_check_selection=set(checks.check_keys))
        _checked(job.execute_in_process(instance=self.instance, raise_on_error=False))

    def drift_alone(self) -> None:
        """The same look as a script would have it."""
        engine = self._terraform.engine(self._stack)
        look_for_drift(engine)

    def apply_alone(self) -> None:
        """The same apply as a script would have it: no events, no storage."""
        self._terraform.cli(["apply"], stack=self._stack).wait()

    def leave(self) -> None:
        self.instance.dispose()
        self.ground.leave()

    @property
    def _terraform(self) -> TerraformCliResource:
        return TerraformCliResource(aws=self.aws)

    @property
    def _stack(self) -> TerraformStack:
        """Made anew for each run, as in a new run worker."""
        work = self.folder / "platform" / ".buildkit" / "dev"
        return TerraformStack.rendered(rendered_root("services", calls(self.units, self.changed)), work)

    def _run(self, assets: AssetsDefinition, *units: str) -> None:
        if self.spans is not None:
            storage: Any = self.instance.event_log_storage
            storage.store_event = self.spans.watching(storage.store_event)
        result = materialize(
            [assets],
            selection=[key for key in assets.keys if key.path[-1] in units] if units else None,
            instance=self.instance,
            resources={"terraform": self._terraform},
            raise_on_error=False,
        )
        _checked(result)


def _checked(result: ExecuteInProcessResult) -> None:
    if not result.success:
        failures = [str(event.step_failure_data) for event in result.all_events if event.is_step_failure]
        raise CouldNotMeasure("\n".join(failures))


def assets_of(stack: TerraformStack, spans: Spans | None) -> AssetsDefinition:
    @terraform_assets(stack=stack)
    def converge(context: AssetExecutionContext, terraform: TerraformCliResource) -> Iterator[Any]:
        events = terraform.cli(["apply"], context=context).stream()
        yield from events if spans is None else _watched(events, spans)

    return converge


def _watched(events: Iterator[Any], spans: Spans) -> Iterator[Any]:
    while True:
        with spans.inside():
            event = next(events, None)
        if event is None:
            return
        yield event


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


class ByHand:
    """One root with the same modules, and the commands a careful person types."""

    def __init__(self, folder: Path, units: int) -> None:
        self.folder, self.units, self.changed = folder, units, set[int]()
        self.ground = new_ground(folder)
        self.root = write_by_hand(folder / "root", "services", calls(units))

    def init(self) -> None:
        self.ground.terraform(self.root, "init")

    def plan_and_apply(self) -> None:
        """A saved plan, and that plan applied."""
        self.plan()
        self.ground.terraform(self.root, "apply", "plan.tfplan")

    def apply(self) -> None:
        """The one command that plans and applies."""
        self.ground.terraform(self.root, "apply", "-auto-approve")

    def plan(self) -> None:
        self.ground.terraform(self.root, "plan", "-out=plan.tfplan", "-detailed-exitcode", allowed=(0, 2))

    def change_one(self, index: int) -> None:
        """Edit one call, then plan and apply the root."""
        self.changed.add(index)
        write_by_hand(self.root, "services", calls(self.units, self.changed))
        self.plan_and_apply()

    def drift(self) -> None:
        self.ground.terraform(self.root, "plan", "-refresh-only", "-detailed-exitcode", allowed=(0, 2))

    def leave(self) -> None:
        self.ground.leave()


class StatePerUnit:
    """A root and a state for every unit, two at a time; each command after `init`, as in a fresh checkout."""

    together = 2

    def __init__(self, folder: Path, units: int) -> None:
        self.ground = new_ground(folder)
        self.roots = [write_by_hand(folder / call.name, call.name, (call,)) for call in calls(units)]

    def apply(self, part: Sequence[int]) -> None:
        self._each(part, "apply", "-auto-approve")

    def drift(self, part: Sequence[int]) -> None:
        self._each(part, "plan", "-refresh-only", "-detailed-exitcode", allowed=(0, 2))

    def leave(self) -> None:
        self.ground.leave()

    def _each(self, part: Sequence[int], *command: str, allowed: tuple[int, ...] = (0,)) -> None:
        def one(index: int) -> None:
            self.ground.terraform(self.roots[index], "init")
            self.ground.terraform(self.roots[index], *command, allowed=allowed)

        with ThreadPoolExecutor(self.together) as pool:
            for _ in pool.map(one, part):
                pass
