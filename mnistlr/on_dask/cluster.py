"""Blocks on a Dask cluster: one task a worker for each pass, and errors for a cluster that breaks.

A worker gets the weights, goes over all its blocks, and answers with the few nodes of the tree of sums that they make.
A task that is lost with its worker is done again by another one, and so are the blocks it held; since the tree is
fixed, the sums have the same bits.
"""

import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import contextmanager
from typing import Any, Self

import dask
import numpy as np
from distributed import Client, Future, KilledWorker, LocalCluster, default_client, get_worker
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.comm import CommClosedError

from mnistlr._support.arrays import Array
from mnistlr._support.threads import count_threads
from mnistlr._version import __version__
from mnistlr.exceptions import ClusterError
from mnistlr.on_dask.tree import Nodes, add_node, merge, total
from mnistlr.on_dask.worker import Block

FAN_IN = 8  # workers whose answers are taken directly; those of more are merged on workers first
WAIT = 30  # seconds for a first worker
HELD = 0.25  # of a worker's memory: pages of files that it may hold on to from pass to pass


@contextmanager
def connected(client: Any, n_jobs: int | None) -> Iterator[Client]:
    """Yield a client: the one given, one for the address given, the current one, or one of a cluster for the block.

    That cluster lives in this process: the compiled loops run beside each other in threads, and data in memory need
    not be copied.

    Parameters
    ----------
    client : Client, str or None
        The address of a scheduler, if a string.
    n_jobs : int or None
        The number of threads of a cluster for the block, as for ``count_threads``.

    Raises
    ------
    ClusterError
        If no scheduler answers at the address.
    """
    if isinstance(client, Client):
        yield client
        return
    if client is None:
        try:
            current = default_client()
        except ValueError:  # there is none
            pass
        else:
            yield current
            return
        # By default it inspects its threads every 10 ms and their delays every 20.
        quiet = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}
        with warnings.catch_warnings(), dask.config.set(quiet):
            warnings.filterwarnings("ignore", "Couldn't detect a suitable IP address")  # it needs none
            here = LocalCluster(
                n_workers=1, threads_per_worker=count_threads(n_jobs), processes=False, dashboard_address="127.0.0.1:0"
            )
        with here, Client(here, set_as_default=False) as own:
            yield own
        return
    try:
        own = Client(client, set_as_default=False)
    except OSError as error:
        raise ClusterError(
            f"No Dask scheduler answers at {client}; expected one, as `dask scheduler` starts it ({error})."
        ) from error
    with own:
        yield own


@contextmanager
def reporting_loss() -> Iterator[None]:
    """Raise ``ClusterError`` for each of Dask's errors that mean that the cluster is lost."""
    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"The workers that tried {error.task!r} died one after the other, the last being {error.last_worker}; "
            "expected them to stay alive. Do their memory limits suit the size of a block?"
        ) from error
    except (FutureCancelled, FutureCancelledError, ClosedClientError, CommClosedError) as error:
        raise ClusterError(
            f"The Dask scheduler was lost or the work on it cancelled ({str(error) or type(error).__name__}); "
            "expected it to stay until the end. The estimator is as it was; start the cluster anew and fit again."
        ) from error


def check_versions(client: Client) -> None:
    """Refuse a cluster on which a worker has another version of this package.

    Raises
    ------
    ClusterError
        If so, or if there is no worker.
    """

    def find() -> str:  # travels by value, so that it runs also where the package is missing
        import importlib

        try:
            return str(importlib.import_module("mnistlr._version").__version__)
        except ImportError:
            return ""

    with reporting_loss():
        _threads(client)
        # A worker that is lost meanwhile does not matter. One that comes later is checked by its first task.
        for worker, version in client.run(find, on_error="ignore").items():
            if version != __version__:
                raise ClusterError(wrong_version(worker, version))


