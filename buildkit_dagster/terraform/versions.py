"""The data version of a unit: what it is made of, as far as that is known when it is reported.

Units are reported while Terraform still runs, when attributes the cloud computes are not known yet; a later run that
changes nothing knows them. So that both give the same version, it is made of what both know: the unit's code, the
values its root variables have, and the address and id of each of its resources.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from buildkit_dagster.terraform.root import Unit


def data_version(unit: Unit, values: Mapping[str, Any], ids: Mapping[str, str | None]) -> str:
    """A hash; `values` are the root's variables, `ids` the unit's resource addresses with their ids."""
    given = {name: values[name] for name in unit.variables if name in values}
    text = json.dumps([unit.code, given, ids], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
