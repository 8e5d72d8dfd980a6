"""Altered inputs: the nearest clip that fits, and only what the pair names is replaced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.preferences.altering import PartnerFinder, alter_clip, altered_input


def make_media(key: str, level: int) -> ClipMedia:
    return ClipMedia(
        key=key,
        path=None,
        frames=np.full((2, 4, 4, 3), level, np.uint8),
        timestamps=(0.0, 1.0),
        waveform=np.full(100, level / 255, np.float32),
        sample_rate=16_000,
        duration=1.0,
    )


@given(
    lengths=st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.integers(0, 5), min_size=2, max_size=12
    ),
    data=st.data(),
)
def test_the_partner_is_the_nearest_in_length_that_fits(
    lengths: dict[str, int], data: st.DataObject
) -> None:
    clip = data.draw(st.sampled_from(sorted(lengths)))
    fitting = data.draw(st.sets(st.sampled_from(sorted(lengths))))
    found = PartnerFinder(lengths).nearest(clip, fitting.__contains__)
    gaps = [abs(lengths[other] - lengths[clip]) for other in fitting - {clip}]
    if not gaps:
        assert found is None
    else:
        assert found in fitting - {clip}
        assert abs(lengths[found] - lengths[clip]) == min(gaps)


@pytest.mark.parametrize("modality", [Modality.VIDEO, Modality.AUDIO])
def test_a_swap_replaces_only_the_modality_in_question(modality: Modality) -> None:
    clip, partner = make_media("clip", 10), make_media("partner", 200)
    altered = alter_clip(clip, altered_input(Alteration.SWAP, modality, "p.mp4", 0), partner)
    expected_picture, expected_sound = (
        (partner, clip) if modality is Modality.VIDEO else (clip, partner)
    )
    assert np.array_equal(altered.frames, expected_picture.frames)  # type: ignore[arg-type]
    assert np.array_equal(altered.waveform, expected_sound.waveform)  # type: ignore[arg-type]


def test_an_altered_clip_has_a_key_of_its_own() -> None:
    clip, first, second = make_media("clip", 10), make_media("one", 20), make_media("two", 30)
    swap = altered_input(Alteration.SWAP, Modality.VIDEO, "p.mp4", 0)
    mute = altered_input(Alteration.MUTE, Modality.AUDIO, None, 0)
    keys = {
        clip.key,
        alter_clip(clip, swap, first).key,
        alter_clip(clip, swap, second).key,
        alter_clip(clip, mute).key,
    }
    assert len(keys) == 4


def test_a_swap_without_its_partner_is_refused() -> None:
    swap = altered_input(Alteration.SWAP, Modality.VIDEO, "p.mp4", 0)
    with pytest.raises(ValueError, match="partner"):
        alter_clip(make_media("clip", 10), swap)


@pytest.mark.parametrize(
    ("alteration", "modality", "partner", "expected"),
    [
        (Alteration.BLANK, Modality.AUDIO, None, Alteration.MUTE),
        (Alteration.MUTE, Modality.VIDEO, None, Alteration.BLANK),
        (Alteration.SWAP, Modality.VIDEO, None, Alteration.BLANK),
        (Alteration.SWAP, None, "p.mp4", Alteration.SWAP),
        (Alteration.MUTE, None, None, Alteration.NOISE),
        (Alteration.NOISE, Modality.AUDIO, None, Alteration.NOISE),
    ],
)
def test_the_alteration_fits_the_modality(
    alteration: Alteration, modality: Modality | None, partner: str | None, expected: Alteration
) -> None:
    altered = altered_input(alteration, modality, partner, 0)
    assert altered.alteration is expected
    assert AlteredInput.model_validate(altered.model_dump()) == altered
