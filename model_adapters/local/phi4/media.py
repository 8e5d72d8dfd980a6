"""Frames into crops, and sound into log-mel values, as Phi-4-multimodal takes them.

The numbers are those of the processor in transformers. Its image processor
needs torchvision; nothing here does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.audio_utils import mel_filter_bank

from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.log_mel import HOP, SAMPLE_RATE, WINDOW

# The processor refuses a frame of which fewer pixels than these are left on a side.
_MIN_SIDE = 10
_WHITE = 255
_MIDDLE_GREY = 127.5
_SPECTRUM = 512
_MEL_BINS = 80
_HIGHEST_FREQUENCY = 7690.0
_EMPHASIS = 0.97
_FULL_SCALE = 32_768


@dataclass(frozen=True, slots=True)
class CropSettings:
    """How the vision tower sees a frame.

    Attributes:
        crop: Side of a crop in pixels.
        patch: Side of a patch in pixels; a square of four becomes one token.
        max_crops: Most crops of a frame, the whole one not counted.
    """

    crop: int = 448
    patch: int = 14
    max_crops: int = 36

    @property
    def side(self) -> int:
        """Patches along a crop."""
        return self.crop // self.patch


@dataclass(frozen=True, slots=True)
class CropGrid:
    """How frames of one size are cut.

    Attributes:
        rows: Crops one above the other.
        columns: Crops side by side.
        height: Of the frame within them, in pixels; white is below it.
        width: Of the frame within them, in pixels; white is right of it.
        size: Height and width of all crops together, in pixels.
    """

    rows: int
    columns: int
    height: int
    width: int
    size: tuple[int, int]


def fit_crops(height: int, width: int, settings: CropSettings) -> CropGrid:
    """Choose the crops of a frame, and its size within them.

    A frame gets as many crops as its own pixels fill, and is enlarged to their
    edge. One that would need more than the most gets the grid whose sides are
    to each other as its own.

    Raises:
        InputError: If the frame is too narrow for that.
    """
    crop = settings.crop
    rows, columns = math.ceil(height / crop), math.ceil(width / crop)
    if rows * columns > settings.max_crops:
        rows, columns = _closest_grid(height, width, settings)
    size = (rows * crop, columns * crop)
    by_height, by_width = size[0] / height, size[1] / width
    if by_width < by_height:
        fitted = (int(height * by_width), size[1])
    else:
        fitted = (size[0], int(width * by_height))
    if min(fitted) < _MIN_SIDE:
        raise InputError(f"frames of {width} x {height} pixels are too narrow for the model")
    return CropGrid(rows, columns, *fitted, size)


def _closest_grid(height: int, width: int, settings: CropSettings) -> tuple[int, int]:
    """Return rows and columns; of grids that fit alike, the largest that the frame half fills."""
    most = settings.max_crops
    grids = [(columns, rows) for columns in range(1, most + 1) for rows in range(1, most + 1)]
    best, least = (1, 1), math.inf
    for columns, rows in sorted((grid for grid in grids if math.prod(grid) <= most), key=math.prod):
        misfit = abs(width / height - columns / rows)
        half_filled = height * width > 0.5 * settings.crop**2 * columns * rows
        if misfit < least or (misfit == least and half_filled):
            best, least = (rows, columns), misfit
    return best


def mask_crops(grid: CropGrid, settings: CropSettings) -> torch.Tensor:
    """Mark the patches that show some of the frame.

    Returns:
        ``(1 + crops, side, side)`` ones and zeros, those of the whole frame first.
    """
    side = settings.side
    filled = torch.zeros(grid.rows * side, grid.columns * side)
    below, beside = grid.size[0] - grid.height, grid.size[1] - grid.width
    filled[
        : len(filled) - below // settings.patch, : filled.shape[1] - beside // settings.patch
    ] = 1
    crops = filled.view(grid.rows, side, grid.columns, side).transpose(1, 2)
    return torch.cat([torch.ones(1, side, side), crops.reshape(-1, side, side)])


def count_frame_tokens(mask: torch.Tensor, grid: CropGrid) -> int:
    """Count the positions of one frame.

    Of each square of four patches one token is left. Each line of them ends in a
    mark, and another mark stands between the crops and the whole frame.

    Args:
        mask: As :func:`mask_crops` makes it.
        grid: Of the same frames.
    """
    kept = mask[:, ::2, ::2]
    whole = kept.shape[1]
    crops = kept[1:].view(grid.rows, grid.columns, whole, whole)
    lines, length = int(crops[:, 0, :, 0].sum()), int(crops[0, :, 0].sum())
    return lines * (length + 1) + 1 + whole * (whole + 1)


def cut_frames(frames: NDArray[np.uint8], grid: CropGrid, settings: CropSettings) -> torch.Tensor:
    """Resize frames, fill them up with white and cut them.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        grid: For frames of this size.
        settings: Of the tower.

    Returns:
        ``(n, 1 + crops, 3, crop, crop)`` 32-bit floats in about -1..1: the whole
        frame with its white, then the crops row by row.
    """
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2)
    if (grid.height, grid.width) != frames.shape[1:3]:
        # On bytes, as the published models saw them.
        pixels = torch.nn.functional.interpolate(
            pixels, (grid.height, grid.width), mode="bilinear", antialias=True
        )
    margins = (0, grid.size[1] - grid.width, 0, grid.size[0] - grid.height)
    pixels = torch.nn.functional.pad(pixels, margins, value=_WHITE).float()
    pixels = pixels.sub_(_MIDDLE_GREY).div_(_MIDDLE_GREY)
    crop = settings.crop
    whole = torch.nn.functional.interpolate(pixels, (crop, crop), mode="bicubic")
    crops = pixels.view(len(frames), 3, grid.rows, crop, grid.columns, crop)
    crops = crops.permute(0, 2, 4, 1, 3, 5).reshape(len(frames), -1, 3, crop, crop)
    return torch.cat([whole[:, None], crops], dim=1)


def emphasized_log_mel(waveform: NDArray[np.float32]) -> torch.Tensor:
    """Compute the log-mel values that the audio tower hears.

    Args:
        waveform: ``(samples,)`` 32-bit floats at 16 kHz, at least one window long.

    Returns:
        ``(frames, 80)`` 32-bit floats; samples that fill no window are left out.
    """
    windows = torch.from_numpy(waveform).unfold(0, WINDOW, HOP)
    # In each window by itself: the first sample has none before it and is emphasized by itself.
    before = torch.cat([windows[:, :1], windows[:, :-1]], dim=1)
    emphasized = (windows - _EMPHASIS * before) * _FULL_SCALE
    taper = torch.hamming_window(WINDOW, periodic=False, dtype=torch.float64)
    spectrum = torch.fft.rfft(taper * emphasized, n=_SPECTRUM).to(torch.complex64)
    levels: torch.Tensor = spectrum.abs().square() @ _mel_filters()
    return levels.clamp(min=1.0).log()


@cache
def _mel_filters() -> torch.Tensor:
    """Triangular filters on Kaldi's mel scale, ``(frequencies, bins)``."""
    filters = mel_filter_bank(
        num_frequency_bins=1 + _SPECTRUM // 2,
        num_mel_filters=_MEL_BINS,
        min_frequency=0.0,
        max_frequency=_HIGHEST_FREQUENCY,
        sampling_rate=SAMPLE_RATE,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    return torch.from_numpy(filters).float()
