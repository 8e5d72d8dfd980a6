"""Loads clips as lmms-eval does; runs in its environment.

``python lmms_video.py WAY FRAMES CLIP...`` prints how many frames and seconds of sound each gave.
The ways are the backends of its own function (``pyav``, ``torchcodec``), and ``qwen-omni``: what
its wrapper of Qwen2.5-Omni does with the path of a clip (``models/simple/qwen2_5_omni.py`` of
lmms-eval 0.7.3) before it calls the processor: it opens the clip to see whether it has sound, and
lets the functions of the model's authors load both, at two frames a second.
"""

from __future__ import annotations

import json
import sys

SAMPLE_RATE = 16_000


def load(way: str, frames: int, path: str) -> tuple[int, float]:
    """Return how many frames and how many seconds of sound a clip gave."""
    if way == "qwen-omni":
        return _load_for_qwen_omni(path)
    from lmms_eval.models.model_utils.load_video import read_video

    return len(read_video(path, num_frm=frames, backend=way)), 0.0


def _load_for_qwen_omni(path: str) -> tuple[int, float]:
    from moviepy import VideoFileClip
    from qwen_omni_utils import process_mm_info

    has_sound = VideoFileClip(path).audio is not None
    messages = [{"role": "user", "content": [{"type": "video", "video": path}]}]
    sound, _, videos = process_mm_info(messages, use_audio_in_video=has_sound)
    return len(videos[0]), len(sound[0]) / SAMPLE_RATE


if __name__ == "__main__":
    way, frames, *paths = sys.argv[1:]
    loaded = [load(way, int(frames), path) for path in paths]
    # Loading may have printed before.
    sys.stdout.write("\n" + json.dumps(loaded))
