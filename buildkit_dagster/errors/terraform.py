"""Terraform did not do what was asked: roots, states, locks, and what its commands said. Plans are in `plans.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildkit_dagster.errors.base import RetryableFailure, TerraformError


class InvalidRoot(TerraformError):
    """A root cannot be read, or what is asked of it contradicts itself."""

    def __init__(self, root: Path | str, reason: str) -> None:
        super().__init__(f"{root}: {reason}")


class StateNotReadable(TerraformError):
    """A state that only Terraform reads was asked for without a Terraform."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a state in backend {kind!r} is read by Terraform only: use TerraformCliResource().engine(stack).state()"
        )


class StackLoop(TerraformError):
    """A unit needs an asset outside its stack that needs a unit of the same stack; each key of `way` needs the next."""

    def __init__(self, way: Sequence[str]) -> None:
        super().__init__(
            f"a stack is applied as a whole, but {' needs '.join(way)}: the way leaves the stack and comes back. Move "
            "one of the two units into another stack"
        )


class UpstreamOutputMissing(TerraformError):
    """An input comes from a unit of another stack that has no such output (yet)."""

    def __init__(self, stack: str, upstream: str, unit: str, output: str) -> None:
        super().__init__(
            f"stack {stack!r} needs output {output!r} of unit {unit!r} in stack {upstream!r}, whose state does not "
            f"have it; materialize infra/{upstream}/{unit} first"
        )


class UpstreamOutputSensitive(TerraformError):
    """An input would carry a secret from one state into another."""

    def __init__(self, stack: str, upstream: str, unit: str, output: str) -> None:
        super().__init__(
            f"stack {stack!r} asks for output {output!r} of unit {unit!r} in stack {upstream!r}, which is sensitive; "
            "pass a reference to it (a Secrets Manager ARN, a parameter name) instead of the value"
        )


class StackInUse(TerraformError):
    """Other stacks rest on one that is to be destroyed."""

    def __init__(self, stack: str, users: Sequence[str]) -> None:
        super().__init__(
            f"stack {stack} is not destroyed, since others that still have resources rest on it: {', '.join(users)}. "
            "Destroy these first, or everything: `buildkit destroy`"
        )


class DestroyStopped(TerraformError):
    """A stack could not be destroyed; what rests on nothing else went before it."""

    def __init__(self, stack: str, reason: str, left: Sequence[str]) -> None:
        super().__init__(
            f"destroying stopped at stack {stack}; still there, at least in part: {', '.join(left)}. "
            f"`buildkit destroy` goes on from here.\n{reason}"
        )


class DestroyNeedsYes(TerraformError):
    """Production is not destroyed by an answer at a prompt."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"nothing was destroyed: environment {environment} asks for --yes, and for an approval of each plan where "
            "its gates do"
        )


class SelectionTooNarrow(TerraformError):
    """The plan of a selection changes units outside it; nothing was applied."""

    def __init__(self, stack: str, selected: Sequence[str], outside: Sequence[str], needed: Sequence[str]) -> None:
        self.outside = tuple(outside)
        self.needed = tuple(needed)
        super().__init__(
            f"stack {stack!r}: the plan for {', '.join(selected)} would also change {', '.join(outside)}; nothing was "
            f"applied. Select these together: {', '.join(needed)}"
        )


class StateLocked(TerraformError, RetryableFailure):
    """Somebody else works on this state."""

    def __init__(self, stack: str, holder: str) -> None:
        super().__init__(
            f"the state of stack {stack!r} is locked by {holder}; wait until that is done. Only when it is certainly "
            "dead: `terraform force-unlock` with that lock id"
        )


class UnitsNotReported(TerraformError):
    """Terraform ended without an error, yet something selected was not completed."""

    def __init__(self, stack: str, units: Sequence[str]) -> None:
        super().__init__(f"stack {stack!r}: Terraform ended without completing {', '.join(units)}; materialize again")


class StatesDiverge(TerraformError):
    """A stack has one state on this machine and another in its bucket, and neither follows from the other."""

    def __init__(self, stack: str, local: Path, remote: str) -> None:
        super().__init__(
            f"Stack {stack} has two states that do not belong together: {local} and {remote}. Keep the one that "
            "describes what exists (`terraform state list` shows it) and move the other away; nothing was changed."
        )


class BackendUnsafe(TerraformError):
    """A store ignored the condition that Terraform's lock rests on; nothing was done with it."""

    def __init__(self, place: str, winners: int) -> None:
        said = f"{winners} writers of one new object were" if winners else "no writer of a new object was"
        super().__init__(
            f"{place} cannot hold Terraform's lock: {said} told that it was theirs, so two applies could run at once "
            "and destroy each other's state. Use a store that honours `If-None-Match` (S3 does), which `use_lockfile` "
            "needs, or another backend with locks of its own"
        )


