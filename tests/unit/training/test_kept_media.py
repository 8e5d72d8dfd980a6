"""The cache of clips in memory keeps to its limit and forgets what was put in longest ago."""

from __future__ import annotations

import torch

from emoreal_bench.model_adapters.local.qwen_omni.inputs import AudioTensors
from emoreal_bench.model_adapters.local.towers import Encoded
from emoreal_bench.training.examples.kept_media import (
    KeptMedia,
    encoded_bytes,
    prepared_bytes,
)


def encoded(floats: int) -> Encoded:
    return (torch.zeros(floats),)


def test_what_was_put_in_longest_ago_goes_first() -> None:
    cache = KeptMedia(3 * 40, encoded_bytes)
    for key in "abcad":
        cache[key] = encoded(10)
    assert set(cache) == {"a", "c", "d"}


def test_the_limit_is_kept_whatever_is_put_in() -> None:
    cache = KeptMedia(100, encoded_bytes)
    for size in (5, 20, 10, 30, 25, 1):
        cache[str(size)] = encoded(size)
        assert cache.bytes == sum(4 * len(one[0]) for one in cache.values()) <= 100


def test_putting_a_key_again_counts_once() -> None:
    cache = KeptMedia(100, encoded_bytes)
    cache["a"] = encoded(10)
    cache["a"] = encoded(10)
    assert (len(cache), cache.bytes) == (1, 40)


def test_what_a_tower_takes_counts_by_its_tensors() -> None:
    sound = AudioTensors("clip", torch.zeros(128, 50), tokens=25, hash="of-it")
    assert prepared_bytes(sound) == 4 * 128 * 50
