"""Where the state of a root lies: backend block, workspace and partial configuration, as a table."""

from pathlib import Path

import pytest

from buildkit_dagster.errors import InvalidRoot, StateNotReadable
from buildkit_dagster.terraform.backends import Backend, LocalBackend, PassedBackend
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import read_state

WHOLE = 'backend "s3" {\n    bucket = "b"\n    key = "k"\n    region = "eu-west-1"\n    use_lockfile = true\n  }'


def stack_of(folder: Path, block: str, **more: object) -> TerraformStack:
    (folder / "main.tf").write_text(f'terraform {{\n  {block}\n}}\nresource "terraform_data" "a" {{}}\n')
    return TerraformStack(folder, name="net", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("block", "workspace", "expected"),
    [
        ("", None, LocalBackend(Path("terraform.tfstate"))),
        ("", "stage", LocalBackend(Path("terraform.tfstate.d/stage/terraform.tfstate"))),
        ('backend "local" {\n    path = "x/y.tfstate"\n  }', None, LocalBackend(Path("x/y.tfstate"))),
        ('backend "local" {\n    workspace_dir = "w"\n  }', "stage", LocalBackend(Path("w/stage/terraform.tfstate"))),
        (WHOLE, None, S3Backend("b", "k", "eu-west-1")),
        (WHOLE, "default", S3Backend("b", "k", "eu-west-1")),
        (WHOLE, "stage", S3Backend("b", "env:/stage/k", "eu-west-1")),
        (
            WHOLE.replace("use_lockfile", 'workspace_key_prefix = "ws"\n    use_lockfile'),
            "stage",
            S3Backend("b", "ws/stage/k", "eu-west-1"),
        ),
        (
            WHOLE.replace("use_lockfile", 'encrypt = true\n    kms_key_id = "arn"\n    use_lockfile'),
            None,
            S3Backend("b", "k", "eu-west-1", kms_key="arn"),
        ),
        (WHOLE.replace('region = "eu-west-1"', ""), None, S3Backend("b", "k", "")),
        (WHOLE.replace("use_lockfile", 'profile = "p"\n    use_lockfile'), None, PassedBackend("s3")),
        (
            WHOLE.replace("use_lockfile", 'assume_role = { role_arn = "r" }\n    use_lockfile'),
            None,
            PassedBackend("s3"),
        ),
        (WHOLE.replace('"k"', '"${var.stage}/k"'), None, PassedBackend("s3")),
        ('backend "gcs" {\n    bucket = "b"\n  }', "stage", PassedBackend("gcs")),
        ('backend "http" {}', None, PassedBackend("http")),
    ],
)
def test_the_backend_and_the_workspace_say_where_the_state_is(
    tmp_path: Path, block: str, workspace: str | None, expected: Backend
) -> None:
    if isinstance(expected, LocalBackend):
        expected = LocalBackend(tmp_path / expected.path)
    assert stack_of(tmp_path, block, workspace=workspace).backend == expected


def test_a_partial_configuration_is_completed_by_settings_or_by_a_file(tmp_path: Path) -> None:
    block, settings = 'backend "s3" {\n    region = "eu-west-1"\n  }', {"bucket": "b", "key": "k"}
    assert stack_of(tmp_path, block, backend_config=settings).backend == S3Backend("b", "k", "eu-west-1")
    (tmp_path / "prod.s3.tfbackend").write_text('bucket = "b"\nkey    = "k2"\n')
    assert stack_of(tmp_path, block, backend_config="prod.s3.tfbackend").backend == S3Backend("b", "k2", "eu-west-1")
    with pytest.raises(InvalidRoot, match=r"lacks bucket and key; .*TerraformStack\(backend_config=\.\.\.\)"):
        _ = stack_of(tmp_path, block).backend
    with pytest.raises(InvalidRoot, match=r"there is no file .*typo"):
        stack_of(tmp_path, block, backend_config="typo")


def test_a_partial_configuration_for_a_root_without_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoot, match="declares no backend, so backend_config would be ignored"):
        _ = stack_of(tmp_path, "", backend_config={"bucket": "b"}).backend


@pytest.mark.parametrize("block", ['cloud {\n    organization = "x"\n  }', 'backend "remote" {}'])
def test_a_backend_that_runs_terraform_elsewhere_is_refused(tmp_path: Path, block: str) -> None:
    with pytest.raises(InvalidRoot, match="which runs Terraform elsewhere; allowed: every backend that only keeps"):
        _ = stack_of(tmp_path, block).backend


def test_a_state_only_terraform_reads_is_not_read_without_one() -> None:
    with pytest.raises(StateNotReadable, match="backend 'pg' is read by Terraform only"):
        read_state(PassedBackend("pg"), None)


def test_stacks_of_one_root_do_not_share_a_work_folder(tmp_path: Path) -> None:
    stacks = [stack_of(tmp_path, ""), stack_of(tmp_path, "", workspace="a"), TerraformStack(tmp_path, name="other")]
    assert [stack.work.relative_to(tmp_path).as_posix() for stack in stacks] == [
        ".buildkit/net",
        ".buildkit/net.a",
        ".buildkit/other",
    ]


def test_a_workspace_name_that_is_no_part_of_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoot, match=r"'\.\./x' cannot be a workspace"):
        stack_of(tmp_path, "", workspace="../x")
