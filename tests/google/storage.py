"""Cloud Storage's JSON API: buckets, objects with generations and preconditions, listing, uploads of each kind.

https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

import google_crc32c

from tests.google.discovery import Call
from tests.google.faults import Refused
from tests.google.logs import now_text


@dataclass(frozen=True)
class Answer:
    """An answer as bytes; `schema` is what its body is, where that is JSON."""

    code: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    schema: str | None = None


@dataclass(frozen=True)
class Stored:
    """One generation of an object."""

    bucket: str
    name: str
    content: bytes
    generation: int
    content_type: str
    metadata: Mapping[str, str]
    updated: str = field(default_factory=now_text)

    def resource(self) -> dict[str, Any]:
        md5 = base64.b64encode(hashlib.md5(self.content).digest()).decode()
        crc = base64.b64encode(google_crc32c.value(self.content).to_bytes(4, "big")).decode()
        found: dict[str, Any] = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "bucket": self.bucket,
            "name": self.name,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.content)),
            "contentType": self.content_type,
            "etag": f"etag-{self.generation}",
            "md5Hash": md5,
            "crc32c": crc,
            "timeCreated": self.updated,
            "updated": self.updated,
            "storageClass": "STANDARD",
        }
        return found | ({"metadata": dict(self.metadata)} if self.metadata else {})


class Storage:
    """All buckets. What happens to a bucket's objects is announced to its `topics`, as notifications do."""

    def __init__(self, publish: Callable[[str, bytes, Mapping[str, str]], None]) -> None:
        self.topics: dict[str, str] = {}
        self.listed = list[Mapping[str, str]]()
        self._publish = publish
        self._buckets: dict[str, dict[str, Stored]] = {}
        self._uploads: dict[str, tuple[Call, dict[str, Any], bytes]] = {}
        self._generation = 1_700_000_000_000_000
        self._lock = threading.RLock()

    def make_bucket(self, name: str) -> None:
        self._buckets.setdefault(name, {})

    def objects(self, bucket: str) -> dict[str, bytes]:
        """What is in a bucket now."""
        with self._lock:
            return {name: stored.content for name, stored in sorted(self._bucket(bucket).items())}

    def put(self, bucket: str, name: str, content: bytes, content_type: str = "text/csv") -> int:
        """Write an object; its generation."""
        return self._write(bucket, {"name": name, "contentType": content_type}, content, {}).generation

    def answer(self, call: Call, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One call of this API; `verb` is PUT for the parts of an upload."""
        action = call.id.removeprefix("storage.")
        with self._lock:
            if action == "objects.insert":
                return self._continue(call, headers, body) if verb == "PUT" else self._insert(call, headers, body, path)
            handler = {
                "buckets.get": self._get_bucket,
                "buckets.insert": self._insert_bucket,
                "objects.list": self._list,
                "objects.get": self._get,
                "objects.delete": self._delete,
            }.get(action)
            if handler is None:
                raise Refused("UNIMPLEMENTED", f"{call.id} is not made in this stand-in")
            return handler(call, headers, body)

    def _get_bucket(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        self._bucket(call.path["bucket"])
        return _json(_bucket_resource(call.path["bucket"]), "Bucket")

    def _insert_bucket(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        name = json.loads(body)["name"]
        if name in self._buckets:
            raise Refused("ALREADY_EXISTS", "Your previous request to create the named bucket succeeded.")
        self.make_bucket(name)
        return _json(_bucket_resource(name), "Bucket")

    def _list(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        query, bucket = call.query, self._bucket(call.path["bucket"])
        self.listed.append(query)
        first, last = query.get("startOffset", ""), query.get("endOffset")
        names = [
            name
            for name in sorted(bucket)
            if name.startswith(query.get("prefix", "")) and name >= first and (last is None or name < last)
        ]
        names, prefixes = _rolled_up(names, query.get("prefix", ""), query.get("delimiter"))
        at, size = int(query.get("pageToken") or 0), int(query.get("maxResults") or 1000)
        items = [bucket[name].resource() for name in names[at : at + size]]
        page: dict[str, Any] = {"kind": "storage#objects", "items": items, "prefixes": prefixes if at == 0 else []}
        return _json(page | ({"nextPageToken": str(at + size)} if len(names) > at + size else {}), "Objects")

    def _get(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        found = self._object(call)
        _check_preconditions(call.query, found)
        wanted = call.query.get("generation")
        if wanted and int(wanted) != found.generation:
            raise Refused("NOT_FOUND", f"No such object: {found.bucket}/{found.name}#{wanted}")
        if call.query.get("alt") != "media":
            return _json(found.resource(), "Object")
        resource, content = found.resource(), found.content
        about = {
            "Content-Type": found.content_type,
            "x-goog-generation": str(found.generation),
            "x-goog-hash": f"crc32c={resource['crc32c']},md5={resource['md5Hash']}",
            "ETag": resource["etag"],
        }
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range") or "")
        if not span:
            return Answer(200, content, about)
        first, last = int(span[1]), min(int(span[2] or len(content)), len(content) - 1)
        if first >= len(content):
            raise Refused("INVALID_ARGUMENT", "Requested range not satisfiable", 416)
        return Answer(
            206, content[first : last + 1], {**about, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        )

    def _delete(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        found = self._object(call)
        _check_preconditions(call.query, found)
        del self._buckets[found.bucket][found.name]
        self._announce("OBJECT_DELETE", found)
        return Answer(204)

    def _insert(self, call: Call, headers: Mapping[str, str], body: bytes, path: str) -> Answer:
        kind, bucket = call.query.get("uploadType", "media"), call.path["bucket"]
        if kind == "resumable":
            upload, described = uuid.uuid4().hex, json.loads(body or b"{}")
            self._uploads[upload] = (call, {"name": call.query.get("name"), **described}, b"")
            place = f"http://{headers['Host']}{path}?uploadType=resumable&upload_id={upload}"
            return Answer(200, b"", {"Location": place})
        described = {"name": call.query.get("name"), "contentType": headers.get("Content-Type")}
        if kind == "multipart":
            described, body = _parts(headers["Content-Type"], body)
        return _json(self._write(bucket, described, body, call.query).resource(), "Object")

    def _continue(self, call: Call, headers: Mapping[str, str], body: bytes) -> Answer:
        upload = call.query["upload_id"]
        first, described, content = self._uploads[upload]
        content += body
        self._uploads[upload] = (first, described, content)
        total = (headers.get("Content-Range") or "").rpartition("/")[2]
        if total == "*" or (total and int(total) > len(content)):
            return Answer(308, b"", {"Range": f"bytes=0-{len(content) - 1}"})
        del self._uploads[upload]
        return _json(self._write(call.path["bucket"], described, content, first.query).resource(), "Object")

    def _write(self, bucket: str, described: Mapping[str, Any], content: bytes, query: Mapping[str, str]) -> Stored:
        with self._lock:
            _check_preconditions(query, self._bucket(bucket).get(described["name"]))
            self._generation += 1
            kind = described.get("contentType") or "application/octet-stream"
            stored = Stored(bucket, described["name"], content, self._generation, kind, described.get("metadata") or {})
            _check_hashes(described, stored.resource())
            self._buckets[bucket][stored.name] = stored
            self._announce("OBJECT_FINALIZE", stored)
            return stored

    def _announce(self, event: str, stored: Stored) -> None:
        """https://cloud.google.com/storage/docs/pubsub-notifications, "Attributes" and "Payload"."""
        if topic := self.topics.get(stored.bucket):
            about = {
                "notificationConfig": f"projects/_/buckets/{stored.bucket}/notificationConfigs/1",
                "eventType": event,
                "payloadFormat": "JSON_API_V1",
                "bucketId": stored.bucket,
                "objectId": stored.name,
                "objectGeneration": str(stored.generation),
                "eventTime": stored.updated,
            }
            self._publish(topic, json.dumps(stored.resource()).encode(), about)

    def _bucket(self, name: str) -> dict[str, Stored]:
        if name not in self._buckets:
            raise Refused("NOT_FOUND", "The specified bucket does not exist.")
        return self._buckets[name]

    def _object(self, call: Call) -> Stored:
        bucket, name = call.path["bucket"], call.path["object"]
        if name not in self._bucket(bucket):
            raise Refused("NOT_FOUND", f"No such object: {bucket}/{name}")
        return self._buckets[bucket][name]


def _json(value: Mapping[str, Any], schema: str) -> Answer:
    return Answer(200, json.dumps(value).encode(), schema=schema)


def _bucket_resource(name: str) -> dict[str, Any]:
    return {"kind": "storage#bucket", "id": name, "name": name, "location": "US", "storageClass": "STANDARD"}


def _check_preconditions(query: Mapping[str, str], found: Stored | None) -> None:
    """`0` stands for an object that is not there."""
    generation = found.generation if found else 0
    wanted, unwanted = query.get("ifGenerationMatch"), query.get("ifGenerationNotMatch")
    if wanted is not None and int(wanted) != generation:
        message = "At least one of the pre-conditions you specified did not hold."
        raise Refused("FAILED_PRECONDITION", message, 412)
    if unwanted is not None and int(unwanted) == generation:
        raise Refused("FAILED_PRECONDITION", "Not Modified", 304)


def _check_hashes(described: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
    for name in ("md5Hash", "crc32c"):
        if described.get(name) not in (None, resource[name]):
            raise Refused("INVALID_ARGUMENT", f"Provided {name} does not match the content.")


def _rolled_up(names: list[str], prefix: str, delimiter: str | None) -> tuple[list[str], list[str]]:
    if not delimiter:
        return names, []
    below = {name: name[len(prefix) :].partition(delimiter) for name in names}
    folders = dict.fromkeys(prefix + head + cut for head, cut, _ in below.values() if cut)
    return [name for name, (_, cut, _) in below.items() if not cut], list(folders)


def _parts(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the content of a multipart/related body; the content as it is, whatever its bytes."""
    boundary = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    _, first, second, *_ = body.split(f"--{boundary}".encode())
    described = json.loads(first.partition(b"\r\n\r\n")[2])
    head, _, content = second.partition(b"\r\n\r\n")
    kind = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
    described.setdefault("contentType", kind[1].decode() if kind else None)
    return described, content.removesuffix(b"\r\n")
