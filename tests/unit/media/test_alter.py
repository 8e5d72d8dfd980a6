from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.media.alter import alter


def make_media(key: str = "key", *, length: int = 4_000, silent: bool = False) -> ClipMedia:
    random = np.random.default_rng(length)
    return ClipMedia(
        key=key,
        path=Path(f"{key}.mp4"),
        frames=random.integers(0, 256, (4, 12, 16, 3), dtype=np.uint8),
        timestamps=(0.0, 0.1, 0.2, 0.3),
        waveform=None if silent else random.uniform(-0.2, 0.2, length).astype(np.float32),
        sample_rate=16_000,
        duration=length / 16_000,
        notes=("as decoded",),
    )


def test_nothing_is_altered_unless_asked() -> None:
    media = make_media()
    assert alter(media, Alteration.NONE, seed=0) is media


@pytest.mark.parametrize(
    "alteration", [Alteration.MUTE, Alteration.BLANK, Alteration.SWAP, Alteration.NOISE]
)
def test_an_altered_clip_says_so_and_hides_its_file(alteration: Alteration) -> None:
    altered = alter(make_media(), alteration, seed=0, partner=make_media("partner"))
    assert altered.path is None
    assert altered.key == "key"
    assert altered.notes == ("as decoded", f"altered: {alteration}")


def test_mute_is_silence_of_the_same_length_under_the_same_picture() -> None:
    media = make_media()
    muted = alter(media, Alteration.MUTE, seed=0)
    assert muted.waveform is not None
    assert muted.waveform.shape == (4_000,)
    assert muted.waveform.dtype == np.float32
    assert not muted.waveform.any()
    assert muted.frames is media.frames


def test_blank_is_mid_grey_over_the_same_sound() -> None:
    media = make_media()
    blank = alter(media, Alteration.BLANK, seed=0)
    assert blank.frames is not None
    assert blank.frames.shape == (4, 12, 16, 3)
    assert (blank.frames == 128).all()
    assert blank.waveform is media.waveform


def test_swap_takes_picture_sound_and_times_of_the_partner() -> None:
    partner = make_media("partner", length=9_000)
    swapped = alter(make_media(), Alteration.SWAP, seed=0, partner=partner)
    assert swapped.frames is partner.frames
    assert swapped.waveform is partner.waveform
    assert swapped.duration == partner.duration


def test_a_swap_without_a_partner_is_refused() -> None:
    with pytest.raises(ValueError, match="partner"):
        alter(make_media(), Alteration.SWAP, seed=0)


def test_noise_keeps_shape_and_level_and_nothing_else() -> None:
    media = make_media()
    noisy = alter(media, Alteration.NOISE, seed=0)
    assert noisy.frames is not None
    assert noisy.waveform is not None
    assert media.waveform is not None
    assert noisy.frames.shape == (4, 12, 16, 3)
    assert noisy.waveform.dtype == np.float32
    assert np.std(noisy.waveform) == pytest.approx(np.std(media.waveform), rel=0.05)
    assert abs(np.corrcoef(noisy.waveform, media.waveform)[0, 1]) < 0.1


def test_noise_follows_from_seed_and_clip() -> None:
    def noise(key: str, seed: int) -> bytes:
        altered = alter(make_media(key), Alteration.NOISE, seed)
        assert altered.waveform is not None
        return altered.waveform.tobytes()

    assert noise("a", 1) == noise("a", 1)
    assert len({noise("a", 1), noise("a", 2), noise("b", 1)}) == 3


@pytest.mark.parametrize("alteration", [Alteration.MUTE, Alteration.NOISE])
def test_a_clip_without_sound_stays_without(alteration: Alteration) -> None:
    assert alter(make_media(silent=True), alteration, seed=0).waveform is None
