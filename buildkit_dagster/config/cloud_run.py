"""The sizes Cloud Run has for jobs, and functions: Cloud Run documentation, "Configure CPU limits for jobs" (vCPU and
memory table), and Cloud Run functions documentation, "Quotas" (Max function memory)."""

from __future__ import annotations

from collections.abc import Mapping

#: Least and most memory in MiB by the number of vCPUs.
JOB_MEMORY: Mapping[str, tuple[int, int]] = {
    "1": (512, 4 * 1024),
    "2": (512, 8 * 1024),
    "4": (2 * 1024, 16 * 1024),
    "6": (4 * 1024, 24 * 1024),
    "8": (4 * 1024, 32 * 1024),
}
#: The same for a function, whose CPU follows from its memory.
FUNCTION_MEMORY = (128, 32 * 1024)

_GIGA = ("Gi", "GB")


def mebibytes(size: str) -> int:
    """`512Mi`, `2Gi`, `256MB` or `1GB` in MiB; functions count megabytes in powers of two as well."""
    return int(size[:-2]) * (1024 if size.endswith(_GIGA) else 1)


def refuse_outside(size: str, bounds: tuple[int, int], what: str) -> None:
    """Raises ValueError where `what` cannot have that much memory."""
    least, most = bounds
    if not least <= mebibytes(size) <= most:
        raise ValueError(f"{what} has no memory {size}; allowed: {_text(least)} to {_text(most)}")


def _text(size: int) -> str:
    return f"{size // 1024}Gi" if size % 1024 == 0 else f"{size}Mi"
