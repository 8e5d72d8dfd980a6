"""Gemma 3n: frames as images, and sound. Its vision tower comes from timm.

The model knows no videos: each frame is an image, without its time, and all are
brought to one size whatever their shape. A frame and a sound each take a fixed
number of places; those that a short sound leaves empty are filled with padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    Gemma3nAudioFeatureExtractor,
    PreTrainedTokenizerBase,
    SiglipImageProcessorPil,
)

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request, VideoPart
from emoreal_bench.inputs.parts import hash_tensor
from emoreal_bench.inputs.tensors import PreparedClips, RequestTensors
from emoreal_bench.model_adapters.local.family import Family, ModelFolder
from emoreal_bench.model_adapters.local.gemma.base import (
    GemmaAudio,
    GemmaInputBuilder,
    GemmaModel,
    lacks_settings,
    read_extractor,
)
from emoreal_bench.model_adapters.local.towers import Encoded

# Names under which the tokenizer keeps the marks that open, fill and close clips.
_FRAME_MARKS = ("boi_token", "image_token", "eoi_token")
_SOUND_MARKS = ("boa_token", "audio_token", "eoa_token")
# The filter by which frames are resized, as Pillow and the folders number it.
_BILINEAR = 2
# What transformers takes where a folder says nothing.
_USUAL_FRAME_TOKENS, _USUAL_AUDIO_TOKENS = 256, 188


@dataclass(frozen=True, slots=True)
class Gemma3nFrameSettings:
    """How the vision tower sees a frame.

    Attributes:
        height: In pixels.
        width: In pixels.
        mean: Taken off the values of red, green and blue, which lie in 0..1.
        deviation: What they are divided by then.
        tokens: Places that a frame takes in the prompt.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Gemma3nVideo:
    """The picture of one clip.

    Attributes:
        pixels: ``(frames, 3, height, width)`` 32-bit floats.
        tokens: Places that its frames take together.
        hash: Over all that the model sees.
    """

    pixels: torch.Tensor
    tokens: int
    hash: str

    @property
    def frames(self) -> int:
        """Frames fed."""
        return len(self.pixels)


Gemma3nClips = PreparedClips[Gemma3nVideo, GemmaAudio]
Gemma3nInput = RequestTensors[Gemma3nVideo, GemmaAudio]


