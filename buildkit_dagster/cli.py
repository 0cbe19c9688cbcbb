"""`buildkit`: the command line. Commands are in `commands/`; this is the frame that turns errors into one message.

Exit codes: 0 done, 1 failed, 2 the input or the platform folder is wrong, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.commands import (
    adopt,
    apply,
    approve,
    costs,
    dead_letters,
    demo,
    destroy,
    dev,
    doctor,
    drift,
    emulator,
    generate,
    graph,
    init,
    launch,
    locks,
    plan,
    prepare,
    resources,
    schema,
    tags,
    trust,
    validate,
)
from buildkit_dagster.commands.common import err
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.folder import nearest_folder
from buildkit_dagster.errors import BuildkitError, ConfigError
from buildkit_dagster.terraform.redaction import SEEN
from buildkit_dagster.terraform.secret_sources import learn_environment

_INTERRUPTED = 130

app = typer.Typer(
    name="buildkit",
    help="A data platform as one Dagster asset graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    init,
    validate,
    schema,
    graph,
    generate,
    prepare,
    plan,
    approve,
    apply,
    launch,
    locks,
    tags,
    resources,
    costs,
    trust,
    drift,
    adopt,
    destroy,
    doctor,
    demo,
    dev,
):
    app.command(_command.__name__.rpartition(".")[2])(_command.run)
app.add_typer(emulator.app, name="emulator")
app.add_typer(dead_letters.app, name="dead-letters")


def main() -> None:
    """Run the command of this process and exit; a known error is one message, never a traceback."""
    _show_what_the_terminal_can()
    try:
        with told_as_ours():
            app()
    except ConfigError as error:
        _stop(str(error), 2)
    except BuildkitError as error:
        _stop(str(error), 1)
    except SystemExit as end:
        # Typer makes this of a KeyboardInterrupt, and says nothing.
        if end.code != _INTERRUPTED:
            raise
        _stop("interrupted", _INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last frame: whatever it is, the user gets one line and the log's place
        _stop(f"unexpected {type(error).__name__}: {_first_line(error)}; {_write_log()}", 1)


def _show_what_the_terminal_can() -> None:
    """A name with an accent must not end a command because the terminal's encoding has none."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _stop(message: str, code: int) -> None:
    err.print(f"buildkit: {_without_secrets(message)}")
    sys.exit(code)


def _without_secrets(text: str) -> str:
    """Those any run of this process has met, and those of its environment."""
    learn_environment(SEEN, read_environment().variables)
    return SEEN.scrub(text)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["(no message)"])[0]


def _write_log() -> str:
    """Append the current traceback to the platform folder's log, else to one in the temporary folder; say to which."""
    text = f"--- {datetime.now(UTC).isoformat()}\n{_without_secrets(traceback.format_exc())}"
    for log in _logs():
        with contextlib.suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
                file.write(text)
            return f"details are in {log}"
    return "no log of it could be written"


def _logs() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        if folder := nearest_folder(Path.cwd()):
            yield folder / ".buildkit" / "error.log"
        yield Path(tempfile.gettempdir()) / "buildkit-error.log"
