"""The platform's own infrastructure as assets: one op per stack, in the shape any user's root has.

What the stacks consist of is in `stacks/`, how a root becomes assets in `defs/terraform/`. The `bootstrap` stack is
special in one thing, told here step by step: its state begins on this machine and moves into the bucket it makes.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from dagster import AssetChecksDefinition, AssetExecutionContext, AssetsDefinition

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform, StackSettings
from buildkit_dagster.config.values import DriftMode
from buildkit_dagster.defs.drift import drift_checks_of
from buildkit_dagster.defs.failures import told_plainly, tried_again
from buildkit_dagster.defs.policy import policy_checks_of
from buildkit_dagster.defs.tag_truth import tag_checks_of
from buildkit_dagster.defs.terraform.assets import terraform_assets
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.runtimes.image import image_tags
from buildkit_dagster.stacks.bootstrap import bootstrap_root, found_in_account, makes_provider
from buildkit_dagster.stacks.build import platform_roots
from buildkit_dagster.stacks.gates import approval_key_of, gates_of, policies_of
from buildkit_dagster.stacks.scope import BOOTSTRAP, Scope
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.migrate import Home, find_home, move_into_bucket
from buildkit_dagster.terraform.rendered_root import RenderedRoot
from buildkit_dagster.terraform.retries import Retries
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import read_state


def terraform_stacks(platform: Platform) -> tuple[TerraformStack, ...]:
    """Every stack of the platform, in the order they depend on each other; reads the images' build contexts."""
    stacks: list[TerraformStack] = []
    for root in platform_roots(platform, image_tags(platform)):
        drift = _drift_modes(platform, root)
        stacks.append(TerraformStack.rendered(root, platform.work, upstream=tuple(stacks), drift=drift))
    return tuple(stacks)


def infra_assets(
    platform: Platform, process: ProcessEnvironment, stacks: Sequence[TerraformStack] | None = None
) -> list[AssetsDefinition]:
    """The units of every stack, one op per stack."""
    aws = aws_for(platform, process)
    terraform = terraform_of(platform, aws)
    return [
        _bootstrap_assets(platform, stack, terraform, aws) if stack.name == BOOTSTRAP else _assets(stack, terraform)
        for stack in stacks or terraform_stacks(platform)
    ]


def terraform_of(platform: Platform, aws: Aws) -> TerraformCliResource:
    """Terraform for a platform's stacks, with the gates of its environment."""
    policies = policies_of(platform)
    return TerraformCliResource(
        aws=aws,
        gates=gates_of(platform),
        policies=str(policies) if policies else None,
        approval_key=approval_key_of(platform),
    )


def infra_checks(
    platform: Platform, process: ProcessEnvironment, stacks: Sequence[TerraformStack]
) -> list[AssetChecksDefinition]:
    """The checks `drift` and `orphans`, the checks `tags`, and the checks `policy`: an op for each per stack."""
    engines = [(stack, partial(engine_of, platform, stack, process)) for stack in stacks]
    looking = [checks_of(stack, engine) for stack, engine in engines for checks_of in (drift_checks_of, tag_checks_of)]
    policy = [policy_checks_of(stack, partial(gatekeeper_of, platform, process)) for stack in stacks]
    return [*(checks for checks in looking if checks is not None), *policy]


def engine_of(platform: Platform, stack: TerraformStack, process: ProcessEnvironment) -> Engine:
    """The engine of a stack as it is now: the bootstrap's state may still be on this machine."""
    aws = aws_for(platform, process)
    terraform = terraform_of(platform, aws)
    engine = terraform.engine(stack)
    return terraform.engine(bootstrap_variant(platform, find_home(engine), aws)) if stack.name == BOOTSTRAP else engine


def gatekeeper_of(
    platform: Platform, process: ProcessEnvironment, stack: TerraformStack, run: str, tell: Callable[[str], None]
) -> Gatekeeper:
    """What stands between a stack's plan and its apply, as it is now; `run` names the use of it."""
    engine = replace(engine_of(platform, stack, process), run=run, tell=tell)
    return terraform_of(platform, aws_for(platform, process)).gatekeeper(engine)


def _drift_modes(platform: Platform, root: RenderedRoot) -> dict[str, DriftMode]:
    settings = platform.config.stacks.get(root.stack, StackSettings())
    return {call.name: settings.drift_of(call.name) for call in root.calls}


def _assets(stack: TerraformStack, terraform: TerraformCliResource) -> AssetsDefinition:
    @terraform_assets(stack=stack)
    def converge(context: AssetExecutionContext) -> Iterator[Any]:
        yield from terraform.cli(["apply"], context=context).stream()

    return converge


def _bootstrap_assets(
    platform: Platform, stack: TerraformStack, terraform: TerraformCliResource, aws: Aws
) -> AssetsDefinition:
    @terraform_assets(stack=stack)
    def converge(context: AssetExecutionContext) -> Iterator[Any]:
        with tried_again(context, Retries()), told_plainly():
            in_bucket = terraform.engine(stack, context)
            home = find_home(in_bucket)
            invocation = terraform.cli(["apply"], context=context)
            invocation.work_with(terraform.engine(bootstrap_variant(platform, home, aws), context))
            if home is Home.LOCAL:
                _adopt(platform, invocation.engine, aws)
            yield from invocation.stream()
            if home is Home.LOCAL:
                move_into_bucket(in_bucket)

    return converge


def bootstrap_variant(platform: Platform, home: Home, aws: Aws) -> TerraformStack:
    """The stack as this run works on it: where its state is, and whether the OIDC provider is its own."""
    scope = Scope(platform)

    def placed(root: RenderedRoot) -> TerraformStack:
        at_home = replace(root, backend=None) if home is Home.LOCAL else root
        return TerraformStack.rendered(at_home, platform.work)

    ours = placed(bootstrap_root(scope))
    managed = read_state(ours.backend, aws.client("s3")).addresses
    makes = makes_provider(scope, aws.client, managed)
    return ours if makes else placed(bootstrap_root(scope, create_provider=False))


def _adopt(platform: Platform, engine: Engine, aws: Aws) -> None:
    """Import what exists under the stack's names: an account somebody bootstrapped whose state is lost."""
    with engine.workdir.alone():
        managed = engine.state().addresses
        found = found_in_account(Scope(platform), aws.client)
        lacking = {address: key for address, key in found.items() if address not in managed}
        if lacking:
            engine.write()
            engine.init()
        for address, key in lacking.items():
            engine.tell(f"{key} exists already: importing it as {address}.")
            engine.import_resource(address, key)
