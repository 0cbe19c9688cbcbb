"""What a module's folder says to whoever calls it."""

from pathlib import Path

import pytest

from buildkit_dagster.terraform.module_folder import _parsed_outputs, _plain_outputs, module_outputs

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "text",
    [
        'output "a" {\n  value = 1\n}\n\noutput "secret" {\n  value     = 2\n  sensitive = true\n}\n',
        'output "a" { value = 1 }\noutput "secret" {\nvalue = 2\n sensitive=true }\n',
        'output "a" {\n  value = <<EOT\n}\nEOT\n}\noutput "secret" {\n  value     = 2\n  sensitive = true # yet\n}\n',
        'output "a" {\n  value = 1\n}\n  output "secret" {\n  sensitive = true\n  value = 2\n  }\n',
    ],
)
def test_outputs_of_a_module_are_found_however_it_is_written_and_never_a_sensitive_one(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "outputs.tf").write_text(text)
    assert module_outputs(tmp_path) == ("a",)


def test_outputs_of_our_modules_are_read_without_the_parser() -> None:
    files = [
        file for file in sorted((REPOSITORY / "terraform/modules").glob("*/*.tf")) if "output " in file.read_text()
    ]
    assert files
    assert [_plain_outputs(file.read_text()) for file in files] == [_parsed_outputs(file) for file in files]
