"""Terraform's Google provider as far as it is known offline: it knows every argument, and no cloud.

`google_terraform()` runs Terraform with a provider that answers its plugin protocol 5 on a Unix socket with the schemas
of `google_schema.json`, which Terraform reaches by `TF_REATTACH_PROVIDERS`. So `terraform validate` and, with
`mock_provider "google"`, `terraform test` work as with the provider itself: unknown and missing arguments, nested
blocks, their number, and types are found by Terraform. What the provider's own code refuses (a value's form, two
arguments that exclude each other) is not. Plans and changes are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import grpc

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.process import run
from buildkit_dagster.terraform.command import child_environment
from buildkit_dagster.terraform.providers import find_sources, write_cli_configuration
from tests.google_schema import PROVIDER, digest

#: `terraform(folder, "validate")`
Terraform = Callable[..., CompletedProcess[str]]

_SERVICE = "tfplugin5.Provider"
#: Requests that ask whether something is valid; nothing in the answer means yes.
_VALID = ("ValidateResourceTypeConfig", "ValidateDataSourceConfig", "PrepareProviderConfig", "Stop")
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


@contextmanager
def google_terraform(folder: Path) -> Iterator[Terraform]:
    """Terraform with that provider; `folder` is for its socket and settings. Nothing leaves the machine."""
    variables = {"PATH": read_environment().variables["PATH"]}
    sources = find_sources(variables, needs_aws=False)
    configuration = write_cli_configuration(folder / "cli.tfrc.json", None)
    with served(folder) as reattach:

        def terraform(root: Path, *args: str) -> CompletedProcess[str]:
            env = child_environment(variables, root / ".terraform", configuration, "default") | dict(reattach)
            return run([str(sources.binary), *args, "-no-color"], cwd=root, env=env, timeout=600)

        yield terraform


@contextmanager
def served(folder: Path) -> Iterator[Mapping[str, str]]:
    """The variables by which Terraform finds the provider, whose socket is in `folder`, while the block lasts."""
    socket = folder / "google.sock"
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([_handlers()])
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    address = {"Network": "unix", "String": str(socket)}
    # Terraform ends a provider it started; `Test` says that it did not.
    plugin = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 1, "Test": True, "Addr": address}
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps({PROVIDER: plugin})}
    finally:
        server.stop(None).wait()


def _handlers() -> Any:
    """Messages stay bytes: those that are read at all are empty."""
    schema = _schemas(digest()["provider_schemas"][PROVIDER])
    answers = {"GetSchema": schema, **dict.fromkeys(_VALID, b"")}
    handlers = {name: grpc.unary_unary_rpc_method_handler(_answering(answer)) for name, answer in answers.items()}
    return grpc.method_handlers_generic_handler(_SERVICE, handlers)


def _answering(answer: bytes) -> Any:
    return lambda *_: answer


def _schemas(schemas: Mapping[str, Any]) -> bytes:
    """`GetProviderSchema.Response` of tfplugin5.proto."""
    return _message(
        {
            1: [_schema(schemas["provider"])],
            2: [_named(name, _schema(schema)) for name, schema in schemas["resource_schemas"].items()],
            3: [_named(name, _schema(schema)) for name, schema in schemas["data_source_schemas"].items()],
        }
    )


def _named(name: str, message: bytes) -> bytes:
    return _message({1: [name], 2: [message]})


def _schema(schema: Mapping[str, Any]) -> bytes:
    return _message({1: [schema["version"]], 2: [_block(schema["block"])]})


def _block(block: Mapping[str, Any]) -> bytes:
    attributes = [_attribute(name, attribute) for name, attribute in block["attributes"].items()]
    return _message({2: attributes, 3: [_nested(name, nested) for name, nested in block["block_types"].items()]})


def _attribute(name: str, attribute: Mapping[str, Any]) -> bytes:
    uses = {number: [attribute.get(use, False)] for number, use in ((4, "required"), (5, "optional"), (6, "computed"))}
    return _message({1: [name], 2: [json.dumps(attribute["type"])], **uses})


def _nested(name: str, nested: Mapping[str, Any]) -> bytes:
    limits = {4: [nested.get("min_items", 0)], 5: [nested.get("max_items", 0)]}
    return _message({1: [name], 2: [_block(nested["block"])], 3: [_NESTING[nested["nesting_mode"]]], **limits})


def _message(fields: Mapping[int, list[bytes | str | int]]) -> bytes:
    """Protocol buffers' wire format: numbers as variants, text and messages with their length before them."""
    return b"".join(_field(number, value) for number, values in fields.items() for value in values)


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return _number(number << 3) + _number(int(value))
    content = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
