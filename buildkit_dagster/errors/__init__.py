"""Every exception of the package, the tree drawn here; classes take data and build their own message.

BuildkitError
├── RetryableFailure        mixed into those that pass by themselves
├── ConfigError             the platform folder is wrong: file, line, path, what is allowed
│   ├── PlatformFolderNotFound, NotAPlatformFolder
│   ├── NoEnvironment, UnknownEnvironment, EnvironmentNotDescribed
│   ├── InvalidPlatform     everything that is wrong in the folder's files, at once
│   ├── ManifestMissing     a dbt project was not prepared
│   ├── DbtParseFailed      dbt cannot read a project
│   ├── CommandNotLocal, StateNotLocal, RefNotLocal  what `runtime: local` does not do
│   ├── NothingScheduled    a schedule's selection is empty
│   ├── NotADbtJob          `--state`, `--ref` or `--var` was asked of another job
│   ├── InvalidVariable     `--var` is no assignment
│   ├── CommandNotNarrowable    a project's command cannot run a part of the project
│   ├── ContextMissing      an image's build context is not there
│   ├── NoSuchStack, NoUnitSelected     what a command for units cannot be asked for
│   ├── NoSuchQueue         a bucket's events go to no queue
│   ├── UnknownJob, UnknownPartition, EmptySelection, InvalidSelection      what `buildkit launch` cannot be asked for
│   ├── PolicyBroken, PoliciesMissing       a Rego file of the user's cannot be evaluated, or their folder is not there
│   ├── TagMalformed        `buildkit resources` was given what is no tag
│   ├── GoogleProjectMissing, BillingExportMissing      Google is asked for where nothing of it is configured
│   ├── FolderNotEmpty      `buildkit init` would overwrite something
│   ├── FolderNotWritable      where a command should write it cannot
│   ├── UnknownIngestJob, NothingToGenerate, FlagContradictsJob, FolderHoldsARoot       what `buildkit generate` refuses
│   └── NotAnEmulatedEnvironment    a command for emulated environments was given another
├── EnvironmentProblem      the machine or the process environment is wrong
│   ├── DataMissing             the installation lacks files that belong to it (data.py)
│   ├── EmulatorNotRunning      an emulated platform is used while its emulator is not running
│   ├── LocalPlatformRuns       a second demo beside one that runs
│   ├── ServiceDidNotStart      a Dagster process ended or did not answer
│   ├── PortTaken               something else listens where the web server should
│   ├── DemoIncomplete          the local platform did not come up: what failed, what is missing
│   ├── RunNotTaken             a queued run stayed in the queue
│   ├── DoctorRefused           `buildkit doctor --check` found what must be installed or set first
│   ├── DbtPackagesNotInstalled     `dbt deps` failed, as it does without dbt's package hub
│   ├── EndpointNotLoopback, EndpointIsLoopback     emulated and real accounts are kept apart
│   ├── GoogleNotEmulated, GoogleIsLoopback         so are Google and what stands for it
│   ├── StackNotEmulated        a stack of Google Cloud where only AWS is emulated
│   ├── GoogleCredentialsMissing    Google's libraries find nobody to act as
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
│   ├── PlanDestroys            a plan to destroy is asked of a run
│   ├── NotPlannable            an input of a root is only planned, and the root cannot be planned with it
│   ├── PlanDamaged             the record of a stored plan is not what was stored
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
│   └── BuildspecRefused, SourceRefused, ArtifactsRefused, UnreadableReference
│                               why a build or task could not start (emulator/executors/)
├── NotificationError       somebody could not be told (notify/)
│   ├── SecretMalformed         a channel's secret is not of the format it should have; it is not quoted
│   ├── SlackNeedsChannel       a bot's token says nothing of where to post
│   ├── ResponsePlanNotFound    Incident Manager has no plan of that name
│   └── DeliveryFailed          a service did not take a message
└── RuntimeFailure          a job's remote work failed, timed out or was stopped
    ├── BuildProjectMissing     a CodeBuild project is not there yet
    ├── ConnectionNotAvailable, ConnectionGone      the connection a build needs is not approved, or deleted
    ├── NoCompleteBuild         there is no build yet to compare with
    ├── BuildFailed             a CodeBuild build failed: phase, exit code, log link
    ├── BuildNotRun             a CodeBuild build got no machine: nothing of it has run
    ├── BuildStopped            a CodeBuild build was stopped by someone else
    ├── BuildDeadlinePassed     a CodeBuild build ran longer than its timeout
    ├── DbtFailed               dbt failed on this machine
    ├── NothingBuilt            a build succeeded without what was selected
    ├── ImageNotPushed          a build succeeded and the registry does not have its image
    ├── UnreadableFile          a raw file is not what its table's columns declare
    ├── ContractBroken          columns that were read are not the declared ones
    ├── ObjectChanged           a raw file was replaced while it was read (retryable)
    ├── SourceNotFound          a dlt source is not where its import path says
    ├── SourceFailed            a source of rows could not be read
    │   └── SourceUnavailable       it did not answer, or is busy (retryable)
    ├── SecretUnavailable       a secret of a connector cannot be had
    ├── TargetCannot            a kind of target has no way to do what is asked
    ├── WarehouseBusy           another process writes to the DuckDB file or the table (retryable)
    ├── LoadFailed              dlt could not load into the warehouse
    ├── WarehouseDriverMissing  the image cannot load into this kind of warehouse
    ├── NoPipesSession          an entrypoint was started by hand
    ├── InfrastructureMissing   a job's units are not there yet
    ├── QueueMissing            a bucket's queues are not there yet
    ├── InfrastructureOutOfOrder    a check stops the jobs that rest on its unit
    ├── NothingReported         a job ended well and said nothing of its table
    ├── NotStarted              a vendor refused to start a job's work: nothing of it was done
    │   ├── TaskNotStarted          ECS refused the task
    │   │   └── TaskNotPlaced           it had no room for it (retryable)
    │   ├── FunctionNotStarted      Lambda refused the call of a function, or it never began
    │   │   └── FunctionNotPlaced       there was no room for it (retryable)
    │   └── GoogleJobNotStarted     an execution or a call of a function was refused
    │       └── GoogleJobNotPlaced      there was no room for it (retryable)
    ├── TaskFailed              a job's container ended with another exit code than 0
    ├── GoogleRefused           Google does not allow it, or does not have it
    ├── GoogleUnavailable       it does not answer, or has no room now (retryable)
    ├── GoogleJobBusy           the same function is at work for another run (retryable)
    ├── GoogleJobFailed, GoogleJobStopped, GoogleJobDeadlinePassed      how else it can end
    ├── FunctionFailed, FunctionDeadlinePassed      how else a call can end
    └── TaskDeadlinePassed      a job's container ran longer than its timeout and was stopped

Messages name the culprit, the place, what is allowed and the fix. The classes that are RetryableFailures too pass by
themselves: the same call may succeed later without a change. All others stay until something changes. Errors are raised
where the fact is known and caught in the CLI and in `defs/` only.
"""

