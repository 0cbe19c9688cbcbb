"""What follows from a region of AWS: its partition, what host names end in there, and its console.

Which region is meant is the configuration's; names of what is in it are in `naming.py`.
"""

from __future__ import annotations

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def partition_of(region: str) -> str:
    """The part of AWS a region belongs to, as ARNs name it."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def dns_suffix_of(region: str) -> str:
    """What the host names of AWS's services end in there."""
    return _DNS_SUFFIXES.get(partition_of(region), "amazonaws.com")


def console_of(region: str) -> str:
    """Where the AWS console of a region is."""
    return f"https://{region}.{_CONSOLES.get(partition_of(region), 'console.aws.amazon.com')}"
