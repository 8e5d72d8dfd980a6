"""What the Gemma families share: marks, the chat form, sound, and the way into the network.

The chat template and the numbers that sound is prepared with come from the
model's folder: nothing of them is known here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase
from transformers.feature_extraction_sequence_utils import SequenceFeatureExtractor

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.log_mel import SAMPLE_RATE
from emoreal_bench.inputs.parts import (
    hash_tensor,
    is_marked,
    make_delivery,
    prepare_once,
    refuse_length,
    refuse_marks,
    split_media,
    why_absent,
)
from emoreal_bench.inputs.tensors import PreparedClips, PreparedVideo, RequestTensors
from emoreal_bench.model_adapters.local.family import ModelFolder
from emoreal_bench.model_adapters.local.padded import EmbeddedModel, find_end_ids, require_marks
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places

MAX_AUDIO_SECONDS = 30.0
MAX_SAMPLES = round(MAX_AUDIO_SECONDS * SAMPLE_RATE)
_MOST_OF_SOUND: Mapping[str, int] = MappingProxyType(
    {"feature_size": 512, "sampling_rate": 200_000, "frame_length_ms": 100, "hop_length_ms": 100}
)
"""Largest number of each setting of sound; together they are what the library makes a matrix of."""


class GemmaVideo(PreparedVideo, Protocol):
    """The picture of one clip."""

    @property
    def tokens(self) -> int:
        """Places that its frames take together."""


Video = TypeVar("Video", bound=GemmaVideo)


class AudioExtractor(Protocol):
    """Turns sounds into log-mel features, as the library's extractors do."""

    def __call__(
        self, raw_speech: list[NDArray[np.float32]], *, return_tensors: str
    ) -> Mapping[str, torch.Tensor]:
        """Return ``input_features`` and ``input_features_mask``."""


@dataclass(frozen=True, slots=True)
class GemmaAudio:
    """The sound of one clip.

    Attributes:
        features: ``(frames, mel bins)`` log-mel values.
        mask: ``(frames,)``, false where only padding is heard.
        seconds: Length as fed.
        tokens: Positions that the sound takes in the prompt.
        hash: Over all that the model hears.
    """

    features: torch.Tensor
    mask: torch.Tensor
    seconds: float
    tokens: int
    hash: str


