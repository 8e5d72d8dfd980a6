"""The cache of encoded clips keeps to its limit and forgets what was put in longest ago."""

from __future__ import annotations

import torch

from emoreal_bench.model_adapters.local.towers import Encoded
from emoreal_bench.training.examples.media_cache import MediaCache


def encoded(floats: int) -> Encoded:
    return (torch.zeros(floats),)


def test_what_was_put_in_longest_ago_goes_first() -> None:
    cache = MediaCache(limit=3 * 40)
    for key in "abcad":
        cache[key] = encoded(10)
    assert set(cache) == {"a", "c", "d"}


def test_the_limit_is_kept_whatever_is_put_in() -> None:
    cache = MediaCache(limit=100)
    for size in (5, 20, 10, 30, 25, 1):
        cache[str(size)] = encoded(size)
        assert cache.bytes == sum(4 * len(one[0]) for one in cache.values()) <= 100


def test_putting_a_key_again_counts_once() -> None:
    cache = MediaCache(limit=100)
    cache["a"] = encoded(10)
    cache["a"] = encoded(10)
    assert (len(cache), cache.bytes) == (1, 40)
