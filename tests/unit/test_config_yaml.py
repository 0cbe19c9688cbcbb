"""Positions, duplicate keys and merging of YAML documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.yaml import merge, parse_document

FILE = Path("config/platform.yaml")


def test_every_key_and_value_knows_its_line_and_column():
    document = parse_document("a:\n  - b: 1\n    c: x\n  - d\n", FILE)
    assert document.data == {"a": [{"b": 1, "c": "x"}, "d"]}
    assert (document.mark(("a", 0, "c")).line, document.mark(("a", 0, "c")).column) == (3, 5)
    assert (document.mark(("a", 1)).line, document.mark(("a", 1)).column) == (4, 5)


def test_a_missing_key_is_placed_at_its_nearest_parent():
    mark = parse_document("a:\n  b: {}\n", FILE).mark(("a", "b", "c", "d"))
    assert (mark.line, mark.path) == (2, ("a", "b", "c", "d"))


def test_a_duplicate_key_is_a_problem_that_names_both_lines():
    document = parse_document("a: 1\nb: 2\na: 3\n", FILE)
    assert [str(problem) for problem in document.problems] == [
        "config/platform.yaml:3: a: duplicate key, first given in line 1; keep one of them"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2013-01-01", "2013-01-01"),
        ("012", "012"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("-3", -3),
        ("1.5e3", 1500.0),
        ("'true'", "true"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object):
    assert parse_document(f"a: {text}", FILE).data == {"a": value}


def test_merge_keys_fill_in_and_do_not_replace():
    document = parse_document("base: &base {x: 1, y: 2}\nuse:\n  <<: *base\n  y: 3\n", FILE)
    assert document.data["use"] == {"x": 1, "y": 3}
    assert (document.mark(("use", "x")).line, document.mark(("use", "y")).line) == (1, 4)
    assert not document.problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]", "contains itself"),
        ("a: [", "not valid YAML"),
        ("? [x]\n: 1", "keys are text"),
        ("a: !!python/object:os.system x", "is not allowed here"),
        ("\tx: 1", "not valid YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_a_problem_and_no_exception(text: str, message: str):
    document = parse_document(text, FILE)
    assert message in str(document.problems[0])


def test_aliases_that_unfold_without_end_are_refused_quickly():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "without end" in str(parse_document("\n".join(lines), FILE).problems[0])


@pytest.mark.parametrize("levels", [60, 3_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_levels_without_end_are_refused_before_they_end_the_process(levels: int, opening: str, closing: str):
    document = parse_document(f"a: 1\nb: {opening * levels}1{closing * levels}\n", FILE)
    assert document.problems[0].line == 2
    assert "nested deeper than 50 levels" in str(document.problems[0])


def test_a_number_longer_than_any_stays_text():
    assert parse_document(f"a: {'9' * 5_000}", FILE).data == {"a": "9" * 5_000}


def test_merging_keeps_the_marks_of_what_won():
    base = parse_document("x: 1\ndeep: {a: 1, b: [1, 2]}\n", FILE)
    override = parse_document("deep:\n  b: [3]\n  c: 4\n", FILE)
    merged = merge(base, override)
    assert merged.data == {"x": 1, "deep": {"a": 1, "b": [3], "c": 4}}
    lines = {key: merged.mark(key).line for key in [("x",), ("deep", "a"), ("deep", "b", 0), ("deep", "c")]}
    assert lines == {("x",): 1, ("deep", "a"): 2, ("deep", "b", 0): 2, ("deep", "c"): 3}
    assert ("deep", "b", 1) not in merged.marks
    assert merged.mark(("deep", "missing")).line == 2
