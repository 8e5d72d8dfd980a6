"""The procedural benchmark: drawn people whose every cue is known.

``write_benchmark`` writes clips and questions in the layout of EmoReAlM;
``make_scenes``, ``make_items`` and ``sample_clip`` give the same scenes as arrays,
for training. All of it is a pure function of :class:`SynthSettings`.
"""

from __future__ import annotations

from emoreal_bench.synth.build import write_benchmark
from emoreal_bench.synth.questions import make_items
from emoreal_bench.synth.sampling import ClipSample, sample_clip
from emoreal_bench.synth.scenes import Scene, make_scenes
from emoreal_bench.synth.settings import AgreementWording, SpeechEngine, Split, SynthSettings

__all__ = [
    "AgreementWording",
    "ClipSample",
    "Scene",
    "SpeechEngine",
    "Split",
    "SynthSettings",
    "make_items",
    "make_scenes",
    "sample_clip",
    "write_benchmark",
]
