"""The buildspec of a dbt build: the project's commands, and what dbt wrote kept beside the checkout for the artifacts.

Between the commands a script copies dbt's artifacts out of whatever target folder they are in: a later command
overwrites them. It needs a shell, `find`, `grep` and `cp` of the image, and never fails a build. Which commands run is
decided in `dbt_selection.py`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from buildkit_dagster.runtimes.buildspec import END_OF_LOG, say, write_file
from buildkit_dagster.runtimes.dbt_selection import calls_dbt

#: Beside the checkout, which stays as it is, under a name its repository hardly has.
KEPT = "$CODEBUILD_SRC_DIR/../buildkit.kept"

#: A later command's results overwrite an earlier one's, and `docs generate` writes some too, of nothing it ran: those
#: of each command that runs nodes are kept as `run_results.<n>.json`, the last also under dbt's own name.
_SCRIPT = r"""
kept="$CODEBUILD_SRC_DIR/../buildkit.kept"
find "$CODEBUILD_SRC_DIR" -name dbt_packages -prune -o -type f \( -name manifest.json -o -name run_results.json \
  -o -name catalog.json -o -name sources.json -o -name index.html \) -newer "$kept/since" -exec sh -c '
    name=${2##*/}
    test -f "${2%/*}/manifest.json" || exit 0
    if test "$name" = run_results.json; then
      grep -q "\"which\": *\"\(build\|run\|test\|seed\|snapshot\|retry\)\"" "$2" || exit 0
      cp "$2" "$1/run_results.$(($(ls "$1" | grep -c "^run_results\.[0-9]") + 1)).json"
    fi
    cp "$2" "$1/$name"
  ' keep "$kept" {} \;
touch "$kept/since"
"""
_KEEP = f'sh "{KEPT}/keep.sh" || true'


def dbt_buildspec(
    commands: Sequence[str],
    files: Sequence[tuple[str, str]] = (),
    about: Mapping[str, Any] | None = None,
    *,
    after: Sequence[str] = (),
    pushes: bool = False,
) -> str:
    """A buildspec (JSON) that writes `files` into the source's folder and runs `commands` in order, each once.

    A file the checkout has already is not replaced: the build fails. `after` runs whatever became of the commands; with
    `pushes` it may push to the repository with the source's credentials.

    `about` is kept as `build.json`, so that there is something to upload whatever the commands do: CodeBuild fails a
    build that leaves nothing.
    """
    build = [
        f'mkdir -p "{KEPT}"',
        write_file(f'"{KEPT}/build.json"', json.dumps(about or {})),
        write_file(f'"{KEPT}/keep.sh"', _SCRIPT),
        f'touch "{KEPT}/since"',
        *(command for name, text in files for command in (_not_there(name), write_file(shlex.quote(name), text))),
    ]
    for command in commands:
        build += [command, _KEEP] if calls_dbt(command) else [command]
    phases = {
        "build": {"commands": build, "finally": [_KEEP]},
        "post_build": {"commands": [*after, say(END_OF_LOG)]},
    }
    env = {"env": {"git-credential-helper": "yes"}} if pushes else {}
    artifacts = {"base-directory": KEPT, "files": ["*.json", "index.html"]}
    return json.dumps({"version": "0.2", **env, "phases": phases, "artifacts": artifacts})


def _not_there(name: str) -> str:
    """A command that fails where the user has such a file: it is not ours to replace."""
    told = f"{name} of the project would have to be replaced to run this many selected nodes; run all of it, or fewer"
    return f"! test -e {shlex.quote(name)} || {{ {say(told)}; exit 1; }}"
