"""The work of a Dask cluster done in this process, block after block: what fits on Dask are compared with."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from mnistlr.on_dask.tree import Nodes, add_node, total
from mnistlr.on_dask.worker import Block, check


class LocalRunner:
    """Has the blocks in this process; its methods are those of ``mnistlr.on_dask.blocked_objective.Runner``."""

    def __init__(self, blocks: Sequence[Block], n_threads: int) -> None:
        self.blocks, self.n_blocks, self.n_threads = blocks, len(blocks), n_threads
        for block in blocks:
            block.hold(True)

    @classmethod
    def of(cls, model: Any, X: Sequence[Any], y: Sequence[Any], weight: Sequence[Any] | None, n_threads: int) -> Self:
        """Check blocks of samples, labels and perhaps weights, as ``model`` checks its data."""
        parts = zip(X, y, weight or [None] * len(X), strict=True)
        return cls([check(number, *part, type(model)()) for number, part in enumerate(parts)], n_threads)

    def each(self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> list[Any]:
        """Return ``function(block, *own[number], *arguments)`` for each block."""
        return [function(block, *(own[block.number] if own else ()), *arguments) for block in self.blocks]

    def change(self, function: Callable[..., Block], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> Self:
        """Return the runner of the changed blocks."""
        return type(self)(self.each(function, *arguments, own=own), self.n_threads)

    def add_up(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the sum of ``function(block, n_threads, *arguments)``, along the same tree as on Dask."""
        nodes: Nodes = {}
        for block in self.blocks:
            add_node(nodes, 0, block.number, function(block, self.n_threads, *arguments), self.n_blocks)
        return total(nodes)

    def relay(self, function: Callable[..., Any], baton: Any, order: Sequence[int], *arguments: Any) -> Any:
        """Pass a baton from block to block."""
        for number in order:
            baton = function(self.blocks[number], baton, *arguments)
        return baton
