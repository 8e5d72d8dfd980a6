"""The same clips for both sides, and how each loads them.

``python -m benchmarks.peers.clips WAY CLIP...`` loads them as a run of ours does, through one
process of the pool, and prints how many frames and seconds of sound each gave.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environments import INSIDE, NotRunError
from benchmarks.peers.process import Taken, take
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool

FRAMES = 8
PICTURE, BOTH = "frames", "frames and sound"
WANTED = {
    PICTURE: MediaWanted(modalities=(Modality.VIDEO,), frames=FRAMES, size=None),
    BOTH: MediaWanted(frames=FRAMES, size=None),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which lmms-eval loads clips.

    Attributes:
        name: As its script takes it.
        settings: In words.
        what: Of ours it is held against.
    """

    name: str
    settings: str
    what: str


WAYS = (
    Way("pyav", "read_video, PyAV, which is its default", PICTURE),
    Way("torchcodec", "read_video, TorchCodec", PICTURE),
    Way("qwen-omni", "its wrapper of Qwen2.5-Omni, decord", BOTH),
)


def load_ours(what: str, clips: Sequence[Path]) -> Taken:
    """Load clips as ours in a process of its own, and check what they gave."""
    # A file of the repository, so it is started from its root.
    command = [sys.executable, "-m", "benchmarks.peers.clips", what, *clips]
    return checked(take(command, {}, Path(__file__).parents[2]), what, len(clips))


def load_theirs(python: Path, way: Way, clips: Sequence[Path]) -> Taken:
    """Load clips as lmms-eval does in a process of its own, and check what they gave."""
    # Where TorchCodec is there the functions of Qwen's authors take it; its wrapper says decord.
    variables = {"FORCE_QWENVL_VIDEO_READER": "decord", "HF_HUB_OFFLINE": "1"}
    command = [python, INSIDE / "lmms_video.py", way.name, str(FRAMES), *clips]
    return checked(take(command, variables), way.what, len(clips))


def checked(taken: Taken, what: str, clips: int) -> Taken:
    """Return what a process took, if every clip gave all frames, and sound where it is wanted.

    Raises:
        NotRunError: If one did not; there is nothing to compare then.
    """
    loaded = json.loads(taken.printed.splitlines()[-1])
    frames = {count for count, _ in loaded}
    if len(loaded) != clips or frames != {FRAMES}:
        raise NotRunError(f"loaded {len(loaded)} of {clips} clips, with {sorted(frames)} frames")
    if what == BOTH and not all(seconds for _, seconds in loaded):
        raise NotRunError("loaded no sound")
    return taken


async def _load(wanted: MediaWanted, paths: Sequence[Path]) -> Sequence[ClipMedia]:
    async with DecodePool(1, DecodeLimits()) as pool:
        clips = [Clip(path.stem, path) for path in paths]
        return [await pool.decode(clip, wanted, "key") for clip in clips]


def _counts(media: ClipMedia) -> tuple[int, float]:
    frames = 0 if media.frames is None else len(media.frames)
    samples = 0 if media.waveform is None else media.waveform.size
    return frames, samples / WANTED[BOTH].sample_rate


if __name__ == "__main__":
    what, *names = sys.argv[1:]
    media = asyncio.run(_load(WANTED[what], [Path(name) for name in names]))
    print(json.dumps([_counts(one) for one in media]))
