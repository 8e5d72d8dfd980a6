"""Decoded clips on disk: what is kept, what is found again, and what is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.errors import MissingExtraError, RunError, UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.identity import clip_hash, media_key
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.prepare import prepare_clip
from emoreal_bench.media_cache import store
from emoreal_bench.media_cache.decoder import CachingDecoder
from emoreal_bench.media_cache.store import MediaCache, MediaCacheSettings
from tests.media_files import Picture, Sound, make_clip

WANTED = MediaWanted(frames=3, size=32)
LIMIT = 900.0


class Decoding:
    """Decodes in this process, and counts."""

    def __init__(self) -> None:
        self.clips: list[str] = []

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        self.clips.append(clip.key)
        return prepare_clip(DecodeJob(clip, wanted, key, partner), DecodeLimits())


class Kept:
    """A cache with its decoder, and what it says."""

    def __init__(self, folder: Path, most_bytes: int = 10**9, limit: float = LIMIT):
        self.notices: list[str] = []
        self.cache = MediaCache(MediaCacheSettings(folder, most_bytes), self.notices.append)
        self.decoding = Decoding()
        self.decoder = CachingDecoder(self.decoding, self.cache, limit)

    def get(
        self, clip: Clip, wanted: MediaWanted = WANTED, partner: Clip | None = None
    ) -> ClipMedia:
        return asyncio.run(
            self.decoder.decode(clip, wanted, key_of(clip, wanted, partner), partner)
        )

    def path(self, clip: Clip, wanted: MediaWanted = WANTED) -> Path:
        return self.cache.path(key_of(clip, wanted))


def key_of(clip: Clip, wanted: MediaWanted = WANTED, partner: Clip | None = None) -> str:
    found = clip_hash(clip)
    assert found is not None
    return media_key(found, wanted, None if partner is None else clip_hash(partner))


def clip_at(path: Path, pitch: float = 300.0) -> Clip:
    make_clip(path, Picture(frames=8, size=(64, 48)), Sound(0.4, (pitch,)))
    return Clip(path.stem, path)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return clip_at(tmp_path / "clip.mp4")


def assert_equal(first: ClipMedia, second: ClipMedia) -> None:
    for name in ("frames", "waveform"):
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    first, second = (replace(one, frames=None, waveform=None) for one in (first, second))
    assert first == second


@pytest.mark.parametrize(
    "wanted",
    [
        WANTED,
        WANTED.model_copy(update={"modalities": (Modality.VIDEO,)}),
        WANTED.model_copy(update={"modalities": (Modality.AUDIO,)}),
        WANTED.model_copy(update={"alteration": Alteration.MUTE}),
        WANTED.model_copy(update={"alteration": Alteration.NOISE, "alteration_seed": 3}),
    ],
)
def test_a_clip_comes_back_as_it_was_decoded(
    clip: Clip, tmp_path: Path, wanted: MediaWanted
) -> None:
    first, second = Kept(tmp_path / "cache"), Kept(tmp_path / "cache")
    decoded = first.get(clip, wanted)
    assert_equal(second.get(clip, wanted), decoded)
    assert (first.decoding.clips, second.decoding.clips) == (["clip"], [])
    assert (first.decoder.hits, second.decoder.hits) == (0, 1)


def test_a_swapped_clip_is_kept_with_its_partner(clip: Clip, tmp_path: Path) -> None:
    wanted = WANTED.model_copy(update={"alteration": Alteration.SWAP})
    partners = [
        clip_at(tmp_path / f"{name}.mp4", pitch) for name, pitch in (("a", 200), ("b", 500))
    ]
    kept = Kept(tmp_path / "cache")
    for partner in partners * 2:
        assert_equal(
            kept.get(clip, wanted, partner),
            prepare_clip(
                DecodeJob(clip, wanted, key_of(clip, wanted, partner), partner), DecodeLimits()
            ),
        )
    assert kept.decoder.hits == 2


def test_a_clip_that_lies_elsewhere_by_now_is_sent_from_there(clip: Clip, tmp_path: Path) -> None:
    Kept(tmp_path / "cache").get(clip)
    moved = replace(clip, video=clip.video.rename(tmp_path / "moved.mp4"))
    kept = Kept(tmp_path / "cache")
    assert kept.get(moved).path == moved.video
    assert kept.decoder.hits == 1


@pytest.mark.parametrize(
    "change", [{"frames": 2}, {"size": 16}, {"sampling": "middles"}, {"sample_rate": 8_000}]
)
def test_what_is_wanted_otherwise_is_decoded(
    clip: Clip, tmp_path: Path, change: dict[str, object]
) -> None:
    kept = Kept(tmp_path / "cache")
    kept.get(clip)
    kept.get(clip, WANTED.model_copy(update=change))
    assert kept.decoder.hits == 0


@pytest.mark.parametrize("part", ["MEDIA_VERSION", "version"])
def test_another_version_of_decoding_decodes_anew(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    Kept(tmp_path / "cache").get(clip)
    monkeypatch.setattr(store, part, (lambda name: "0.0") if part == "version" else -1)
    kept = Kept(tmp_path / "cache")
    kept.get(clip)
    assert kept.decoding.clips == ["clip"]


def test_a_clip_that_was_changed_since_the_run_began_is_not_kept(
    clip: Clip, tmp_path: Path
) -> None:
    kept, key = Kept(tmp_path / "cache"), key_of(clip)
    clip_at(clip.video, pitch=700.0)
    asyncio.run(kept.decoder.decode(clip, WANTED, key))
    assert not kept.cache.path(key).exists()


def test_a_lower_limit_on_the_length_of_clips_holds_for_kept_ones_too(
    clip: Clip, tmp_path: Path
) -> None:
    Kept(tmp_path / "cache", limit=900.0).get(clip)
    lower, higher = Kept(tmp_path / "cache", limit=1.0), Kept(tmp_path / "cache", limit=3600.0)
    lower.get(clip)
    assert lower.decoder.hits == 0
    higher.get(clip)  # What a lower limit let pass, a higher one does.
    assert higher.decoder.hits == 1


@pytest.mark.parametrize("place", [0, 7, 20, 300, -1, -2_000])
def test_a_flipped_bit_is_named_once_and_the_clip_made_anew(
    clip: Clip, tmp_path: Path, place: int
) -> None:
    decoded = Kept(tmp_path / "cache").get(clip)
    kept = Kept(tmp_path / "cache")
    path = kept.path(clip)
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    for _ in range(3):
        assert_equal(kept.get(clip), decoded)
    assert len(kept.notices) == 1
    assert str(path) in kept.notices[0]
    assert kept.decoder.hits == 2


@pytest.mark.parametrize("length", [0, 3, 8, 100, -1])
def test_half_an_entry_is_made_anew(clip: Clip, tmp_path: Path, length: int) -> None:
    decoded = Kept(tmp_path / "cache").get(clip)
    kept = Kept(tmp_path / "cache")
    path = kept.path(clip)
    path.write_bytes(path.read_bytes()[:length])
    assert_equal(kept.get(clip), decoded)
    assert len(kept.notices) == 1


def test_a_pipe_in_the_place_of_an_entry_holds_nothing_up(clip: Clip, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "cache")
    path = kept.path(clip)
    path.parent.mkdir()
    os.mkfifo(path)
    kept.get(clip)
    assert "named pipe" in kept.notices[0]
    assert path.is_file()


def media(number: int, size: int = 1_000) -> ClipMedia:
    sound = np.full(size // 4, number, np.float32)
    return ClipMedia(str(number), None, None, (), sound, 16_000, 1.0)


def number_in(cache: MediaCache, number: int) -> float | None:
    found = cache.get(str(number), Clip("clip", Path("clip.mp4")), LIMIT)
    return None if found is None or found.waveform is None else float(found.waveform[0])


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Kept(tmp_path, most_bytes=6_000).cache
    size = 0
    for number in range(4):
        cache.put(str(number), media(number), LIMIT)
        os.utime(cache.path(str(number)), (number, number))
        size = max(size, cache.path(str(number)).stat().st_size)
    assert 4 * size <= 6_000 < 5 * size, "four fit, and no fifth"
    assert number_in(cache, 0) == 0.0
    cache.put("4", media(4), LIMIT)
    assert [number_in(cache, number) for number in range(5)] == [0.0, None, 2.0, 3.0, 4.0]


def test_the_folder_never_holds_more_than_it_may(tmp_path: Path) -> None:
    cache = Kept(tmp_path, most_bytes=40_000).cache
    random = np.random.default_rng(1)
    for number in range(60):
        cache.put(str(number), media(number, int(random.integers(100, 9_000))), LIMIT)
        assert held(tmp_path) <= 40_000
    assert held(tmp_path) > 20_000


def test_a_clip_that_is_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path, most_bytes=6_000)
    kept.cache.put("0", media(0), LIMIT)
    kept.cache.put("1", media(1, 10_000), LIMIT)
    assert [number_in(kept.cache, number) for number in range(2)] == [0.0, None]
    assert not kept.notices


WRITER = """
import sys
from pathlib import Path
import numpy as np
from tests.unit.media_cache.test_media_cache import Kept, media, number_in

