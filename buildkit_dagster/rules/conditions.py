"""IAM conditions, evaluated as AWS does.

Reference: IAM User Guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys" and "Variables
and tags". Which request is made is up to `trust.py` and the emulator's KMS.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from buildkit_dagster.rules.statements import Condition, matches

#: What is known of a request: keys in lower case, each with its values; a key that is absent has no entry.
Context = Mapping[str, Sequence[str]]
Compare = Callable[[str, str], bool]

_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
_LITERAL = {"*", "?", "$"}


def hold(conditions: Iterable[Condition], context: Context) -> bool:
    """Whether all conditions of a statement hold; one with an operator AWS does not have never does."""
    return all(_holds(operator, expected, context.get(key), context) for operator, key, expected in conditions)


def _holds(operator: str, expected: Sequence[str], actual: Sequence[str] | None, context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.lower().endswith("ifexists")
    base = (name[: -len("IfExists")] if if_exists else name).lower()
    if base == "null":
        return any((actual is None) == (value.lower() == "true") for value in expected)
    negated, compare = _operator(base)
    if compare is None:
        return False
    if actual is None:
        return if_exists or negated or quantifier.lower() == "forallvalues"
    wanted = [text for text in (_filled(value, context, base) for value in expected) if text is not None]
    fits = [any(compare(pattern, value) for pattern in wanted) != negated for value in actual]
    if quantifier.lower() == "forallvalues" or (negated and not quantifier):
        return all(fits)
    return any(fits)


def _operator(base: str) -> tuple[bool, Compare | None]:
    """Whether it is the negative of another, and how it compares the expected with the actual value."""
    positive = _POSITIVES.get(base, base)
    return base in _POSITIVES, _COMPARE.get(positive)


def _filled(value: str, context: Context, base: str) -> str | None:
    """Policy variables replaced; None when one is not known, as nothing equals it then.

    `${*}` stands for the sign itself; as no value of ours has wildcards, `?` in its place is exact enough for Like.
    """

    def fill(found: re.Match[str]) -> str:
        name, default = found[1].strip(), found[2]
        if name in _LITERAL:
            return "?" if "like" in base and name != "$" else name
        known = context.get(name.lower())
        if known is None and default is None:
            raise KeyError(name)
        return known[0] if known else str(default)

    try:
        return _VARIABLE.sub(fill, value)
    except KeyError:
        return None


def _like(pattern: str, value: str) -> bool:
    return matches(pattern, value)


def _arn(pattern: str, value: str) -> bool:
    """Each of the six parts of an ARN on its own, so that a wildcard does not reach into the next."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(found) and all(matches(*pair) for pair in zip(wanted, found, strict=True))


def _number(order: Callable[[float, float], bool]) -> Compare:
    def compare(expected: str, actual: str) -> bool:
        try:
            return order(float(actual), float(expected))
        except ValueError:
            return False

    return compare


def _date(order: Callable[[float, float], bool]) -> Compare:
    def compare(expected: str, actual: str) -> bool:
        try:
            return order(_moment(actual), _moment(expected))
        except ValueError:
            return False

    return compare


def _moment(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _address(expected: str, actual: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return False


#: The negative operators and what they are the negative of.
_POSITIVES = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
}
_COMPARE: Mapping[str, Compare] = {
    "stringequals": lambda expected, actual: expected == actual,
    "stringequalsignorecase": lambda expected, actual: expected.lower() == actual.lower(),
    "stringlike": _like,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": lambda expected, actual: expected.lower() == actual.lower(),
    "binaryequals": lambda expected, actual: expected == actual,
    "ipaddress": _address,
    "numericequals": _number(lambda actual, expected: actual == expected),
    "numericlessthan": _number(lambda actual, expected: actual < expected),
    "numericlessthanequals": _number(lambda actual, expected: actual <= expected),
    "numericgreaterthan": _number(lambda actual, expected: actual > expected),
    "numericgreaterthanequals": _number(lambda actual, expected: actual >= expected),
    "dateequals": _date(lambda actual, expected: actual == expected),
    "datelessthan": _date(lambda actual, expected: actual < expected),
    "datelessthanequals": _date(lambda actual, expected: actual <= expected),
    "dategreaterthan": _date(lambda actual, expected: actual > expected),
    "dategreaterthanequals": _date(lambda actual, expected: actual >= expected),
}
