"""A source of dlt's as somebody's package has it: two resources, a secret, plain rows and Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow as pa


@dlt.source
def shop(region: str, api_key: str = dlt.secrets.value) -> Any:
    @dlt.resource
    def customers() -> Iterator[list[dict[str, Any]]]:
        yield [{"id": number, "name": f"{region}-{number}", "key": api_key} for number in range(3)]

    @dlt.resource
    def visits() -> Iterator[pa.Table]:
        yield pa.table({"id": [1, 2], "pages": pa.array([3, 4], pa.int32())})

    return customers, visits


no_source = 3
