"""What a table is, whose it is and what it costs: config/assets, as frozen, strict models.

Where it comes from and goes to is in `connectors.py`, the job that loads it in `ingest.py`, what its rows must be in
`quality.py`. The old form of the files is read by `nested_assets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from buildkit_dagster.config.quality import DataQuality
from buildkit_dagster.config.values import Identifier, Model, RetentionDays, Text, repeated

#: Logical types of the Open Data Contract Standard 3.0.2, and short names in use, by dlt's name of the type.
_OTHER_TYPES: Mapping[str, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double",
    "float": "double",
    "boolean": "bool",
    "datetime": "timestamp",
    "object": "json",
    "array": "json",
}


def _dlt_type(name: object) -> object:
    return _OTHER_TYPES.get(name, name) if isinstance(name, str) else name


_DltType = Literal["text", "bigint", "double", "bool", "timestamp", "date", "time", "decimal", "json"]
_OtherType = Literal["string", "integer", "number", "float", "boolean", "datetime", "object", "array"]
#: The type of a column as dlt calls it, whatever the file calls it.
ColumnType = Annotated[_DltType, BeforeValidator(_dlt_type, json_schema_input_type=_DltType | _OtherType)]


class FinOps(Model):
    """Who pays. `environment` is what bookkeeping calls it, not the platform's environment."""

    cost_center: str | None = None
    business_tags: tuple[str, ...] = ()
    project: str | None = None
    environment: Literal["production", "staging", "development", "test"] | None = None


class Security(Model):
    encryption_required: bool | None = None
    access_control: Literal["role_based", "attribute_based", "none"] | None = None


class Compliance(Model):
    classification: tuple[str, ...] = ()
    regulations: tuple[str, ...] = ()
    retention_days: RetentionDays | None = None
    security: Security = Security()
    user_consent_required: bool | None = None


def _role(written: object) -> object:
    return {"name": written} if isinstance(written, str) else written


class Role(Model):
    """Somebody who has to do with a table; a name alone may stand for it."""

    name: Text
    email: Text | None = None
    responsibility: Text | None = None


class Team(Model):
    """Whose the table is; every table has an owner."""

    owner: Text
    roles: tuple[Annotated[Role, BeforeValidator(_role, json_schema_input_type=Text | Role)], ...] = ()


class Column(Model):
    """One column of a table; `classification` is of this column alone. `physicalType` is for readers: the type in the
    target is dlt's to choose."""

    name: Identifier
    type: ColumnType
    required: bool = False
    description: str | None = None
    classification: str | None = None
    unique: bool = False
    physical_type: Annotated[Text | None, Field(alias="physicalType")] = None


class TableAsset(Model):
    """config/assets: what a table is, who owns it, and its columns. `source_type` and `object` name the dbt source."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "governance": "its owner is `team.owner`; class and days are in `compliance`, the cost centre in `finops`",
        "lineage": "lineage follows from jobs and dbt models",
        "audit": "the history of a file is Git's",
    }
    #: Keys that an Open Data Contract has and that say nothing here, with what does.
    unread: ClassVar[Mapping[str, str]] = {
        "$schema": "",
        "apiVersion": "",
        "kind": "",
        "id": "",
        "status": "",
        "target": "where and how a table is written is the target connector's to say",
        "tags": "tags of resources come from `finops`, `compliance`, `team` and the connectors",
    }
    name: Text
    version: Text
    source_type: Identifier
    object: Identifier
    description: str | None = None
    team: Team
    domain: str | None = None
    data_product: Annotated[str | None, Field(alias="dataProduct")] = None
    finops: FinOps = FinOps()
    compliance: Compliance = Compliance()
    columns: Annotated[tuple[Column, ...], Field(alias="schema", min_length=1)]
    primary_key: tuple[Identifier, ...] = ()
    data_quality: DataQuality = DataQuality()
    json_schema: Annotated[Any, Field(alias="$schema")] = None
    api_version: Annotated[Any, Field(alias="apiVersion")] = None
    kind: Any = None
    id: Any = None
    status: Any = None
    target: Any = None
    tags: Any = None

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        if twice := repeated(column.name for column in columns):
            raise ValueError(f"columns declared twice: {', '.join(twice)}")
        return columns

    @field_validator("primary_key")
    @classmethod
    def _key_is_columns(cls, primary_key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        _refuse_unknown(primary_key, info)
        return primary_key

    @field_validator("data_quality")
    @classmethod
    def _unique_are_columns(cls, quality: DataQuality, info: ValidationInfo) -> DataQuality:
        _refuse_unknown(quality.unique, info)
        return quality

    @property
    def unique_columns(self) -> tuple[str, ...]:
        """Columns of which no two rows have the same value, wherever that is said."""
        marked = (column.name for column in self.columns if column.unique)
        return tuple(dict.fromkeys((*self.data_quality.unique, *marked)))


def _refuse_unknown(columns: tuple[str, ...], info: ValidationInfo) -> None:
    """All of these are columns of the table; nothing to say where its columns are wrong themselves."""
    known = [column.name for column in info.data.get("columns", ())]
    unknown = [name for name in columns if known and name not in known]
    if unknown:
        raise ValueError(f"no column is called {', '.join(unknown)}; allowed: {', '.join(known)}")
