"""Phi-4-multimodal, which was published with LoRA adapters of its own.

Which of them is active depends on the request: the one for vision where anything
is seen, the one for speech where there is sound alone, neither for words alone,
as in the code that the authors published (the mixture of LoRAs of Abouelenin et
al. 2025). Its language model turns positions in another way in sequences longer
than those that it was first trained on. So requests are answered together only if
they share adapter and way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from peft.tuners.tuners_utils import set_adapter
from transformers import Phi4MultimodalConfig, PreTrainedTokenizerBase
from transformers.image_processing_base import ImageProcessingMixin

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.adapter import Sampling
from emoreal_bench.model_adapters.local.family import Family, ModelFolder
from emoreal_bench.model_adapters.local.lora import ADAPTER, LoraAdapter, attach_lora
from emoreal_bench.model_adapters.local.padded import EmbeddedModel, ReadPrompts, find_end_ids
from emoreal_bench.model_adapters.local.phi4.inputs import (
    OwnAdapter,
    Phi4Audio,
    Phi4Input,
    Phi4InputBuilder,
    Phi4Video,
)
from emoreal_bench.model_adapters.local.phi4.media import CropSettings
from emoreal_bench.model_adapters.local.token_choice import BROKEN
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places

_LANGUAGE_MODEL = "model"


class Phi4Multimodal(EmbeddedModel[Phi4Input]):
    """A loaded Phi-4-multimodal.

    Args:
        network: ``Phi4MultimodalForCausalLM`` in evaluation mode, on its device, that
            carries its own adapters under their names.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.
    """

    def __init__(self, network: Any, tokenizer: PreTrainedTokenizerBase, builder: Phi4InputBuilder):
        config = network.config
        super().__init__(tokenizer, builder.build, find_end_ids(network))
        self._network = network
        self._builder = builder
        rope = config.rope_parameters
        is_long = rope["rope_type"] == "longrope"
        # The longest sequence whose positions are turned as in the first training.
        self._usual_length = rope["original_max_position_embeddings"] if is_long else math.inf

    @property
    def network(self) -> torch.nn.Module:
        """The whole model."""
        return cast("torch.nn.Module", self._network)

    @property
    def _decoder(self) -> Any:
        return self._network

    @torch.inference_mode()
    def score_first_token(
        self, inputs: Sequence[Phi4Input], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Score in one pass over the prompts of each group, over the whole vocabulary."""
        scores: dict[int, list[float]] = {}
        for group in self._group(inputs, max_new_tokens=1):
            wanted = [tokens[place] for place in group]
            rows = super().score_first_token([inputs[place] for place in group], wanted)
            scores |= dict(zip(group, rows, strict=True))
        return [scores[place] for place in range(len(inputs))]

    def _write_rows(
        self, inputs: Sequence[Phi4Input], max_new_tokens: int, sampling: Sampling | None
    ) -> list[list[int]]:
        rows: dict[int, list[int]] = {}
        for group in self._group(inputs, max_new_tokens):
            drawn = None if sampling is None else sampling.of(group)
            written = self._write_group([inputs[place] for place in group], max_new_tokens, drawn)
            rows |= dict(zip(group, written, strict=True))
        return [rows[place] for place in range(len(inputs))]

    def _group(self, inputs: Sequence[Phi4Input], max_new_tokens: int) -> list[list[int]]:
        """Return the places of inputs that are answered together."""
        groups: dict[tuple[OwnAdapter | None, bool, int | None], list[int]] = {}
        for place, one in enumerate(inputs):
            room = self._room(one)
            is_long = room <= 0
            # A reply during which the sequence becomes long is written alone.
            alone = place if 0 < room < max_new_tokens else None
            groups.setdefault((one.adapter, is_long, alone), []).append(place)
        return list(groups.values())

    def _room(self, one: Phi4Input) -> float:
        """Return how many tokens of a reply are written before the sequence is long."""
        return self._usual_length - len(one.input_ids) + 1

    def _write_group(
        self, inputs: Sequence[Phi4Input], max_new_tokens: int, sampling: Sampling | None
    ) -> list[list[int]]:
        room = self._room(inputs[0])
        if not 0 < room < max_new_tokens:
            return super()._write_rows(inputs, max_new_tokens, sampling)
        (begun,) = super()._write_rows(inputs, int(room), sampling)
        if not set(begun).isdisjoint([*self._end_ids.tolist(), BROKEN]):
            return [begun]
        # All is read anew: what was kept of it belongs to the other turns.
        longer = replace(inputs[0], input_ids=(*inputs[0].input_ids, *begun))
        later = None if sampling is None else sampling.later()
        (rest,) = super()._write_rows([longer], max_new_tokens - len(begun), later)
        return [begun + rest]

    def _read(self, inputs: Sequence[Phi4Input], *, keep_cache: bool) -> ReadPrompts:
        adapter = inputs[0].adapter
        # A name that no layer carries changes nothing: that of --lora where there is none.
        active = [ADAPTER] if adapter is None else [ADAPTER, adapter.value]
        set_adapter(self._network, active, inference_mode=True)
        return super()._read(inputs, keep_cache=keep_cache)

    def _embed(self, ids: torch.Tensor, inputs: Sequence[Phi4Input]) -> Mapping[str, torch.Tensor]:
        videos = encode_once([video for one in inputs for video in one.videos], self._see)
        hear = partial(self._hear, beside_picture=bool(videos))
        audios = encode_once([audio for one in inputs for audio in one.audios], hear)
        embedded = self._network.get_input_embeddings()(ids)
        for mark, encoded in ((self._builder.image_id, videos), (self._builder.audio_id, audios)):
            embedded = fill_places(embedded, ids == mark, [features for (features,) in encoded])
        return {"inputs_embeds": embedded}

    def _see(self, videos: Sequence[Phi4Video]) -> list[Encoded]:
        return [
            self._encode(
                self._network.model.embed_tokens_extend.image_embed,
                [self._builder.image_id] * (video.frames * video.frame_tokens),
                image_pixel_values=video.crops.to(self._network.device),
                image_sizes=torch.tensor([video.size] * video.frames),
                image_attention_mask=video.mask.expand(video.frames, -1, -1, -1),
            )
            for video in videos
        ]

    def _hear(self, audios: Sequence[Phi4Audio], *, beside_picture: bool) -> list[Encoded]:
        """Hear sounds one by one: where several are padded, the tower hears the padding."""
        return [
            self._encode(
                self._network.model.embed_tokens_extend.audio_embed,
                [self._builder.audio_id] * audio.tokens,
                audio_input_features=audio.features[None],
                audio_embed_sizes=torch.tensor([audio.tokens]),
                audio_projection_mode="vision" if beside_picture else "speech",
            )
            for audio in audios
        ]

    def _encode(self, tower: Any, places: list[int], **content: object) -> Encoded:
        """Let a tower fill a prompt that has places for one clip and nothing else."""
        ids = torch.tensor([places], device=self._network.device)
        return (tower(ids, self._network.get_input_embeddings()(ids), **content)[0],)


