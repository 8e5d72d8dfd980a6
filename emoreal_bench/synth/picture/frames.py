"""The frames of a scene: a pure function of the scene and the times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.picture.looks import random_look, random_room
from emoreal_bench.synth.picture.pen import Pen, draw_on, mix
from emoreal_bench.synth.picture.people import draw_person
from emoreal_bench.synth.picture.rooms import draw_room
from emoreal_bench.synth.scenes import Scene

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 448, 336
_SUPERSAMPLING = 2
_HEAD = (158, 140)
"""Where the middle of the head is, before the shift of the room's look."""


def iterate_frames(scene: Scene, times: Sequence[float]) -> Iterator[NDArray[np.uint8]]:
    """Draw a scene at the given times, one frame after the other.

    Args:
        scene: What to draw.
        times: Seconds from the start of the clip.

    Yields:
        Frames of ``(336, 448, 3)`` unsigned bytes, RGB.

    Raises:
        MissingExtraError: If Pillow is not installed.
    """
    rng = np.random.default_rng([scene.seed, 0])
    look, room_look = random_look(rng), random_room(rng)
    room = draw_room(room_look, scene.poster, scene.things, _SUPERSAMPLING, (WIDTH, HEIGHT))

    def draw(time: float, *, with_cue: bool) -> Image:
        image = room.copy()
        pen = Pen(draw_on(image), _SUPERSAMPLING).moved(_HEAD[0] + room_look.shift, _HEAD[1])
        draw_person(pen, look, scene.face, time, with_cue=with_cue)
        return image

    for time in times:
        image = draw(time, with_cue=True)
        if scene.clarity < 1:
            image = mix(draw(time, with_cue=False), image, scene.clarity)
        frame = np.asarray(image.reduce(_SUPERSAMPLING))
        yield np.ascontiguousarray(frame[:, ::-1]) if room_look.mirrored else frame


def draw_frames(scene: Scene, times: Sequence[float]) -> NDArray[np.uint8]:
    """Draw a scene at the given times.

    Returns:
        ``(len(times), 336, 448, 3)`` unsigned bytes, RGB.

    Raises:
        MissingExtraError: If Pillow is not installed.
    """
    frames = np.empty((len(times), HEIGHT, WIDTH, 3), np.uint8)
    for place, frame in zip(frames, iterate_frames(scene, times), strict=True):
        place[:] = frame
    return frames
