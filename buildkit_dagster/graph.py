"""The asset graph as data and as a picture: JSON, Mermaid, and SVG with a layered layout of our own.

Pure functions over keys and edges. Reading them from Dagster is in `defs/graph.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.sax.saxutils import escape

_SWEEPS = 8
_ROW, _GAP, _MARGIN = 44, 70, 24
_BOX_HEIGHT, _CHARACTER, _PADDING = 32, 7.3, 14
#: Fill and border per group, in order of appearance.
_COLOURS = (
    ("#e8f1fd", "#2f6fc1"),
    ("#e9f7ee", "#2f8a57"),
    ("#fdf3e1", "#b7791f"),
    ("#f3ebfb", "#7446a8"),
    ("#fdeaea", "#b83f3f"),
    ("#e6f7f8", "#1f8189"),
    ("#f2f2ea", "#6f6f3a"),
    ("#fbe9f3", "#a83a77"),
)


@dataclass(frozen=True)
class Node:
    """One asset; `key` is written a/b/c."""

    key: str
    kinds: tuple[str, ...]
    group: str
    materialized: bool


@dataclass(frozen=True)
class Graph:
    """All assets and the edges between them, (from, to), both sorted by key."""

    assets: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Box:
    node: Node
    x: float
    y: float
    width: float


def as_data(graph: Graph) -> dict[str, Any]:
    """`{"assets": [{key, kinds, group, materialized}], "edges": [{from, to}]}`."""
    assets = [{**asdict(node), "kinds": list(node.kinds)} for node in graph.assets]
    return {"assets": assets, "edges": [{"from": source, "to": target} for source, target in graph.edges]}


def as_json(graph: Graph) -> str:
    return json.dumps(as_data(graph), indent=2) + "\n"


def as_mermaid(graph: Graph) -> str:
    """A `flowchart LR` with one subgraph per group."""
    names = {node.key: f"n{index}" for index, node in enumerate(graph.assets)}
    lines = ["flowchart LR"]
    for index, (group, nodes) in enumerate(_by_group(graph).items()):
        lines.append(f'  subgraph g{index}["{group}"]')
        lines += [f'    {names[node.key]}["{node.key}"]' for node in nodes]
        lines.append("  end")
    lines += [f"  {names[source]} --> {names[target]}" for source, target in graph.edges]
    return "\n".join(lines) + "\n"


def as_svg(graph: Graph) -> str:
    """A drawing from left to right, one column per layer, one colour per group."""
    boxes = _placed(graph)
    colours = dict(zip(_by_group(graph), _COLOURS * len(graph.assets), strict=False))
    width = max((box.x + box.width for box in boxes.values()), default=0) + _MARGIN
    height = max((box.y for box in boxes.values()), default=0) + _BOX_HEIGHT + 2 * _MARGIN + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="12">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *(_edge(boxes[source], boxes[target]) for source, target in graph.edges),
        *(_box(box, colours[box.node.group]) for box in boxes.values()),
        _legend(colours, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


RENDERERS = {"json": as_json, "mermaid": as_mermaid, "svg": as_svg}


def layers(graph: Graph) -> dict[str, int]:
    """The column of each key: one more than that of its furthest upstream asset."""
    upstream = _neighbours((target, source) for source, target in graph.edges)
    found: dict[str, int] = {}

    def layer(key: str) -> int:
        if key not in found:
            found[key] = 1 + max((layer(parent) for parent in upstream[key]), default=-1)
        return found[key]

    for node in graph.assets:
        layer(node.key)
    return found


def _by_group(graph: Graph) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in graph.assets:
        groups.setdefault(node.group, []).append(node)
    return groups


def _neighbours(pairs: Any) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, other in pairs:
        found[key].append(other)
    return found


def _columns(graph: Graph) -> list[list[str]]:
    """Keys per layer, ordered so that few edges cross: each key goes to the mean place of its neighbours."""
    of = layers(graph)
    columns: list[list[str]] = [[] for _ in range(max(of.values(), default=-1) + 1)]
    for node in sorted(graph.assets, key=lambda node: (node.group, node.key)):
        columns[of[node.key]].append(node.key)
    before = _neighbours((target, source) for source, target in graph.edges)
    after = _neighbours(graph.edges)
    for sweep in range(_SWEEPS):
        places = {key: row - len(column) / 2 for column in columns for row, key in enumerate(column)}
        neighbours = before if sweep % 2 == 0 else after
        for column in columns:
            column.sort(key=lambda key: _mean([places[other] for other in neighbours[key]], places[key]))
    return columns


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _placed(graph: Graph) -> dict[str, _Box]:
    nodes = {node.key: node for node in graph.assets}
    columns = _columns(graph)
    tallest = max((len(column) for column in columns), default=0) * _ROW
    boxes: dict[str, _Box] = {}
    x = float(_MARGIN)
    for column in columns:
        width = max(len(key) for key in column) * _CHARACTER + _PADDING
        top = _MARGIN + (tallest - len(column) * _ROW) / 2
        for row, key in enumerate(column):
            boxes[key] = _Box(nodes[key], x, top + row * _ROW, width)
        x += width + _GAP
    return boxes


def _edge(source: _Box, target: _Box) -> str:
    x1, y1 = source.x + source.width, source.y + _BOX_HEIGHT / 2
    x2, y2 = target.x, target.y + _BOX_HEIGHT / 2
    bend = _GAP * 0.6
    path = f"M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#9aa5b1" stroke-width="1"/>'


def _box(box: _Box, colours: tuple[str, str]) -> str:
    fill, border = colours
    style = "" if box.node.materialized else ' stroke-dasharray="4 3"'
    rectangle = (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{_BOX_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="{border}"{style}/>'
    )
    text = (
        f'<text x="{box.x + box.width / 2:.0f}" y="{box.y + 20:.0f}" text-anchor="middle" fill="#1f2933">'
        f"{escape(box.node.key)}</text>"
    )
    title = escape(f"{box.node.key} ({', '.join(box.node.kinds)})")
    return f"<g><title>{title}</title>{rectangle}{text}</g>"


def _legend(colours: dict[str, tuple[str, str]], height: float) -> str:
    parts, x = [], float(_MARGIN)
    for group, (fill, border) in colours.items():
        y = height - _MARGIN
        parts.append(
            f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12" rx="3" fill="{fill}" stroke="{border}"/>'
            f'<text x="{x + 17:.0f}" y="{y:.0f}" fill="#52606d">{escape(group)}</text>'
        )
        x += 17 + len(group) * _CHARACTER + 18
    return "".join(parts)
