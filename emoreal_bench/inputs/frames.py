"""Frames into the flat patches that Qwen vision towers read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from emoreal_bench.inputs import InputError

# Mean and standard deviation of RGB in 0..1 over CLIP's training images.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STANDARD_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
MAX_ASPECT_RATIO = 200


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """How a vision tower cuts up a clip.

    Attributes:
        min_pixels: Smaller frames are enlarged to at least this many pixels.
        max_pixels: Larger frames are scaled down to at most this many pixels.
        patch: Side of a patch in pixels.
        merge: Side of the square of patches that becomes one token.
        temporal_patch: Frames that share one patch.
        mean: Of the tower's training images, RGB in 0..1.
        deviation: Their standard deviation.
    """

    min_pixels: int = 128 * 28 * 28
    max_pixels: int = 768 * 28 * 28
    patch: int = 14
    merge: int = 2
    temporal_patch: int = 2
    mean: tuple[float, ...] = CLIP_MEAN
    deviation: tuple[float, ...] = CLIP_STANDARD_DEVIATION

    @property
    def cell(self) -> int:
        """Side in pixels of the area that becomes one token."""
        return self.patch * self.merge


def fit_size(height: int, width: int, settings: FrameSettings) -> tuple[int, int]:
    """Choose the size at which the tower sees a frame.

    Both sides become multiples of the cell, the number of pixels stays within
    the limits, and the aspect ratio is kept as well as that allows (the rule of
    the Qwen2-VL family).

    Raises:
        InputError: If one side is more than 200 times the other.
    """
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise InputError(f"frames of {width} x {height} pixels are too narrow for the model")
    cell = settings.cell
    fitted = (round(height / cell) * cell, round(width / cell) * cell)
    if fitted[0] * fitted[1] > settings.max_pixels:
        scale = math.sqrt(height * width / settings.max_pixels)
        return (
            max(cell, math.floor(height / scale / cell) * cell),
            max(cell, math.floor(width / scale / cell) * cell),
        )
    if fitted[0] * fitted[1] < settings.min_pixels:
        scale = math.sqrt(settings.min_pixels / (height * width))
        return math.ceil(height * scale / cell) * cell, math.ceil(width * scale / cell) * cell
    return fitted


def resize_frames(frames: NDArray[np.uint8], settings: FrameSettings) -> torch.Tensor:
    """Bring frames to the size at which the tower sees them.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        settings: Of the tower.

    Returns:
        ``(n, 3, height, width)`` 32-bit floats that are whole grey levels.
    """
    return scale_frames(frames, *fit_size(frames.shape[1], frames.shape[2], settings))


def scale_frames(frames: NDArray[np.uint8], height: int, width: int) -> torch.Tensor:
    """Scale frames to a size.

    Args:
        frames: ``(n, old height, old width, 3)`` unsigned bytes, RGB.
        height: In pixels.
        width: In pixels.

    Returns:
        ``(n, 3, height, width)`` 32-bit floats that are whole grey levels.
    """
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    if (height, width) != frames.shape[1:3]:
        pixels = torch.nn.functional.interpolate(
            pixels, (height, width), mode="bicubic", antialias=True
        )
        # The published models saw whole grey levels after resizing.
        pixels = pixels.round_().clamp_(0, 255)
    return pixels


def frames_to_patches(
    frames: NDArray[np.uint8], settings: FrameSettings
) -> tuple[torch.Tensor, tuple[int, int, int]]:
    """Resize, normalise and cut frames into patches.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB. The last frame is
            repeated until n is a multiple of ``settings.temporal_patch``.
        settings: Of the tower.

    Returns:
        ``(t * h * w, 3 * temporal_patch * patch * patch)`` 32-bit floats, the
        patches of one token side by side, and the grid ``(t, h, w)`` in patches.
    """
    levels = resize_frames(frames, settings).to(torch.uint8)
    missing = -len(levels) % settings.temporal_patch
    if missing:
        levels = torch.cat([levels, levels[-1:].expand(missing, -1, -1, -1)])
    # Cut first: whole grey levels are a quarter of the bytes, and lie in order afterwards.
    patches, grid = _cut(levels, settings)
    colours = patches.float().view(len(patches), levels.shape[1], -1)
    mean = torch.tensor(settings.mean).view(1, -1, 1)
    deviation = torch.tensor(settings.deviation).view(1, -1, 1)
    return colours.div_(255).sub_(mean).div_(deviation).flatten(1), grid


def _cut(
    pixels: torch.Tensor, settings: FrameSettings
) -> tuple[torch.Tensor, tuple[int, int, int]]:
    frames, channels, height, width = pixels.shape
    patch, merge = settings.patch, settings.merge
    grid = (frames // settings.temporal_patch, height // patch, width // patch)
    blocks = pixels.view(
        grid[0],
        settings.temporal_patch,
        channels,
        grid[1] // merge,
        merge,
        patch,
        grid[2] // merge,
        merge,
        patch,
    )
    # To (time, token row, token column, row in token, column in token | channel, frame, y, x).
    ordered = blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return ordered.reshape(math.prod(grid), -1), grid
