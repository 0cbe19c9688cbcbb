"""Every exception of the package, the tree drawn here; classes take data and build their own message.

BuildkitError
├── RetryableFailure        mixed into those that pass by themselves
├── ConfigError             the platform folder is wrong: file, line, path, what is allowed
│   ├── PlatformFolderNotFound, NotAPlatformFolder
│   ├── NoEnvironment, UnknownEnvironment, EnvironmentNotDescribed
│   ├── InvalidPlatform     everything that is wrong in the folder's files, at once
│   ├── ManifestMissing     a dbt project was not prepared
│   ├── DbtParseFailed      dbt cannot read a project
│   ├── CommandNotLocal     `runtime: local` runs plain dbt commands only
│   ├── CommandNotNarrowable    a project's command cannot run a part of the project
│   ├── ContextMissing      an image's build context is not there
│   ├── NoSuchStack, NoUnitSelected     what a command for units cannot be asked for
│   ├── UnknownJob, UnknownPartition, EmptySelection, InvalidSelection      what `buildkit launch` cannot be asked for
│   ├── PolicyBroken, PoliciesMissing       a Rego file of the user's cannot be evaluated, or their folder is not there
│   ├── PolicyBroken        a Rego file of the user's cannot be read or evaluated
│   ├── FolderNotEmpty      `buildkit init` would overwrite something
│   └── NotAnEmulatedEnvironment    a command for emulated environments was given another
├── EnvironmentProblem      the machine or the process environment is wrong
│   ├── DataMissing             the installation lacks files that belong to it (data.py)
│   ├── EmulatorNotRunning      an emulated platform is used while its emulator is not running
│   ├── ServiceDidNotStart      a Dagster process ended or did not answer
│   ├── PortTaken               something else listens where the web server should
│   ├── DemoIncomplete          the local platform did not come up: what failed, what is missing
│   ├── RunNotTaken             a queued run stayed in the queue
│   ├── DoctorRefused           `buildkit doctor --check` found what must be installed or set first
│   ├── DbtPackagesNotInstalled     `dbt deps` failed, as it does without dbt's package hub
│   ├── EndpointNotLoopback, EndpointIsLoopback     emulated and real accounts are kept apart
│   ├── IdentityUnknown         the cloud does not say who we are
│   └── TerraformMissing, ProviderUnavailable       what Terraform needs cannot be had
├── TerraformError          a Terraform run did not do what was asked
│   ├── InvalidRoot             a root cannot be read, or what is asked of it contradicts itself
│   ├── StackLoop               a way leaves a stack and comes back to it
│   ├── UpstreamOutputMissing, UpstreamOutputSensitive      an input from another stack cannot be had
│   ├── SelectionTooNarrow      the plan changes more than was selected
│   ├── CloudRefused, CloudUnavailable      a request of ours beside Terraform failed (the latter retryable)
│   ├── StateLocked             somebody else holds the state's lock (retryable)
│   ├── StackInUse, DestroyStopped, DestroyNeedsYes     what `buildkit destroy` refuses, or could not finish
│   ├── UnitsNotReported        Terraform ended well without completing what was selected
│   ├── StateNotReadable        only Terraform reads this state, and nobody gave one
│   ├── BackendUnsafe           a store that gives one lock to two writers
│   ├── CreationsUnknown        what a dead Terraform made, or began to make, and cannot be found or imported
│   ├── ErroredStateRefused     a state Terraform could not save does not follow from the stored one
│   ├── StatesDiverge, StateNotMoved    a state lies in two places, or did not arrive where it was moved
│   ├── PlanRefused             a gate denies the plan
│   ├── ApprovalNeeded          a gate asks for an approval that nobody gave yet
│   ├── ApprovalRefused         an approval cannot be given, or is there and does not count
│   │   ├── NoApprovers, ApprovalKeyMissing, NotAnApprover, ApprovalBySelf, NothingToApprove    it cannot be given
│   │   └── ApprovalForged, ApprovalOfAnother, ApprovalExpired, ApprovalUsed    it does not count
│   ├── PlanNotFound, PlanExpired, PlanApplied, PlanSpeculative     a stored plan that cannot be applied (any more)
│   ├── NotPlannable            an input of a root is only planned, and the root cannot be planned with it
│   ├── PlanChanged             what a stored plan was made from is not the same any more
│   └── CommandFailed           Terraform said no: address, file:line, the provider's text
│       ├── InitFailed, PlanFailed, ApplyFailed, ImportFailed, PullFailed, PushFailed
│       │   └── InitHeldUp, PlanHeldUp, ApplyHeldUp, ImportHeldUp, PullHeldUp, PushHeldUp     each retryable
│       └── Interrupted         Terraform was ended from outside
├── EmulatorError           the local AWS could not do what was asked
│   ├── EmulatorDidNotStart     its process ended or did not answer (emulator/control.py)
│   ├── EmulatorAlreadyRuns     there is one for this folder (emulator/control.py)
│   ├── EmulatorCallRefused     one of its own calls was answered with an error (emulator/control.py)
│   ├── HostNotLoopback         it was told to listen where others could reach it (emulator/settings.py)
│   └── BuildspecRefused, SourceRefused, UnreadableReference
│                               why a build or task could not start (emulator/executors/)
└── RuntimeFailure          a job's remote work failed, timed out or was stopped
    ├── BuildProjectMissing     a CodeBuild project is not there yet
    ├── BuildFailed             a CodeBuild build failed: phase, exit code, log link
    ├── BuildStopped            a CodeBuild build was stopped by someone else
    ├── BuildDeadlinePassed     a CodeBuild build ran longer than its timeout
    ├── DbtFailed               dbt failed on this machine
    ├── NothingBuilt            a build succeeded without what was selected
    ├── ImageNotPushed          a build succeeded and the registry does not have its image
    ├── UnreadableFile          a raw file is not what its table's columns declare
    ├── ObjectChanged           a raw file was replaced while it was read (retryable)
    ├── WarehouseBusy           another process writes to the DuckDB file (retryable)
    ├── LoadFailed              dlt could not load into the warehouse
    ├── WarehouseDriverMissing  the image cannot load into this kind of warehouse
    ├── NoPipesSession          an entrypoint was started by hand
    ├── InfrastructureMissing   a job's units are not there yet
    ├── InfrastructureOutOfOrder    a check stops the jobs that rest on its unit
    ├── NothingReported         a job ended well and said nothing of its table
    ├── TaskNotStarted          ECS refused the task
    │   └── TaskNotPlaced           it had no room for it (retryable)
    ├── TaskFailed              a job's container ended with another exit code than 0
    └── TaskDeadlinePassed      a job's container ran longer than its timeout and was stopped

Messages name the culprit, the place, what is allowed and the fix. The classes that are RetryableFailures too pass by
themselves: the same call may succeed later without a change. All others stay until something changes. Errors are raised
where the fact is known and caught in the CLI and in `defs/` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from buildkit_dagster.config.problems import Problem


class BuildkitError(Exception):
    """Base of all errors that a user may see; `str()` is one complete message. Permanent, unless it says otherwise."""

    #: Decided by the class; see RetryableFailure.
    retryable: ClassVar[bool] = False


class RetryableFailure(BuildkitError):
    """Mixed into errors that pass by themselves."""

    retryable = True


class ConfigError(BuildkitError):
    """The platform folder says something that is not allowed."""


class PlatformFolderNotFound(ConfigError):
    def __init__(self, start: Path) -> None:
        super().__init__(
            f"no platform folder: neither {start} nor a parent of it holds config/platform.yaml. Go to your platform "
            "folder, name it in BUILDKIT_PROJECT, or make one: buildkit init NAME"
        )


class NotAPlatformFolder(ConfigError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"BUILDKIT_PROJECT is {folder}, which holds no config/platform.yaml. Name a platform folder there, or "
            "unset it to use the nearest parent folder that is one"
        )


class NoEnvironment(ConfigError):
    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(
            f"no environment chosen: set BUILDKIT_ENV or give --env; allowed: {', '.join(allowed)}. There is no default"
        )


class UnknownEnvironment(ConfigError):
    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{name!r} is not an environment; BUILDKIT_ENV and --env allow: {', '.join(allowed)}")


class EnvironmentNotDescribed(ConfigError):
    def __init__(self, name: str, file: Path, described: Sequence[str]) -> None:
        super().__init__(
            f"{file} has no entry environments.{name}; it describes: {', '.join(described) or 'none'}. "
            "Choose one of these with BUILDKIT_ENV or --env, or add the entry"
        )


class InvalidPlatform(ConfigError):
    """`problems` are all problems of the folder, each with file, line and path."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NoSuchStack(ConfigError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no stack {name!r}; allowed: {', '.join(known)}")