from buildkit_dagster.errors.base import (
    BuildkitError,
    ConfigError,
    EmulatorError,
    EnvironmentProblem,
    NotificationError,
    NotStarted,
    RetryableFailure,
    RuntimeFailure,
    TerraformError,
)
from buildkit_dagster.errors.configuration import (
    BillingExportMissing,
    ContextMissing,
    EmptySelection,
    EnvironmentNotDescribed,
    FlagContradictsJob,
    FolderHoldsARoot,
    FolderNotEmpty,
    FolderNotWritable,
    GoogleProjectMissing,
    InvalidPlatform,
    InvalidSelection,
    NoEnvironment,
    NoSuchQueue,
    NoSuchStack,
    NotAnEmulatedEnvironment,
    NotAPlatformFolder,
    NothingToGenerate,
    NoUnitSelected,
    PlatformFolderNotFound,
    TagMalformed,
    UnknownEnvironment,
    UnknownIngestJob,
    UnknownJob,
    UnknownPartition,
)
from buildkit_dagster.errors.dbt import (
    BuildDeadlinePassed,
    BuildFailed,
    BuildNotRun,
    BuildProjectMissing,
    BuildStopped,
    CommandNotLocal,
    CommandNotNarrowable,
    ConnectionGone,
    ConnectionNotAvailable,
    DbtFailed,
    DbtPackagesNotInstalled,
    DbtParseFailed,
    InvalidVariable,
    ManifestMissing,
    NoCompleteBuild,
    NotADbtJob,
    NothingBuilt,
    NothingScheduled,
    RefNotLocal,
    StateNotLocal,
)
from buildkit_dagster.errors.functions import (
    FunctionDeadlinePassed,
    FunctionFailed,
    FunctionNotPlaced,
    FunctionNotStarted,
)
from buildkit_dagster.errors.google import (
    GoogleJobBusy,
    GoogleJobDeadlinePassed,
    GoogleJobFailed,
    GoogleJobNotPlaced,
    GoogleJobNotStarted,
    GoogleJobStopped,
    GoogleRefused,
    GoogleUnavailable,
)
from buildkit_dagster.errors.jobs import (
    ContractBroken,
    ImageNotPushed,
    InfrastructureMissing,
    InfrastructureOutOfOrder,
    LoadFailed,
    NoPipesSession,
    NothingReported,
    ObjectChanged,
    QueueMissing,
    SecretUnavailable,
    SourceFailed,
    SourceNotFound,
    SourceUnavailable,
    TargetCannot,
    TaskDeadlinePassed,
    TaskFailed,
    TaskNotPlaced,
    TaskNotStarted,
    UnreadableFile,
    WarehouseBusy,
    WarehouseDriverMissing,
)
from buildkit_dagster.errors.machine import (
    DemoIncomplete,
    DoctorRefused,
    EmulatorNotRunning,
    EndpointIsLoopback,
    EndpointNotLoopback,
    GoogleCredentialsMissing,
    GoogleIsLoopback,
    GoogleNotEmulated,
    IdentityUnknown,
    LocalPlatformRuns,
    PortTaken,
    ProviderUnavailable,
    RunNotTaken,
    ServiceDidNotStart,
    StackNotEmulated,
    TerraformMissing,
)
from buildkit_dagster.errors.notifications import (
    DeliveryFailed,
    ResponsePlanNotFound,
    SecretMalformed,
    SlackNeedsChannel,
)
from buildkit_dagster.errors.plans import (
    ApprovalBySelf,
    ApprovalExpired,
    ApprovalForged,
    ApprovalKeyMissing,
    ApprovalNeeded,
    ApprovalOfAnother,
    ApprovalRefused,
    ApprovalUsed,
    NoApprovers,
    NotAnApprover,
    NothingToApprove,
    NotPlannable,
    PlanApplied,
    PlanChanged,
    PlanDamaged,
    PlanDestroys,
    PlanExpired,
    PlanNotFound,
    PlanRefused,
    PlanSpeculative,
    PoliciesMissing,
    PolicyBroken,
)
from buildkit_dagster.errors.terraform import (
    ApplyFailed,
    ApplyHeldUp,
    BackendUnsafe,
    CloudRefused,
    CloudUnavailable,
    CommandFailed,
    CreationsUnknown,
    DestroyNeedsYes,
    DestroyStopped,
    ErroredStateRefused,
    ImportFailed,
    ImportHeldUp,
    InitFailed,
    InitHeldUp,
    Interrupted,
    InvalidRoot,
    PlanFailed,
    PlanHeldUp,
    PullFailed,
    PullHeldUp,
    PushFailed,
    PushHeldUp,
    SelectionTooNarrow,
    StackInUse,
    StackLoop,
    StateLocked,
    StateNotMoved,
    StateNotReadable,
    StatesDiverge,
    UnitsNotReported,
    UpstreamOutputMissing,
    UpstreamOutputSensitive,
)