def share_out(client: Client, n_blocks: int) -> dict[str, range]:
    """Return worker -> numbers of its blocks: neighbours, in proportion to its threads; without idle workers.

    Parameters
    ----------
    client : Client
    n_blocks : int
        How many there are in all.

    Raises
    ------
    ClusterError
        If there is no worker.
    """
    threads = _threads(client)
    edges = np.cumsum([0, *threads.values()]) * n_blocks // sum(threads.values())
    shares = zip(threads, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return {worker: range(start, stop) for worker, start, stop in shares if stop > start}


def _threads(client: Client) -> dict[str, int]:
    """Return the number of threads of every worker; wait for one if there is none."""
    while not (threads := dict(client.nthreads())):
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise ClusterError(f"The Dask scheduler has no workers after {WAIT} s; expected one at least.") from None
    return threads


def wrong_version(worker: str, version: str) -> str:
    """Return the message about a worker."""
    found = f"version {version}" if version else "none"
    return (
        f"Worker {worker} has another mnistlr than this process: expected version {__version__}, found {found}. "
        "Install the same version everywhere."
    )


class ClusterRunner:
    """The blocks are on the workers of a cluster; see ``blocked_objective.Runner`` for the methods.

    Parameters
    ----------
    client : Client
    blocks : list of Future of Block
    n_threads : int or None
        Threads of a task; None: those of its worker.
    is_mapped : bool
        Whether the blocks are parts of files: then any worker may take any of them.
    """

    def __init__(
        self, client: Client, blocks: list[Future], n_threads: int | None = None, is_mapped: bool = False
    ) -> None:
        self.client, self.blocks, self.n_blocks = client, blocks, len(blocks)
        self.n_threads, self.is_mapped = n_threads, is_mapped
        self._made = list(blocks)  # by this runner and those made from it
        self.bytes_moved = 0
        """Of the arrays sent and received by passes, so far."""

    def each(self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> list[Any]:
        """Return ``function(block, *own[number], *arguments)`` for each block."""
        with reporting_loss():
            return self._wait(self._submit_each(function, *arguments, own=own))

    def change(self, function: Callable[..., Block], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> Self:
        """Return the runner of the changed blocks."""
        with reporting_loss():
            blocks = self._submit_each(function, *arguments, own=own)
        changed = type(self)(self.client, blocks, self.n_threads, self.is_mapped)
        self._made += blocks
        changed._made = self._made
        return changed

    def close(self) -> None:
        """Have the workers forget all blocks."""
        cancel(self.client, self._made)

    def _submit_each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()
    ) -> list[Future]:
        key = _new_key(function)
        return [
            self.client.submit(
                function, block, *(own[number] if own else ()), *arguments, key=f"{key}-{number}", pure=False
            )
            for number, block in enumerate(self.blocks)
        ]

    def add_up(self, function: Callable[..., Array], *arguments: Any) -> Array:
        """Return the sum of ``function(block, n_threads, *arguments)`` over the blocks, along the fixed tree."""
        with reporting_loss():
            shares = self._shares()
            key = _new_key(function)
            sent = sum(argument.nbytes for argument in arguments if isinstance(argument, np.ndarray))
            if len(shares) > FAN_IN:  # to one worker, from which the others get it
                arguments = tuple(
                    self.client.submit(_itself, argument, key=f"{key}-argument-{i}", pure=False)
                    for i, argument in enumerate(arguments)
                )
            about = (function, arguments, self.n_blocks, self.n_threads, __version__)
            futures: list[Future] = []
            for worker, numbers in shares.items():
                blocks = [self.blocks[number] for number in numbers]
                where = {"workers": [worker], "allow_other_workers": True} if worker else {}
                futures.append(
                    self.client.submit(run_share, blocks, *about, key=f"{key}-{len(futures)}", pure=False, **where)
                )
            while len(futures) > FAN_IN:
                key = _new_key(merge)
                futures = [
                    self.client.submit(
                        merge, futures[start : start + FAN_IN], self.n_blocks, key=f"{key}-{start}", pure=False
                    )
                    for start in range(0, len(futures), FAN_IN)
                ]
            answers = self._wait(futures)
        self.bytes_moved += sent * len(shares)
        self.bytes_moved += sum(vector.nbytes for nodes in answers for vector in nodes.values())
        return total(merge(answers, self.n_blocks))

    def relay(self, function: Callable[..., Any], baton: Any, order: Sequence[int], *arguments: Any) -> Any:
        """Pass a baton from block to block: ``baton = function(block, baton, *arguments)``; return the last."""
        with reporting_loss():
            key = _new_key(function)
            for number in order:
                baton = self.client.submit(
                    function, self.blocks[number], baton, *arguments, key=f"{key}-{number}", pure=False
                )
            return self._wait([baton])[0]

    def _shares(self) -> dict[str, list[int]]:
        """Return worker -> numbers of the blocks it is to work on."""
        shares: dict[str, list[int]] = {}
        if self.is_mapped:
            return {worker: list(numbers) for worker, numbers in share_out(self.client, self.n_blocks).items()}
        places = self.client.who_has(self.blocks)
        for number, block in enumerate(self.blocks):
            owners = places[block.key]
            # Lost blocks are computed anew, by a worker that the scheduler chooses.
            shares.setdefault(owners[0] if owners else "", []).append(number)
        return shares

    def _wait(self, futures: list[Future]) -> list[Any]:
        """Return the results. After an error or an interrupt, cancel the tasks that still run."""
        try:
            return list(self.client.gather(futures))
        except BaseException:
            cancel(self.client, futures)
            raise


def cancel(client: Client, futures: list[Future]) -> None:
    """Cancel the tasks that are not done yet, if there still is a scheduler."""
    if client.status == "running":
        client.cancel(futures)


def run_share(
    blocks: list[Block],
    function: Callable[..., Array],
    arguments: tuple[Any, ...],
    n_blocks: int,
    n_threads: int | None,
    version: str,
) -> Nodes:
    """Run ``function`` on a worker's blocks: the task of a pass.

    Parameters
    ----------
    blocks : list of Block
    function : callable
        Called as ``function(block, n_threads, *arguments)``; returns a float64 vector.
    arguments : tuple
    n_blocks : int
        How many there are on all workers.
    n_threads : int or None
        None: those of the worker.
    version : str
        Of this package in the client's process.

    Returns
    -------
    Nodes
        Of the tree, those that the vectors make. Not all of them once the task has been cancelled.

    Raises
    ------
    ClusterError
        If the worker has another version of this package.
    """
    worker = get_worker()
    if version != __version__:  # it came later
        raise ClusterError(wrong_version(worker.address, __version__))
    key = worker.get_current_task()
    limit = worker.memory_manager.memory_limit
    held = not limit or sum(block.mapped_bytes for block in blocks) <= HELD * limit
    nodes: Nodes = {}
    for block in blocks:
        block.hold(held)
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":  # its result is not wanted any more
            break
        vector = function(block, n_threads or worker.state.nthreads, *arguments)
        add_node(nodes, 0, block.number, vector, n_blocks)
    return nodes


def _itself(argument: Any) -> Any:
    return argument


def _new_key(function: Callable[..., Any]) -> str:
    return f"mnistlr-{function.__name__}-{uuid.uuid4().hex[:12]}"
