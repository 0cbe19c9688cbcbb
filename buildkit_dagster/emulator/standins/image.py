"""An OCI image over a build context: layer, configuration and manifest, the same bytes for the same content.

File times, owners and the order of the file system do not count; names, content and the executable bit do.
`.dockerignore` is followed, with `*`, `?`, `**` and `!`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_EMULATED = {"emulated": "true"}
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def layer(context: Path, dockerfile: Path) -> tuple[bytes, str]:
    """The context and the Dockerfile as a compressed layer, and the digest of its uncompressed form."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, path in sorted({"Dockerfile": dockerfile, **dict(_files(context))}.items()):
            _add(archive, name, path)
    data = buffer.getvalue()
    return gzip.compress(data, mtime=0), f"sha256:{hashlib.sha256(data).hexdigest()}"


def config(*, diff_id: str, platform: str, labels: Mapping[str, str], arguments: Sequence[str]) -> bytes:
    """The image's configuration; `arguments` are names of build arguments, their values are not kept."""
    system, _, architecture = platform.partition("/")
    made_by = " ".join(["emulator: build context, Dockerfile not executed", *sorted(arguments)])
    return _json(
        {
            "os": system,
            "architecture": architecture.partition("/")[0],
            "config": {"Labels": {**labels, **_EMULATED}},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": made_by}],
        }
    )


def manifest(config: bytes, layer: bytes) -> str:
    """The manifest that names both, as text; its SHA-256 is the image's digest."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": _descriptor(_CONFIG_TYPE, config),
            "layers": [_descriptor(_LAYER_TYPE, layer)],
            "annotations": _EMULATED,
        }
    ).decode()


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    if path.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        archive.addfile(entry)
        return
    data = path.read_bytes()
    entry.size = len(data)
    entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    archive.addfile(entry, io.BytesIO(data))


def _files(context: Path) -> Iterator[tuple[str, Path]]:
    ignored = _ignore_rules(context / ".dockerignore")
    for folder, _, names in os.walk(context):
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(context).as_posix()
            if not _is_ignored(relative, ignored):
                yield relative, path


def _ignore_rules(path: Path) -> list[tuple[bool, re.Pattern[str]]]:
    """(ignores, pattern) in the file's order; the last match decides."""
    lines = path.read_text().splitlines() if path.is_file() else []
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [(not rule.startswith("!"), _pattern(rule.lstrip("!").strip("/"))) for rule in rules]


def _is_ignored(name: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    ignored = False
    for ignores, pattern in rules:
        if pattern.match(name):
            ignored = ignores
    return ignored


def _pattern(rule: str) -> re.Pattern[str]:
    """A rule matches a file, and everything in a folder."""
    tokens = {"**/": r"(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", rule)
    return re.compile("".join(tokens.get(part, re.escape(part)) for part in parts) + r"(?:/|$)")


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def _json(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
