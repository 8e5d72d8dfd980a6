"""Processes that work for the family, and end with the one that started them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

import torch

from emoreal_bench.processes import importing_nothing_from_here

_WORKERS = 2


@contextmanager
def make_pool(workers: int = _WORKERS) -> Iterator[ProcessPoolExecutor]:
    """Make a pool of processes with one thread each.

    If the process that asks is killed, they end at once: otherwise they would go on
    with what they do, beside those of the next call in the same folder.
    """
    with (
        importing_nothing_from_here(),
        ProcessPoolExecutor(workers, get_context("spawn"), _begin) as pool,
    ):
        yield pool


def _begin() -> None:
    # Matrices this small are faster on one thread.
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a worker was started by another process"
    parent.join()
    os._exit(1)
