"""Buildspecs: the commands CodeBuild is given, which reach the shell as they were written.

They are made with a serializer. What is in the one of a dbt project is decided in `dbt_buildspec.py`; running one is
`codebuild.py`'s.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Sequence

#: The last line our buildspecs write: after it nothing of interest comes, and CloudWatch need not be waited for.
END_OF_LOG = "buildkit: end of log"


def buildspec(commands: Sequence[str], files: Sequence[tuple[str, str]] = ()) -> str:
    """A buildspec (JSON, which is YAML) that writes `files` into the source's folder and runs `commands` in order."""
    phases = {
        "build": {"commands": [*(write_file(shlex.quote(name), text) for name, text in files), *commands]},
        "post_build": {"commands": [say(END_OF_LOG)]},
    }
    return json.dumps({"version": "0.2", "phases": phases})


def write_file(word: str, text: str) -> str:
    """A command that writes a file of any content; `word` is its path as the shell reads it, quotes and all.

    base64 holds nothing a shell would look at.
    """
    return f"printf %s {base64.b64encode(text.encode()).decode()} | base64 -d > {word}"


def say(line: str) -> str:
    """A command that writes a line of the log."""
    return f"echo {shlex.quote(line)}"
