"""The source of the functions that run jobs on Google Cloud: `main.py` and the package beside it, as one archive.

Google builds it, and installs what `requirements.txt` names. Making the function is `stacks/ingest_gcp.py`'s.
"""

from __future__ import annotations

from functools import cache

from buildkit_dagster.data import data_path
from buildkit_dagster.runtimes.image import BuildContext, context_files, package_files

#: The function of `main.py` that answers a request.
ENTRY_POINT = "run"


@cache
def function_tag() -> str:
    """Names the content; the same on every machine."""
    return _context().tag


def function_archive() -> bytes:
    """The zip archive, the same bytes for the same content."""
    return _context().archive()


def _context() -> BuildContext:
    files = context_files(data_path("function"), "main.py") | package_files()
    return BuildContext(dict(sorted(files.items())), "main.py")
