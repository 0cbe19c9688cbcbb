"""`buildkit emulator`: start, stop and ask the local AWS of an emulated environment."""

from __future__ import annotations

from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, Opened, open_platform, out
from buildkit_dagster.config.models import Platform
from buildkit_dagster.emulator.control import Emulator, running_emulator, start_emulator, stop_emulator
from buildkit_dagster.errors import EmulatorNotRunning, NotAnEmulatedEnvironment

app = typer.Typer(help="The local AWS of an emulated environment.", no_args_is_help=True)


@app.command()
def start(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on loopback; 0 takes a free one.")] = 0,
    env: EnvironmentOption = None,
) -> None:
    """Start the emulator in the background; it serves until `buildkit emulator stop`."""
    opened = _emulated(env)
    started = start_emulator(
        state_dir=opened.platform.work, repositories=opened.platform.emulated_repositories, port=port
    )
    out.print(f"The emulator serves {started.endpoint} (process {started.pid}).")


@app.command()
def stop(env: EnvironmentOption = None) -> None:
    """End the emulator and everything it runs; what it held is gone."""
    stop_emulator(_running(_emulated(env).platform))
    out.print("The emulator has ended.")


@app.command()
def status(env: EnvironmentOption = None) -> None:
    """Print where the emulator serves; exits 1 when it does not."""
    running = _running(_emulated(env).platform)
    out.print(f"The emulator serves {running.endpoint} (process {running.pid}).")


@app.command("approve-connection")
def approve_connection(
    arn: Annotated[str, typer.Argument(help="The ARN of the CodeConnection.")], env: EnvironmentOption = None
) -> None:
    """Do what a person does in the console: take a CodeConnection from PENDING to AVAILABLE."""
    _running(_emulated(env).platform).approve_connection(arn)
    out.print(f"{arn} is available.")


def _emulated(environment: str | None) -> Opened:
    opened = open_platform(environment)
    if opened.platform.config.cloud != "emulator":
        raise NotAnEmulatedEnvironment(opened.platform.environment)
    return opened


def _running(platform: Platform) -> Emulator:
    running = running_emulator(platform.work)
    if running is None:
        raise EmulatorNotRunning(platform.environment)
    return running
