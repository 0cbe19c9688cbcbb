"""`buildkit destroy`: the stacks of a platform destroyed backwards through the graph, `bootstrap` last.

One stack is destroyed in `terraform/destroy.py`. The state of `bootstrap` comes back to this machine before its bucket
goes. What is gone is wiped from the Dagster instance, so that the graph shows it as never made and sensors wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from dagster import AssetKey, AssetObservation, DagsterInstance

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.checks import put_right
from buildkit_dagster.defs.infra import bootstrap_variant, gatekeeper_of, terraform_of, terraform_stacks
from buildkit_dagster.defs.instance import home_of, open_instance
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR
from buildkit_dagster.errors import BuildkitError, DestroyStopped, StackInUse
from buildkit_dagster.naming import command_use
from buildkit_dagster.stacks.scope import BOOTSTRAP, REGISTRY, STATE_BACKEND
from buildkit_dagster.terraform.destroy import ask_the_gates, destroy_stack
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.migrate import Home, find_home, forget_empty_state, move_out_of_bucket
from buildkit_dagster.terraform.recovery import wait_for_running
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State

Say = Callable[[str], None]
_PRODUCTION = "prod"


@dataclass(frozen=True)
class Going:
    """One stack that has resources, and how many of them each unit has."""

    stack: TerraformStack
    resources: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.resources.values())


@dataclass(frozen=True)
class Destruction:
    """What a destroy is about: a platform, or one stack of it."""

    platform: Platform
    process: ProcessEnvironment
    say: Say

    @property
    def is_guarded(self) -> bool:
        """Whether the gates must let it through: in production, and wherever approvals are signed."""
        return self.platform.environment == _PRODUCTION or self.platform.config.approvers is not None

    def going(self, stack: str | None) -> list[Going]:
        """The stacks with resources, dependents first; raises StackInUse where others rest on the one asked for."""
        stacks = terraform_stacks(self.platform)
        asked = set(chosen_units(stacks, None, stack))
        found = [Going(each, _by_unit(each, self._state(each))) for each in reversed(stacks)]
        filled = [each for each in found if each.resources]
        chosen = [each for each in filled if each.stack in asked]
        users = [each.stack.name for each in filled if each.stack not in asked and _rests_on(each.stack, stack)]
        if chosen and users:
            raise StackInUse(str(stack), users)
        return chosen

    def carry_out(self, going: Sequence[Going]) -> None:
        """Destroy them in this order; raises DestroyStopped at the first failure, naming what is left."""
        for place, each in enumerate(going):
            try:
                (self._bootstrap if each.stack.name == BOOTSTRAP else self._one)(each.stack)
            except BuildkitError as error:
                left = [later.stack.name for later in going[place:]]
                raise DestroyStopped(each.stack.name, str(error), left) from None
            self._record(each.stack)

    def _one(self, stack: TerraformStack) -> None:
        gatekeeper = self._gatekeeper(stack)
        destroy_stack(gatekeeper.engine, gatekeeper if self.is_guarded else None)

    def _bootstrap(self, stack: TerraformStack) -> None:
        aws = aws_for(self.platform, self.process)
        in_bucket = terraform_of(self.platform, aws).engine(stack)
        in_bucket.run, in_bucket.tell = command_use("destroy"), self.say
        if find_home(in_bucket) is Home.BUCKET:
            if self.is_guarded:
                ask_the_gates(in_bucket, self._gatekeeper(stack))
            move_out_of_bucket(in_bucket)
        here = replace(in_bucket, stack=_emptied_when_destroyed(bootstrap_variant(self.platform, Home.LOCAL, aws)))
        _allow_emptying(here)
        destroy_stack(here)
        forget_empty_state(in_bucket)

    def _engine(self, stack: TerraformStack) -> Engine:
        return self._gatekeeper(stack).engine

    def _state(self, stack: TerraformStack) -> State:
        """What is recorded once nothing writes it any more."""
        engine = self._engine(stack)
        wait_for_running(engine)
        return engine.state()

    def _gatekeeper(self, stack: TerraformStack) -> Gatekeeper:
        return gatekeeper_of(self.platform, self.process, stack, command_use("destroy"), self.say)

    def _record(self, stack: TerraformStack) -> None:
        """The graph shows these units, and images whose repositories are gone, as not there."""
        home = home_of(self.platform, self.process)
        if not (home / "dagster.yaml").exists():
            return
        translator = DEFAULT_TRANSLATOR
        keys = [translator.key_of(stack, unit) for unit in stack.root.names]
        with open_instance(home) as instance:
            if stack.name == REGISTRY:
                keys += [key for key in instance.all_asset_keys() if key.path[0] == "image"]
            record_destroyed(instance, keys)


def record_destroyed(instance: DagsterInstance, keys: Iterable[AssetKey]) -> None:
    """Wipe what was recorded of these assets, and leave one observation that says why."""
    known = [key for key in keys if instance.has_asset_key(key)]
    put_right(instance, known, "")
    instance.wipe_assets(known)
    for key in known:
        instance.report_runless_asset_event(AssetObservation(key, description="Destroyed by `buildkit destroy`."))


def _by_unit(stack: TerraformStack, state: State) -> dict[str, int]:
    return dict(Counter(stack.root.unit_of(resource.address) for resource in state.resources))


def _rests_on(stack: TerraformStack, name: str | None) -> bool:
    """Whether a unit of `stack` takes outputs from the stack `name`, or needs an asset of it."""
    if name is None or stack.name == name:
        return False
    refs = any(ref.stack == name for unit in stack.root.names for ref in stack.refs(unit))
    calls = [call for unit in stack.root.names if (call := stack.call(unit))]
    return refs or any(key[:2] == ("infra", name) for call in calls for key in call.asset_deps)


def _emptied_when_destroyed(stack: TerraformStack) -> TerraformStack:
    """The bootstrap stack whose bucket, which holds nothing but old states by now, may be deleted with its content."""
    root = stack.source
    assert root is not None
    calls = tuple(
        replace(call, inputs={**call.inputs, "force_destroy": True}) if call.name == STATE_BACKEND else call
        for call in root.calls
    )
    return TerraformStack.rendered(replace(root, calls=calls), stack.work.parent)


def _allow_emptying(engine: Engine) -> None:
    """The provider reads `force_destroy` from the state, so it has to be applied first."""
    bucket = [resource for resource in engine.state().resources if resource.type == "aws_s3_bucket"]
    if not bucket or bucket[0].values.get("force_destroy"):
        return
    engine.alone(lambda: _apply_backend(engine))


def _apply_backend(engine: Engine) -> None:
    engine.write()
    engine.init()
    plan = engine.plan([STATE_BACKEND])
    if not plan.is_empty:
        for _ in engine.apply(plan):
            pass
