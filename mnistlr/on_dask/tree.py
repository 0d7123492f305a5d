"""Sums in an order that depends on nothing but the number of terms.

Floating-point sums depend on their order, and the blocks of a worker differ from run to run. So the vectors of the
blocks 0 ... n - 1 are added along one fixed binary tree: node (level, index) is the sum over the blocks

    index 2^level  ...  (index + 1) 2^level - 1,

left half plus right half, or the left alone where no block lies in the right one. Each worker sums its blocks into
complete nodes, and the client combines the nodes in the same order. Neighbouring blocks on one worker make few nodes,
at most about 2 log2(n), and only these travel.
"""

from collections.abc import Iterable

import numpy as np

from mnistlr._support.arrays import Array

Nodes = dict[tuple[int, int], Array]


def add_node(nodes: Nodes, level: int, index: int, vector: Array, n_blocks: int) -> None:
    """Add a node's sum, and merge it with its sibling, level by level, while the sibling is there.

    Parameters
    ----------
    nodes : dict, (level, index) -> ndarray
        Changed in place; the arrays in it are not.
    level, index : int
        Which node.
    vector : ndarray (m,)
        Its sum.
    n_blocks : int
        How many leaves the tree has.
    """
    while n_blocks > 1 << level:
        sibling = nodes.pop((level, index ^ 1), None)
        if sibling is not None:
            vector = sibling + vector if index % 2 else vector + sibling
        elif index % 2 or (index + 1) << level < n_blocks:
            break  # the sibling is still to come
        level, index = level + 1, index // 2
    nodes[level, index] = vector


def merge(parts: Iterable[Nodes], n_blocks: int) -> Nodes:
    """Return the nodes that several sets of nodes make together."""
    nodes: Nodes = {}
    for part in parts:
        for (level, index), vector in part.items():
            add_node(nodes, level, index, vector, n_blocks)
    return nodes


def total(nodes: Nodes) -> Array:
    """Return the sum over all blocks, when all nodes have been added."""
    ((_, index), vector), *others = nodes.items()
    assert index == 0
    assert not others
    return np.asarray(vector)
