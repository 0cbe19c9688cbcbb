"""Where jobs read from: files in a bucket, a REST API, a database, or any dlt source.

What one job reads of it is in `job_sources.py`, where rows go to in `target_connectors.py`; reading is
`runtimes/entrypoints/`'s. Words are dlt's where dlt has them: its REST API source, its SQL database source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from buildkit_dagster.config.values import Host, Identifier, Model, SecretName, Slug, TagKey, Text

FileFormat = Literal["csv", "jsonl", "parquet"]


class S3Files(Model):
    """Files in a bucket of the lake, in one format. `null_values` are the texts that mean nothing in CSV files."""

    name: Text
    type: Literal["s3"]
    bucket: Slug
    format: FileFormat = "csv"
    null_values: tuple[str, ...] = ("", "NA")
    tags: Mapping[TagKey, str] = {}


class GcsFiles(Model):
    """Files in a bucket of Google Cloud Storage, by the bucket's own name; otherwise as in S3.

    New objects are heard of by the Pub/Sub `subscription` of the bucket's notifications, or by `poll`, as for buckets
    of the lake. Names: Cloud Storage documentation, "About Cloud Storage buckets", "Bucket names".
    """

    name: Text
    type: Literal["gcs"]
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
    project: Text | None = None
    subscription: Annotated[str | None, Field(pattern=r"^projects/[^/]+/subscriptions/[^/]+$")] = None
    poll: Literal["growing_keys", "any_keys"] | None = None
    format: FileFormat = "csv"
    null_values: tuple[str, ...] = ("", "NA")
    tags: Mapping[TagKey, str] = {}

    @model_validator(mode="after")
    def _heard_of_once(self) -> GcsFiles:
        if self.subscription and self.poll:
            raise ValueError("`poll` is for a bucket without a `subscription`, which tells of every object; keep one")
        return self


class BearerAuth(Model):
    """`Authorization: Bearer` with the secret `token`."""

    type: Literal["bearer"]
    token: SecretName


class ApiKeyAuth(Model):
    """The secret `api_key` as the header or parameter `key_name`; cookies are nothing that dlt 1.31 can send."""

    type: Literal["api_key"]
    api_key: SecretName
    key_name: Text = "Authorization"
    location: Literal["header", "query"] = "header"


class BasicAuth(Model):
    """User name, and the secret `password`."""

    type: Literal["http_basic"]
    username: Text
    password: SecretName


class OAuth2Auth(Model):
    """A token for `client_id` and the secret `client_secret`, fetched from `access_token_url` and renewed."""

    type: Literal["oauth2_client_credentials"]
    access_token_url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    client_id: Text
    client_secret: SecretName
    access_token_request_data: Mapping[str, str] = {}


Auth = Annotated[BearerAuth | ApiKeyAuth | BasicAuth | OAuth2Auth, Field(discriminator="type")]


class OnePage(Model):
    """The answer is all there is."""

    type: Literal["single_page"]


class LinkInBody(Model):
    """The next page's URL stands in the answer at `next_url_path`."""

    type: Literal["json_link"]
    next_url_path: Text = "next"


class LinkInHeader(Model):
    """The next page's URL stands in the header `Link`."""

    type: Literal["header_link"]
    links_next_key: Text = "next"


class CursorInBody(Model):
    """The answer holds at `cursor_path` what goes into the next request's `cursor_param`, or its body."""

    type: Literal["cursor"]
    cursor_path: Text
    cursor_param: Text | None = None
    cursor_body_path: Text | None = None
    stop_after_empty_page: bool = False
    has_more_path: Text | None = None

    @model_validator(mode="after")
    def _goes_one_way(self) -> CursorInBody:
        if self.cursor_param and self.cursor_body_path:
            raise ValueError("the cursor goes into `cursor_param` or into the body at `cursor_body_path`; keep one")
        return self


class CursorInHeader(Model):
    """The header `cursor_key` holds what goes into the next request's `cursor_param`."""

    type: Literal["header_cursor"]
    cursor_key: Text
    cursor_param: Text


class Offset(Model):
    """`limit` rows from an offset on; ends at the total found at `total_path`, or with an empty page without one."""

    type: Literal["offset"]
    limit: Annotated[int, Field(ge=1)]
    offset: int = 0
    offset_param: Text = "offset"
    limit_param: Text = "limit"
    total_path: Text | None = None
    maximum_offset: int | None = None
    has_more_path: Text | None = None


class PageNumber(Model):
    """Pages counted from `base_page`; ends at the total of pages at `total_path`, or with an empty page without one."""

    type: Literal["page_number"]
    base_page: int = 0
    page_param: Text = "page"
    total_path: Text | None = None
    maximum_page: int | None = None
    has_more_path: Text | None = None


Paginator = Annotated[
    OnePage | LinkInBody | LinkInHeader | CursorInBody | CursorInHeader | Offset | PageNumber,
    Field(discriminator="type"),
]


class RestApi(Model):
    """A REST API; without a `paginator`, dlt finds out from the first answer how pages follow each other.

    `headers` are sent as they are and hold no secret: that is `auth`'s.
    """

    name: Text
    type: Literal["rest_api"]
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")]
    headers: Mapping[str, str] = {}
    auth: Auth | None = None
    paginator: Paginator | None = None
    tags: Mapping[TagKey, str] = {}


class SqlDatabase(Model):
    """A database SQLAlchemy has a driver for; the image must hold it. PostgreSQL's is there.

    `query` is the connection's own parameters, such as `sslmode: verify-full`.
    """

    name: Text
    type: Literal["sql"]
    drivername: Annotated[str, Field(pattern=r"^[a-z0-9]+(\+[a-z0-9]+)?$")] = "postgresql"
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    database: Text
    username: Text
    password: SecretName
    query: Mapping[str, str] = {}
    tags: Mapping[TagKey, str] = {}


class DltFunction(Model):
    """Any dlt source or resource by its import path, `package.module:name`; the image must hold it.

    `secrets` reach the process under the names dlt looks for: `api_key` as SOURCES__API_KEY.
    """

    name: Text
    type: Literal["dlt"]
    function: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    arguments: Mapping[str, Any] = {}
    secrets: Mapping[Identifier, SecretName] = {}
    tags: Mapping[TagKey, str] = {}
