"""Frames become the patches of the Qwen vision towers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    Qwen2VLImageProcessorPil,
    smart_resize,
)

from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import FrameSettings, fit_size, frames_to_patches

SETTINGS = FrameSettings(min_pixels=56 * 56, max_pixels=112 * 112)
# One grey level, in standard deviations of the least varied colour.
GREY_LEVEL = 1 / 255 / 0.2613


def make_frames(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@settings(deadline=None)
@given(st.integers(14, 2000), st.integers(14, 2000))
def test_the_size_is_that_of_the_published_processor(height: int, width: int) -> None:
    published = FrameSettings()
    assert fit_size(height, width, published) == smart_resize(
        height, width, 28, published.min_pixels, published.max_pixels
    )


def test_a_frame_far_too_narrow_is_refused() -> None:
    with pytest.raises(InputError, match="too narrow"):
        fit_size(10, 3000, SETTINGS)


@pytest.mark.parametrize(
    ("height", "width", "tolerance"),
    [(56, 84, 1e-5), (112, 112, 1e-5), (336, 448, GREY_LEVEL), (20, 33, GREY_LEVEL)],
    ids=["fits", "fits, square", "scaled down", "enlarged"],
)
def test_patches_of_a_still_clip_are_those_of_the_published_image_processor(
    height: int, width: int, tolerance: float
) -> None:
    # Middling greys: Pillow clips the overshoot of its first pass, which no video processor does.
    frame = make_frames(1, height, width) // 2 + 64
    patches, grid = frames_to_patches(np.repeat(frame, 2, axis=0), SETTINGS)
    processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": SETTINGS.min_pixels, "longest_edge": SETTINGS.max_pixels}
    )
    expected = processor(Image.fromarray(frame[0]), return_tensors="pt")
    assert grid == tuple(expected["image_grid_thw"][0].tolist())
    torch.testing.assert_close(patches, expected["pixel_values"], rtol=0, atol=tolerance * 1.01)


def test_the_two_frames_of_a_pair_share_a_patch_in_their_order() -> None:
    frames = make_frames(4, 56, 56)
    patches, grid = frames_to_patches(frames, SETTINGS)
    first_of_pair = frames_to_patches(frames[[0, 0, 2, 2]], SETTINGS)[0].view(-1, 3, 2, 14, 14)
    second_of_pair = frames_to_patches(frames[[1, 1, 3, 3]], SETTINGS)[0].view(-1, 3, 2, 14, 14)
    assert grid == (2, 4, 4)
    torch.testing.assert_close(patches.view(-1, 3, 2, 14, 14)[:, :, 0], first_of_pair[:, :, 0])
    torch.testing.assert_close(patches.view(-1, 3, 2, 14, 14)[:, :, 1], second_of_pair[:, :, 1])


def test_an_odd_last_frame_is_repeated() -> None:
    frames = make_frames(3, 56, 56)
    odd, even = (
        frames_to_patches(frames, SETTINGS),
        frames_to_patches(frames[[0, 1, 2, 2]], SETTINGS),
    )
    assert odd[1] == even[1]
    torch.testing.assert_close(odd[0], even[0], rtol=0, atol=0)


@pytest.mark.parametrize(("height", "width"), [(112, 112), (336, 448)])
def test_patches_are_those_of_the_published_video_processor(height: int, width: int) -> None:
    pytest.importorskip("torchvision", reason="the published video processor needs torchvision")
    from transformers import Qwen2VLVideoProcessor

    frames = make_frames(8, height, width)
    processor = Qwen2VLVideoProcessor(
        size={"shortest_edge": SETTINGS.min_pixels, "longest_edge": SETTINGS.max_pixels}
    )
    expected = processor(
        [torch.from_numpy(frames).permute(0, 3, 1, 2)],
        cap_pixels_per_frame=False,
        return_tensors="pt",
    )
    patches, grid = frames_to_patches(frames, SETTINGS)
    assert grid == tuple(expected["video_grid_thw"][0].tolist())
    torch.testing.assert_close(
        patches, expected["pixel_values_videos"], rtol=0, atol=GREY_LEVEL * 1.01
    )
