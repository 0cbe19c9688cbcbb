"""The data version of a unit: what it is made of, as far as that is known when it is reported.

Units are reported while Terraform still runs, when attributes the cloud computes are not known yet; a later run that
changes nothing knows them. So that both give the same version, it is made of what both know: the unit's code, the
values its root variables have, and the address and id of each of its resources. Secret variables stay out of it, since
the hash of a short secret can be guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from buildkit_dagster.terraform.root import Root


def data_version(root: Root, unit: str, values: Mapping[str, Any], ids: Mapping[str, str | None]) -> str:
    """A hash; `values` are the root's variables, `ids` the unit's resource addresses with their ids."""
    names = [name for name in root.unit(unit).variables if name not in root.secret_variables]
    given = {name: values[name] for name in names if name in values}
    text = json.dumps([root.unit(unit).code, given, ids], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
