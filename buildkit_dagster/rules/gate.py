"""The gate between plan and apply: all rules over a plan, and what follows from their verdicts.

Rules find, `Gates` says how hard that is, `authorise` lets a plan through or says what is missing. Who approved what is
proven in `terraform/approvals.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from buildkit_dagster.config.gates import Excepted, Gates, Mode
from buildkit_dagster.errors import ApprovalBySelf, ApprovalNeeded, ApprovalOfAnother, PlanRefused
from buildkit_dagster.rules.encryption import encryption
from buildkit_dagster.rules.iam import iam
from buildkit_dagster.rules.oidc import oidc
from buildkit_dagster.rules.orphans import orphans
from buildkit_dagster.rules.protected import protected
from buildkit_dagster.rules.public_access import public_access
from buildkit_dagster.rules.tags import required_tags
from buildkit_dagster.rules.verdicts import Finding, Severity, Verdict
from buildkit_dagster.terraform.approvals import Approval, same_identity
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.stack import TerraformStack

_ORDER = list(Severity)


def judge(plan: Plan, stack: TerraformStack, gates: Gates, policies: Path | None = None) -> tuple[Verdict, ...]:
    """All verdicts on a plan, the hardest first; `policies` is the folder of the user's Rego files.

    What a plan leaves as it is was there before: refusing the plan would not take it away, so it is only warned of.
    """
    denied, warned = _of_user(plan, policies if gates.policies != "off" else None)
    verdicts = [
        *_verdicts(gates.protected, protected(plan, _state_bucket(stack))),
        *_verdicts(gates.orphans, orphans(plan, stack.root.names)),
        *_softened(plan, _verdicts(gates.tags, required_tags(plan, gates.required_tags))),
        *_softened(plan, _verdicts(gates.policies, _built_in(plan))),
        *_verdicts(gates.policies, denied),
        *_verdicts("warn", warned),
    ]
    left = (verdict for verdict in dict.fromkeys(verdicts) if not _is_excepted(verdict, gates.exceptions))
    return tuple(sorted(left, key=lambda verdict: _ORDER.index(verdict.severity)))


def authorise(
    verdicts: Iterable[Verdict],
    gates: Gates,
    approval: Approval | None,
    *,
    stack: str,
    digest: str,
    way: str,
    changes: bool = True,
) -> None:
    """Return if the plan may be applied, else raise `PlanRefused`, `ApprovalNeeded` or `ApprovalBySelf`.

    `approval` is a verified one (`find_approval`) or the one a stack without an approval key gets by applying a stored
    plan by its digest (`by_digest`). `way` says how an approval is given to this stack's plans. `changes` is False for
    a plan that changes nothing.
    """
    denied = _of(verdicts, Severity.DENY)
    if denied:
        raise PlanRefused(stack, digest, denied)
    asked = _of(verdicts, Severity.APPROVE)
    if not asked and not (gates.every_change and changes):
        return
    if approval is None:
        raise ApprovalNeeded(stack, digest, asked, way)
    if approval.digest != digest:
        raise ApprovalOfAnother(digest, "plan", approval.digest, digest)
    if gates.four_eyes and same_identity(approval.who, approval.requester):
        raise ApprovalBySelf(digest, approval.who)


def _built_in(plan: Plan) -> Iterator[Finding]:
    return chain(public_access(plan), iam(plan), encryption(plan), oidc(plan))


def _of_user(plan: Plan, folder: Path | None) -> tuple[Sequence[Finding], Sequence[Finding]]:
    if folder is None:
        return (), ()
    from buildkit_dagster.rules.rego import read_policies, run_policies  # regopy loads a library of 14 MB

    return run_policies(plan, read_policies(folder))


def _verdicts(mode: Mode, findings: Iterable[Finding]) -> Iterator[Verdict]:
    """The findings of one family as hard as its gate says; lazily, so that one that is off costs nothing."""
    return iter(()) if mode == "off" else (finding.verdict(Severity(mode)) for finding in findings)


def _softened(plan: Plan, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    changed = {change.address for change in plan.changes}
    for verdict in verdicts:
        yield verdict if verdict.address in changed else replace(verdict, severity=Severity.WARN)


def _is_excepted(verdict: Verdict, exceptions: Iterable[Excepted]) -> bool:
    return any(
        verdict.rule in each.rules and verdict.unit == each.unit and each.address in (None, verdict.address)
        for each in exceptions
    )


def _state_bucket(stack: TerraformStack) -> str | None:
    return stack.backend.bucket if isinstance(stack.backend, S3Backend) else None


def _of(verdicts: Iterable[Verdict], severity: Severity) -> Sequence[str]:
    return [str(verdict) for verdict in verdicts if verdict.severity is severity]