def _make_builder(folder: ModelFolder) -> Phi4InputBuilder:
    # What a configuration leaves out is as published, which its class knows.
    whole = Phi4MultimodalConfig.from_dict(dict(folder.configuration))
    vision: Any = whole.vision_config
    audio: Any = whole.audio_config
    return Phi4InputBuilder(
        folder.tokenizer,
        vision.image_token_id,
        audio.audio_token_id,
        CropSettings(vision.crop_size, vision.patch_size, _read_max_crops(folder.path)),
        whole.max_position_embeddings,
        [adapter for adapter in OwnAdapter if (folder.path / adapter.folder).is_dir()],
    )


def _read_max_crops(folder: Path) -> int:
    """Read how many crops a frame may have; the library's own number where nothing is said."""
    usual = CropSettings().max_crops
    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(folder)
    except OSError:
        return usual
    return int(settings.get("dynamic_hd", usual))


def _make_model(network: Any, folder: ModelFolder, builder: Phi4InputBuilder) -> Phi4Multimodal:
    if builder.adapters and getattr(network, "is_quantized", False):
        raise UsageError(
            "the model's own adapters are not put on quantised weights.",
            where=str(folder.path),
            remedy="Leave the argument 'quantization' out.",
        )
    for adapter in sorted(builder.adapters):
        own = LoraAdapter(folder.path / adapter.folder, None, str(folder.path))
        attach_lora(own, network, _LANGUAGE_MODEL, adapter.value)
    return Phi4Multimodal(network, folder.tokenizer, builder)


FAMILY: Family[Phi4Input, Phi4InputBuilder] = Family(
    network="Phi4MultimodalForCausalLM",
    part=None,
    language_model=_LANGUAGE_MODEL,
    pixels=None,
    make_builder=_make_builder,
    make_model=_make_model,
    # Its bias by distance is a mask that flash attention does not take.
    eager_parts=("audio_config",),
    adapters=tuple(adapter.folder for adapter in OwnAdapter),
)
