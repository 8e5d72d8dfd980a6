"""``avere/PATH``: AVERE-7B, natively.

PATH is the folder of the checkpoint; the towers' folders lie in ``backbones``
beside it, or where ``--model-arg backbones=PATH`` says. What differs from the
authors' script: replies are greedy (they sample at temperature 0.1), frames are
never mirrored (they mirror half of the clips at random), the prompt is read
once per reply, and a prompt that is too long is refused instead of cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, Modality, Repeatability
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.avere import (
    FRAME_ID,
    MAX_SECONDS,
    SOUND_ID,
    AvereClips,
    AvereInput,
    AvereInputBuilder,
    AvereShape,
    Encodable,
)
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.avere_network import LANGUAGE_MODEL, AvereConfig, AvereNetwork
from emoreal_bench.model_adapters.avere_weights import (
    hash_weights,
    load_avere,
    read_config,
    save_weights,
)
from emoreal_bench.model_adapters.hardware import LocalArguments, NumberFormat
from emoreal_bench.model_adapters.local import LocalAdapter, LocalModel, Reply, prepare_each
from emoreal_bench.model_adapters.lora import attach_lora, copy_side_files, merge_lora
from emoreal_bench.model_adapters.packed import (
    Encoded,
    PackedReader,
    PackedRows,
    PlacedPrompt,
    encode_once,
    fill_places,
    place_media,
)
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.spread import spread
from emoreal_bench.model_adapters.token_choice import (
    find_letter_token,
    find_reply_tokens,
    make_reply,
    score_tokens,
    write_greedily,
)

__all__ = ["create", "load_avere"]

LICENSE = "USC Research License: research and non-profit use only"


class AvereArguments(LocalArguments):
    """Arguments of ``avere/PATH``."""

    backbones: Path | None = None
    """Folder of the towers' folders; by default ``backbones`` beside the checkpoint."""


