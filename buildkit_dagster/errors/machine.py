"""The machine or the process environment is not as it should be: programs, ports, credentials, the emulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildkit_dagster.errors.base import EnvironmentProblem


class EmulatorNotRunning(EnvironmentProblem):
    """An emulated platform is used while its emulator is not running."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"the emulator of {environment!r} is not running; start it: buildkit emulator start --env {environment}"
        )


class LocalPlatformRuns(EnvironmentProblem):
    """A second demo was started beside one that runs."""

    def __init__(self, folder: Path, environment: str) -> None:
        super().__init__(
            f"`buildkit demo` or `buildkit dev` runs in {folder} already, with {environment}'s emulator and Dagster "
            "home; wait for its end, or end it with Ctrl-C where it was started"
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


class GoogleNotEmulated(EnvironmentProblem):
    """An emulated environment uses a service of Google's and nothing on this machine stands for it."""

    def __init__(self, service: str, variable: str, endpoint: str | None) -> None:
        found = f"{variable} is {endpoint}" if endpoint else f"{variable} is not set"
        super().__init__(
            f"this environment is emulated and talks to loopback addresses only, and {found}: nothing stands for "
            f"Google's {service} here. Set it to a local stand-in (http://127.0.0.1:PORT), give the job "
            "`runtime: {type: local}`, or set the environment's `cloud: aws` in config/platform.yaml"
        )


class StackNotEmulated(EnvironmentProblem):
    """A stack of Google Cloud in an emulated environment; only AWS is emulated."""

    def __init__(self, stack: str) -> None:
        super().__init__(
            f"stack {stack} makes infrastructure in Google Cloud, and this environment emulates AWS alone; nothing was "
            "made. Give its jobs `runtime: {type: local}` here, or use an environment with `cloud: aws`"
        )


class GoogleIsLoopback(EnvironmentProblem):
    """A real environment was pointed at a stand-in for Google."""

    def __init__(self, service: str, variable: str, endpoint: str) -> None:
        super().__init__(
            f"{variable} is {endpoint}, a stand-in on this machine, but this environment is real; unset it to reach "
            f"Google's {service}, or set the environment's `cloud: emulator` in config/platform.yaml"
        )


class GoogleCredentialsMissing(EnvironmentProblem):
    """Google's libraries find nobody to act as."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"no Google credentials: {reason}. Log in (gcloud auth application-default login), set "
            "GOOGLE_APPLICATION_CREDENTIALS to a credentials file, or run where a service account is attached"
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


class DemoIncomplete(EnvironmentProblem):
    """The local platform did not come up; `findings` say what failed and what is missing."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("the local platform is not complete: " + "; ".join(findings))
