"""`buildkit dev`: the demo's platform brought up, then Dagster's UI on loopback until Ctrl-C."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out
from buildkit_dagster.commands.demo import ending_on_sigterm, say_since
from buildkit_dagster.commands.doctor import check_machine


def run(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the UI on 127.0.0.1.")] = 3000,
    env: EnvironmentOption = None,
) -> None:
    """Bring infrastructure and data up, then serve the UI; Ctrl-C ends all of it."""
    from buildkit_dagster.defs.demo import bring_up, local_platform
    from buildkit_dagster.defs.services import refuse_taken_port, webserver

    opened = open_platform(env, otherwise="dev")
    check_machine(opened.process)
    refuse_taken_port(port)
    platform, process = opened.platform, opened.process
    say = say_since(time.monotonic())
    with ending_on_sigterm(), local_platform(platform, process, say) as local:
        with contextlib.suppress(KeyboardInterrupt):
            bring_up(local)
            with webserver(platform, process, port) as address:
                out.print(f"Dagster's UI: {address}   (Ctrl-C ends everything)")
                while True:
                    local.report()
                    time.sleep(1)
        out.print("Ending ...")