kept = Kept(Path(sys.argv[1]), most_bytes=60_000)
random = np.random.default_rng(int(sys.argv[2]))
for number in random.integers(0, 40, 250).tolist():
    found = number_in(kept.cache, number)
    assert found in (None, float(number)), (found, number)
    if found is None:
        kept.cache.put(str(number), media(number, 4_000), 900.0)
assert not kept.notices, kept.notices
"""


def test_several_processes_write_and_remove_at_the_same_time(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[3])
    surroundings = os.environ | {"PYTHONPATH": root}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "cache"), str(seed)], env=surroundings
        )
        for seed in range(3)
    ]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0, 0]
    # Each may go beyond by a sixteenth and one clip until it looks again.
    assert held(tmp_path / "cache") <= 60_000 + 2 * (60_000 // 16 + 5_000)
    names = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert all(name.endswith(".safetensors") for name in names)


def test_a_disk_that_takes_nothing_is_named_once_and_ends_no_run(
    clip: Clip, tmp_path: Path
) -> None:
    kept = Kept(tmp_path / "cache")
    kept.path(clip).parent.write_text("a file where a folder has to be")
    for _ in range(2):
        assert kept.get(clip).frames is not None
    assert len(kept.notices) == 1
    assert "takes no more clips" in kept.notices[0]


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Kept(tmp_path / "file" / "cache")


def test_a_cache_that_may_hold_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds nothing"):
        MediaCacheSettings(tmp_path, 0)


def test_without_safetensors_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingExtraError, match="extra 'cache'"):
        Kept(tmp_path)
