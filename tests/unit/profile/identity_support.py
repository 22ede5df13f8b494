"""Connected components in plain Python."""

from __future__ import annotations

Edges = list[tuple[str, str]]


def union_find(edges: Edges) -> dict[str, str]:
    """Smallest name of what each node is connected with."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {node: root(node) for pair in edges for node in pair}
