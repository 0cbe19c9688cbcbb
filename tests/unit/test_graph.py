"""The graph's three renderings: the same assets and edges in each."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

from buildkit_dagster.graph import Graph, Node, as_json, as_mermaid, as_svg, layers

GRAPH = Graph(
    assets=(
        Node("image/platform", ("docker",), "images", True),
        Node("infra/bootstrap/state_backend", ("terraform", "aws"), "bootstrap", True),
        Node("infra/registry/repository", ("terraform",), "registry", True),
        Node("shop/a<b", ("dbt",), "marts", False),
    ),
    edges=(
        ("image/platform", "shop/a<b"),
        ("infra/bootstrap/state_backend", "infra/registry/repository"),
        ("infra/bootstrap/state_backend", "shop/a<b"),
        ("infra/registry/repository", "image/platform"),
    ),
)


def test_json_holds_assets_and_edges_by_key() -> None:
    data = json.loads(as_json(GRAPH))
    assert data["assets"][0] == {"key": "image/platform", "kinds": ["docker"], "group": "images", "materialized": True}
    assert {"from": "image/platform", "to": "shop/a<b"} in data["edges"]
    assert len(data["assets"]) == 4
    assert len(data["edges"]) == 4


def test_mermaid_has_a_node_per_asset_and_an_arrow_per_edge() -> None:
    text = as_mermaid(GRAPH)
    assert text.startswith("flowchart LR\n")
    assert len(re.findall(r"n\d+\[", text)) == 4
    assert text.count("-->") == 4


def test_an_asset_is_one_column_right_of_its_furthest_upstream() -> None:
    assert layers(GRAPH) == {
        "infra/bootstrap/state_backend": 0,
        "infra/registry/repository": 1,
        "image/platform": 2,
        "shop/a<b": 3,
    }


def test_svg_is_well_formed_and_draws_every_asset_apart() -> None:
    root = ET.fromstring(as_svg(GRAPH))
    space = {"s": "http://www.w3.org/2000/svg"}
    texts = {text.text for text in root.findall(".//s:g/s:text", space)}
    assert texts == {node.key for node in GRAPH.assets}
    boxes = [(box.get("x"), box.get("y")) for box in root.findall(".//s:g/s:rect", space)]
    assert len(set(boxes)) == 4
    dashed = [box for box in root.findall(".//s:g/s:rect", space) if box.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_an_empty_graph_can_be_drawn() -> None:
    ET.fromstring(as_svg(Graph((), ())))