class Gemma3nInputBuilder(GemmaInputBuilder[Gemma3nVideo]):
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model, with its chat template and named marks.
        extractor: Of the model's folder.
        frame_settings: Of the vision tower.
        audio_tokens: Places that a sound takes in the prompt.
        max_tokens: Longest sequence the model takes, reply included.
    """

    # From here on, the extractor has a window that it can fill.
    min_samples = 513
    mark_names = (*_FRAME_MARKS, *_SOUND_MARKS)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        extractor: Gemma3nAudioFeatureExtractor,
        frame_settings: Gemma3nFrameSettings,
        audio_tokens: int,
        max_tokens: int,
    ):
        super().__init__(tokenizer, extractor, max_tokens)
        self._frame_settings = frame_settings
        self._audio_tokens = audio_tokens

    def _picture_mark(self) -> str:
        return self._marks["image_token"]

    def _name_video(self, part: VideoPart, request: Request) -> Sequence[str]:
        clip = request.clips.get(part.clip)
        return ["image"] * (1 if clip is None or clip.frames is None else len(clip.frames))

    def _expand(
        self, text: str, videos: Sequence[Gemma3nVideo], audios: Sequence[GemmaAudio]
    ) -> str:
        del videos, audios  # every frame and every sound takes as many places
        for names, places in (
            (_FRAME_MARKS, self._frame_settings.tokens),
            (_SOUND_MARKS, self._audio_tokens),
        ):
            opening, mark, closing = (self._marks[name] for name in names)
            text = text.replace(mark, f"\n\n{opening}{mark * places}{closing}\n\n")
        return text

    def _prepare_video(self, clip: ClipMedia) -> Gemma3nVideo:
        assert clip.frames is not None
        pixels = prepare_frames(clip.frames, self._frame_settings)
        return Gemma3nVideo(pixels, len(pixels) * self._frame_settings.tokens, hash_tensor(pixels))

    def _count_audio_tokens(self, mask: torch.Tensor) -> int:
        del mask
        return self._audio_tokens


def prepare_frames(frames: NDArray[np.uint8], settings: Gemma3nFrameSettings) -> torch.Tensor:
    """Bring frames to the size and the range of values at which the tower sees them.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        settings: Of the tower.

    Returns:
        ``(n, 3, height, width)`` 32-bit floats.
    """
    # Resized as bytes, like the published processor does: floats round otherwise.
    pixels = torch.nn.functional.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2),
        (settings.height, settings.width),
        mode="bilinear",
        antialias=True,
    )
    mean = torch.tensor(settings.mean).view(1, 3, 1, 1)
    deviation = torch.tensor(settings.deviation).view(1, 3, 1, 1)
    return (pixels / 255 - mean) / deviation


class Gemma3n(GemmaModel[Gemma3nVideo]):
    """A loaded ``Gemma3nForConditionalGeneration``."""

    picture_key = "image_token_id"

    def _embed(
        self, ids: torch.Tensor, inputs: Sequence[Gemma3nInput]
    ) -> Mapping[str, torch.Tensor]:
        """Embed prompts; the marks that close clips are words of the clips' own vocabularies."""
        body = self._network.model
        embedded = body.get_input_embeddings()(ids)
        heard = ids >= body.embed_audio.vocab_offset
        seen = (ids >= body.embed_vision.vocab_offset) & ~heard
        for places, own in ((seen, body.embed_vision), (heard, body.embed_audio)):
            embedded[places] = own(input_ids=ids[places]).to(embedded.dtype)
        return {
            "inputs_embeds": self._fill(embedded, ids, inputs),
            "per_layer_inputs": body.language_model.get_per_layer_inputs(ids),
        }

    def _see(self, videos: Sequence[Gemma3nVideo]) -> list[Encoded]:
        outputs = [
            self._network.model.get_image_features(
                video.pixels.to(self._network.device, self._network.dtype)
            )
            for video in videos
        ]
        return [(output.pooler_output.flatten(0, 1),) for output in outputs]

    def _hear(self, audios: Sequence[GemmaAudio]) -> list[Encoded]:
        body = self._network.model
        # The network reads places without sound as the last word of its vocabulary.
        last = torch.tensor([body.vocab_size - 1], device=self._network.device)
        padding = body.embed_audio(input_ids=last)
        encoded: list[Encoded] = []
        for audio in audios:
            output = body.get_audio_features(
                audio.features[None].to(self._network.device, self._network.dtype),
                # Here true is what is not heard.
                ~audio.mask[None].to(self._network.device),
            )
            features = output.pooler_output[~output.audio_mel_mask]
            rest = padding.expand(audio.tokens - len(features), -1)
            encoded.append((torch.cat([features, rest]),))
        return encoded


def _make_builder(folder: ModelFolder) -> Gemma3nInputBuilder:
    try:
        extractor = read_extractor(Gemma3nAudioFeatureExtractor, folder)
        images, _ = SiglipImageProcessorPil.get_image_processor_dict(folder.path)
        frame_settings = _read_frame_settings(folder, images)
    except (OSError, KeyError) as error:
        raise lacks_settings(folder, "frames and sound are") from error
    # Random noise on the sound would make every answer another one.
    extractor.dither = 0.0
    return Gemma3nInputBuilder(
        folder.tokenizer,
        extractor,
        frame_settings,
        folder.configuration.get("audio_soft_tokens_per_image", _USUAL_AUDIO_TOKENS),
        folder.max_tokens,
    )


def _read_frame_settings(folder: ModelFolder, images: Mapping[str, Any]) -> Gemma3nFrameSettings:
    """Read how frames are prepared.

    Raises:
        KeyError: If the folder does not say.
        UsageError: If it is not known here.
    """
    if images["resample"] != _BILINEAR:
        raise UsageError(
            f"frames are to be resized by filter {images['resample']}; only the bilinear one, "
            f"{_BILINEAR}, is known here.",
            where=str(folder.path),
        )
    plain = not images["do_normalize"]
    return Gemma3nFrameSettings(
        height=images["size"]["height"],
        width=images["size"]["width"],
        mean=(0.0, 0.0, 0.0) if plain else tuple(images["image_mean"]),
        deviation=(1.0, 1.0, 1.0) if plain else tuple(images["image_std"]),
        tokens=folder.configuration.get("vision_soft_tokens_per_image", _USUAL_FRAME_TOKENS),
    )


FAMILY: Family[Gemma3nInput, Gemma3nInputBuilder] = Family(
    network="Gemma3nForConditionalGeneration",
    part=None,
    language_model="model.language_model",
    pixels=None,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Gemma3n(network, folder.tokenizer, builder),
    extra="gemma3n",
    modules=("timm",),
)
