"""The flights into DuckDB: the process of an ingest job, and a plain dlt script, each from its start to its end.

Both load the same 336,776 rows from the same bucket of the emulator into a new file, in turns. `ingest start` is our
process with nothing left to load: what a run costs before and after its rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import yaml
from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, DAGSTER_PIPES_MESSAGES_ENV_VAR, encode_param

from benchmarks.clock import Clock
from benchmarks.ground import CouldNotMeasure, Ground, new_ground
from benchmarks.plain_dlt import ASSET
from buildkit_dagster import process
from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.runtimes.demo_data import raw_files
from buildkit_dagster.runtimes.ingest import ColumnSpec, Files, IngestRequest
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.targets import Target

ROWS = 336_776
_BUCKET = "flights"
_MINUTES = 10 * 60.0
_QUIET = {**NO_TELEMETRY, "RUNTIME__LOG_LEVEL": "ERROR", "TQDM_DISABLE": "1"}


def measure_ingest(clock: Clock, folder: Path, rounds: int) -> None:
    """Both in turns, `rounds` times."""
    ground = new_ground(folder / "ground")
    try:
        s3 = ground.aws.client("s3")
        s3.create_bucket(Bucket=_BUCKET)
        for key, content in raw_files():
            s3.put_object(Bucket=_BUCKET, Key=key, Body=content)
        for number in range(rounds):
            home = folder / f"round{number}"
            home.mkdir(parents=True)
            clock.time("ingest plain", _plain, ground, home)
            clock.time("ingest ours", _ours, ground, home)
            clock.time("ingest start", _ours, ground, home)
    finally:
        ground.leave()


def _plain(ground: Ground, home: Path) -> None:
    file = home / "plain.duckdb"
    _run(ground, home, [sys.executable, "-m", "benchmarks.plain_dlt", _BUCKET, str(file)], {"DLT_DATA_DIR": str(home)})
    _counted(file)


def _ours(ground: Ground, home: Path) -> None:
    file = home / "ours.duckdb"
    keys = ("partition_key", "partition_key_range", "partition_time_window", "job_name")
    context = {
        "asset_keys": ["nyc/flights"],
        "extras": {"request": _request(file).to_extras()},
        **dict.fromkeys(keys),
        **{name: {"nyc/flights": None} for name in ("code_version_by_asset_key", "provenance_by_asset_key")},
        "run_id": "benchmark",
        "retry_number": 0,
    }
    (home / "context.json").write_text(json.dumps(context))
    session = {
        DAGSTER_PIPES_CONTEXT_ENV_VAR: encode_param({"path": str(home / "context.json")}),
        DAGSTER_PIPES_MESSAGES_ENV_VAR: encode_param({"path": str(home / "messages.jsonl")}),
    }
    _run(ground, home, [sys.executable, "-m", "buildkit_dagster.runtimes.entrypoints.ingest"], session)
    _counted(file)


def _request(file: Path) -> IngestRequest:
    columns = yaml.safe_load(ASSET.read_text())["schema"]
    return IngestRequest(
        pipeline="nyc_flights",
        dataset="nyc",
        table="flights",
        source=Files("s3", _BUCKET, KeyPattern("flights/{partition}.csv", "month"), null_values=("", "NA")),
        target=Target("duckdb", str(file)),
        columns=tuple(ColumnSpec(c["name"], c["type"], c.get("required", False)) for c in columns),
    )


def _run(ground: Ground, home: Path, line: Sequence[str], more: dict[str, str]) -> None:
    environment = {**ground.environment, **_QUIET, **more, "PYTHONPATH": str(Path.cwd())}
    answer = process.run(line, cwd=home, env=environment, timeout=_MINUTES)
    if answer.returncode != 0:
        raise CouldNotMeasure(f"{' '.join(line)}:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")


def _counted(file: Path) -> None:
    with duckdb.connect(str(file), read_only=True) as connection:
        [(rows,)] = connection.execute("SELECT count(*) FROM nyc.flights").fetchall()
    if rows != ROWS:
        raise CouldNotMeasure(f"{file} holds {rows} rows, not {ROWS}")