class CreationsUnknown(TerraformError):
    """A Terraform died over creations that are not in the state and could not be imported; said once.

    Each of `creations` names address and type, what to look for, and why it is not known.
    """

    def __init__(self, stack: str, creations: Sequence[str]) -> None:
        self.creations = tuple(creations)
        super().__init__(
            f"stack {stack!r}: an earlier Terraform was killed, and of these creations nobody knows whether they "
            "happened:\n" + "\n".join(f"  {creation}" for creation in creations) + "\nImport what exists (`terraform "
            "import ADDRESS ID`) or remove it. Nothing was changed; the next run goes on and makes what is missing"
        )


class ErroredStateRefused(TerraformError):
    """A state that Terraform could not save must not replace the stored one, and names resources which that lacks."""

    def __init__(self, stack: str, file: Path, reason: str, lacking: Sequence[str]) -> None:
        super().__init__(
            f"stack {stack!r}: {file} holds a state that Terraform could not save, and it cannot be pushed: {reason}. "
            f"The stored state lacks {', '.join(lacking)}. Import these (`terraform import ADDRESS ID`) or remove the "
            "objects, then move the file away; it was neither pushed nor deleted"
        )


class StateNotMoved(TerraformError, RetryableFailure):
    """A state was sent to its bucket, and the bucket does not hold it."""

    def __init__(self, stack: str, local: Path, remote: str, reason: str) -> None:
        super().__init__(
            f"The state of stack {stack} did not arrive at {remote}: {reason}. It is still in {local}; run the stack "
            "again."
        )


class CommandFailed(TerraformError):
    """A Terraform command ended with errors; `problems` are its diagnostics, one text each."""

    what = "terraform"

    def __init__(self, stack: str, problems: Sequence[str], *, advice: str = "") -> None:
        self.problems = tuple(problems)
        tail = f"\n{advice}" if advice else ""
        super().__init__(f"{self.what} failed for stack {stack!r}:\n" + "\n".join(problems) + tail)


class InitFailed(CommandFailed):
    what = "terraform init"


class PlanFailed(CommandFailed):
    what = "terraform plan"


class ApplyFailed(CommandFailed):
    what = "terraform apply"


class ImportFailed(CommandFailed):
    what = "terraform import"


class PullFailed(CommandFailed):
    what = "terraform state pull"


class PushFailed(CommandFailed):
    what = "terraform state push"


class InitHeldUp(InitFailed, RetryableFailure):
    """`terraform init` failed by what passes by itself."""


class PlanHeldUp(PlanFailed, RetryableFailure):
    """`terraform plan` failed by what passes by itself."""


class ApplyHeldUp(ApplyFailed, RetryableFailure):
    """`terraform apply` failed by what passes by itself."""


class ImportHeldUp(ImportFailed, RetryableFailure):
    """`terraform import` failed by what passes by itself."""


class PullHeldUp(PullFailed, RetryableFailure):
    """`terraform state pull` failed by what passes by itself."""


class PushHeldUp(PushFailed, RetryableFailure):
    """`terraform state push` failed by what passes by itself."""


class Interrupted(CommandFailed):
    """Terraform was ended from outside. Whoever did that starts it again."""

    what = "terraform (interrupted)"


class CloudRefused(TerraformError):
    """The cloud refused a request of ours, beside Terraform: for a state, a lock, a plan."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the cloud refused a request: {reason}. Check credentials and region, and that the role may do it"
        )


class CloudUnavailable(TerraformError, RetryableFailure):
    """The cloud did not answer a request of ours, or could not."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the cloud did not answer a request: {reason}")
