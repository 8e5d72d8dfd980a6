"""Requests into the tensors of the Qwen-Omni family.

A request becomes text in the family's chat form with one mark per clip part,
then token ids in which each mark is repeated as often as its clip has tokens,
and the patches and log-mel frames of each clip. Picture and sound are separate
parts in the order of the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Message, Request, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs.frames import FrameSettings, frames_to_patches
from emoreal_bench.inputs.log_mel import HOP, SAMPLE_RATE, WINDOW, log_mel
from emoreal_bench.inputs.parts import (
    TOO_SHORT,
    hash_tensor,
    is_marked,
    make_delivery,
    prepare_once,
    refuse_length,
    refuse_marks,
    split_media,
    why_absent,
)
from emoreal_bench.inputs.tensors import PreparedClips, RequestTensors

TURN_START, TURN_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
VIDEO_MARK, AUDIO_MARK, IMAGE_MARK = "<|VIDEO|>", "<|AUDIO|>", "<|IMAGE|>"
VISION_START, VISION_END = "<|vision_bos|>", "<|vision_eos|>"
AUDIO_START, AUDIO_END = "<|audio_bos|>", "<|audio_eos|>"
MARKS = (
    END_OF_TEXT,
    TURN_START,
    TURN_END,
    AUDIO_MARK,
    AUDIO_START,
    AUDIO_END,
    IMAGE_MARK,
    VIDEO_MARK,
    VISION_START,
    VISION_END,
)
MAX_AUDIO_SECONDS = 300.0
REPEATED_FRAME_NOTE = "last frame repeated to fill a pair"
MEL_BINS = 128


def audio_tokens(mel_frames: int) -> int:
    """Count the tokens of a sound: two halvings, 25 per second (Qwen2.5-Omni, section 2.2)."""
    halved = (mel_frames - 1) // 2 + 1
    return (halved - 2) // 2 + 1


@dataclass(frozen=True, slots=True)
class OmniDialect:
    """What one generation of the family does unlike the others.

    Attributes:
        video: Mark of a picture; repeated as often as it has tokens.
        audio: Mark of a sound; repeated likewise.
        vision_start: Opens a picture.
        vision_end: Closes it.
        audio_start: Opens a sound.
        audio_end: Closes it.
        reserved: Every mark that words must not hold.
        count_audio_tokens: Mel frames of a sound to its tokens.
        max_audio_seconds: Longest sound; it is heard as if followed by silence
            up to there. None: it is heard as it is, however long.
    """

    video: str
    audio: str
    vision_start: str
    vision_end: str
    audio_start: str
    audio_end: str
    reserved: tuple[str, ...]
    count_audio_tokens: Callable[[int], int]
    max_audio_seconds: float | None


QWEN2_5_OMNI = OmniDialect(
    video=VIDEO_MARK,
    audio=AUDIO_MARK,
    vision_start=VISION_START,
    vision_end=VISION_END,
    audio_start=AUDIO_START,
    audio_end=AUDIO_END,
    reserved=MARKS,
    count_audio_tokens=audio_tokens,
    max_audio_seconds=MAX_AUDIO_SECONDS,
)


@dataclass(frozen=True, slots=True)
class VideoTensors:
    """The picture of one clip, ready for the vision tower.

    Attributes:
        key: The clip's key.
        patches: ``(t * h * w, 1176)`` 32-bit floats.
        grid: ``(t, h, w)`` in patches.
        seconds_per_grid: Time between neighbouring steps of t.
        frames: Frames fed, without the repeated last one.
        tokens: Positions that the picture takes in the prompt.
        hash: Over all of the above that the model sees.
    """

    key: str
    patches: torch.Tensor
    grid: tuple[int, int, int]
    seconds_per_grid: float
    frames: int
    tokens: int
    hash: str


@dataclass(frozen=True, slots=True)
class AudioTensors:
    """The sound of one clip, ready for the audio tower.

    Attributes:
        key: The clip's key.
        features: ``(mel bins, frames)`` log-mel values, 10 ms per frame.
        tokens: Positions that the sound takes in the prompt.
        hash: Over the features.
    """

    key: str
    features: torch.Tensor
    tokens: int
    hash: str

    @property
    def seconds(self) -> float:
        """Length of the sound as fed."""
        return float(self.features.shape[1] * HOP / SAMPLE_RATE)


ClipTensors = PreparedClips[VideoTensors, AudioTensors]


class OmniInput(RequestTensors[VideoTensors, AudioTensors]):
    """One request as tensors."""


class OmniInputBuilder:
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model; its chat template is used if it has one.
        frame_settings: Of the vision tower.
        max_tokens: Longest sequence the model takes, reply included.
        dialect: Of the model's generation.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        frame_settings: FrameSettings,
        max_tokens: int,
        dialect: OmniDialect = QWEN2_5_OMNI,
    ):
        self._tokenizer = tokenizer
        self._frame_settings = frame_settings
        self._max_tokens = max_tokens
        self.dialect = dialect
        self._video_id, self._audio_id = token_ids(tokenizer, (dialect.video, dialect.audio))

    def render(self, request: Request) -> str:
        """Write the request in the family's chat form, one mark per picture and sound.

        A clip that the request names and does not bring counts as having both.
        """
        turns = [
            {"role": message.role, "content": self._content(message, request)}
            for message in request.messages
        ]
        if getattr(self._tokenizer, "chat_template", None):
            return str(
                self._tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=True
                )
            )
        rows = [f"{TURN_START}{turn['role']}\n{turn['content']}{TURN_END}\n" for turn in turns]
        return "".join([*rows, f"{TURN_START}assistant\n"])

    def build(self, request: Request, shared: ClipTensors) -> OmniInput:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        seen, heard, notes = self.split_media(request)
        videos = tuple(prepare_once(shared.videos, clip, self._prepare_video) for clip in seen)
        audios = tuple(prepare_once(shared.audios, clip, self._prepare_audio) for clip in heard)
        ids = self._expand(self.render(request), videos, audios)
        refuse_length(len(ids), request, self._max_tokens)
        pair = self._frame_settings.temporal_patch
        if any(video.frames < video.grid[0] * pair for video in videos):
            notes.append(REPEATED_FRAME_NOTE)
        marks = {Modality.VIDEO: self._video_id, Modality.AUDIO: self._audio_id}
        return OmniInput(ids, videos, audios, make_delivery(ids, marks, videos, audios, notes))

    def split_media(self, request: Request) -> tuple[list[ClipMedia], list[ClipMedia], list[str]]:
        """Return the clips to be seen and to be heard, in the order of their marks, and notes.

        Raises:
            InputError: If the words hold a mark, or a clip cannot be given.
        """
        refuse_marks(request, self.dialect.reserved)
        return split_media(request, self._why_left_out)

    def _expand(
        self, text: str, videos: Sequence[VideoTensors], audios: Sequence[AudioTensors]
    ) -> tuple[int, ...]:
        """Tokenize a prompt, each mark as often as its clip has tokens."""
        lengths: dict[int, Iterator[int]] = {
            self._video_id: iter([video.tokens for video in videos]),
            self._audio_id: iter([audio.tokens for audio in audios]),
        }
        expanded: list[int] = []
        for token in self._tokenizer(text, add_special_tokens=False)["input_ids"]:
            expanded.extend([token] * next(lengths[token]) if token in lengths else [token])
        return tuple(expanded)

    def _content(self, message: Message, request: Request) -> str:
        """Join the parts of a message, leaving out media that the clip does not have."""
        form = self.dialect
        pieces: list[str] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                pieces.append(part.text)
            elif is_marked(part, request, self._why_left_out):
                pieces.append(
                    f"{form.vision_start}{form.video}{form.vision_end}"
                    if isinstance(part, VideoPart)
                    else f"{form.audio_start}{form.audio}{form.audio_end}"
                )
        return "".join(pieces)

    def _why_left_out(self, part: VideoPart | AudioPart, clip: ClipMedia) -> str | None:
        """Return why a media part cannot be given, or None if it can."""
        absent = why_absent(part, clip)
        if absent is None and isinstance(part, AudioPart):
            assert clip.waveform is not None
            mel_frames = -(-len(clip.waveform) * SAMPLE_RATE // (HOP * clip.sample_rate))
            # Half a window is mirrored at the ends of a sound that is not padded.
            too_short = len(clip.waveform) <= WINDOW // 2
            if too_short or self.dialect.count_audio_tokens(mel_frames) < 1:
                return TOO_SHORT
        return absent

    def _prepare_video(self, clip: ClipMedia) -> VideoTensors:
        return prepare_video(clip, self._frame_settings)

    def _prepare_audio(self, clip: ClipMedia) -> AudioTensors:
        return prepare_audio(clip, self.dialect)


def token_ids(tokenizer: PreTrainedTokenizerBase, marks: Sequence[str]) -> list[int]:
    """Return the ids of marks that are single tokens.

    Raises:
        UsageError: If the tokenizer does not know one of them.
    """
    ids = cast("list[int | None]", tokenizer.convert_tokens_to_ids(list(marks)))
    known = [number for number in ids if number is not None and number != tokenizer.unk_token_id]
    if len(known) < len(marks):
        raise UsageError(
            f"the tokenizer lacks one of the marks {', '.join(marks)}.",
            where=str(tokenizer.name_or_path),
            remedy="Is this the tokenizer of a model of this family?",
        )
    return known


def prepare_video(clip: ClipMedia, settings: FrameSettings) -> VideoTensors:
    """Turn the picture of a clip into patches.

    Args:
        clip: With frames and their times.
        settings: Of the vision tower.

    Raises:
        InputError: If the frames cannot be fitted.
    """
    assert clip.frames is not None
    patches, grid = frames_to_patches(clip.frames, settings)
    seconds = seconds_per_grid(clip.timestamps, settings.temporal_patch)
    return VideoTensors(
        key=clip.key,
        patches=patches,
        grid=grid,
        seconds_per_grid=seconds,
        frames=len(clip.frames),
        tokens=len(patches) // settings.merge**2,
        hash=hash_tensor(patches, f"{grid} {seconds!r}"),
    )


def prepare_audio(clip: ClipMedia, dialect: OmniDialect = QWEN2_5_OMNI) -> AudioTensors:
    """Turn the sound of a clip into log-mel frames.

    Args:
        clip: With sound at 16 kHz.
        dialect: Of the model's generation.
    """
    assert clip.waveform is not None
    seconds = dialect.max_audio_seconds or len(clip.waveform) / SAMPLE_RATE
    features = log_mel(clip.waveform, MEL_BINS, seconds)
    return AudioTensors(
        key=clip.key,
        features=features,
        tokens=dialect.count_audio_tokens(features.shape[1]),
        hash=hash_tensor(features),
    )


def seconds_per_grid(timestamps: Sequence[float], temporal_patch: int) -> float:
    """Time that one step of the grid spans, from the mean distance of the frames."""
    if len(timestamps) < 2:
        return 1.0
    return temporal_patch * (timestamps[-1] - timestamps[0]) / (len(timestamps) - 1)
