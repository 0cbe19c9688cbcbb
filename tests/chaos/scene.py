"""What a row of the chaos table plays on: an emptied account, a proxy before it, a work folder, runs, and the measures.

A row breaks one run (`broken`) in its own way and then calls nothing more; `after` runs the same stack again with
nothing broken and `measure` counts. What is broken is in the test files, the proxy in `proxy.py`.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from buildkit_dagster.process import is_alive, started_at
from buildkit_dagster.terraform.journal import unsettled
from buildkit_dagster.terraform.state import EMPTY, State, parse_state
from tests.chaos.proxy import Proxy, Request, Rule
from tests.chaos.worker import BUCKET, NAME, STATE_KEY, Job, work

STATE, LOCK = "terraform.tfstate", "terraform.tfstate.tflock"
#: Every resource of the stack, by unit.
RESOURCES = {
    "store": {"module.store.aws_s3_bucket.this"},
    "access": {"module.access.aws_iam_role.this", "module.access.aws_kms_key.this"},
}
EVERYTHING = frozenset().union(*RESOURCES.values())
#: How long anything may take that is waited for.
PATIENCE = 300.0

_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["tests.chaos.worker"])


@dataclass
class Outcome:
    """What Dagster knows of one run, and which resources were in the state when it had ended."""

    status: DagsterRunStatus
    units: frozenset[str]
    error: str
    stored: frozenset[str]


@dataclass(frozen=True)
class Measures:
    """The last four columns of the table."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]
    locks: tuple[str, ...]
    untrue: tuple[str, ...]


