"""The leading process of one build: runs the phases' commands in order and reports each phase.

Started as a file by `codebuild`, so it imports the standard library only. `leader.py FOLDER` reads `FOLDER/plan.json`
({"shell", "cwd", "phases": [{"name", "commands", "finally", "on_failure"}], "exported"}) and appends to
`FOLDER/events.jsonl`. As in CodeBuild each command has a shell of its own that hands variables, exported or not, and
its working folder on to the next, and a failed BUILD is followed by POST_BUILD.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: The command runs with `set -a`, so that plain assignments reach the next one; a failing command keeps its status.
_SCRIPT = """\
cd "$(cat {folder}/cwd)" || exit 1
. {folder}/env
export CODEBUILD_BUILD_SUCCEEDING={succeeding}
set -a
{command}
_status=$?
export -p | grep -v '^\\(export\\|declare -x\\) _status=' > {folder}/env
pwd > {folder}/cwd
exit $_status
"""


class Leader:
    """One build's commands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
        (folder / "cwd").write_text(self._plan["cwd"])
        (folder / "env").write_text("")
        self._succeeding = True

    def run(self) -> bool:
        """Run all phases; whether none failed."""
        for phase in self._plan["phases"]:
            failure = self._phase(phase)
            if failure is not None and not _goes_on(phase):
                break
        self._report(exported={name: value for name, value in self._exported() if value is not None})
        return self._succeeding

    def _phase(self, phase: dict[str, Any]) -> str | None:
        """Run one phase; what went wrong, None if nothing did."""
        name = phase["name"]
        self._report(phase=name, event="start")
        _say(f"Entering phase {name}")
        failure = self._commands(phase["commands"])
        failure_after = self._commands(phase["finally"])
        failure = failure or failure_after
        self._succeeding = self._succeeding and failure is None
        _say(f"Phase complete: {name} State: {'FAILED' if failure else 'SUCCEEDED'}")
        _say(f"Phase context status code: {'COMMAND_EXECUTION_ERROR' if failure else ''} Message: {failure or ''}")
        self._report(phase=name, event="end", failure=failure)
        return failure

    def _commands(self, commands: list[str]) -> str | None:
        for command in commands:
            _say(f"Running command {command}")
            status = subprocess.run(self._argv(command), stdin=subprocess.DEVNULL, check=False).returncode
            if status != 0:
                said = f"exit status {status}" if status > 0 else f"signal {-status}"
                return f"Error while executing command: {command}. Reason: {said}"
        return None

    def _argv(self, command: str) -> list[str]:
        script = self._folder / "script.sh"
        folder, succeeding = shlex.quote(str(self._folder)), int(self._succeeding)
        script.write_text(_SCRIPT.format(folder=folder, succeeding=succeeding, command=command))
        return [self._plan["shell"], str(script)]

    def _exported(self) -> list[tuple[str, str | None]]:
        return [(name, self._value(name)) for name in self._plan["exported"]]

    def _value(self, name: str) -> str | None:
        (self._folder / "read.sh").write_text(f". {shlex.quote(str(self._folder))}/env\nprintenv {name}\n")
        read = [self._plan["shell"], str(self._folder / "read.sh")]
        found = subprocess.run(read, capture_output=True, text=True, check=False)
        return found.stdout[:-1] if found.returncode == 0 else None

    def _report(self, **event: Any) -> None:
        with (self._folder / "events.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")


def _goes_on(phase: dict[str, Any]) -> bool:
    """Whether later phases may follow this one, which failed."""
    return bool(phase["on_failure"] == "CONTINUE" or (phase["name"] == "BUILD" and phase["on_failure"] is None))


def _say(text: str) -> None:
    now = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
    print(f"[Container] {now} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(0 if Leader(Path(sys.argv[1])).run() else 1)
