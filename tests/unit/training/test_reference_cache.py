"""The cache of the reference: found again by what decides a value, and never damaged by a kill."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.request import AudioPart, Message, TextPart, VideoPart
from emoreal_bench.training.objectives.reference_cache import ReferenceCache, reference_key

VALUES = {"first": -12.345678901234567, "second": -0.1, "third": -2e-308}


def ask(
    reference: str = "model",
    words: str = "Is she sad?",
    seen: str = "a",
    heard: str = "a",
    answer: str = "No",
) -> str:
    parts = (VideoPart("video of"), AudioPart("sound of"), TextPart(words))
    clips = {"video of": seen, "sound of": heard}
    return reference_key(reference, (Message("user", parts),), clips, answer)


def test_the_key_covers_reference_words_clips_and_answer() -> None:
    keys = [
        ask(),
        ask(reference="another"),
        ask(words="Is he sad?"),
        ask(seen="b"),
        ask(heard="b"),
        ask(answer="Yes"),
    ]
    assert len(set(keys)) == len(keys)


def test_the_key_tells_a_picture_from_a_sound_and_both_from_words() -> None:
    parts = (VideoPart("a"), AudioPart("a"), TextPart("a"))
    keys = {reference_key("m", (Message("user", (part,)),), {"a": "a"}, "x") for part in parts}
    assert len(keys) == 3


def test_the_names_of_clips_do_not_matter() -> None:
    def key(name: str) -> str:
        return reference_key("m", (Message("user", (VideoPart(name),)),), {name: "bytes"}, "x")

    assert key("one.mp4") == key("two.mp4")


def test_values_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    ReferenceCache(tmp_path / "cache").put(VALUES)
    cache = ReferenceCache(tmp_path / "cache")
    assert {key: cache.get(key) for key in VALUES} == VALUES
    assert cache.get("fourth") is None


def test_a_known_value_is_neither_changed_nor_written_again(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path / "cache")
    cache.put(VALUES)
    content = (tmp_path / "cache").read_bytes()
    cache.put({"first": 0.0})
    assert cache.get("first") == VALUES["first"]
    assert (tmp_path / "cache").read_bytes() == content


def test_wherever_a_kill_cuts_the_file_whole_lines_stay_and_the_rest_is_written_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cache"
    ReferenceCache(path).put(VALUES)
    whole = path.read_bytes()
    ends = list(itertools.accumulate(map(len, whole.splitlines(keepends=True))))
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        cache = ReferenceCache(path)
        assert len(cache) == sum(end <= cut for end in ends)
        cache.put(VALUES)
        again = ReferenceCache(path)
        assert {key: again.get(key) for key in VALUES} == VALUES


def test_a_flipped_bit_makes_its_line_unknown(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    ReferenceCache(path).put(VALUES)
    content = bytearray(path.read_bytes())
    content[content.index(b"12.345")] ^= 1
    path.write_bytes(content)
    cache = ReferenceCache(path)
    assert cache.get("first") is None
    assert cache.get("second") == VALUES["second"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path / "no such folder" / "cache")
    with pytest.raises(RunError, match="no such folder"):
        cache.put(VALUES)