@dataclass
class Scene:
    """One row's world; `folder` is emptied by pytest, `home` is the Dagster instance all rows share."""

    folder: Path
    home: Path
    tag: str
    proxy: Proxy
    instance: DagsterInstance
    boto: Callable[[str], Any]
    template: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def start(self, name: str = "broken", *, place: str = "here", lock_timeout: str = "5s") -> BaseProcess:
        """A worker begins a run; `place` is the machine: another one has another work folder."""
        job = Job(self.work(place), self.home, f"{self.tag}/{name}", lock_timeout)
        process: BaseProcess = _FORK.Process(target=work, args=(job,))
        process.start()
        return process

    def work(self, place: str = "here") -> Path:
        """The platform's work folder, with Terraform initialised."""
        folder = self.folder / place / ".buildkit" / "dev"
        if not folder.exists():
            copy_initialised(self.template, folder)
            (folder / "emulator.json").write_text(json.dumps({"endpoint": self.proxy.endpoint}))
        return folder

    @property
    def stack_folder(self) -> Path:
        return self.work() / NAME

    def forget_init(self) -> None:
        """The next run has to initialise anew."""
        (self.stack_folder / ".terraform" / "initialised").unlink()

    # What runs

    def terraforms(self, worker: BaseProcess) -> list[int]:
        """Pids of the Terraforms this worker has started and that run."""
        tasks = Path(f"/proc/{worker.pid}/task").glob("*/children")
        children = [int(pid) for file in tasks for pid in _text(file).split()]
        return [pid for pid in children if _text(Path(f"/proc/{pid}/comm")).strip() == "terraform"]

    def know_lock(self) -> None:
        """Wait until the journal names the lock Terraform holds: without it nobody can prove it ours, and dead."""
        until(lambda: any(journal.lock_id for journal in unsettled(self.stack_folder / "journal")), "the lock is noted")

    def reach(self, rule: Rule, worker: BaseProcess) -> None:
        """Wait for the moment a rule waits for."""
        deadline = time.monotonic() + PATIENCE
        while not rule.reached.wait(0.05):
            assert worker.is_alive(), f"the run ended before the moment of this row:\n{self.log()}"
            assert time.monotonic() < deadline, f"the moment of this row did not come:\n{self.log()}\n{self.printed()}"

    def join(self, worker: BaseProcess) -> None:
        worker.join(PATIENCE)
        assert not worker.is_alive(), f"the run did not end:\n{self.log()}"

    def run_of(self, name: str = "broken") -> DagsterRun:
        """Dagster's record of a run."""
        runs = self.instance.get_runs(RunsFilter(tags={"chaos": f"{self.tag}/{name}"}))
        assert len(runs) == 1, f"{len(runs)} runs are called {name}:\n{self.log()}"
        return runs[0]

    def has_begun(self, name: str) -> bool:
        return bool(self.instance.get_runs(RunsFilter(tags={"chaos": f"{self.tag}/{name}"})))

    def cancel(self, name: str = "broken") -> None:
        """What the UI's Terminate button records before it signals."""
        self.instance.report_run_canceling(self.run_of(name))

    def conclude(self, worker: BaseProcess, name: str = "broken") -> Outcome:
        """Wait for a run's end and keep what is known of it."""
        self.join(worker)
        run = self.run_of(name)
        logs = list(self.instance.all_logs(run.run_id))
        events = [entry.dagster_event for entry in logs if entry.dagster_event is not None]
        made = [
            event.asset_key.path[-1] for event in events if event.event_type is DagsterEventType.ASSET_MATERIALIZATION
        ]
        steps = [event for event in events if event.event_type is DagsterEventType.STEP_FAILURE]
        errors = [_error_of(event) for event in steps or events if event.event_type in _ERRORS]
        outcome = Outcome(run.status, frozenset(made), "\n".join(errors), self.state().addresses)
        self.outcomes[name] = outcome
        return outcome

    def after(self) -> Outcome:
        """Nothing is broken any more and the same stack is run again, on the same machine."""
        self.proxy.clear()
        return self.conclude(self.start("after"), "after")

    def log(self, place: str = "here") -> str:
        """All that workers of this place printed."""
        return _text(self.work(place) / "worker.txt")

    def printed(self) -> str:
        """All that the latest Terraform printed."""
        files = [self.stack_folder / "output.txt", *(self.stack_folder / "journal").glob("*.jsonl")]
        return "\n".join(_text(file) for file in files)

    # What there is

    def state(self) -> State:
        try:
            body = self.boto("s3").get_object(Bucket=BUCKET, Key=STATE_KEY)["Body"].read().decode()
        except self.boto("s3").exceptions.NoSuchKey:
            return EMPTY
        return parse_state(body)

    def objects(self) -> dict[str, str]:
        """Id -> type of everything a run made in the account."""
        buckets = [item["Name"] for item in self.boto("s3").list_buckets()["Buckets"] if item["Name"] != BUCKET]
        roles = [item["RoleName"] for item in self.boto("iam").list_roles()["Roles"]]
        kms = self.boto("kms")
        listed = [kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"] for item in kms.list_keys()["Keys"]]
        keys = [key["KeyId"] for key in listed if key["KeyState"] != "PendingDeletion"]
        return {
            **dict.fromkeys(buckets, "aws_s3_bucket"),
            **dict.fromkeys(roles, "aws_iam_role"),
            **dict.fromkeys(keys, "aws_kms_key"),
        }

    def locks(self) -> list[str]:
        found = self.boto("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [item["Key"] for item in found if item["Key"].endswith(".tflock")]

    def measure(self) -> Measures:
        """Count, after the run that followed; every entry is one too many."""
        state, objects = self.state(), self.objects()
        stored = {str(resource.id) for resource in state.resources}
        told = "\n".join(outcome.error for outcome in self.outcomes.values())
        lost = [
            f"{kind} {name} is known to nobody"
            for name, kind in objects.items()
            if name not in stored and name not in told
        ]
        lost += [f"{resource.address} is not there" for resource in state.resources if resource.id not in objects]
        untrue = [problem for name, outcome in self.outcomes.items() for problem in _untruths(name, outcome)]
        return Measures(tuple(lost), tuple(self._twice(objects)), tuple(self.locks()), tuple(untrue))

    def remains(self) -> list[str]:
        """What a recovered run leaves nothing of: journals and states that could not be written."""
        journals = [journal.run for journal in unsettled(self.stack_folder / "journal")]
        files = [*self.stack_folder.glob("*.tfstate"), *self.stack_folder.glob("errored/*.tfstate")]
        return journals + [file.name for file in files]

    def _twice(self, objects: dict[str, str]) -> list[str]:
        """What is there more than once, and what was made while the first one was still there."""
        kinds = list(objects.values())
        found = [f"{kind} is there {kinds.count(kind)} times" for kind in sorted(set(kinds)) if kinds.count(kind) > 1]
        for made, removed in LIVES:
            alive = 0
            for request in self.proxy.requests:
                done = request.status is not None and request.status < 300
                alive += (done and made(request)) - (done and removed(request))
                if alive > 1:
                    found.append(f"{request.action or request.path} succeeded again")
                    break
        return found

    def leave(self) -> None:
        """End whatever this row started."""
        self.proxy.close()
        for pid in _processes_below(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


_ERRORS = (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED)


def _error_of(event: Any) -> str:
    data = event.event_specific_data
    told = getattr(data, "user_failure_data", None)
    if told is not None:
        return str(told.description)
    error = getattr(data, "error", None)
    return f"{event.message}\n{error.to_string() if error else ''}"


def _untruths(name: str, outcome: Outcome) -> list[str]:
    """Where a run says something that is not so."""
    problems = []
    for unit in sorted(outcome.units):
        if not RESOURCES[unit] <= outcome.stored and outcome.status is DagsterRunStatus.SUCCESS:
            problems.append(f"{name}: {unit} is reported and not in the state")
    if outcome.status is DagsterRunStatus.SUCCESS and (outcome.stored, outcome.units) != (EVERYTHING, set(RESOURCES)):
        problems.append(
            f"{name}: success with {sorted(outcome.stored)} in the state and {sorted(outcome.units)} reported"
        )
    if outcome.status is DagsterRunStatus.FAILURE and not outcome.error.strip():
        problems.append(f"{name}: failure without a reason")
    # Dagster itself shows where an interrupt met the worker.
    if "DagsterExecutionInterruptedError" not in outcome.error and re.search(r"Traceback|  File ", outcome.error):
        problems.append(f"{name}: a traceback instead of a message:\n{outcome.error}")
    return problems


def _does(action: str) -> Callable[[Request], bool]:
    return lambda request: request.action == action


def makes_bucket(request: Request) -> bool:
    return request.method == "PUT" and request.path == "/tiny-bucket" and not request.query


#: What makes and what removes the resources that could be there twice; a bucket's name is the bucket, and S3 answers
#: its owner's second creation as it did the first. One that Terraform holds for half made is removed and made anew,
#: which is not twice.
LIVES = (
    (_does("CreateRole"), _does("DeleteRole")),
    (_does("CreateKey"), _does("ScheduleKeyDeletion")),
)


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        time.sleep(0.05)


def gone(pid: int) -> Callable[[], bool]:
    """A condition: the process that has this pid now has ended."""
    mark = started_at(pid)
    return lambda: not is_alive(pid, mark)


def limit_files(pid: int, size: int) -> None:
    """The disk is full for this process: no file of it grows beyond `size` bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))


def copy_initialised(template: Path, folder: Path) -> None:
    """A work folder with Terraform's data folder; big files (a provider that is no link) are shared."""
    platform, made = template.parents[1], folder.parents[1]
    made.mkdir(parents=True)
    _link_or_copy(str(platform / ".terraform.lock.hcl"), str(made / ".terraform.lock.hcl"))
    shutil.copytree(template, folder, symlinks=True, copy_function=_link_or_copy)


def _text(file: Path) -> str:
    """What is in it; "" where it is not there, or goes while we look, as a process or a settled journal does."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return file.read_text(errors="replace")
    return ""


def _link_or_copy(source: str, target: str) -> None:
    if Path(source).stat().st_size > 10_000_000:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _processes_below(folder: Path) -> list[int]:
    """Pids of processes that work below `folder`, those of nobody's children among them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found