class NoUnitSelected(ConfigError):
    def __init__(self, selection: str, stack: str | None) -> None:
        within = f" of stack {stack}" if stack else ""
        super().__init__(
            f"the selection {selection!r} holds no unit{within}; units are called infra/STACK/UNIT, `buildkit graph` "
            "lists them"
        )


class EnvironmentProblem(BuildkitError):
    """Something that must be installed, running or set outside the platform folder is not."""


class TerraformError(BuildkitError):
    """A Terraform run did not do what was asked."""


class EmulatorError(BuildkitError):
    """The local AWS could not do what was asked."""


class RuntimeFailure(BuildkitError):
    """The remote work of a job failed, passed its deadline or was stopped."""


class UnreadableFile(RuntimeFailure):
    """A raw file is not what its table's columns declare."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}; correct the file, or the columns in the table's entry in config/assets")


class ObjectChanged(RuntimeFailure, RetryableFailure):
    """A raw file was replaced or removed between listing and reading it."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"s3://{bucket}/{key} changed while it was read; nothing was loaded, run the job again")


class WarehouseBusy(RuntimeFailure, RetryableFailure):
    """Another process holds the DuckDB file."""

    def __init__(self, path: str, waited: float, reason: str) -> None:
        super().__init__(
            f"{path} is held by another process, waited {waited:.0f} s: {reason}; end it or run again later"
        )


