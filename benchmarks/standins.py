"""A bucket and a queue for the benchmarks of events: so quick that what is measured is the contender.

The bucket is an HTTP server in a process of its own that answers ListObjectsV2 as S3 does, a thousand keys a page.
moto's queue walks through all of its messages at each receive, so the backlog's is in this process, in boto3's words.
"""

from __future__ import annotations

import multiprocessing
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

_PAGE = 1000
#: Key and date of an object.
Listed = tuple[str, str]


@contextmanager
def bucket_of(objects: Sequence[Listed]) -> Iterator[str]:
    """Serve a bucket with these objects, sorted by key; its endpoint."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(objects, theirs), daemon=True)
    server.start()
    try:
        yield str(ours.recv())
    finally:
        server.terminate()
        server.join()


def _serve(objects: Sequence[Listed], told: Connection) -> None:
    keys = [key for key, _ in objects]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for an answer: else each waits for an acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            after = asked.get("continuation-token") or asked.get("start-after", "")
            first = bisect_right(keys, max(after, asked.get("prefix", "")))
            body = _page(objects[first : first + _PAGE], more=first + _PAGE < len(objects)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def _page(objects: Sequence[Listed], *, more: bool) -> str:
    items = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{date}</LastModified><ETag>&quot;e&quot;</ETag>"
        "<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key, date in objects
    )
    token = f"<NextContinuationToken>{escape(objects[-1][0])}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>raw</Name><KeyCount>{len(objects)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
    )


class Queue:
    """A queue with the words of boto3's client that a tick uses; `requests` counts them. What was received is back when
    `come_back` says so: then its time is over."""

    class exceptions:
        class QueueDoesNotExist(Exception): ...

    def __init__(self, bodies: Sequence[str]) -> None:
        self.visible = deque((str(number), body, 1) for number, body in enumerate(bodies))
        self.hidden: dict[str, tuple[str, str, int]] = {}
        self.requests = 0

    def come_back(self) -> None:
        self.visible += [(receipt, body, count + 1) for receipt, body, count in self.hidden.values()]
        self.hidden.clear()

    @property
    def left(self) -> int:
        return len(self.visible) + len(self.hidden)

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        self.requests += 1
        taken = [self.visible.popleft() for _ in range(min(MaxNumberOfMessages, len(self.visible)))]
        self.hidden |= {item[0]: item for item in taken}
        messages = [
            {
                "ReceiptHandle": receipt,
                "Body": body,
                "Attributes": {"ApproximateReceiveCount": str(count), "SentTimestamp": "1000"},
            }
            for receipt, body, count in taken
        ]
        return {"Messages": messages} if messages else {}

    def delete_message_batch(self, Entries: Sequence[dict[str, str]], **_: Any) -> None:
        self.requests += 1
        for entry in Entries:
            self.hidden.pop(entry["ReceiptHandle"], None)
