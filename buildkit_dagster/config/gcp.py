"""Google Cloud as one environment uses it: `gcp` of config/platform.yaml, and what its jobs need of that.

That a job has it is checked in `places.py`; where a job runs there is in `runtimes.py`, what is made there in
`stacks/ingest_gcp.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from buildkit_dagster.config.values import GcpRegion, Identifier, Model

#: Resource Manager API reference, `Project.projectId`: 6 to 30 lower-case letters, digits and hyphens.
GcpProject = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
#: The address of a service account of a project.
ServiceAccount = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\.gserviceaccount\.com$")]
#: A notification channel of Cloud Monitoring.
Channel = Annotated[str, Field(pattern=r"^projects/[^/]+/notificationChannels/\d+$")]
#: A secret of Secret Manager, in this project or, by its full name, in another.
GcpSecret = Annotated[str, Field(pattern=r"^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$")]
#: A table of BigQuery, `project.dataset.table`.
BigQueryTable = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+$")]
#: A key of Cloud KMS.
GcpKey = Annotated[
    str, Field(pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+$")
]


def is_googles(secret: str) -> bool:
    """Whether a connector's secret is one of Google's Secret Manager; others are of AWS's."""
    return secret.startswith("projects/")


class GcpNetwork(Model):
    """How jobs reach the VPC: directly, from a subnetwork, or by a connector of Serverless VPC Access."""

    network: str | None = None
    subnetwork: str | None = None
    connector: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> GcpNetwork:
        direct = self.network is not None or self.subnetwork is not None
        if direct == (self.connector is not None):
            raise ValueError("give `connector`, or `network` and `subnetwork`: there is one way into the VPC")
        return self


class Gcp(Model):
    """The project jobs with a runtime of Google run in.

    `region` is that of jobs which name none. `service_account` is whom Terraform acts as, `runner` who starts the jobs
    (Dagster's identity); without `runner` nobody is granted it. `builder` builds functions, in place of the project's
    default account. `artifact_registry` is put before an `image_uri` without a registry
    (`europe-docker.pkg.dev/PROJECT/REPOSITORY`). `secrets` are the warehouse's, in Secret Manager, by the names they
    have in `warehouse.secrets`. `ingress` says where functions are called from: Google's own network, or `all` where
    Dagster runs elsewhere (who may call is `runner` alone). `billing_export` is the table of the billing account's
    export to BigQuery. `kms_key` encrypts what must be encrypted; without it, a key is made.
    """

    project: GcpProject
    region: GcpRegion = "us-central1"
    network: GcpNetwork | None = None
    artifact_registry: Annotated[str, Field(pattern=r"^[a-z0-9.-]+\.(pkg\.dev|gcr\.io)(/[a-z0-9._-]+)+$")] | None = None
    service_account: ServiceAccount | None = None
    runner: ServiceAccount | None = None
    builder: ServiceAccount | None = None
    secrets: Mapping[Identifier, GcpSecret] = {}
    ingress: Literal["internal", "all"] = "internal"
    kms_key: GcpKey | None = None
    billing_export: BigQueryTable | None = None
    notification_channels: tuple[Channel, ...] = ()
