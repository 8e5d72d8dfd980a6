"""A quick look at a clip, for checks of a data set and for dry runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.contracts.item import Clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.limits import Deadline, DecodeLimits

if TYPE_CHECKING:
    from emoreal_bench.media.container import Tracks


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip is, without decoding it.

    Attributes:
        seconds: Length, by the times of its packets.
        width: Of the picture as stored, in pixels; 0 without picture.
        height: Of the picture as stored, in pixels; 0 without picture.
        frame_rate: Frames per second on average; 0 without picture.
        sample_rate: Of the sound as stored, in Hz; 0 without sound.
        problem: Why the clip cannot be used, in one sentence; None if nothing was found.
    """

    seconds: float = 0.0
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    sample_rate: int = 0
    problem: str | None = None

    @property
    def has_video(self) -> bool:
        """Whether there is a picture."""
        return self.width > 0

    @property
    def has_audio(self) -> bool:
        """Whether there is sound."""
        return self.sample_rate > 0


def probe_clip(clip: Clip, limits: DecodeLimits | None = None) -> ClipFacts:
    """Look at a clip's files: whole or not, how long, what is in them.

    All packets are read and none is decoded, so damage inside a packet is not seen.

    Args:
        clip: The clip.
        limits: On its size and length; the usual ones if not given.
    """
    limits = limits or DecodeLimits()
    try:
        facts = _probe_file(clip.video, limits)
        if clip.audio is not None:
            sound = _probe_file(clip.audio, limits)
            seconds = max(facts.seconds, sound.seconds)
            facts = replace(facts, seconds=seconds, sample_rate=sound.sample_rate)
    except MediaError as error:
        return ClipFacts(problem=error.problem)
    if not facts.has_video and not facts.has_audio:
        return ClipFacts(problem="holds no picture and no sound that can be read")
    return facts


def _probe_file(path: Path, limits: DecodeLimits) -> ClipFacts:
    # The decoder's libraries are loaded only when a clip is looked at.
    from emoreal_bench.media.container import open_file, read_packets

    deadline = Deadline(path, limits.seconds)
    with open_file(path) as container:
        return _gather(read_packets(container, path, limits, deadline, only_times=True))


def _gather(tracks: Tracks) -> ClipFacts:
    facts = ClipFacts(seconds=tracks.seconds())
    if tracks.picture is not None:
        context = tracks.picture.stream.codec_context
        times = tracks.picture.times()
        length = (times[-1] - times[0]) * tracks.picture.time_base if times else 0
        rate = float((len(times) - 1) / length) if length else 0.0
        facts = replace(facts, width=context.width, height=context.height, frame_rate=rate)
    if tracks.sound is not None and tracks.sound.start() is not None:
        facts = replace(facts, sample_rate=tracks.sound.stream.codec_context.sample_rate)
    return facts
