"""Where Terraform and its providers come from, found out in seconds and said in one message when they are missing.

Providers come from a filesystem mirror (a folder that holds `registry.terraform.io/hashicorp/aws/...`) when there is
one, else from the registry. The child gets a CLI configuration of its own, written into the work folder, because the
one the environment names may not exist. Running Terraform is `engine.py`.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildkit_dagster.errors import ProviderUnavailable, TerraformMissing
from buildkit_dagster.process import TimedOut, run

TERRAFORM = "terraform"
MINIMUM_TERRAFORM = "1.11.0"
AWS_PROVIDER = "hashicorp/aws"
AWS_PROVIDER_VERSION = "5.100.0"
GOOGLE_PROVIDER = "hashicorp/google"
#: The one whose schema the modules are checked against, see `tests/google_schema.py`.
GOOGLE_PROVIDER_VERSION = "6.50.0"
REGISTRY = "registry.terraform.io"

#: Folders Terraform takes as implied mirrors by itself, and the usual places of one that somebody put there.
_USUAL = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/usr/local/share/terraform/providers",
    "/usr/share/terraform/providers",
    "/usr/share/terraform-providers",
)
_CONNECT_SECONDS = 3.0
_VERSION_SECONDS = 60.0


@dataclass(frozen=True)
class Sources:
    """What was found: the binary, its version, and the mirror (None: providers come from the registry)."""

    binary: Path
    version: str
    mirror: Path | None

    def describe(self) -> dict[str, str]:
        """The facts `buildkit doctor` prints."""
        held = ", ".join(mirrored_versions(self.mirror)) if self.mirror else ""
        return {
            "terraform": f"{self.version} ({self.binary})",
            "aws provider": held or f"{AWS_PROVIDER_VERSION} (pinned)",
            "provider source": f"filesystem mirror {self.mirror}" if self.mirror else f"registry {REGISTRY}",
        }


def find_sources(
    variables: Mapping[str, str], mirror: Path | None = None, *, needs_aws: bool = True, command: str = TERRAFORM
) -> Sources:
    """Find Terraform (`command`, a name on PATH or a path) and the AWS provider; `mirror` is the one the user named
    (BUILDKIT_PROVIDER_MIRROR). OpenTofu has a registry of its own, so it is left to find its providers.

    Raises TerraformMissing; for a root that needs the provider ProviderUnavailable, after `_CONNECT_SECONDS` at most.
    """
    binary, version = find_terraform(variables, command)
    return Sources(binary, version, find_mirror(mirror) if needs_aws and not is_tofu(binary) else mirror)


def describe_sources(variables: Mapping[str, str], mirror: Path | None = None) -> dict[str, str]:
    """Terraform's version, the provider's and its source, for `buildkit doctor`."""
    return find_sources(variables, mirror).describe()


def find_terraform(variables: Mapping[str, str], command: str = TERRAFORM) -> tuple[Path, str]:
    """The binary on the child's PATH and its version; OpenTofu counts its versions differently, so any is taken."""
    found = shutil.which(command, path=variables.get("PATH"))
    if found is None:
        raise TerraformMissing(f"there is no `{command}` on PATH", MINIMUM_TERRAFORM)
    version = _version(found, variables)
    if not is_tofu(Path(found)) and _numbers(version) < _numbers(MINIMUM_TERRAFORM):
        raise TerraformMissing(f"{found} is {version}", MINIMUM_TERRAFORM)
    return Path(found), version


def is_tofu(binary: Path) -> bool:
    """Whether this is OpenTofu; both answer alike, so its name says it."""
    return binary.name.startswith("tofu")


def _version(found: str, variables: Mapping[str, str]) -> str:
    env = {name: value for name, value in variables.items() if not name.startswith("TF_")}
    try:
        line, env = [found, "version", "-json"], {**env, "CHECKPOINT_DISABLE": "1"}
        answer = run(line, cwd=Path("/"), env=env, timeout=_VERSION_SECONDS).stdout
    except (OSError, TimedOut):
        answer = ""
    match = re.search(r'"terraform_version":\s*"([0-9.]+)', answer)
    if match is None:
        raise TerraformMissing(f"{found} does not answer as Terraform", MINIMUM_TERRAFORM)
    return match[1]


def find_mirror(named: Path | None, provider: str = AWS_PROVIDER) -> Path | None:
    """The first mirror that holds the provider, None when there is none but the registry answers."""
    if named is not None:
        if mirrored_versions(named, provider):
            return named
        raise ProviderUnavailable(f"{REGISTRY}/{provider}", [named], REGISTRY)
    looked_in = list(_candidates())
    for folder in looked_in:
        if mirrored_versions(folder, provider):
            return folder
    if not _answers(REGISTRY):
        raise ProviderUnavailable(f"{REGISTRY}/{provider}", looked_in, REGISTRY)
    return None


def mirrored_versions(mirror: Path, provider: str = AWS_PROVIDER) -> tuple[str, ...]:
    """Versions of the provider that a mirror holds for this machine, unpacked or packed."""
    folder = mirror / REGISTRY / provider
    unpacked = {path.parent.name for path in folder.glob(f"*/{_target()}") if path.is_dir()}
    packed = {
        match[1] for path in folder.glob("*.zip") if (match := re.search(rf"_([0-9.]+)_{_target()}\.zip$", path.name))
    }
    return tuple(sorted(unpacked | packed, key=_numbers))


def write_cli_configuration(file: Path, mirror: Path | None) -> Path:
    """A CLI configuration (JSON syntax) for the child: the mirror for what it holds, the registry for the rest."""
    body: dict[str, object] = {"disable_checkpoint": True}
    if mirror is not None:
        held = sorted(
            f"{REGISTRY}/{path.parent.name}/{path.name}" for path in (mirror / REGISTRY).glob("*/*") if path.is_dir()
        )
        body["provider_installation"] = [
            {"filesystem_mirror": [{"path": str(mirror), "include": held}], "direct": [{"exclude": held}]}
        ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(body, indent=2) + "\n")
    return file


def _candidates() -> Iterator[Path]:
    for place in _USUAL:
        folder = Path(place).expanduser()
        if folder.is_dir():
            yield folder
    for folder in sorted(Path("/opt").glob(f"*/{REGISTRY}")):
        yield folder.parent


def _answers(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _target() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
