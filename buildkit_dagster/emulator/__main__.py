"""`python -m buildkit_dagster.emulator`: one emulator in this process, until it is told to end.

Only the command line is here; `buildkit emulator` is in the package's command, starting one from Python in `control`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from buildkit_dagster.emulator.settings import Settings, parse_repository

#: moto reads this when it is imported: no list of machine images to load for EC2.
_MOTO = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}


def main() -> None:
    """Parse the command line and serve."""
    os.environ.update(_MOTO)
    settings = parse()
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    from buildkit_dagster.emulator.server import Server

    Server(settings).run()


def parse(argv: list[str] | None = None) -> Settings:
    """The settings a command line gives; ends with exit code 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m buildkit_dagster.emulator", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--host", default=Settings.host)
    parser.add_argument("--port", type=int, default=Settings.port, help="0 takes a free one")
    parser.add_argument("--lifetime", type=float, help="seconds after which it ends by itself")
    parser.add_argument("--owner-pid", type=int, help="it ends when this process is gone")
    parser.add_argument("--no-clock", action="store_true", help="schedules fire only when they are told to")
    parser.add_argument(
        "--repository",
        type=parse_repository,
        action="append",
        default=[],
        metavar="ORGANIZATION/NAME=FOLDER",
        help="the folder builds get when they check out this GitHub repository",
    )
    given = parser.parse_args(argv)
    return Settings(
        state_dir=given.state_dir.absolute(),
        host=given.host,
        port=given.port,
        lifetime=given.lifetime,
        owner=given.owner_pid,
        clock=not given.no_clock,
        repositories=dict(given.repository),
    )


if __name__ == "__main__":
    main()