class LoadFailed(RuntimeFailure):
    """dlt could not load into the warehouse; nothing of this load counts."""

    def __init__(self, table: str, step: str, reason: str) -> None:
        super().__init__(f"dlt could not load {table} (step `{step}`): {reason}")


class WarehouseDriverMissing(RuntimeFailure):
    """The image cannot load into this kind of warehouse."""

    def __init__(self, warehouse: str, module: str) -> None:
        super().__init__(
            f"cannot load into {warehouse}: Python module `{module}` is missing; add dlt[{warehouse}] to the image"
        )


class NoPipesSession(RuntimeFailure):
    """An entrypoint was started without what Dagster hands it."""

    def __init__(self) -> None:
        super().__init__(
            "this is the inside of an ingest job and has no Pipes session; materialize the table in Dagster"
        )


class InfrastructureMissing(RuntimeFailure):
    """A job's infrastructure has not been made, or its state has no outputs of it."""

    def __init__(self, table: Sequence[str], unit: Sequence[str]) -> None:
        super().__init__(
            f"{'/'.join(table)} needs {'/'.join(unit)}, which is not there: materialize it first, "
            "for example with `buildkit launch infrastructure --wait`"
        )


class InfrastructureOutOfOrder(RuntimeFailure):
    """Checks on units that a job rests on have failed; nothing was started."""

    def __init__(self, assets: Sequence[str], checks: Sequence[str]) -> None:
        shown = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "")
        listed = "".join(f"\n  - {check}" for check in checks)
        super().__init__(
            f"{shown} not started, because infrastructure below is out of order:{listed}\n"
            "Put it right, then start again; `buildkit launch drift --wait` looks at drift once more."
        )


class NothingReported(RuntimeFailure):
    """A job ended with exit code 0 and reported no materialization."""

    def __init__(self, table: Sequence[str]) -> None:
        super().__init__(
            f"the job of {'/'.join(table)} ended well and reported nothing; its image must run "
            "buildkit_dagster.runtimes.entrypoints.ingest, or report through Dagster Pipes itself"
        )


