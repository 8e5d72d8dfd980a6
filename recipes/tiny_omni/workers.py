"""Processes that work for the family, and end with the one that started them."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread

import torch

_WORKERS = 2


def make_pool(workers: int = _WORKERS) -> ProcessPoolExecutor:
    """Make a pool of processes with one thread each.

    If the process that asks is killed, they end at once: otherwise they would go on
    with what they do, beside those of the next call in the same folder.
    """
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin)


def _begin() -> None:
    # Matrices this small are faster on one thread.
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a worker was started by another process"
    parent.join()
    os._exit(1)
