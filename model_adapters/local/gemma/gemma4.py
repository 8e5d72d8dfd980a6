"""Gemma 4, in the sizes whose checkpoints have an audio tower (E2B, E4B)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import Gemma4AudioFeatureExtractor, PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.family import Family, ModelFolder
from emoreal_bench.model_adapters.local.gemma.gemma4_inputs import (
    Gemma4FrameSettings,
    Gemma4Input,
    Gemma4InputBuilder,
    Gemma4Video,
)
from emoreal_bench.model_adapters.local.gemma.inputs import MAX_AUDIO_SECONDS, GemmaAudio
from emoreal_bench.model_adapters.local.padded import EmbeddedModel, find_end_ids, require_marks
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places


class Gemma4(EmbeddedModel[Gemma4Input]):
    """A loaded Gemma 4.

    Args:
        network: ``Gemma4ForConditionalGeneration`` in evaluation mode, on its device.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.

    Raises:
        UsageError: If tokenizer and network do not belong together.
    """

    def __init__(
        self, network: Any, tokenizer: PreTrainedTokenizerBase, builder: Gemma4InputBuilder
    ):
        config = network.config
        super().__init__(tokenizer, builder.build, find_end_ids(network))
        require_marks(
            tokenizer,
            [builder.video_id, builder.audio_id],
            [config.video_token_id, config.audio_token_id],
        )
        self._network = network
        self._builder = builder

    @property
    def _decoder(self) -> Any:
        return self._network

    def _embed(
        self, ids: torch.Tensor, inputs: Sequence[Gemma4Input]
    ) -> Mapping[str, torch.Tensor]:
        """Embed prompts; where the model adds to each layer too, clips count as padding there."""
        body, settings = self._network.model, self._network.config.text_config
        seen, heard = ids == self._builder.video_id, ids == self._builder.audio_id
        clips = seen | heard
        words = ids.masked_fill(clips, settings.pad_token_id)
        embedded = body.get_input_embeddings()(words)
        arguments = {}
        if settings.hidden_size_per_layer_input:
            language = body.language_model
            padding = language.embed_tokens.weight[settings.pad_token_id]
            arguments["per_layer_inputs"] = language.get_per_layer_inputs(
                words, torch.where(clips.unsqueeze(-1), padding, embedded)
            )
        # By clip: frames of one colour have one hash in every shape.
        videos = encode_once([v for one in inputs for v in one.videos], self._see)
        audios = encode_once([a for one in inputs for a in one.audios], self._hear)
        embedded = fill_places(embedded, seen, [features for (features,) in videos])
        embedded = fill_places(embedded, heard, [features for (features,) in audios])
        return {"inputs_embeds": embedded, **arguments}

    def _see(self, videos: Sequence[Gemma4Video]) -> list[Encoded]:
        outputs = [
            self._network.model.get_video_features(
                video.patches.to(self._network.device, self._network.dtype),
                video.positions.to(self._network.device),
                num_frames_per_video=torch.tensor([video.frames]),
            )
            for video in videos
        ]
        return [(output.pooler_output[0],) for output in outputs]

    def _hear(self, audios: Sequence[GemmaAudio]) -> list[Encoded]:
        outputs = [
            self._network.model.get_audio_features(
                audio.features[None].to(self._network.device, self._network.dtype),
                audio.mask[None].to(self._network.device),
            )
            for audio in audios
        ]
        return [(output.pooler_output[output.attention_mask.bool()],) for output in outputs]


def _make_builder(folder: ModelFolder) -> Gemma4InputBuilder:
    if not folder.configuration.get("audio_config"):
        raise UsageError(
            "this size of Gemma 4 has no audio tower.",
            where=str(folder.path),
            remedy="Take a size that hears: E2B or E4B.",
        )
    if folder.configuration["text_config"].get("use_bidirectional_attention"):
        raise UsageError(
            "this size of Gemma 4 reads frames in both directions, which is not supported.",
            where=str(folder.path),
            remedy="Take a size that does not: E2B or E4B.",
        )
    try:
        extractor = Gemma4AudioFeatureExtractor.from_pretrained(folder.path)
    except OSError as error:
        raise UsageError(
            "the folder does not say how sound is fed.",
            where=str(folder.path),
            remedy="Copy preprocessor_config.json or processor_config.json from the published one.",
        ) from error
    # Random noise on the sound would make every answer another one.
    extractor.dither = 0.0
    vision = folder.configuration["vision_config"]
    frames = Gemma4FrameSettings(
        _read_frame_tokens(folder), vision["patch_size"], vision["pooling_kernel_size"]
    )
    return Gemma4InputBuilder(folder.tokenizer, extractor, frames, folder.max_tokens)


def _read_frame_tokens(folder: ModelFolder) -> int:
    """Read how many tokens a frame has; the library's own number where nothing is said."""
    for name, key in (
        ("processor_config.json", "video_processor"),
        ("video_preprocessor_config.json", None),
    ):
        path = folder.path / name
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            settings = content.get(key, {}) if key else content
            if "max_soft_tokens" in settings:
                return int(settings["max_soft_tokens"])
    return Gemma4FrameSettings().tokens


FAMILY: Family[Gemma4Input, Gemma4InputBuilder] = Family(
    network="Gemma4ForConditionalGeneration",
    part=None,
    language_model="model.language_model",
    pixels=None,
    max_audio_seconds=MAX_AUDIO_SECONDS,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Gemma4(network, folder.tokenizer, builder),
    eager_parts=("audio_config",),
)