class TaskNotStarted(RuntimeFailure):
    """ECS refused the task or could not place it."""

    def __init__(self, family: str, reason: str) -> None:
        super().__init__(f"ECS did not start a task of {family}: {reason}")


class TaskNotPlaced(TaskNotStarted, RetryableFailure):
    """ECS had no room for the task, or no time for us."""


class TaskFailed(RuntimeFailure):
    """A job's container ended with another exit code than 0; `exit_code` None: it never ran or was killed."""

    def __init__(self, family: str, task: str, exit_code: int | None, reason: str, tail: Sequence[str]) -> None:
        code = "without an exit code" if exit_code is None else f"with exit code {exit_code}"
        log = "".join(f"\n  | {line}" for line in tail) or " (its log is empty)"
        super().__init__(f"task {task} of {family} ended {code}: {reason}; end of its log:{log}")
        self.exit_code = exit_code


class TaskDeadlinePassed(RuntimeFailure):
    """A job's container ran longer than its timeout and was stopped."""

    def __init__(self, family: str, task: str, seconds: float) -> None:
        super().__init__(
            f"task {task} of {family} passed its deadline of {seconds:.0f} s and was stopped; nothing is half loaded. "
            "A longer one: `infrastructure.runtime.timeout` in the job's file"
        )


class ManifestMissing(ConfigError):
    """Definitions read dbt's manifest and never make it."""

    def __init__(self, project: str, manifest: Path) -> None:
        super().__init__(f"dbt project {project!r} has no manifest at {manifest}; make it with: buildkit prepare")


class DbtParseFailed(ConfigError):
    """`dbt parse` said no; the message is dbt's own."""

    def __init__(self, project: str, folder: Path, message: str) -> None:
        super().__init__(f"dbt cannot read project {project!r} in {folder}:\n{message}")


class DbtPackagesNotInstalled(EnvironmentProblem):
    """`dbt deps` failed."""

    def __init__(self, project: str, file: Path, message: str) -> None:
        super().__init__(
            f"the packages of dbt project {project!r} ({file}) cannot be installed. Make dbt's package hub reachable, "
            f"or commit dbt_packages/ with the project:\n{message}"
        )


class CommandNotNarrowable(ConfigError):
    """A partial run would run more than what was selected."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(
            f"cannot run a part of the project with the command {command!r}: {reason}. Run the whole project, or write "
            "it in `commands` as plain dbt commands, one each"
        )


class CommandNotLocal(ConfigError):
    """`runtime: local` starts dbt without a shell, from the project's local folder."""

    def __init__(self, project: str, command: str) -> None:
        super().__init__(
            f"dbt project {project!r} has `runtime: local`, which cannot run {command!r}: it needs `path`, the "
            "project's folder, and plain dbt commands without shell operators or variables. Or use `runtime: codebuild`"
        )


class ContextMissing(ConfigError):
    """An image's build context or Dockerfile is not where the platform says."""

    def __init__(self, image: str, path: Path) -> None:
        super().__init__(f"image {image!r}: {path} does not exist; correct images.{image} in config/platform.yaml")


class BuildProjectMissing(RuntimeFailure):
    """A build was asked for before the project it runs in was made."""

    def __init__(self, project: str) -> None:
        super().__init__(f"CodeBuild project {project} does not exist; materialize the infra/ assets upstream first")


class BuildFailed(RuntimeFailure):
    """A CodeBuild build ended in another way than success; `tail` is the end of what it said went wrong."""

    def __init__(
        self,
        build: str,
        status: str,
        phase: str,
        exit_code: int | None,
        reason: str,
        log: str,
        tail: Sequence[str] = (),
    ) -> None:
        code = "" if exit_code is None else f" with exit code {exit_code}"
        said = "".join(f"\n  | {line}" for line in tail)
        super().__init__(f"build {build} ended {status} in phase {phase}{code}: {reason}\n  log: {log}{said}")
        self.exit_code = exit_code
        self.phase = phase


class BuildStopped(RuntimeFailure, RetryableFailure):
    """A CodeBuild build was stopped, and not by us."""

    def __init__(self, build: str, log: str) -> None:
        super().__init__(f"build {build} was stopped from outside this run; run again\n  log: {log}")


