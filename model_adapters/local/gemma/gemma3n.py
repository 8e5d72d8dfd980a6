"""Gemma 3n: frames as images, and sound. Its vision tower comes from timm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import (
    Gemma3nAudioFeatureExtractor,
    PreTrainedTokenizerBase,
    SiglipImageProcessorPil,
)

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.family import Family, ModelFolder
from emoreal_bench.model_adapters.local.gemma.gemma3n_inputs import (
    Gemma3nFrameSettings,
    Gemma3nInput,
    Gemma3nInputBuilder,
    Gemma3nVideo,
)
from emoreal_bench.model_adapters.local.gemma.inputs import MAX_AUDIO_SECONDS, GemmaAudio
from emoreal_bench.model_adapters.local.padded import EmbeddedModel, find_end_ids, require_marks
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places

# The filter by which frames are resized, as Pillow and the folders number it.
_BILINEAR = 2
# What transformers takes where a folder says nothing.
_USUAL_FRAME_TOKENS, _USUAL_AUDIO_TOKENS = 256, 188


class Gemma3n(EmbeddedModel[Gemma3nInput]):
    """A loaded Gemma 3n.

    Args:
        network: ``Gemma3nForConditionalGeneration`` in evaluation mode, on its device.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.

    Raises:
        UsageError: If tokenizer and network do not belong together.
    """

    def __init__(
        self, network: Any, tokenizer: PreTrainedTokenizerBase, builder: Gemma3nInputBuilder
    ):
        config = network.config
        super().__init__(tokenizer, builder.build, find_end_ids(network))
        require_marks(
            tokenizer,
            [builder.image_id, builder.audio_id],
            [config.image_token_id, config.audio_token_id],
        )
        self._network = network
        self._builder = builder

    @property
    def _decoder(self) -> Any:
        return self._network

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
        videos = encode_once([v for one in inputs for v in one.videos], self._see)
        audios = encode_once([a for one in inputs for a in one.audios], self._hear)
        for mark, clips in ((self._builder.image_id, videos), (self._builder.audio_id, audios)):
            embedded = fill_places(embedded, ids == mark, [features for (features,) in clips])
        per_layer = body.language_model.get_per_layer_inputs(ids)
        return {"inputs_embeds": embedded, "per_layer_inputs": per_layer}

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
        extractor = Gemma3nAudioFeatureExtractor.from_pretrained(folder.path)
        images, _ = SiglipImageProcessorPil.get_image_processor_dict(folder.path)
        frame_settings = _read_frame_settings(folder, images)
    except (OSError, KeyError) as error:
        raise UsageError(
            "the folder does not say how frames and sound are fed.",
            where=str(folder.path),
            remedy="Copy preprocessor_config.json or processor_config.json from the published one.",
        ) from error
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
    max_audio_seconds=MAX_AUDIO_SECONDS,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Gemma3n(network, folder.tokenizer, builder),
    extra="gemma3n",
    modules=("timm",),
)
