"""Redaction, as properties: no secret survives in any form, nothing else changes, and twice is once."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.terraform.redaction import COMMON, SHORTEST, Secrets, forms
from buildkit_dagster.terraform.secret_names import MARK, masked, named_secrets
from tests.properties import examples, json_values, texts

#: No value like these is common, and none can come about from a mark and what stands beside it.
secret_texts = st.one_of(st.text(min_size=5, max_size=30), texts).map(lambda text: f"zq{text.strip()}9zq8")

SECRET_NAMES = ["password", "apiToken", "DB_PASS", "private_key_pem"]

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"inner": text}), ensure_ascii=False),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text, ensure_ascii=False))),
    "Terraform's JSON": lambda text: (
        json.dumps(text, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026").replace(">", "\\u003e")
    ),
    "HCL": lambda text: json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{"),
    "Python": repr,
    "HTML": html.escape,
    "a URL": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic authentication": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "in the middle of base64": lambda text: base64.urlsafe_b64encode(f"ab{text}cd".encode()).decode(),
    "indented": lambda text: text.replace("\n", "\n      "),
}


@given(
    secrets=st.lists(secret_texts, min_size=1, max_size=4),
    way=st.sampled_from(sorted(WRITTEN)),
    before=texts,
    after=texts,
)
@examples(400)
def test_no_secret_survives_however_it_is_written(secrets: list[str], way: str, before: str, after: str) -> None:
    collection = Secrets()
    collection.add(secrets)
    text = before + " ".join(WRITTEN[way](secret) for secret in secrets) + after
    scrubbed = collection.scrub(text)
    assert MARK in scrubbed
    for secret in secrets:
        left = [form for form in (*forms(secret), *(line.strip() for line in secret.splitlines())) if form in scrubbed]
        assert [form for form in left if len(form) > SHORTEST and "zq" in form] == []
    assert collection.scrub(scrubbed) == scrubbed


@given(secrets=st.lists(secret_texts, max_size=5), text=st.text(max_size=200))
@examples(200)
def test_text_without_a_secret_is_left_as_it_is(secrets: list[str], text: str) -> None:
    collection = Secrets()
    collection.add(secrets)
    if not any(form in text for secret in secrets for line in [secret, *secret.split()] for form in forms(line)):
        assert collection.scrub(text) == text


@given(value=json_values, secret=secret_texts)
@examples(150)
def test_a_json_value_keeps_its_shape_and_loses_its_secrets(value: Any, secret: str) -> None:
    collection = Secrets()
    collection.add(secret)
    planted = {"untouched": value, "list": [secret, {secret: f"<{secret}>"}], "inner": json.dumps([secret])}
    scrubbed = collection.scrub_value(planted)
    assert not collection.finds(json.dumps(scrubbed))
    assert scrubbed["list"] == [MARK, {MARK: f"<{MARK}>"}]
    if not collection.finds(json.dumps(value)):
        assert scrubbed["untouched"] == value
        assert collection.scrub_value(value) is value


@given(value=json_values, secret=secret_texts, name=st.sampled_from(SECRET_NAMES))
@examples(150)
def test_what_stands_under_a_secret_name_is_masked_at_any_depth(value: Any, secret: str, name: str) -> None:
    planted = {
        "a": [{name: secret, "other": value}],
        "text": json.dumps({"b": {name: [secret]}}),
        "env": [{"name": name, "value": secret}],
    }
    found = masked(planted)
    assert secret not in json.dumps(found, ensure_ascii=False)
    assert json.dumps(secret)[1:-1] not in json.dumps(found)
    assert masked(found) == found
    assert [found for found in named_secrets(planted) if found in (secret, [secret])] == [secret, [secret], secret]


@given(text=st.sampled_from(sorted(COMMON)) | st.text(max_size=SHORTEST - 1) | st.from_regex(r"\A[a-z]{2}-[a-z]+-\d\Z"))
@examples(100)
def test_short_and_common_values_are_not_looked_for(text: str) -> None:
    collection = Secrets(public=["network"])
    collection.add([text, "network", MARK, "sensitive", True, 7])
    assert collection.scrub(f"a {text} network {MARK} True 7") == f"a {text} network {MARK} True 7"


def test_hundreds_of_secrets_are_found_in_megabytes() -> None:
    collection = Secrets()
    collection.add([f"secret-{number:x}-{number * 7919:x}" for number in range(500)])
    line = '{"@level":"info","@message":"module.a.aws_s3_bucket.this: Creation complete after 2s [id=bucket]"}\n'
    text = line * 10_000 + "secret-7-d889" + line * 10_000
    assert collection.scrub(text).count(MARK) == 1


def test_a_secret_of_many_lines_is_found_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg01\nAgEAAoIBAQC7vb02\n-----END PRIVATE KEY-----\n"
    collection = Secrets()
    collection.add(key)
    assert collection.scrub("bad: AgEAAoIBAQC7vb02!") == f"bad: {MARK}!"
    assert collection.scrub("    -----BEGIN PRIVATE KEY-----\n    MIIEvQIBADANBg01\n    AgEA") == (
        f"    -----BEGIN PRIVATE KEY-----\n    {MARK}\n    AgEA"
    )
    assert collection.scrub(json.dumps({"key": key})) == json.dumps({"key": f"{MARK}\n"})


def test_the_password_of_an_address_is_a_secret_of_its_own() -> None:
    collection = Secrets()
    collection.add("postgres://loader:p%40ssw0rd!@db/warehouse")
    collection.add("host=db password=other-secret-1 dbname=x")
    assert collection.scrub("p@ssw0rd! and p%40ssw0rd! and other-secret-1") == f"{MARK} and {MARK} and {MARK}"


def test_a_collection_does_not_show_what_it_holds() -> None:
    collection = Secrets()
    collection.add("do-not-show-me")
    assert repr(collection) == "<1 secrets>"