class BuildDeadlinePassed(RuntimeFailure):
    """A CodeBuild build ran or waited longer than it may."""

    def __init__(self, build: str, minutes: float, log: str) -> None:
        super().__init__(
            f"build {build} passed its deadline of {minutes:.0f} minutes and was stopped. A longer one: `timeout` of "
            f"the project in config/codebuild-config.yml\n  log: {log}"
        )


class DbtFailed(RuntimeFailure):
    """dbt ended with another exit code than 0; `errors` are its own messages."""

    def __init__(self, project: str, command: str, exit_code: int, errors: Sequence[str]) -> None:
        said = "".join(f"\n  | {line}" for error in errors for line in error.splitlines() if line.strip())
        super().__init__(f"{command!r} of dbt project {project!r} ended with exit code {exit_code}{said}")
        self.exit_code = exit_code


class NothingBuilt(RuntimeFailure):
    """The project's commands do not reach what was selected."""

    def __init__(self, project: str, keys: Sequence[str], commands: Sequence[str]) -> None:
        super().__init__(
            f"the commands of dbt project {project!r} succeeded without reporting {', '.join(keys)}. They are: "
            f"{'; '.join(commands)}. Either none of them selects it, or one sets another --log-format than json"
        )


class ImageNotPushed(RuntimeFailure):
    """A build succeeded and its image is not in the registry."""

    def __init__(self, repository: str, tag: str, build: str) -> None:
        super().__init__(f"build {build} succeeded, but {repository} has no image {tag}; see the build's log")


class UnknownJob(ConfigError):
    """A job that this platform does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no job {name!r}; the jobs of this platform are {', '.join(known)}")


class EmptySelection(ConfigError):
    """A selection that holds no asset of the job."""

    def __init__(self, selection: str, job: str) -> None:
        super().__init__(f"the selection {selection!r} holds no asset of job {job!r}; `buildkit graph` lists the keys")


class InvalidSelection(ConfigError):
    """A selection that is not written in Dagster's syntax."""

    def __init__(self, selection: str) -> None:
        super().__init__(
            f'{selection!r} is not a selection in Dagster\'s syntax, which is like key:"flights/*", group:registry or '
            'key:"image/platform"+'
        )


class UnknownPartition(ConfigError):
    """A partition that no asset of the job has."""

    def __init__(self, partition: str, job: str, known: Sequence[str]) -> None:
        super().__init__(
            f"job {job!r} has no partition {partition!r}; it has: {', '.join(known) or 'none'}. A partition is added "
            "when its data arrives; without --partition the job takes all data there is"
        )


class FolderNotEmpty(ConfigError):
    """`buildkit init` was given a folder that holds something."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists and is not empty; name a new folder: buildkit init NAME")


class NotAnEmulatedEnvironment(ConfigError):
    """A command that works on emulated environments only was given another."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"the environment {environment!r} has no emulator: its entry in config/platform.yaml says `cloud: aws`; "
            "choose one that says `cloud: emulator` with --env"
        )


class EmulatorNotRunning(EnvironmentProblem):
    """An emulated platform is used while its emulator is not running."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"the emulator of {environment!r} is not running; start it: buildkit emulator start --env {environment}"
        )


class ServiceDidNotStart(EnvironmentProblem):
    """A Dagster process ended or did not answer."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"Dagster's {name} did not start; the reason is in {log}")


class PortTaken(EnvironmentProblem):
    """Something else listens where the web server should."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken; choose another with --port")


class RunNotTaken(EnvironmentProblem):
    """A queued run stayed in the queue."""

    def __init__(self, run_id: str, seconds: float) -> None:
        super().__init__(f"run {run_id} is still queued after {seconds:.0f} seconds; is a Dagster daemon running?")


class DoctorRefused(EnvironmentProblem):
    """What must be installed or set before anything else can work; `findings` are complete sentences."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))


# --- cloud and Terraform -------------------------------------------------------------------------------------------


