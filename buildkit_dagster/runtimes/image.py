"""Build contexts of container images: which files they are, the tag that names their content, and the archive.

Building and pushing is CodeBuild's, asked by `defs/image.py`; repositories are in `stacks/registry.py`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.errors import ContextMissing

#: What of the package the shipped image needs: the entrypoints and what they import.
_PACKAGE_PARTS = (
    "__init__.py",
    "aws_regions.py",
    "cloud/__init__.py",
    "cloud/google_storage.py",
    "config",
    "errors",
    "naming.py",
    "process.py",
    "runtimes",
)
_PACKAGE = Path(__file__).parents[1]

_TAG_LENGTH = 16
#: The oldest time a zip archive can hold; a file's own would change the archive without changing its content.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class BuildContext:
    """Files by their names in the context, sorted, and the name of the Dockerfile among them."""

    files: Mapping[str, Path]
    dockerfile: str

    @property
    def tag(self) -> str:
        """Hash of names, executable bits and bytes; the same content has the same tag on every machine."""
        digest = hashlib.sha256(self.dockerfile.encode())
        for name, path in self.files.items():
            content = path.read_bytes()
            digest.update(f"\0{name}\0{_mode(path):o}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:_TAG_LENGTH]

    def archive(self) -> bytes:
        """A zip of the context, the same bytes for the same content."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in self.files.items():
                entry = zipfile.ZipInfo(name, _ZIP_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = (0o100000 | _mode(path)) << 16
                archive.writestr(entry, path.read_bytes())
        return buffer.getvalue()


def image_tags(platform: Platform) -> dict[str, str]:
    """The content tag of each of the platform's images; reads their contexts, raises `ContextMissing`."""
    return {image: image_context(platform, image).tag for image in platform.config.images}


def image_context(platform: Platform, image: str) -> BuildContext:
    """The build context of one of the platform's images; raises `ContextMissing`."""
    configured = platform.config.images[image]
    if configured.context is None:
        return _shipped_context(configured.dockerfile)
    folder = platform.folder / configured.context
    for path in (folder, folder / configured.dockerfile):
        if not path.exists():
            raise ContextMissing(image, path)
    return BuildContext(context_files(folder, configured.dockerfile), configured.dockerfile)


def context_files(context: Path, dockerfile: str = "Dockerfile") -> dict[str, Path]:
    """The files of a folder that Docker sends to a build, sorted by name; the Dockerfile is always one of them."""
    rules = _ignore_rules(context / ".dockerignore")
    found = {path.relative_to(context).as_posix(): path for path in _walk(context)}
    return {name: found[name] for name in sorted(found) if name == dockerfile or not _is_ignored(name, rules)}


def _shipped_context(dockerfile: str) -> BuildContext:
    """The package's own image: the folder it ships, with its own source beside the Dockerfile."""
    files = context_files(data_path("image"), dockerfile) | package_files()
    return BuildContext(dict(sorted(files.items())), dockerfile)


def package_files() -> dict[str, Path]:
    """The package's own source as far as jobs need it, by the names it has beside them."""
    paths = [_PACKAGE / part for part in _PACKAGE_PARTS]
    found = [source for path in paths for source in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return {source.relative_to(_PACKAGE.parent).as_posix(): source for source in found}


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _mode(path: Path) -> int:
    """What git keeps of a mode: whether the file can be executed."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def _ignore_rules(path: Path) -> list[tuple[bool, re.Pattern[str]]]:
    """(ignores, pattern) in the order of `.dockerignore`: the last rule that matches decides."""
    lines = path.read_text().splitlines() if path.is_file() else []
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [(not rule.startswith("!"), _pattern(rule.lstrip("!").strip("/"))) for rule in rules]


def _is_ignored(name: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    matching = [ignores for ignores, pattern in rules if pattern.match(name)]
    return bool(matching) and matching[-1]


def _pattern(rule: str) -> re.Pattern[str]:
    """A rule matches a file, and everything in a folder; `*` and `?` stop at a slash, `**` does not."""
    tokens = {"**/": r"(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", rule)
    return re.compile("".join(tokens.get(part, re.escape(part)) for part in parts) + r"(?:/|$)")
