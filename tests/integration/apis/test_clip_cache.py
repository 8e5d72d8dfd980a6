"""A clip is encoded once, however many questions about it are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.conformance.requests import make_clip
from emoreal_bench.model_adapters.remote import clip_cache
from emoreal_bench.model_adapters.remote.clip_cache import ClipCache
from emoreal_bench.model_adapters.remote.media import (
    EncodedClip,
    MediaForms,
    VideoForm,
    encode_clip,
)

VIDEO = frozenset({Modality.VIDEO})
AUDIO = frozenset({Modality.AUDIO})
FORMS = MediaForms(VIDEO | AUDIO)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the clips that were encoded, in order."""
    keys: list[str] = []

    def count(media: ClipMedia, wanted: frozenset[Modality], forms: MediaForms) -> EncodedClip:
        keys.append(media.key)
        return encode_clip(media, wanted, forms)

    monkeypatch.setattr(clip_cache, "encode_clip", count)
    return keys


def clips(*seeds: int) -> list[ClipMedia]:
    return [make_clip(seed=seed, frames=1, size=(16, 16)) for seed in seeds]


def get_all(cache: ClipCache, wanted: Sequence[ClipMedia]) -> list[EncodedClip]:
    async def run() -> list[EncodedClip]:
        return [await cache.get(media, VIDEO) for media in wanted]

    return asyncio.run(run())


def test_questions_under_way_together_share_one_encoding(encoded: list[str]) -> None:
    cache, (media,) = ClipCache(FORMS, size=2), clips(1)

    async def run() -> list[EncodedClip]:
        return await asyncio.gather(*(cache.get(media, VIDEO) for _ in range(10)))

    shared = asyncio.run(run())
    assert len(encoded) == 1
    assert all(one is shared[0] for one in shared)


def test_the_clips_asked_about_last_are_kept(encoded: list[str]) -> None:
    one, two, three = clips(1, 2, 3)
    get_all(ClipCache(FORMS, size=2), [one, two, one, three, one, two])
    assert encoded == [one.key, two.key, three.key, two.key]


def test_another_part_of_a_clip_is_another_encoding() -> None:
    cache, (media,) = ClipCache(FORMS, size=2), clips(1)

    async def run() -> tuple[EncodedClip, EncodedClip]:
        return await cache.get(media, VIDEO), await cache.get(media, AUDIO)

    seen, heard = asyncio.run(run())
    assert (bool(seen.picture), bool(seen.sound)) == (True, False)
    assert (bool(heard.picture), bool(heard.sound)) == (False, True)


def test_a_question_that_is_given_up_leaves_the_clip_to_the_others(encoded: list[str]) -> None:
    cache, (media,) = ClipCache(FORMS, size=2), clips(1)

    async def run() -> EncodedClip:
        given_up = asyncio.create_task(cache.get(media, VIDEO))
        other = asyncio.create_task(cache.get(media, VIDEO))
        await asyncio.sleep(0)
        given_up.cancel()
        return await other

    assert asyncio.run(run()).picture
    assert len(encoded) == 1


def test_a_file_that_could_not_be_read_is_read_again(encoded: list[str], tmp_path: Path) -> None:
    forms = MediaForms(VIDEO | AUDIO, VideoForm.ORIGINAL, sound_in_video=True)
    cache, (media,) = ClipCache(forms, size=2), clips(1)
    gone = replace(media, path=tmp_path / "gone.mp4")

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(OSError, match="gone"):
                await cache.get(gone, VIDEO)

    asyncio.run(run())
    assert len(encoded) == 2
