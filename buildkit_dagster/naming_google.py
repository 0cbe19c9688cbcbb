"""Names of what a job has in Google Cloud, within the limits of `naming.LIMITS`; all other names are in `naming.py`.

Names there are of one project, of one region, or, as those of buckets, of everybody's; they know hyphens and no
underscores. In a name that is cut, more of the hash is left than in AWS: service accounts have 30 characters for what
`platform-environment-tenant-job` says.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from buildkit_dagster.naming import fit

_DIGITS = 10

#: Cloud Storage documentation, "About Cloud Storage buckets", "Bucket names": no `google`, close misspellings neither.
_FORBIDDEN = re.compile(r"g[o0]+gl?e?")


@dataclass(frozen=True)
class GoogleNames:
    """The names of one platform in one environment, whose part of them is `segment`, in a project."""

    platform: str
    segment: str
    project: str

    def job(self, tenant: str, job: str) -> str:
        """A job of Cloud Run or a function, its log bucket, key ring, key and schedule."""
        return self._of_job("cloud_run", tenant, job)

    def service_account(self, tenant: str, job: str) -> str:
        """Whom the job works as."""
        return self._of_job("service_account", tenant, job)

    def scheduler_account(self, tenant: str, job: str) -> str:
        """Whom Cloud Scheduler starts it as."""
        return self._of_job("service_account", tenant, job, "cron")

    def bucket(self, tenant: str, job: str) -> str:
        """For its messages."""
        name = self._of_job("gcs_bucket", tenant, job, self.project)
        allowed = _FORBIDDEN.sub("gg", name)
        return name if allowed == name else fit("gcs_bucket", allowed, _hash(name), digits=_DIGITS)

    def _of_job(self, service: str, tenant: str, job: str, kind: str = "") -> str:
        """A hash follows where the hyphens do not say which part ends where."""
        parts = (self.platform, self.segment, tenant, job)
        unclear = kind or "-" in self.segment or "-" in tenant
        told = (kind, _hash("/".join((*parts, kind)))) if unclear else ()
        return fit(service, *parts, *told, digits=_DIGITS)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
