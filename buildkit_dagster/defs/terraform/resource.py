"""`TerraformCliResource`: Terraform for the ops of `@terraform_assets`, and for scripts.

It knows which account and environment Terraform runs in. What a run does, step by step, is in `invocation.py`.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetKey, ConfigurableResource, ResourceDependency

from buildkit_dagster.cloud.aws import Ambient, Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.defs.terraform.assets import STACK_METADATA, UNIT_METADATA
from buildkit_dagster.defs.terraform.invocation import TerraformCliInvocation
from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.retries import Retries
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.stopping import Patience

COMMANDS = ("plan", "apply")


class TerraformCliResource(ConfigurableResource):
    """Runs Terraform.

    Args:
        lock_timeout: how long Terraform waits for a state somebody else has locked ("30s", "5m").
        stop_minutes: how long a cancelled Terraform may take to finish what it has begun before it is made to end;
            `run_monitoring.cancel_timeout_seconds` in dagster.yaml must be longer.
        retries: how often a failure that passes by itself (throttling, timeouts, a provider that did not start, a
            locked state) is tried again, after 10, 20, 40 ... seconds.
        provider_mirror: a filesystem mirror for providers; by default BUILDKIT_PROVIDER_MIRROR or the usual places.
        aws: which account; by default the one the process environment points at, as for every AWS tool.
        gates: what a plan must pass before it is applied (`Gates(...)`); by default protected deletions and orphans
            need an approval, and policies are enforced.
        policies: the folder of your own Rego files.
        approval_key: the KMS key that approvals are signed with. Where none is named, applying a stored plan by its
            digest counts as its approval.
    """

    lock_timeout: str = "30s"
    stop_minutes: float = Patience.minutes
    retries: int = Retries.times
    provider_mirror: str | None = None
    aws: ResourceDependency[Aws] = None  # type: ignore[assignment]
    gates: ResourceDependency[Gates] = None  # type: ignore[assignment]
    policies: str | None = None
    approval_key: str | None = None

    def cli(
        self,
        args: Sequence[str],
        *,
        context: AssetExecutionContext | None = None,
        stack: TerraformStack | None = None,
        plan: str | None = None,
    ) -> TerraformCliInvocation:
        """Prepare `terraform plan` or `apply`; it runs when the invocation is streamed or waited for.

        Args:
            args: the command, then options for its plan (`["apply", "-parallelism=4"]`). Targets come from the
                selection, values from the stack: `-target`, `-var` and `-out` are refused.
            context: of the op; gives the stack, the selection and the log.
            stack: outside an op, the stack to work on (all of it).
            plan: the digest of a stored plan to apply; in an op, by default the one its run configuration names.
        """
        command, options = _checked(args)
        stack, units = _found(context) if context is not None else (stack, {})
        if stack is None:
            raise InvalidRoot("TerraformCliResource.cli", "needs a context or a stack")
        engine = self.engine(stack, context)
        return TerraformCliInvocation(
            engine=engine,
            command=command,
            options=options,
            context=context,
            units=units,
            gatekeeper=self.gatekeeper(engine),
            digest=asked_plan(context) if plan is None and context is not None else plan,
            retries=Retries(self.retries),
        )

    def gatekeeper(self, engine: Engine) -> Gatekeeper:
        """What stands between plan and apply of this engine's stack."""
        policies = Path(self.policies) if self.policies else None
        return Gatekeeper(engine, self.gates or Gates(), policies, self.approval_key)

    def gatekeeper_of(self, stack: TerraformStack, run: str, tell: Callable[[str], None]) -> Gatekeeper:
        """The same for a stack that is not applied; `run` names the use of it."""
        return self.gatekeeper(replace(self.engine(stack), run=run, tell=tell))

    def engine(self, stack: TerraformStack, context: AssetExecutionContext | None = None) -> Engine:
        """The engine below, for what has no asset events (state migration, imports)."""
        process = read_environment()
        mirror = Path(self.provider_mirror) if self.provider_mirror else process.provider_mirror
        return Engine(
            stack=stack,
            cloud=self.aws or Ambient(process),
            run=context.run_id if context is not None else uuid.uuid4().hex,
            tell=context.log.info if context is not None else _nobody,
            mirror=mirror,
            lock_timeout=self.lock_timeout,
            patience=Patience(self.stop_minutes),
            retries=Retries(self.retries),
        )


def asked_plan(context: AssetExecutionContext) -> str | None:
    """The digest that the op's run configuration names (`{"plan": DIGEST}`); an empty one is no plan's, not none."""
    config = context.op_execution_context.op_config
    return config.get("plan") if isinstance(config, Mapping) else None


def _checked(args: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    command, *options = args or ("",)
    ours = [option for option in options if option.lstrip("-").startswith(("target", "var", "out", "state", "lock"))]
    if command not in COMMANDS or ours:
        wrong = ", ".join(ours) or repr(command)
        raise InvalidRoot(
            "TerraformCliResource.cli", f"does not take {wrong}; allowed: {' or '.join(COMMANDS)}, options"
        )
    return command, tuple(options)


def _found(context: AssetExecutionContext) -> tuple[TerraformStack, dict[str, AssetKey]]:
    """The op's stack, and its selected units with their keys."""
    metadata: dict[AssetKey, Any] = dict(context.assets_def.metadata_by_key)
    selected = {metadata[key][UNIT_METADATA]: key for key in context.selected_asset_keys}
    return next(iter(metadata.values()))[STACK_METADATA], selected


def _nobody(_: str) -> None:
    """A script that wants no log."""