class AvereModel(LocalModel[AvereInput], PackedReader):
    """A loaded AVERE."""

    def __init__(
        self, network: AvereNetwork, tokenizer: PreTrainedTokenizerBase, builder: AvereInputBuilder
    ):
        self._network = network
        self._tokenizer = tokenizer
        self._builder = builder
        self._end_ids = torch.tensor([tokenizer.eos_token_id], device=self._device)

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

    def prepare(self, requests: Sequence[Request]) -> list[AvereInput | InputError]:
        """Turn requests into tensors; questions of one clip share its tensors."""
        shared = AvereClips()
        return prepare_each(requests, lambda request: self._builder.build(request, shared))

    @torch.inference_mode()
    def write(self, inputs: Sequence[AvereInput], max_new_tokens: int) -> list[Reply]:
        """Write replies greedily."""
        logits, mask, cache = self._read(inputs, keep_cache=True)

        def step(token: torch.Tensor) -> torch.Tensor:
            nonlocal mask
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            output = self._language_model(
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
        """Give the token of a letter at the start of a word, as after ``ASSISTANT:``."""
        return find_letter_token(letter, self._tokenizer)

    @torch.inference_mode()
    def score_first_token(
        self, inputs: Sequence[AvereInput], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Score in one forward pass, over the whole vocabulary."""
        return score_tokens(self._read(inputs, keep_cache=False)[0], tokens)

    def _read(
        self, inputs: Sequence[AvereInput], *, keep_cache: bool
    ) -> tuple[torch.Tensor, torch.Tensor, Cache | None]:
        """Read prompts padded on the left; give the first logits, the mask and the cache."""
        frames = self._encode_each(Modality.VIDEO, [one.video for one in inputs])
        sounds = self._encode_each(Modality.AUDIO, [one.audio for one in inputs])
        rows = [
            self._network.embed(torch.tensor(one.input_ids, device=self._device), seen, heard)
            for one, seen, heard in zip(inputs, frames, sounds, strict=True)
        ]
        length = max(map(len, rows))
        pads = [length - len(row) for row in rows]
        embedded = torch.stack(
            [
                torch.nn.functional.pad(row, (0, 0, pad, 0))
                for row, pad in zip(rows, pads, strict=True)
            ]
        )
        places = torch.arange(length, device=self._device)
        mask = (places >= torch.tensor(pads, device=self._device)[:, None]).long()
        output = self._language_model(
            inputs_embeds=embedded,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=keep_cache,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float(), mask, output.past_key_values

    def _encode_each(
        self, modality: Modality, media: Sequence[Encodable | None]
    ) -> list[torch.Tensor | None]:
        """Encode each clip once; give the features in the order asked for."""
        given = [one for one in media if one is not None]
        found = iter(encode_once(given, lambda distinct: self.encode(modality, distinct)))
        return [None if one is None else next(found)[0] for one in media]

    def place(self, prepared: AvereInput) -> PlacedPrompt:
        """Say which places a prompt takes: a mark stands for all that its clip fills."""
        shape = self._builder.shape
        filled = {FRAME_ID: shape.frame_tokens, SOUND_ID: shape.sound_tokens}
        ids = [token for mark in prepared.input_ids for token in [mark] * filled.get(mark, 1)]
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
        """Give the tokens of a reply and its end."""
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
        body = self._language_model.model
        embedded = body.embed_tokens(rows.ids.clamp(min=0))
        for mark, modality in ((FRAME_ID, Modality.VIDEO), (SOUND_ID, Modality.AUDIO)):
            features = [one.flatten(0, -2) for (one,) in rows.encoded[modality]]
            embedded = fill_places(embedded, rows.ids == mark, features)
        output = body(
            inputs_embeds=embedded,
            attention_mask=rows.additive_mask(embedded.dtype),
            position_ids=rows.positions[0].long(),
            use_cache=False,
        )
        return cast("torch.Tensor", output.last_hidden_state)

    def project(self, states: torch.Tensor) -> torch.Tensor:
        """Give the logits of final states."""
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
        try:
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self._checkpoint)
        except (OSError, ValueError) as error:
            raise UsageError(
                "the tokenizer cannot be loaded.", where=str(self._checkpoint), remedy=str(error)
            ) from error
        return tokenizer

    @cached_property
    def _builder(self) -> AvereInputBuilder:
        return AvereInputBuilder(self._tokenizer, _shape(self._config))

    def render(self, request: Request) -> str:
        """Give the conversation with its marks."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        config = self._config
        settings = self._arguments.as_settings()
        # The weights hash stands for them, wherever they lie.
        del settings["backbones"]
        return ModelDescription(
            name=self._spec.name,
            weights_hash=hash_weights(self._checkpoint, self._backbones),
            license=LICENSE,
            settings=settings,
            versions={library: version(library) for library in ("torch", "transformers")},
            capabilities=Capabilities(
                modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
                joint=True,
                max_frames=config.frames,
                max_audio_seconds=MAX_SECONDS,
                choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
                repeatability=Repeatability.SAME_BATCH,
                batch_size=self._arguments.batch_size,
                needs_gpu=self._arguments.resolve_device() != "cpu",
                lora=True,
            ),
        )

    def _load(self) -> AvereModel:
        network = self._load_network()
        if self._lora is not None:
            attach_lora(self._lora, network, LANGUAGE_MODEL)
        return AvereModel(network, self._tokenizer, self._builder)

    def placed(self, device: str, number_format: NumberFormat) -> AvereAdapter:
        """Give the same model elsewhere, or in another number format."""
        update = {"device": device, "dtype": number_format}
        return AvereAdapter(self._spec, self._arguments.model_copy(update=update))

    def save_merged(self, out: Path) -> None:
        """Write the checkpoint; see :class:`~emoreal_bench.model_adapters.lora.Mergeable`."""
        assert self._lora is not None
        network = self._load_network()
        merge_lora(self._lora, network, LANGUAGE_MODEL)
        save_weights(network, self._checkpoint, out)
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
