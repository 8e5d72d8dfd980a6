"""What every builder does with the parts of a request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TypeVar

import torch

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.log_mel import SAMPLE_RATE
from emoreal_bench.inputs.tensors import Hashed, PreparedAudio, PreparedVideo

TOO_SHORT = "audio left out: the sound is shorter than the model can hear"

Remark = Callable[[VideoPart | AudioPart, ClipMedia], str | None]
"""Says something about a picture or a sound of a clip; None if there is nothing to say."""

Prepared = TypeVar("Prepared")


def why_absent(part: VideoPart | AudioPart, clip: ClipMedia, min_samples: int = 0) -> str | None:
    """Return why the model is not given a part, or None if it is.

    Args:
        part: Of the request.
        clip: Of that part.
        min_samples: Of the shortest sound that the model can hear.
    """
    if isinstance(part, VideoPart):
        return "video left out: the clip has no picture" if clip.frames is None else None
    if clip.waveform is None:
        return "audio left out: the clip has no sound"
    return TOO_SHORT if len(clip.waveform) < min_samples else None


def is_marked(
    part: VideoPart | AudioPart, request: Request, why_left_out: Remark = why_absent
) -> bool:
    """Return whether a picture or a sound has a mark in the prompt.

    A clip that the request names and does not bring counts as having both.

    Args:
        part: Of the request.
        request: With its decoded clips.
        why_left_out: Why the model is not given a part; None if it is.
    """
    clip = request.clips.get(part.clip)
    return clip is None or why_left_out(part, clip) is None


def split_media(
    request: Request,
    why_left_out: Remark = why_absent,
    what_changes: Remark = lambda _part, _clip: None,
) -> tuple[list[ClipMedia], list[ClipMedia], list[str]]:
    """Part the clips that the model is to see from those that it is to hear.

    Args:
        request: With its decoded clips.
        why_left_out: Why the model is not given a part; None if it is.
        what_changes: How a part that it is given differs from the clip; None if it does not.

    Returns:
        The clips to be seen and those to be heard, both in the order of their
        marks, and what is to be noted about them.

    Raises:
        InputError: If the request does not bring a clip, or a sound not at 16 kHz.
    """
    seen: list[ClipMedia] = []
    heard: list[ClipMedia] = []
    notes: list[str] = []
    for part in (part for message in request.messages for part in message.parts):
        if isinstance(part, TextPart):
            continue
        clip = request.clips.get(part.clip)
        if clip is None:
            raise InputError(f"the request names the clip '{part.clip}' and does not bring it")
        note = why_left_out(part, clip)
        if note is None:
            note = what_changes(part, clip)
            if isinstance(part, AudioPart) and clip.sample_rate != SAMPLE_RATE:
                raise InputError(
                    f"the model hears {SAMPLE_RATE} Hz; the sound has {clip.sample_rate} Hz"
                )
            (seen if isinstance(part, VideoPart) else heard).append(clip)
        notes.extend(clip.notes if note is None else (*clip.notes, note))
    return seen, heard, notes


def prepare_once(
    prepared: MutableMapping[str, Prepared],
    clip: ClipMedia,
    prepare: Callable[[ClipMedia], Prepared],
) -> Prepared:
    """Return a clip's tensors, made by the first question that asks about it."""
    found = prepared.get(clip.key)
    if found is None:
        found = prepare(clip)
    # Also what was there: a mapping with a limit keeps what was put in last.
    prepared[clip.key] = found
    return found


def refuse_marks(request: Request, marks: Sequence[str]) -> None:
    """Refuse words that would be read as turns or clips of their own.

    Args:
        request: Whose words to look through.
        marks: What the model's tokenizer does not read as words.

    Raises:
        InputError: If the words hold one of them.
    """
    for part in (part for message in request.messages for part in message.parts):
        held = [mark for mark in marks if isinstance(part, TextPart) and mark in part.text]
        if held:
            raise InputError(f"the words hold {held[0]}, a mark of the model's own")


def refuse_length(tokens: int, request: Request, max_tokens: int) -> None:
    """Refuse a prompt that leaves no room for the reply.

    Args:
        tokens: Of the prompt, clips included.
        request: Says how long the reply may be.
        max_tokens: Longest sequence the model takes, reply included.

    Raises:
        InputError: If prompt and reply are longer.
    """
    reply = request.settings.max_new_tokens
    if tokens + reply > max_tokens:
        raise InputError(
            f"a prompt of {tokens} tokens and a reply of {reply} exceed the {max_tokens} "
            "of the model"
        )


def count_tokens(ids: Sequence[int], marks: Mapping[Modality, int]) -> dict[Modality, int]:
    """Count the places that pictures, sounds and words take.

    Args:
        ids: One per place.
        marks: What stands in the places of each kind of clip; all else is words.
    """
    counts = {modality: ids.count(mark) for modality, mark in marks.items()}
    return {**counts, Modality.TEXT: len(ids) - sum(counts.values())}


def hash_tensor(tensor: torch.Tensor, besides: str = "") -> str:
    """SHA-256 of a tensor's values and shape, and of what else decides its meaning."""
    digest = hashlib.sha256(f"{tuple(tensor.shape)} {besides}".encode())
    digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def hash_input(ids: str, media: Iterable[Hashed]) -> str:
    """SHA-256 of a prompt and the clips in it.

    Args:
        ids: Its token ids, as text.
        media: Its pictures and sounds.
    """
    digest = hashlib.sha256(ids.encode())
    for one in media:
        digest.update(one.hash.encode())
    return digest.hexdigest()


def make_delivery(
    ids: Sequence[int],
    marks: Mapping[Modality, int],
    videos: Sequence[PreparedVideo],
    audios: Sequence[PreparedAudio],
    notes: Sequence[str],
) -> Delivery:
    """Count what a prompt gives to the model.

    Args:
        ids: Token or mark of each place.
        marks: What stands in the places of each kind of clip.
        videos: Pictures in the order of their marks.
        audios: Sounds in the order of their marks.
        notes: What is to be noted; each is kept once.
    """
    return Delivery(
        frames=sum(video.frames for video in videos),
        audio_seconds=sum(audio.seconds for audio in audios),
        tokens=count_tokens(ids, marks),
        input_hash=hash_input(str(tuple(ids)), [*videos, *audios]),
        notes=tuple(dict.fromkeys(notes)),
    )