class EndpointNotLoopback(EnvironmentProblem):
    """An emulated environment was pointed at another machine."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"AWS_ENDPOINT_URL is {endpoint}, but this environment is emulated and talks to loopback addresses only "
            "(127.0.0.1, ::1, localhost); unset it, or set the environment's `cloud: aws` in config/platform.yaml"
        )


class EndpointIsLoopback(EnvironmentProblem):
    """A real environment was pointed at an emulator."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"AWS_ENDPOINT_URL is {endpoint}, an emulator, but this environment is a real AWS account; unset it, or "
            "set the environment's `cloud: emulator` in config/platform.yaml"
        )


class IdentityUnknown(EnvironmentProblem):
    """The account does not tell whose credentials these are."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a stored plan records who asked for it, and AWS does not say who that is: {reason}. Check the "
            "credentials: aws sts get-caller-identity"
        )


class TerraformMissing(EnvironmentProblem):
    """There is no terraform binary, or it is too old."""

    def __init__(self, found: str, minimum: str) -> None:
        super().__init__(
            f"Terraform {minimum} or newer is needed and {found}; install it from "
            "https://developer.hashicorp.com/terraform/install and put `terraform` on PATH"
        )


class ProviderUnavailable(EnvironmentProblem):
    """Neither a filesystem mirror nor the registry has the provider."""

    def __init__(self, provider: str, looked_in: Sequence[Path], registry: str) -> None:
        places = ", ".join(str(place) for place in looked_in) or "none"
        super().__init__(
            f"the Terraform provider {provider} cannot be had: no filesystem mirror holds it (looked in: {places}) and "
            f"{registry} does not answer; set BUILDKIT_PROVIDER_MIRROR to a folder that holds {provider}/..., "
            "or allow this machine to reach the registry"
        )


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


class PolicyBroken(ConfigError):
    """A policy of the user's own is no valid Rego; no plan is judged with the others alone."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}. Correct the policy; no plan passes while it cannot be read")


class PoliciesMissing(ConfigError):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"there is no folder {folder} of policies; make it, or correct `gates.rego`")


class PlanRefused(TerraformError):
    """A gate denies the plan; it is kept, and nothing was applied. `verdicts` are texts, the denying ones."""

    def __init__(self, stack: str, digest: str, verdicts: Sequence[str]) -> None:
        self.digest = digest
        self.verdicts = tuple(verdicts)
        super().__init__(
            f"stack {stack!r}: plan {digest} is refused and nothing was applied:{_listed(verdicts)}\n"
            "Correct the configuration and plan again; which gates apply is `gates` of the environment in "
            "config/platform.yaml (of TerraformCliResource without a platform)"
        )


class ApprovalNeeded(TerraformError):
    """A gate asks for an approval of the plan, which is kept; nothing was applied."""

    def __init__(self, stack: str, digest: str, verdicts: Sequence[str], way: str) -> None:
        self.digest = digest
        self.verdicts = tuple(verdicts)
        why = _listed(verdicts) or " every change does"
        super().__init__(f"stack {stack!r}: plan {digest} needs an approval and nothing was applied:{why}\n{way}")


class ApprovalRefused(TerraformError):
    """An approval cannot be given, or does not count."""


class NoApprovers(ApprovalRefused):
    def __init__(self, environment: str, digest: str) -> None:
        super().__init__(
            f"environment {environment} names no approvers, so there is no key to sign with: applying exactly this "
            f"plan counts as its approval (`buildkit apply --plan {digest}`). For signed approvals say in "
            "config/platform.yaml who gives them (`approvers`), and apply the bootstrap stack"
        )


class ApprovalKeyMissing(ApprovalRefused):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is no key {key} yet; make it: buildkit launch bootstrap --wait")


class NothingToApprove(ApprovalRefused):
    def __init__(self, digest: str, known: Sequence[str]) -> None:
        plans = ", ".join(known) or "none"
        super().__init__(f"there is no plan {digest} to approve; stored plans: {plans}. Make one: buildkit plan")


class NotAnApprover(ApprovalRefused):
    """The key's policy does not let this identity sign."""

    def __init__(self, who: str, key: str, reason: str) -> None:
        super().__init__(
            f"{who} may not sign with {key}: {reason}. Only the approver role may; who takes it on is "
            "`approvers` of the environment in config/platform.yaml"
        )


