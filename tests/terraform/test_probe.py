"""A store that gives one lock to two writers is refused before anything is done with it."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from buildkit_dagster.errors import BackendUnsafe
from buildkit_dagster.terraform.probe import check_backend
from buildkit_dagster.terraform.rendered_root import S3Backend

BACKEND = S3Backend("probed", "stacks/a/terraform.tfstate", "us-east-1", path_style=True)


class Careless(BaseHTTPRequestHandler):
    """Takes every write, whatever its condition."""

    requests: list[str]

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200)

    def do_DELETE(self) -> None:
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.requests.append(self.command)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


@pytest.fixture
def careless() -> Iterator[Any]:
    handler = type("Handler", (Careless,), {"requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield client(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def client(endpoint: str) -> Any:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return session.client("s3", endpoint_url=endpoint, config=config)


def told(_: str) -> None:
    """Nobody listens."""


def test_a_store_where_both_writers_win_is_refused_each_time_and_left_clean(tmp_path: Path, careless: Any) -> None:
    for _ in range(2):
        with pytest.raises(BackendUnsafe, match=r"2 writers .* were told .*use_lockfile"):
            check_backend(BACKEND, careless, tmp_path, told)
    assert list(tmp_path.rglob("*")) == []


def test_a_store_that_keeps_its_promise_is_asked_once(tmp_path: Path, boto: Callable[[str], Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket=BACKEND.bucket)
    check_backend(BACKEND, s3, tmp_path, told)
    (mark,) = (tmp_path / "probed").iterdir()
    assert "probed: one of two racing writers won" in mark.read_text()
    assert "Contents" not in s3.list_objects_v2(Bucket=BACKEND.bucket)
    unreachable = client("http://127.0.0.1:9")
    mark.rename(mark.with_name("other"))
    with pytest.raises(Exception, match="Could not connect"):
        check_backend(BACKEND, unreachable, tmp_path, told)
    mark.with_name("other").rename(mark)
    check_backend(BACKEND, s3, tmp_path, told)


def test_a_bucket_that_does_not_exist_yet_is_neither_refused_nor_remembered(
    tmp_path: Path, boto: Callable[[str], Any]
) -> None:
    check_backend(S3Backend("not-there-yet", "k", "us-east-1"), boto("s3"), tmp_path, told)
    assert list(tmp_path.rglob("*")) == []
