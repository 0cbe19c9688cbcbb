"""Finding Terraform and the provider, and what is said when they cannot be had."""

import json
import os
from pathlib import Path

import pytest

from buildkit_dagster.errors import ProviderUnavailable, TerraformMissing
from buildkit_dagster.terraform.providers import (
    AWS_PROVIDER_VERSION,
    describe_sources,
    find_mirror,
    find_terraform,
    mirrored_versions,
    write_cli_configuration,
)


def test_the_sources_in_use_can_be_described() -> None:
    facts = describe_sources(dict(os.environ))
    assert facts["terraform"].startswith("1.")
    assert AWS_PROVIDER_VERSION in facts["aws provider"]
    assert facts["provider source"].startswith(("filesystem mirror", "registry"))


def test_a_machine_without_terraform_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TerraformMissing, match=r"there is no `terraform` on PATH; install it from"):
        find_terraform({"PATH": str(tmp_path)})


def test_a_terraform_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    (tmp_path / "terraform").write_bytes(b"\x7fELF for another machine")
    (tmp_path / "terraform").chmod(0o755)
    with pytest.raises(TerraformMissing, match=r"/terraform does not answer as Terraform; install it"):
        find_terraform({"PATH": str(tmp_path)})


@pytest.mark.parity("A!6", "A-19")
def test_a_terraform_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.5.7"}\'\n')
    old.chmod(0o755)
    with pytest.raises(TerraformMissing, match=r"Terraform 1\.11\.0 or newer is needed and .* is 1\.5\.7"):
        find_terraform({"PATH": str(tmp_path)})


def test_a_named_mirror_without_the_provider_is_said_to_lack_it(tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="BUILDKIT_PROVIDER_MIRROR"):
        find_mirror(tmp_path)


def test_a_mirror_holds_providers_unpacked_or_packed(tmp_path: Path) -> None:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    target = f"{os.uname().sysname.lower()}_{machine}"
    folder = tmp_path / "registry.terraform.io" / "hashicorp" / "aws"
    (folder / "5.9.0" / target).mkdir(parents=True)
    (folder / f"terraform-provider-aws_5.10.0_{target}.zip").touch()
    assert mirrored_versions(tmp_path) == ("5.9.0", "5.10.0")
    assert find_mirror(tmp_path) == tmp_path
    written = json.loads(write_cli_configuration(tmp_path / "cli.json", tmp_path).read_text())
    (method,) = written["provider_installation"]
    assert method["filesystem_mirror"][0]["include"] == ["registry.terraform.io/hashicorp/aws"]
    assert method["direct"][0]["exclude"] == ["registry.terraform.io/hashicorp/aws"]
