"""Terraform's command lines and the environment of its process.

python-terraform spells the options; its own process handling is not used, because it buffers output, returns errors
instead of raising them, and cannot be cancelled. Nothing secret is ever put on a command line: values travel in files.
Starting a command is `engine.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from python_terraform import IsFlagged, Terraform

from buildkit_dagster.terraform.backends import DEFAULT_WORKSPACE

FLAG = IsFlagged


class CommandLines(Terraform):
    """python-terraform's option spelling for one binary; running is left out."""

    def __init__(self, binary: Path) -> None:
        super().__init__(terraform_bin_path=str(binary))

    def read_state_file(self, file_path: str | None = None) -> None:
        """The base class reads a state from the current folder here."""

    def cmd(self, cmd: str, *args: str, **options: Any) -> list[str]:
        """The argument vector of `terraform cmd`; no colour and no questions."""
        line: list[str] = self.generate_cmd_string(cmd, *args, **options)
        return line

    def quiet(self, cmd: str, *args: str, **options: Any) -> list[str]:
        """Like `cmd`, for commands that could colour their output or ask something."""
        return self.cmd(cmd, *args, no_color=FLAG, input=False, **options)


#: Credentials of registries and of the http backend: they say how to get in, not what to do.
_CREDENTIALS = ("TF_TOKEN_", "TF_HTTP_")


#: Terraform and its providers are Go programs, and a fifth of their time with the AWS provider goes into collecting
#: garbage while they read its schema. This percentage, for Go's 100, costs about 200 MB.
_GARBAGE_PERCENT = "400"


def child_environment(
    variables: Mapping[str, str], data_folder: Path, cli_configuration: Path, workspace: str
) -> dict[str, str]:
    """`variables` without anybody else's TF_ settings (credentials stay), and with ours."""
    kept = {
        name: value for name, value in variables.items() if not name.startswith("TF_") or name.startswith(_CREDENTIALS)
    }
    return {
        "GOGC": _GARBAGE_PERCENT,
        **kept,
        **({} if workspace == DEFAULT_WORKSPACE else {"TF_WORKSPACE": workspace}),
        "TF_DATA_DIR": str(data_folder),
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_CONFIG_FILE": str(cli_configuration),
        "CHECKPOINT_DISABLE": "1",
    }
