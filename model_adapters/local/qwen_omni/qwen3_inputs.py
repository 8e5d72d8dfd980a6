"""What Qwen3-Omni is fed unlike Qwen2.5-Omni: marks, patches and lengths of sounds."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    END_OF_TEXT,
    TURN_END,
    TURN_START,
    OmniDialect,
)

MIN_PIXELS = 128 * 32 * 32
MAX_PIXELS = 768 * 32 * 32

# Names under which the tokenizer keeps the marks, in the order of the dialect.
_MARK_NAMES = (
    "video_token",
    "audio_token",
    "vision_bos_token",
    "vision_eos_token",
    "audio_bos_token",
    "audio_eos_token",
)
_WINDOW_FRAMES = 100
_WINDOW_TOKENS = 13


def audio_tokens(mel_frames: int) -> int:
    """Count the tokens of a sound: each second is halved three times by itself."""
    whole, rest = divmod(mel_frames, _WINDOW_FRAMES)
    for _ in range(3):
        rest = (rest + 1) // 2
    return whole * _WINDOW_TOKENS + rest


def make_dialect(tokenizer: PreTrainedTokenizerBase) -> OmniDialect:
    """Take the marks from the tokenizer, which names them.

    Raises:
        UsageError: If it lacks one.
    """
    marks = [getattr(tokenizer, name, None) for name in _MARK_NAMES]
    missing = [name for name, mark in zip(_MARK_NAMES, marks, strict=True) if mark is None]
    if missing:
        raise UsageError(
            f"the tokenizer does not name its {', '.join(missing)}.",
            where=str(tokenizer.name_or_path),
            remedy="Is this the tokenizer of a Qwen3-Omni model?",
        )
    image = [mark for mark in [getattr(tokenizer, "image_token", None)] if mark is not None]
    video, audio, vision_start, vision_end, audio_start, audio_end = map(str, marks)
    return OmniDialect(
        video=video,
        audio=audio,
        vision_start=vision_start,
        vision_end=vision_end,
        audio_start=audio_start,
        audio_end=audio_end,
        reserved=tuple(map(str, (END_OF_TEXT, TURN_START, TURN_END, *marks, *image))),
        count_audio_tokens=audio_tokens,
        max_audio_seconds=None,
    )
