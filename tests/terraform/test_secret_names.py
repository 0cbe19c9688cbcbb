"""Which names stand for a secret, and what is masked by them."""

import json

import pytest

from buildkit_dagster.terraform.secret_names import MARK, is_secret_name, masked, named_secrets

SECRET = """password DB_PASSWORD dbPassword master_password password2 smtp_password_v4 password_wo PGPASSWORD DB_PASS
    privateKeyPem private_key private_key_openssh user_data user_data_base64 secret client_secret secret_string
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GITHUB_TOKEN auth_token tunnel1_preshared_key APIKey api_key_2 x-api-key
    DATABASE_URL connectionString connection_string PG_CONN_STR SLACK_WEBHOOK_URL TF_VAR_db_password credentials
    snowflake.password http_basic_passwd db_pwd"""
OPEN = """secret_arn token_ttl password_policy password_length password_wo_version secret_id secret_name key public_key
    kms_key_id encryption_key access_key_id manage_master_user_password generate_secret max_tokens token_url tokenizer
    PWD OLDPWD AWS_SHARED_CREDENTIALS_FILE pass_through passport keypair user_data_replace_on_change user database
    token.actions.githubusercontent.com:sub secretsmanager:VersionStage name id arn policy environment"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_name_that_ends_in_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OPEN.split())
def test_a_name_that_says_something_about_a_secret_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_values_are_masked_where_they_stand_and_the_rest_stays() -> None:
    container = {
        "environment": [{"name": "DB_PASSWORD", "value": "canary"}, {"name": "DB_HOST", "value": "db"}],
        "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:secretsmanager:x"}],
    }
    value = {
        "tags": {"owner": "data", "token": "canary"},
        "definitions": json.dumps([container]),
        "master_password": "canary",
        "credentials": {"user": "me", "key": "canary"},
        "api_key": ["canary"],
        "manage_master_user_password": True,
        "policy": '{"Statement": []}',
    }
    found = masked(value)
    assert "canary" not in json.dumps(found)
    assert found["tags"] == {"owner": "data", "token": MARK}
    shown = json.loads(found["definitions"])[0]
    assert shown["environment"] == [{"name": "DB_PASSWORD", "value": MARK}, {"name": "DB_HOST", "value": "db"}]
    assert shown["secrets"] == container["secrets"]
    assert (found["credentials"], found["api_key"]) == (MARK, MARK)
    assert (found["manage_master_user_password"], found["policy"]) == (True, value["policy"])
    assert sorted(map(str, named_secrets(value))) == [
        "['canary']",
        "canary",
        "canary",
        "canary",
        "{'user': 'me', 'key': 'canary'}",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:db",
        "projects/p/secrets/db/versions/1",
        "{{resolve:secretsmanager:db}}",
        "ssm:/prod/db/password",
        "~/.keys/service.json",
        "",
        None,
        False,
    ],
)
def test_what_only_says_where_a_secret_lies_is_not_masked(value: object) -> None:
    assert masked({"password": value}) == {"password": value}


def test_a_parameter_of_a_build_is_no_secret_where_it_names_one() -> None:
    variable = {"name": "DB_PASSWORD", "value": "prod/db", "type": "SECRETS_MANAGER"}
    assert masked([variable]) == [variable]
