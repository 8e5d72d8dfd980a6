"""Gemma 4, in the sizes whose checkpoints have an audio tower (E2B, E4B)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import torch
from transformers import Gemma4AudioFeatureExtractor, PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, Modality, Repeatability
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.gemma4 import (
    MAX_AUDIO_SECONDS,
    Gemma4Audio,
    Gemma4Clips,
    Gemma4FrameSettings,
    Gemma4Input,
    Gemma4InputBuilder,
    Gemma4Video,
)
from emoreal_bench.model_adapters.family import Family, ModelFolder
from emoreal_bench.model_adapters.local import LocalModel, Reply, prepare_each
from emoreal_bench.model_adapters.token_choice import (
    find_letter_token,
    make_reply,
    score_tokens,
    write_greedily,
)

Clip = TypeVar("Clip", Gemma4Video, Gemma4Audio)


class Gemma4(LocalModel[Gemma4Input]):
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
        self._network = network
        self._body = network.model
        self._tokenizer = tokenizer
        self._builder = builder
        self._device = network.device
        config = network.config
        marks = [builder.video_id, builder.audio_id]
        if marks != [config.video_token_id, config.audio_token_id]:
            raise UsageError(
                f"the tokenizer marks clips with {marks}, the network expects "
                f"{[config.video_token_id, config.audio_token_id]}.",
                where=str(tokenizer.name_or_path),
                remedy="Take tokenizer and weights from the same model.",
            )
        self._pad_id = config.text_config.pad_token_id
        ends = network.generation_config.eos_token_id or config.text_config.eos_token_id
        self._end_ids = torch.tensor(
            ends if isinstance(ends, list) else [ends], device=self._device
        )

    def prepare(self, requests: Sequence[Request]) -> list[Gemma4Input | InputError]:
        """Turn requests into tensors; questions of one clip share its tensors."""
        shared = Gemma4Clips()
        return prepare_each(requests, lambda request: self._builder.build(request, shared))

    @torch.inference_mode()
    def write(self, inputs: Sequence[Gemma4Input], max_new_tokens: int) -> list[Reply]:
        """Write replies greedily."""
        logits, mask, cache = self._read(inputs, keep_cache=True)

        def step(token: torch.Tensor) -> torch.Tensor:
            nonlocal mask
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            output = self._network(
                input_ids=token[:, None],
                attention_mask=mask,
                position_ids=mask.sum(-1, keepdim=True) - 1,
                past_key_values=cache,
                use_cache=True,
            )
            return cast("torch.Tensor", output.logits[:, -1])

        rows = write_greedily(logits, step, self._end_ids, max_new_tokens)
        return [make_reply(row, self._end_ids, self._tokenizer) for row in rows]

    def letter_token(self, letter: str) -> int:
        """Give the token of a bare letter, which opens the turn of the model."""
        return find_letter_token(letter, self._tokenizer)

    @torch.inference_mode()
    def score_first_token(
        self, inputs: Sequence[Gemma4Input], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Score in one forward pass, over the whole vocabulary."""
        return score_tokens(self._read(inputs, keep_cache=False)[0], tokens)

    def _read(
        self, inputs: Sequence[Gemma4Input], *, keep_cache: bool
    ) -> tuple[torch.Tensor, torch.Tensor, Cache | None]:
        """Read prompts padded on the left; give the first logits, the mask and the cache."""
        length = max(len(one.input_ids) for one in inputs)
        ids = torch.full((len(inputs), length), self._pad_id)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(inputs):
            ids[row, length - len(one.input_ids) :] = torch.tensor(one.input_ids)
            mask[row, length - len(one.input_ids) :] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        embedded, per_layer = self._embed(ids, inputs)
        output = self._network(
            inputs_embeds=embedded,
            per_layer_inputs=per_layer,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=keep_cache,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float(), mask, output.past_key_values

    def _embed(
        self, ids: torch.Tensor, inputs: Sequence[Gemma4Input]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Put the clips' features in the places of their marks.

        Returns:
            The embeddings, and what is added to each layer where the model has
            that; there, clips count as padding.
        """
        language = self._body.language_model
        seen, heard = ids == self._builder.video_id, ids == self._builder.audio_id
        clips = (seen | heard).unsqueeze(-1)
        words = ids.masked_fill(clips.squeeze(-1), self._pad_id)
        embedded = self._body.get_input_embeddings()(words)
        per_layer = None
        if self._network.config.text_config.hidden_size_per_layer_input:
            padding = language.embed_tokens.weight[self._pad_id]
            per_layer = language.get_per_layer_inputs(words, torch.where(clips, padding, embedded))
        videos = _encode_once([v for one in inputs for v in one.videos], self._see)
        audios = _encode_once([a for one in inputs for a in one.audios], self._hear)
        for places, features in ((seen, videos), (heard, audios)):
            if features is not None:
                wide = places.unsqueeze(-1).expand_as(embedded)
                embedded = embedded.masked_scatter(wide, features.to(embedded.dtype))
        return embedded, per_layer

    def _see(self, video: Gemma4Video) -> torch.Tensor:
        output = self._body.get_video_features(
            video.patches.to(self._device, self._network.dtype),
            video.positions.to(self._device),
            num_frames_per_video=torch.tensor([len(video.times)]),
        )
        return cast("torch.Tensor", output.pooler_output[0])

    def _hear(self, audio: Gemma4Audio) -> torch.Tensor:
        output = self._body.get_audio_features(
            audio.features[None].to(self._device, self._network.dtype),
            audio.mask[None].to(self._device),
        )
        return cast("torch.Tensor", output.pooler_output[output.attention_mask.bool()])


def _encode_once(
    clips: Sequence[Clip], encode: Callable[[Clip], torch.Tensor]
) -> torch.Tensor | None:
    """Encode each clip once; give the features in the order asked for."""
    by_key = {key: encode(clip) for key, clip in {clip.key: clip for clip in clips}.items()}
    return torch.cat([by_key[clip.key] for clip in clips]) if clips else None


def _capabilities(batch_size: int, needs_gpu: bool) -> Capabilities:
    return Capabilities(
        modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
        joint=True,
        max_audio_seconds=MAX_AUDIO_SECONDS,
        choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
        repeatability=Repeatability.SAME_BATCH,
        batch_size=batch_size,
        needs_gpu=needs_gpu,
        lora=True,
    )


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
    capabilities=_capabilities,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Gemma4(network, folder.tokenizer, builder),
    eager_parts=("audio_config",),
)
