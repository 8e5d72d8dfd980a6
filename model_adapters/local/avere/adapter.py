"""``avere/PATH``: AVERE-7B, natively.

PATH is the folder of the checkpoint; the towers' folders lie in ``backbones``
beside it, or where ``--model-arg backbones=PATH`` says. What differs from the
authors' script: replies are greedy (they sample at temperature 0.1), frames are
never mirrored (they mirror half of the clips at random), the prompt is read
once per reply, and a prompt that is too long is refused instead of cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.local.adapter import LocalAdapter, local_capabilities
from emoreal_bench.model_adapters.local.avere.inputs import (
    FRAME_ID,
    SOUND_ID,
    AvereInput,
    AvereInputBuilder,
    AvereShape,
)
from emoreal_bench.model_adapters.local.avere.network import (
    LANGUAGE_MODEL,
    AvereConfig,
    AvereNetwork,
)
from emoreal_bench.model_adapters.local.avere.weights import (
    hash_weights,
    load_avere,
    read_config,
    save_weights,
)
from emoreal_bench.model_adapters.local.file_faults import load_tokenizer
from emoreal_bench.model_adapters.local.hardware import LocalArguments, NumberFormat
from emoreal_bench.model_adapters.local.lora import attach_lora, copy_side_files, merge_lora
from emoreal_bench.model_adapters.local.model_folder import read_merged, write_merged
from emoreal_bench.model_adapters.local.packed import (
    PackedReader,
    PackedRows,
    PlacedPrompt,
    place_media,
)
from emoreal_bench.model_adapters.local.padded import EmbeddedModel
from emoreal_bench.model_adapters.local.prefixes import SharedPrefix, find_shared_prefixes
from emoreal_bench.model_adapters.local.spread import spread
from emoreal_bench.model_adapters.local.token_choice import find_reply_tokens
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places
from emoreal_bench.model_adapters.providers import ModelSpec

__all__ = ["create", "load_avere"]

LICENSE = "USC Research License: research and non-profit use only"


class AvereArguments(LocalArguments):
    """Arguments of ``avere/PATH``."""

    backbones: Path | None = None
    """Folder of the towers' folders; by default ``backbones`` beside the checkpoint."""