class ApprovalBySelf(ApprovalRefused):
    def __init__(self, digest: str, who: str) -> None:
        super().__init__(f"{who} asked for plan {digest} and cannot approve it (`four_eyes: true`); somebody else must")


class ApprovalForged(ApprovalRefused):
    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(
            f"the approval of plan {digest} is not genuine: {reason}. Nothing was applied; find out who wrote it, then "
            f"approve anew: buildkit approve {digest}"
        )


class ApprovalOfAnother(ApprovalRefused):
    """A genuine approval that says something else than what is to be applied; `field` says where they differ."""

    def __init__(self, digest: str, field: str, approved: str, actual: str) -> None:
        super().__init__(
            f"the approval stored for plan {digest} is of another {field}: {approved}, not {actual}. Approve this plan "
            f"itself: buildkit approve {digest}"
        )


class ApprovalExpired(ApprovalRefused):
    def __init__(self, digest: str, who: str, until: str) -> None:
        super().__init__(
            f"the approval of plan {digest} by {who} ended at {until}; renew it: buildkit approve {digest}"
        )


class ApprovalUsed(ApprovalRefused):
    def __init__(self, digest: str, by: str) -> None:
        super().__init__(
            f"the approval of plan {digest} was used already, by {by}; an approval counts once. Plan again, and have "
            "the new plan approved"
        )


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


class PlanNotFound(TerraformError):
    """No stored plan has this digest; `known` are texts, one for each stored plan."""

    def __init__(self, digest: str, known: Sequence[str]) -> None:
        stored = "".join(f"\n  {line}" for line in known) or " none"
        super().__init__(
            f"there is no stored plan {digest}; stored plans:{stored}\nGive its whole digest or the first 8 signs of "
            "it, or make a new plan: buildkit plan"
        )


class PlanExpired(TerraformError):
    def __init__(self, digest: str, stack: str, expired: str) -> None:
        super().__init__(
            f"plan {digest} of stack {stack!r} expired at {expired}; nothing was applied. Make a new one: "
            f"buildkit plan --stack {stack}. How long plans live is `gates.plan_minutes`"
        )


class PlanApplied(TerraformError):
    """A plan is applied once."""

    def __init__(self, digest: str, stack: str, run: str) -> None:
        super().__init__(
            f"plan {digest} of stack {stack!r} was applied already, by run {run}. Make a new one: "
            f"buildkit plan --stack {stack}"
        )


class PlanSpeculative(TerraformError):
    """A plan that counts on what is only planned itself: `upstream` names stacks, or the bucket of the state."""

    def __init__(self, digest: str, stack: str, upstream: Sequence[str]) -> None:
        first = " and ".join(upstream)
        super().__init__(
            f"plan {digest} of stack {stack!r} is speculative: it counts on {first}, which is only planned, and cannot "
            f"be applied. Once {first} is there, run stack {stack!r}: what it plans then is covered by the approval of "
            "this plan where it says the same"
        )


class PlanChanged(TerraformError):
    """What the plan was made from changed; `parts` are those of its digest that differ."""

    def __init__(self, digest: str, stack: str, parts: Sequence[str]) -> None:
        self.parts = tuple(parts)
        super().__init__(
            f"plan {digest} of stack {stack!r} cannot be applied: since it was made, these changed: "
            f"{', '.join(parts)}. Nothing was applied. Undo that, or make a new plan: buildkit plan --stack {stack}"
        )


class NotPlannable(TerraformError):
    """Outputs of `upstream` are not known before it is applied, and this root cannot be planned without them."""

    def __init__(self, stack: str, upstream: Sequence[str], reason: str) -> None:
        first = " and ".join(upstream)
        super().__init__(
            f"stack {stack!r} takes outputs of {first} that only the apply of {first} will tell, and {reason}. Apply "
            f"{first} first, then plan {stack!r}"
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


class DemoIncomplete(EnvironmentProblem):
    """The local platform did not come up; `findings` say what failed and what is missing."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("the local platform is not complete: " + "; ".join(findings))
