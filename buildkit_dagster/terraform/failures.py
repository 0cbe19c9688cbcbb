"""From what a finished Terraform command printed to a typed error; the only place that reads its diagnostics.

The error classes are in `errors/`. Which failures a retry can help is data here, from the messages of Terraform, the
AWS provider and the services behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import (
    ApplyHeldUp,
    CommandFailed,
    ImportHeldUp,
    InitHeldUp,
    Interrupted,
    PlanHeldUp,
    PullHeldUp,
    PushHeldUp,
    StateLocked,
    TerraformError,
)
from buildkit_dagster.terraform.events import TerraformEvent, read_events


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


#: What passes by itself.
RETRYABLE = _any(
    r"throttl",
    r"TooManyRequests|TooManyUpdates|RequestLimitExceeded|rate exceeded|SlowDown|StatusCode: 429|429 Too Many Requests",
    r"ProvisionedThroughputExceeded",
    r"ServiceUnavailable|Internal(?:Error|Failure|ServerError)|BadGateway|GatewayTimeout|StatusCode: 50[0234]",
    r"RequestTimeout|request timeout|Client\.Timeout exceeded|context deadline exceeded",
    r"TLS handshake timeout|i/o timeout",
    r"connection (?:reset|refused|timed out)|broken pipe|unexpected EOF|error reading from server: EOF",
    r"Temporary failure in name resolution|server misbehaving",
    r"timeout while waiting for (?:state|plugin)",
    r"ConcurrentModification|OperationAborted|operation is currently in progress|update is in progress",
    r"Failed to instantiate provider|text file busy|Plugin did not respond|plugin crashed|Unrecognized remote plugin",
)

#: What never does, although one of the words above may stand beside it.
PERMANENT = _any(
    r"AccessDenied|UnauthorizedOperation|not authorized|AuthorizationError|explicit deny",
    r"No valid credential sources|ExpiredToken|InvalidClientTokenId|InvalidAccessKeyId|UnrecognizedClient",
    r"SignatureDoesNotMatch|RequestTimeTooSkewed|RequestExpired|failed to refresh cached credentials",
    r"exec format error|permission denied|no space left on device|checksum",
    r"Unsupported (?:argument|block|attribute)|Invalid (?:expression|reference|value)|Missing required argument",
    r"LimitExceededException: (?!Rate)|quota",
)

#: A request whose answer nobody heard: it may have been carried out.
_UNHEARD = _any(
    r"context canceled|context deadline exceeded|request send failed|timeout|timed out|StatusCode: (?:0|5\d\d)\b",
    r"connection (?:reset|refused)|broken pipe|\bEOF\b|Plugin did not respond|plugin crashed",
)

#: The object is there, be it by a request of ours whose answer nobody heard.
_THERE = _any(r"AlreadyExists|already exists|AlreadyOwnedByYou")

#: What to do about a failure that a retry does not help, by what its text says.
ADVICE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        _THERE,
        "The object exists but this state does not know it: import it (`terraform import ADDRESS ID`) or remove it.",
    ),
    (
        re.compile(r"AccessDenied|UnauthorizedOperation|not authorized", re.IGNORECASE),
        "The credentials in use may not do this; give their role the missing permission.",
    ),
    (
        re.compile(r"ExpiredToken|No valid credential sources|InvalidClientTokenId|refresh cached credentials"),
        "The credentials in use are missing, wrong or expired; sign in again.",
    ),
    (
        re.compile(r"RequestTimeTooSkewed|RequestExpired|Signature expired|SignatureDoesNotMatch"),
        "AWS takes requests signed within the last minutes only: set this machine's clock.",
    ),
    (
        re.compile(r"no space left on device"),
        "The disk is full; make room on this machine. What Terraform made is kept and found by the next run.",
    ),
    (
        re.compile(r"checksums|does not match .*lock file|locked provider", re.IGNORECASE),
        "The provider does not match .terraform.lock.hcl; delete that file to have it made anew, or install the "
        "version it names.",
    ),
    (
        re.compile(r"saved plan is stale", re.IGNORECASE),
        "The state changed after the plan was made; materialize again.",
    ),
    (
        re.compile(r"No value for required variable"),
        "Give it in TerraformStack(variables={...}) or in a terraform.tfvars beside the root; TF_VAR_ settings of the "
        "process are not passed on.",
    ),
    (
        re.compile(r"excluded by targeting"),
        "Materialize the whole stack: only a full selection may move resources.",
    ),
)

#: The retryable kind of each error; a command whose errors are not all of the passing sort keeps the permanent one.
_HELD_UP: Mapping[type[CommandFailed], type[CommandFailed]] = {
    kind.__bases__[0]: kind for kind in (InitHeldUp, PlanHeldUp, ApplyHeldUp, ImportHeldUp, PullHeldUp, PushHeldUp)
}

#: The command and what it printed are in the detail, secrets it was given included: Terraform hides them in its events,
#: not here.
_PROVISIONER = re.compile(r"provisioner error$")
_EXIT = re.compile(r"exit status \d+")

_LOCK = re.compile(r"^\s*(ID|Operation|Who|Created):\s*(\S.*?)\s*$", re.MULTILINE)


def failure(
    kind: type[CommandFailed], stack: str, output: Path, exit_code: int, scrub: Callable[[str], str] = str
) -> TerraformError:
    """The error of a command that ended with `exit_code` and wrote `output` (JSON events, or plain text); `scrub`
    takes the secrets of the run out of its words."""
    diagnostics = [event.diagnostic for event in read_events(output) if event.diagnostic]
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.get("severity") == "error"]
    problems = [scrub(problem) for problem in [describe(diagnostic) for diagnostic in errors] or _plain(output)]
    if exit_code < 0:
        return Interrupted(stack, [f"  it was ended by signal {-exit_code}", *problems])
    text = "\n".join(problems)
    if "Error acquiring the state lock" in text:
        return StateLocked(stack, _holder(text))
    kind = _HELD_UP[kind] if all(passes(problem) for problem in problems) else kind
    return kind(stack, problems, advice=_advice(text))


def is_unheard(problem: str) -> bool:
    """Whether a creation that failed so may have happened all the same."""
    return bool(_UNHEARD.search(problem))


def is_there(problem: str) -> bool:
    """Whether a creation failed because the object is there."""
    return bool(_THERE.search(problem))


def passes(problem: str) -> bool:
    """Whether this failure passes by itself."""
    return bool(RETRYABLE.search(problem)) and not PERMANENT.search(problem)


def describe(diagnostic: Mapping[str, Any]) -> str:
    """One diagnostic as text: where, what, and the provider's words."""
    summary = str(diagnostic.get("summary", "an error without words"))
    where = ", ".join(str(part) for part in (diagnostic.get("address"), _line(diagnostic.get("range"))) if part)
    detail = _harmless(summary, str(diagnostic.get("detail") or "").strip())
    first = f"  {where}: {summary}" if where else f"  {summary}"
    return "\n".join([first, *(f"    {part}" for part in detail.splitlines())])


def _line(span: Any) -> str:
    try:
        return f"{span['filename']}:{span['start']['line']}"
    except (KeyError, TypeError):
        return ""


def _harmless(summary: str, detail: str) -> str:
    """The detail of a diagnostic; of a provisioner's only how it ended."""
    if not _PROVISIONER.search(summary):
        return detail
    ended = _EXIT.search(detail)
    return f"{ended[0] if ended else 'failed'}; what it printed may hold secrets and is not repeated"


def _plain(output: Path) -> list[str]:
    """The last words of a command that has no JSON output, without Terraform's boxes."""
    text = output.read_text(errors="replace") if output.exists() else ""
    lines = [line.strip("│╷╵ ").rstrip() for line in text.splitlines() if TerraformEvent.parse(line) is None]
    return [f"  {line}" for line in lines if line][-20:] or ["  it printed nothing"]


def _advice(text: str) -> str:
    return next((advice for pattern, advice in ADVICE if pattern.search(text)), "")


def _holder(text: str) -> str:
    info = dict(_LOCK.findall(text))
    if "Who" not in info:
        return "somebody who left no name"
    return f"{info['Who']} since {info.get('Created')} ({info.get('Operation')}, lock {info.get('ID')})"