class AvereModel(EmbeddedModel[AvereInput], PackedReader):
    """A loaded AVERE."""

    def __init__(
        self, network: AvereNetwork, tokenizer: PreTrainedTokenizerBase, builder: AvereInputBuilder
    ):
        super().__init__(tokenizer, builder.build, [cast("int", tokenizer.eos_token_id)])
        self._network = network
        self._builder = builder

    # Asked for anew each time: training moves a network, and wraps its parts.
    @property
    def _device(self) -> torch.device:
        return self._network.speech_projector.query.device

    @property
    def _language_model(self) -> LlamaForCausalLM:
        return self._network.language_model

    @property
    def network(self) -> AvereNetwork:
        """The network."""
        return self._network

    @property
    def language_model(self) -> str:
        """Name of the language model in the network."""
        return LANGUAGE_MODEL

    @property
    def _decoder(self) -> LlamaForCausalLM:
        return self._language_model

    def _places(self, one: AvereInput) -> list[int]:
        return self._builder.shape.expand(one.input_ids)

    def _find_shared(self, inputs: Sequence[AvereInput]) -> list[SharedPrefix]:
        return find_shared_prefixes(
            [self._places(one) for one in inputs],
            [tuple(clip.hash for clip in (one.video, one.audio) if clip) for one in inputs],
            frozenset((FRAME_ID, SOUND_ID)),
        )

    def _embed(self, ids: torch.Tensor, inputs: Sequence[AvereInput]) -> dict[str, torch.Tensor]:
        encoded = {
            modality: encode_once(media, partial(self.encode, modality))
            for modality, media in (
                (Modality.VIDEO, [one.video for one in inputs if one.video is not None]),
                (Modality.AUDIO, [one.audio for one in inputs if one.audio is not None]),
            )
        }
        return {"inputs_embeds": self._fill(ids, encoded)}

    def _fill(
        self, ids: torch.Tensor, encoded: Mapping[Modality, Sequence[Encoded]]
    ) -> torch.Tensor:
        """Put pictures and sounds between the words, ``(rows, length)``."""
        # A mark has no word embedding; the first word's stands in and is written over.
        embedded = self._language_model.get_input_embeddings()(ids.clamp(min=0))
        for mark, modality in ((FRAME_ID, Modality.VIDEO), (SOUND_ID, Modality.AUDIO)):
            features = [one.flatten(0, -2) for (one,) in encoded[modality]]
            embedded = fill_places(embedded, ids == mark, features)
        return cast("torch.Tensor", embedded)

    def place(self, prepared: AvereInput) -> PlacedPrompt:
        """Return which places a prompt takes: a mark stands for all that its clip fills."""
        shape = self._builder.shape
        ids = self._places(prepared)
        seen = [] if prepared.video is None else [prepared.video]
        heard = [] if prepared.audio is None else [prepared.audio]
        picture_tokens = shape.frames * shape.frame_tokens
        media = place_media(
            ids,
            {
                FRAME_ID: (Modality.VIDEO, [(one, picture_tokens) for one in seen]),
                SOUND_ID: (Modality.AUDIO, [(one, shape.sound_tokens) for one in heard]),
            },
        )
        return PlacedPrompt(tuple(ids), torch.arange(len(ids), dtype=torch.float32)[None], media)

    def reply_tokens(self, text: str) -> list[int]:
        """Return the tokens of a reply and its end."""
        return find_reply_tokens(text, self._tokenizer, str(self._tokenizer.eos_token))

    def encode(self, modality: Modality, media: Sequence[Any]) -> list[Encoded]:
        """Run the video tower, whose frames follow each other, or the speech tower."""
        if not media:
            return []
        batch = torch.stack([one.tensor for one in media])
        batch = batch.to(self._device, self._language_model.dtype)
        if modality is Modality.VIDEO:
            return [(frames,) for frames in self._network.encode_video(batch)]
        return [(sound,) for sound in self._network.encode_speech(batch)]

    def read_packed(self, rows: PackedRows) -> torch.Tensor:
        """Read rows of several prompts and answers."""
        embedded = self._fill(rows.ids, rows.encoded)
        output = self._language_model.model(
            inputs_embeds=embedded,
            attention_mask=rows.additive_mask(embedded.dtype),
            position_ids=rows.positions[0].long(),
            use_cache=False,
        )
        return cast("torch.Tensor", output.last_hidden_state)

    def project(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits of final states."""
        return cast("torch.Tensor", self._language_model.lm_head(states))


class AvereAdapter(LocalAdapter[AvereInput]):
    """An AVERE checkpoint with its backbones."""

    def __init__(self, spec: ModelSpec, arguments: AvereArguments):
        super().__init__(spec.lora)
        self._spec = spec
        self._arguments = arguments
        self._checkpoint = Path(spec.model)
        self._backbones = arguments.backbones or self._checkpoint.parent / "backbones"

    @cached_property
    def _config(self) -> AvereConfig:
        return read_config(self._checkpoint, self._backbones)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self._checkpoint)

    @cached_property
    def _builder(self) -> AvereInputBuilder:
        return AvereInputBuilder(self._tokenizer, _shape(self._config))

    def render(self, request: Request) -> str:
        """Return the conversation with its marks."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        settings, merged = self._arguments.as_settings(), read_merged(self._checkpoint)
        # The weights hash stands for them, wherever they lie.
        del settings["backbones"]
        return ModelDescription(
            name=self._spec.name,
            label=merged.label,
            fine_tuned_on=merged.fine_tuned_on,
            weights_hash=hash_weights(self._checkpoint, self._backbones),
            license=LICENSE,
            settings=settings,
            versions={library: version(library) for library in ("torch", "transformers")},
            capabilities=local_capabilities(
                self._arguments.batch_size, needs_gpu=self._arguments.resolve_device() != "cpu"
            ),
        )

    def _load(self) -> AvereModel:
        network = self._load_network()
        if self._lora is not None:
            attach_lora(self._lora, network, LANGUAGE_MODEL)
        return AvereModel(network, self._tokenizer, self._builder)

    def placed(self, device: str, number_format: NumberFormat) -> AvereAdapter:
        """Return the same model elsewhere, or in another number format."""
        update = {"device": device, "dtype": number_format}
        return AvereAdapter(self._spec, self._arguments.model_copy(update=update))

    def save_merged(self, out: Path) -> None:
        """Write the checkpoint; see :class:`~emoreal_bench.model_adapters.local.lora.Mergeable`."""
        assert self._lora is not None
        network = self._load_network()
        merge_lora(self._lora, network, LANGUAGE_MODEL)
        save_weights(network, self._checkpoint, out)
        write_merged(out, self.describe())
        copy_side_files(self._checkpoint, out)

    def _load_network(self) -> AvereNetwork:
        return load_avere(
            self._checkpoint,
            self._backbones,
            dtype=self._arguments.resolve_dtype(),
            device=self._arguments.require_device(),
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``avere/PATH``."""
    arguments = parse_arguments(AvereArguments, spec.arguments, spec.name)
    return spread(arguments, lambda placed: AvereAdapter(spec, placed))


def _shape(config: AvereConfig) -> AvereShape:
    return AvereShape(
        frames=config.frames,
        image_size=config.image_size,
        frame_tokens=config.frame_tokens,
        mel_bins=config.speech.num_mel_bins,
        sound_tokens=config.sound_tokens,
        max_tokens=config.max_tokens,
    )
