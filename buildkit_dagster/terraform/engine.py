"""Running Terraform for one stack: write, init, plan, apply, import; each a method, errors typed.

Terraform runs in a session of its own and writes its events to a file, so it outlives a killed worker. How it is
stopped when we are told to is `stopping.py`. Nothing is decided about assets here: which units a plan may change is
`plan.py`, when they are reported `release.py`, what a dead Terraform left behind `recovery.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from buildkit_dagster.aws_regions import dns_suffix_of, partition_of
from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.errors import (
    ApplyFailed,
    CommandFailed,
    ImportFailed,
    InitFailed,
    PlanFailed,
    PullFailed,
    PushFailed,
    StackNotEmulated,
    TerraformError,
)
from buildkit_dagster.process import Child, run, start, started_at
from buildkit_dagster.terraform import errored
from buildkit_dagster.terraform.command import FLAG, CommandLines, child_environment
from buildkit_dagster.terraform.differences import computed_in
from buildkit_dagster.terraform.events import TerraformEvent, follow, json_object_in
from buildkit_dagster.terraform.failures import failure
from buildkit_dagster.terraform.journal import Journal, PlannedCreate, open_journal
from buildkit_dagster.terraform.lock_watch import LockWatch
from buildkit_dagster.terraform.locks import Verdict, judge, read_locks
from buildkit_dagster.terraform.module_folder import module_files
from buildkit_dagster.terraform.outputs import resolve
from buildkit_dagster.terraform.plan import Plan, parse_plan
from buildkit_dagster.terraform.providers import Sources, find_sources, write_cli_configuration
from buildkit_dagster.terraform.redaction import SEEN, Secrets
from buildkit_dagster.terraform.rendered_root import AwsProvider, S3Backend
from buildkit_dagster.terraform.retries import Retries, retried
from buildkit_dagster.terraform.secret_sources import CODE, learn_environment, learn_files, learn_plan, learn_variables
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State, read_state, read_text
from buildkit_dagster.terraform.stopping import Patience, ensure_ended, stopped_on_exit, told_once
from buildkit_dagster.terraform.workdir import LOCK_FILE, Workdir

_SHOW_SECONDS = 300.0
#: The exit code of `plan -detailed-exitcode` that means: there are changes.
_CHANGES = 2

Result = TypeVar("Result")


class Cloud(Protocol):
    """What the engine needs of `cloud.aws.Aws`."""

    @property
    def variables(self) -> Mapping[str, str]: ...

    def client(self, service: str, region: str | None = None) -> Any: ...


@dataclass
class Engine:
    """One stack and the Terraform that serves it; `run` names this use of it, `tell` takes lines for people.

    `planned` are values of variables that come from upstream stacks and are only planned there (`upstream.py`).

    Use it inside `alone` (a run that applies, which Dagster tries again: inside `Workdir.alone()`), which removes the
    plan's file; methods block until Terraform has ended.
    """

    stack: TerraformStack
    cloud: Cloud
    run: str
    tell: Callable[[str], None]
    mirror: Path | None = None
    lock_timeout: str = "30s"
    patience: Patience = field(default_factory=Patience)
    retries: Retries = field(default_factory=Retries)
    planned: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _started: int = field(default=0, init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Whoever is told something, at first or later, is told no secret."""
        told = (lambda text: value(self.secrets.scrub(text))) if name == "tell" else value
        super().__setattr__(name, told)

    @cached_property
    def secrets(self) -> Secrets:
        """What nothing that leaves this run may hold; it grows as the root, plans and states are read."""
        secrets = Secrets(public=(self.stack.name, *self.stack.root.names), also=SEEN)
        learn_environment(secrets, self.cloud.variables)
        return secrets

    @cached_property
    def workdir(self) -> Workdir:
        return Workdir(self.stack)

    @cached_property
    def sources(self) -> Sources:
        needs_aws, command = self.stack.root.needs_aws, self.stack.terraform_binary
        return find_sources(self.cloud.variables, self.mirror, needs_aws=needs_aws, command=command)

    @cached_property
    def s3(self) -> Any:
        """A client for state and lock, None for a local state without upstream stacks."""
        stacks = (self.stack, *self.stack.upstream)
        return self.cloud.client("s3") if any(isinstance(stack.backend, S3Backend) for stack in stacks) else None

    @cached_property
    def dynamodb(self) -> Any:
        """A client for the lock table, which is in the backend's region; None for a stack without one."""
        backend = self.stack.backend
        if not isinstance(backend, S3Backend) or backend.dynamodb_table is None:
            return None
        return self.cloud.client("dynamodb", backend.region or None)

    @cached_property
    def tagging(self) -> Any:
        """A client that finds objects by their tags."""
        return self.cloud.client("resourcegroupstaggingapi")

    def alone(self, work: Callable[[], Result]) -> Result:
        """Do this with the work folder to ourselves, and again while it fails by what passes by itself; in between
        others may have the folder."""

        def once() -> Result:
            with told_as_ours(), self.workdir.alone():
                return work()

        return retried(once, self.retries, self.tell)

    def write(self) -> dict[str, Any]:
        """Write the root and the variables it is given, upstream outputs among them.

        Returns the variables, with those of the user's files below them. Raises StackNotEmulated where nothing stands
        for the stack's cloud.
        """
        if self.stack.not_emulated:
            raise StackNotEmulated(self.stack.name)
        values = self.values()
        self.workdir.write(values)
        write_cli_configuration(self.workdir.cli_configuration, self.sources.mirror)
        given = {**self.stack.values_in_files, **values}
        self._learn_root(given)
        return given

    def values(self) -> dict[str, Any]:
        """The stack's own variables, upstream outputs among them."""
        return resolve(self.stack, self.s3, self.state_of, self.planned)

    def init(self) -> None:
        """Install providers and modules; nothing happens when they, and the backend, are those of the last time."""
        if self.workdir.is_initialised(self.sources):
            return
        options = {"backend_config": self.workdir.write_backend_config(), "lockfile": self._lockfile_mode()}
        self._to_end(InitFailed, self._lines.quiet("init", json=FLAG, reconfigure=FLAG, **options))
        self.workdir.keep_lock_file()
        self.workdir.mark_initialised(self.sources)

    def plan(self, units: Sequence[str] | None = None, arguments: Sequence[str] = ()) -> Plan:
        """Plan the whole stack, or with `-target` the named units, into a file and read it once."""
        self.workdir.plan.unlink(missing_ok=True)
        line = self._lines.quiet(
            "plan",
            *arguments,
            json=FLAG,
            detailed_exitcode=FLAG,
            out=str(self.workdir.plan),
            target=self.stack.root.targets(units) if units is not None else None,
            **self._shared,
        )
        with self._journaled(line, "plan", {}) as (child, watch):
            for events in follow(child, watch.look):
                for event in events:
                    if event.kind == "change_summary":
                        self.tell(event.message)
            code = self._checked(PlanFailed, child, allowed=(0, _CHANGES))
        if code == 0:
            self.workdir.plan.unlink()
            return Plan(self.stack.name, None)
        return self.read_plan()

    def read_plan(self) -> Plan:
        """The plan that lies in the plan file."""
        data = json_object_in(self._show())
        learn_plan(self.secrets, data)
        return parse_plan(data, self.stack.name, self.stack.root, self.workdir.plan)

    def drift(self) -> Plan:
        """A plan of nothing but what was changed outside of Terraform: its `drift` says what; nothing is to be applied.

        One `-refresh-only` plan.
        """
        return self.plan(arguments=("-refresh-only",))

    def computed(self) -> dict[str, frozenset[str]]:
        """Resource type → attributes the provider may fill in by itself; asked once for each set of providers.

        Costs some seconds: the provider writes all of its schemas.
        """
        known = self.workdir.read_computed(self.sources)
        if known is None:
            line = [str(self.sources.binary), "providers", "schema", "-json", "-no-color"]
            answer = run(line, cwd=self.workdir.folder, env=self._environment, timeout=_SHOW_SECONDS)
            if answer.returncode != 0:
                raise PlanFailed(self.stack.name, [f"  the providers' schemas cannot be read: {answer.stderr.strip()}"])
            known = computed_in(json_object_in(answer.stdout))
            self.workdir.keep_computed(known, self.sources)
        return {kind: frozenset(names) for kind, names in known.items()}

    def apply(self, plan: Plan) -> Iterator[list[TerraformEvent]]:
        """Apply exactly this saved plan; events come while Terraform runs, those of each look together, often none.

        Whoever stops iterating stops Terraform, which is given time to finish and waited for.
        """
        line = self._lines.quiet("apply", str(plan.file), json=FLAG, lock_timeout=self.lock_timeout)
        with self._journaled(line, "apply", plan.creates()) as (child, watch):
            yield from follow(child, watch.look)
            self._checked(ApplyFailed, child, allowed=(0,))

    def import_resource(self, address: str, resource_id: str) -> None:
        """Take an object that exists into the state; raises ImportFailed."""
        if self.secrets.finds(f"{address} {resource_id}"):
            where = self.secrets.scrub(address)
            problem = (
                f"  {where}: its address or id holds a secret, and command lines show them; write an `import` block"
            )
            raise ImportFailed(self.stack.name, [problem])
        self._to_end(ImportFailed, self._lines.quiet("import", address, resource_id, **self._shared))

    def forget(self, address: str) -> None:
        """Take a resource out of the state; the object stays."""
        self._to_end(ImportFailed, self._lines.cmd("state rm", address, lock_timeout=self.lock_timeout))

    def push_state(self, file: Path) -> None:
        """Store a state file where the stack's state belongs; Terraform itself checks lineage and serial again."""
        self._to_end(PushFailed, self._lines.cmd("state push", str(file), lock_timeout=self.lock_timeout))

    def state(self) -> State:
        """The state as it is stored now."""
        return read_state(self.stack.backend, self.s3, self._pull, self.secrets)

    def state_of(self, stack: TerraformStack) -> State:
        """The state of another stack, an upstream one."""
        return replace(self, stack=stack).state()

    @cached_property
    def _lines(self) -> CommandLines:
        return CommandLines(self.sources.binary)

    @property
    def _environment(self) -> dict[str, str]:
        return child_environment(
            self.cloud.variables, self.workdir.data, self.workdir.cli_configuration, self.stack.workspace
        )

    @property
    def _shared(self) -> dict[str, Any]:
        """What plan and import take; of the files the last wins, which is ours."""
        return {
            "lock_timeout": self.lock_timeout,
            "var_file": [str(file) for file in (*self.stack.var_files, self.workdir.values)],
        }

    @property
    def _provider(self) -> dict[str, str]:
        """The provider's facts that import ids are made of."""
        provider = self.stack.source.provider if self.stack.source else None
        if not isinstance(provider, AwsProvider):
            return {}
        return {
            "account": provider.account,
            "region": provider.region,
            "partition": partition_of(provider.region),
            "dns_suffix": dns_suffix_of(provider.region),
        }

    def _lockfile_mode(self) -> str | None:
        """A lock file the platform shares is never changed by one stack alone."""
        shared = self.stack.lock_file is not None and (self.workdir.folder / LOCK_FILE).exists()
        return "readonly" if shared else None

    def _show(self) -> str:
        """The saved plan as JSON, straight into memory because it holds secrets."""
        line = self._lines.cmd("show", str(self.workdir.plan), json=FLAG, no_color=FLAG)
        folder = self.workdir.make_reading_folder()
        answer = run(line, cwd=folder, env=self._environment, timeout=_SHOW_SECONDS)
        if answer.returncode != 0:
            problem = self.secrets.scrub(answer.stderr.strip())
            raise PlanFailed(self.stack.name, [f"  the saved plan cannot be read: {problem}"])
        return answer.stdout

    def _learn_root(self, values: Mapping[str, Any]) -> None:
        sensitive, backend = self.stack.root.secret_variables, self.stack.backend_config
        learn_variables(self.secrets, values, sensitive)
        code = (file for file in module_files(self.workdir.folder) if file.name.endswith(CODE))
        learn_files(self.secrets, (*code, *self.stack.var_files), sensitive)
        if isinstance(backend, Path):
            learn_files(self.secrets, [backend])
        else:
            learn_variables(self.secrets, backend, ())

    def _failure(self, kind: type[CommandFailed], child: Child, code: int) -> TerraformError:
        """An error may tell what the state has; one that cannot be read, Terraform has complained about itself."""
        if kind in (PlanFailed, ApplyFailed, ImportFailed):
            with contextlib.suppress(Exception):
                self.state()
        return failure(kind, self.stack.name, child.stdout, code, self.secrets.scrub)

    def state_text(self) -> str | None:
        """The state as it is written; it holds secrets."""
        return read_text(self.stack.backend, self.s3, self._pull)

    def _pull(self) -> str:
        """The state's text from a backend only Terraform reads; no provider is loaded. Straight into memory, as a state
        holds secrets."""
        if not self.workdir.is_initialised(self.sources):
            write_cli_configuration(self.workdir.cli_configuration, self.sources.mirror)
            self.init()
        line = self._lines.cmd("state pull")
        answer = run(line, cwd=self.workdir.folder, env=self._environment, timeout=_SHOW_SECONDS)
        if answer.returncode != 0:
            said = [part.strip("│╷╵ ") for part in answer.stderr.splitlines()]
            raise PullFailed(self.stack.name, [f"  {self.secrets.scrub(part)}" for part in said if part])
        return answer.stdout

    def _to_end(self, kind: type[CommandFailed], line: Sequence[str]) -> None:
        """Run a command that needs no journal."""
        child = start(line, cwd=self.workdir.folder, env=self._environment, stdout=self.workdir.output)
        with stopped_on_exit(child, self.patience, self.tell):
            code = child.wait()
        if code != 0:
            raise self._failure(kind, child, code)

    @contextmanager
    def _journaled(
        self, line: Sequence[str], what: str, creates: Mapping[str, PlannedCreate]
    ) -> Iterator[tuple[Child, LockWatch]]:
        """Run a command that takes the state's lock; its journal is there as long as it is not known to have ended."""
        self._started += 1
        name = f"{self.run}-{self._started}-{what}"
        output = self.workdir.journal / f"{name}.jsonl"
        watch = LockWatch(self.stack.backend, self.s3, self.dynamodb, self.run)
        child = start(line, cwd=self.workdir.folder, env=self._environment, stdout=output)
        try:
            # A Terraform without a journal is stopped as any other: a full disk may keep us from opening one.
            with stopped_on_exit(child, self.patience, self.tell):
                mark = started_at(child.pid)
                journal = open_journal(
                    self.workdir.journal, name, child.pid, mark, self._provider, creates, watch.since
                )
                watch.follow(journal)
                yield child, watch
        finally:
            with told_once():
                code = ensure_ended(child, self.patience, self.tell)
                if code >= 0:
                    watch.end()
                self._close(watch.journal, code)

    def _close(self, journal: Journal | None, code: int) -> None:
        """Forget a command whose work the state holds; what it left in doubt is kept for the next run."""
        self.workdir.close_to_others()
        caught = errored.catch(self.workdir)
        if caught is not None:
            self.tell(f"Terraform could not save its state. It is kept in {caught}, and the next run pushes it.")
        if journal is not None and code not in (0, _CHANGES) and code > 0 and not journal.tells_why:
            with contextlib.suppress(OSError):
                journal = journal.with_gaps()
        if journal is None or code < 0 or caught is not None:
            return
        if code in (0, _CHANGES) or not (self._is_in_doubt(journal) or self._left_its_lock(journal)):
            journal.settle()

    def _is_in_doubt(self, journal: Journal) -> bool:
        """Whether something was created, or begun, that the state does not have."""
        try:
            return bool(journal.lost(frozenset()) and journal.lost(self.state().addresses))
        except Exception:  # noqa: BLE001 - whatever keeps the state from being read, the next run has to look
            return True

    def _left_its_lock(self, journal: Journal) -> bool:
        """Whether Terraform has ended and could not give back its lock."""
        backend = self.stack.backend
        try:
            locks = read_locks(backend, self.s3, self.dynamodb) if isinstance(backend, S3Backend) else []
        except Exception:  # noqa: BLE001 - whatever keeps a lock from being read, the next run has to look
            return True
        return any(judge(lock, [journal]) is Verdict.RELEASE for lock in locks)

    def _checked(self, kind: type[CommandFailed], child: Child, allowed: Sequence[int]) -> int:
        code = child.wait()
        if code not in allowed:
            raise self._failure(kind, child, code)
        return code
