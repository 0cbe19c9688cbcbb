"""The sizes Fargate has: ECS developer guide, "Fargate task definition considerations", "Task CPU and memory"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Memory sizes in MB per CPU units; 1024 units are one vCPU.
FARGATE_MEMORY: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}


def is_fargate_cpu(cpu: int) -> int:
    if cpu not in FARGATE_MEMORY:
        raise ValueError(f"Fargate has no cpu {cpu}; allowed: {', '.join(map(str, FARGATE_MEMORY))}")
    return cpu


def sizes_text(sizes: Sequence[int]) -> str:
    if isinstance(sizes, range):
        return f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
    return ", ".join(map(str, sizes))