class GemmaInputBuilder(ABC, Generic[Video]):
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model, with its chat template and named marks.
        extractor: Of the sound; of the model's folder.
        max_tokens: Longest sequence the model takes, reply included.

    Attributes:
        min_samples: Of the shortest sound that the extractor gives features of.
        mark_names: Names under which the tokenizer keeps the marks of clips.
        reserved: Characters that no request may hold, besides the marks of the tokenizer.
        picture_id: Token that stands for what the vision tower sees.
        audio_id: Token that stands for sound.

    Raises:
        UsageError: If the tokenizer lacks the template or a mark.
    """

    min_samples: ClassVar[int]
    mark_names: ClassVar[tuple[str, ...]]
    reserved: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, extractor: AudioExtractor, max_tokens: int
    ):
        self._tokenizer = tokenizer
        self._extractor = extractor
        self._max_tokens = max_tokens
        self._marks = read_marks(tokenizer, self.mark_names)
        self._why_left_out = partial(why_absent, min_samples=self.min_samples)
        marks = [self._picture_mark(), self._marks["audio_token"]]
        ids = tokenizer.convert_tokens_to_ids(marks)
        self.picture_id, self.audio_id = cast("list[int]", ids)

    @abstractmethod
    def _picture_mark(self) -> str:
        """Return the mark that stands for what the vision tower sees; the tokenizer knows it."""

    @abstractmethod
    def _name_video(self, part: VideoPart, request: Request) -> Sequence[str]:
        """Name the marks that stand for a picture, as the chat template calls them."""

    @abstractmethod
    def _expand(self, text: str, videos: Sequence[Video], audios: Sequence[GemmaAudio]) -> str:
        """Repeat the mark of each clip as often as it has tokens."""

    @abstractmethod
    def _prepare_video(self, clip: ClipMedia) -> Video:
        """Turn the picture of a clip into tensors."""

    @abstractmethod
    def _count_audio_tokens(self, mask: torch.Tensor) -> int:
        """Count the tokens of a sound, given the mask of its features."""

    def render(self, request: Request) -> str:
        """Write the request by the model's chat template, up to where the answer begins.

        A clip that the request names and does not bring counts as having both modalities.
        """
        turns: list[Any] = []
        for message in request.messages:
            content: list[dict[str, str]] = []
            for part in message.parts:
                if isinstance(part, TextPart):
                    content.append({"type": "text", "text": part.text})
                elif not is_marked(part, request, self._why_left_out):
                    continue
                elif isinstance(part, AudioPart):
                    content.append({"type": "audio"})
                else:
                    names = self._name_video(part, request)
                    content.extend({"type": name} for name in names)
            turns.append({"role": message.role, "content": content})
        return str(
            self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        )

    def build(
        self, request: Request, shared: PreparedClips[Video, GemmaAudio]
    ) -> RequestTensors[Video, GemmaAudio]:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        refuse_marks(request, (*self._tokenizer.all_special_tokens, *self.reserved))
        seen, heard, notes = split_media(request, self._why_left_out, what_is_cut)
        videos = tuple(prepare_once(shared.videos, clip, self._prepare_video) for clip in seen)
        audios = tuple(prepare_once(shared.audios, clip, self._prepare_audio) for clip in heard)
        text = self._expand(self.render(request), videos, audios)
        ids = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        refuse_length(len(ids), request, self._max_tokens)
        marks = {Modality.VIDEO: self.picture_id, Modality.AUDIO: self.audio_id}
        delivery = make_delivery(ids, marks, videos, audios, notes)
        for modality, filled in (
            (Modality.VIDEO, sum(video.tokens for video in videos)),
            (Modality.AUDIO, sum(audio.tokens for audio in audios)),
        ):
            if filled != (places := delivery.tokens[modality]):
                raise InputError(
                    f"the prompt has {places} places for {modality.value} and the clips fill "
                    f"{filled}"
                )
        return RequestTensors(ids, videos, audios, delivery)

    def _prepare_audio(self, clip: ClipMedia) -> GemmaAudio:
        """Turn the sound of a clip, at 16 kHz, into features; what is too long is cut."""
        assert clip.waveform is not None
        sound = clip.waveform[:MAX_SAMPLES]
        # As a list: the library mishandles an array alone.
        extracted = self._extractor([sound], return_tensors="pt")
        features, mask = extracted["input_features"][0], extracted["input_features_mask"][0]
        return GemmaAudio(
            features=features,
            mask=mask,
            seconds=len(sound) / SAMPLE_RATE,
            tokens=self._count_audio_tokens(mask),
            hash=hash_tensor(features, str(int(mask.sum()))),
        )


class GemmaModel(EmbeddedModel[RequestTensors[Video, GemmaAudio]], Generic[Video]):
    """A loaded network.

    Args:
        network: In evaluation mode, on its device.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.

    Attributes:
        picture_key: Where the configuration of the network keeps the mark of pictures.

    Raises:
        UsageError: If tokenizer and network do not belong together.
    """

    picture_key: ClassVar[str]

    def __init__(
        self, network: Any, tokenizer: PreTrainedTokenizerBase, builder: GemmaInputBuilder[Video]
    ):
        config = network.config
        super().__init__(tokenizer, builder.build, find_end_ids(network))
        require_marks(
            tokenizer,
            [builder.picture_id, builder.audio_id],
            [getattr(config, self.picture_key), config.audio_token_id],
        )
        self._network = network
        self._builder = builder

    @property
    def network(self) -> torch.nn.Module:
        """The whole model."""
        return cast("torch.nn.Module", self._network)

    @property
    def _decoder(self) -> Any:
        return self._network

    @abstractmethod
    def _see(self, videos: Sequence[Video]) -> list[Encoded]:
        """Encode pictures."""

    @abstractmethod
    def _hear(self, audios: Sequence[GemmaAudio]) -> list[Encoded]:
        """Encode sounds."""

    def _fill(
        self,
        embedded: torch.Tensor,
        ids: torch.Tensor,
        inputs: Sequence[RequestTensors[Video, GemmaAudio]],
    ) -> torch.Tensor:
        """Put clips into their places among embedded words."""
        # By clip: frames of one colour have one hash in every shape.
        videos = encode_once([v for one in inputs for v in one.videos], self._see)
        audios = encode_once([a for one in inputs for a in one.audios], self._hear)
        for mark, clips in ((self._builder.picture_id, videos), (self._builder.audio_id, audios)):
            embedded = fill_places(embedded, ids == mark, [features for (features,) in clips])
        return embedded


def read_extractor(kind: type[SequenceFeatureExtractor], folder: ModelFolder) -> Any:
    """Return what turns sound into features, as the folder says.

    Args:
        kind: Of the family.
        folder: Of the model.

    Raises:
        OSError: If the folder does not say.
        UsageError: If it asks for more than sound has; the library would take the memory for it.
    """
    settings, _ = kind.get_feature_extractor_dict(folder.path)
    for name, most in _MOST_OF_SOUND.items():
        value = settings.get(name, 0)
        if not (isinstance(value, int | float) and 0 <= value <= most):
            raise UsageError(
                f"how sound is fed has {name} {str(value)[:60]!r}, "
                f"not a number from 0 to {most:,}.",
                where=str(folder.path),
                remedy="Copy preprocessor_config.json or processor_config.json from the published "
                "one.",
            )
    return kind.from_dict(settings)


def lacks_settings(folder: ModelFolder, what: str) -> UsageError:
    """Make the error of a folder that does not say how clips are fed."""
    return UsageError(
        f"the folder does not say how {what} fed.",
        where=str(folder.path),
        remedy="Copy preprocessor_config.json or processor_config.json from the published one.",
    )


def read_marks(tokenizer: PreTrainedTokenizerBase, names: Sequence[str]) -> dict[str, str]:
    """Return the marks of clips by the names under which the tokenizer keeps them.

    Raises:
        UsageError: If the tokenizer lacks one, or a chat template.
    """
    marks = {name: getattr(tokenizer, name, None) for name in names}
    missing = [name for name, mark in marks.items() if mark is None]
    if not getattr(tokenizer, "chat_template", None):
        missing.append("chat_template")
    if missing:
        raise UsageError(
            f"the tokenizer lacks its {', '.join(missing)}.",
            where=str(tokenizer.name_or_path),
            remedy="Take the folder of an instruction-tuned model that hears.",
        )
    return {name: str(mark) for name, mark in marks.items()}


def what_is_cut(part: VideoPart | AudioPart, clip: ClipMedia) -> str | None:
    """Return what of a part the model is not given, or None if it is given all."""
    if isinstance(part, VideoPart):
        return None
    assert clip.waveform is not None
    too_long = len(clip.waveform) > MAX_SAMPLES
    return f"audio cut after {MAX_AUDIO_SECONDS:.0f} s" if too_long else None
