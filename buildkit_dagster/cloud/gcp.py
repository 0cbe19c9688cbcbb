"""Google Cloud client factories, nothing else.

Which endpoint a client talks to and as whom is decided here once, as `aws.py` does for AWS: an emulated environment
never reaches Google and a real one never a stand-in. Service descriptions come with the library, none is fetched. What
is done with a client belongs to the caller; what clients raise is turned into errors of ours in `google_failures.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import google.auth
import google.auth.transport.requests
import google_auth_httplib2
import httplib2
import requests
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.id_token import fetch_id_token_credentials
from googleapiclient.discovery import build

from buildkit_dagster.cloud.google_failures import first_line
from buildkit_dagster.cloud.google_storage import ObjectClient
from buildkit_dagster.config.environment import GOOGLE_ENDPOINTS, ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.values import is_loopback
from buildkit_dagster.errors import GoogleCredentialsMissing, GoogleIsLoopback, GoogleNotEmulated

if TYPE_CHECKING:
    from buildkit_dagster.cloud.bigquery import Queries

#: The versions of the APIs that are spoken: one for each service with a REST client.
VERSIONS = {"cloudasset": "v1", "cloudfunctions": "v2", "logging": "v2", "pubsub": "v1", "run": "v2"}

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT = 60


@dataclass(frozen=True)
class Gcp:
    """Clients of Google's services; `emulated` says that nothing may leave the machine.

    Nothing is read and nothing is connected before first use.
    """

    process: ProcessEnvironment = field(repr=False)
    emulated: bool = False

    def endpoint(self, service: str) -> str | None:
        """Where `service` is; None is at Google. Raises `GoogleNotEmulated` or `GoogleIsLoopback`."""
        return self._fitting(service, GOOGLE_ENDPOINTS[service], self.process.google_endpoint(service))

    def client(self, service: str) -> Any:
        """A REST client of one of `VERSIONS`, for one thread."""
        endpoint = self.endpoint(service)
        return build(
            service,
            VERSIONS[service],
            http=self._http(),
            client_options={"api_endpoint": endpoint} if endpoint else None,
            static_discovery=True,
            cache_discovery=False,
        )

    def storage(self) -> ObjectClient:
        """A client of Cloud Storage. It belongs to no project: buckets are known by their names."""
        endpoint = self.endpoint("storage")
        if self.emulated:
            return ObjectClient(
                project="emulated",
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": endpoint},
                _http=_direct(),
            )
        options = {"api_endpoint": endpoint} if endpoint else None
        return ObjectClient(project=None, credentials=_default_credentials(), client_options=options)

    def bigquery(self, project: str) -> Queries:
        """BigQuery, for queries of the project."""
        # It imports pandas, and few need it.
        from google.cloud import bigquery

        from buildkit_dagster.cloud.bigquery import Queries

        endpoint = self.endpoint("bigquery")
        options = {"api_endpoint": endpoint} if endpoint else None
        if self.emulated:
            return Queries(bigquery.Client(project, AnonymousCredentials(), _direct(), client_options=options))
        return Queries(bigquery.Client(project, _default_credentials(), client_options=options))

    def caller(self, url: str) -> requests.Session:
        """A session that calls `url`, the address of a function or service, with a token for just that one."""
        self._fitting("function", "the function's address", url)
        if self.emulated:
            return _direct()
        with _told_plainly():
            return google.auth.transport.requests.AuthorizedSession(fetch_id_token_credentials(url))

    def _http(self) -> Any:
        # Without proxy settings: one of the environment's would take the request off the machine.
        if self.emulated:
            return httplib2.Http(timeout=_TIMEOUT, proxy_info=None)
        return google_auth_httplib2.AuthorizedHttp(_default_credentials(), http=httplib2.Http(timeout=_TIMEOUT))

    def _fitting(self, service: str, variable: str, endpoint: str | None) -> str | None:
        loopback = endpoint is not None and is_loopback(endpoint)
        if self.emulated and not loopback:
            raise GoogleNotEmulated(service, variable, endpoint)
        if endpoint and loopback and not self.emulated:
            raise GoogleIsLoopback(service, variable, endpoint)
        return endpoint


def gcp_for(platform: Platform, process: ProcessEnvironment) -> Gcp:
    """Google as a platform's environment sees it."""
    return Gcp(process, emulated=platform.config.cloud == "emulator")


def _direct() -> requests.Session:
    """Without proxies, netrc and credentials of the environment."""
    session = requests.Session()
    session.trust_env = False
    return session


def _default_credentials() -> Credentials:
    with _told_plainly():
        credentials, _ = google.auth.default(scopes=_SCOPES)
    return credentials


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except DefaultCredentialsError as error:
        raise GoogleCredentialsMissing(first_line(error)) from None
