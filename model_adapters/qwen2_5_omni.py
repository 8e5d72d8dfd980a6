"""Qwen2.5-Omni: the Thinker, which sees, hears and writes text.

The Talker, which speaks, is never loaded. Every clip of a batch goes through
the towers once, however many questions ask about it; the prompts are padded on
the left and answered together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import PreTrainedTokenizerBase, Qwen2_5OmniThinkerForConditionalGeneration
from transformers.cache_utils import Cache

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, Modality, Repeatability
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.qwen_omni import (
    AUDIO_MARK,
    END_OF_TEXT,
    MAX_AUDIO_SECONDS,
    TURN_END,
    VIDEO_MARK,
    AudioTensors,
    ClipTensors,
    OmniInput,
    OmniInputBuilder,
    VideoTensors,
    token_ids,
)
from emoreal_bench.model_adapters.local import LocalModel, Reply, prepare_each
from emoreal_bench.model_adapters.token_choice import (
    find_letter_token,
    make_reply,
    score_tokens,
    write_greedily,
)

MODEL_TYPES = ("qwen2_5_omni", "qwen2_5_omni_thinker")
LANGUAGE_MODEL = "model.language_model"
MAX_FRAMES = 768


def capabilities(batch_size: int, *, needs_gpu: bool) -> Capabilities:
    """Give what the family can take and do."""
    return Capabilities(
        modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
        joint=True,
        max_frames=MAX_FRAMES,
        max_audio_seconds=MAX_AUDIO_SECONDS,
        choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
        repeatability=Repeatability.SAME_BATCH,
        batch_size=batch_size,
        needs_gpu=needs_gpu,
        lora=True,
    )


@dataclass(frozen=True, slots=True)
class _Prefix:
    """The prompts of a batch, read by the network up to where the answers begin.

    Attributes:
        logits: ``(batch, vocabulary)`` 32-bit floats, of the first token of the answers.
        cache: Keys and values of the prompts.
        mask: ``(batch, length)``, 0 where a prompt is padded.
        next_position: ``(batch,)`` rotary position of the next token.
    """

    logits: torch.Tensor
    cache: Cache | None
    mask: torch.Tensor
    next_position: torch.Tensor


class Qwen25Omni(LocalModel[OmniInput]):
    """A loaded Thinker.

    Args:
        network: In evaluation mode, on its device.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.

    Raises:
        UsageError: If tokenizer and network do not belong together.
    """

    def __init__(
        self,
        network: Qwen2_5OmniThinkerForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        builder: OmniInputBuilder,
    ):
        self._network = network
        self._language_model = network.model.language_model
        self._tokenizer = tokenizer
        self._builder = builder
        self._device = network.device
        marks = token_ids(tokenizer, (VIDEO_MARK, AUDIO_MARK))
        expected = [network.config.video_token_id, network.config.audio_token_id]
        if marks != expected:
            # The clips would not find their places, and nothing would say so.
            raise UsageError(
                f"the tokenizer marks clips with {marks}, the network expects {expected}.",
                where=str(tokenizer.name_or_path),
                remedy="Take tokenizer and weights from the same model.",
            )
        ends = token_ids(tokenizer, (END_OF_TEXT, TURN_END))
        self._pad_id = ends[0]
        self._end_ids = torch.tensor(ends, device=self._device)

    def prepare(self, requests: Sequence[Request]) -> list[OmniInput | InputError]:
        """Turn requests into tensors; questions of one clip share its tensors."""
        shared = ClipTensors()
        return prepare_each(requests, lambda request: self._builder.build(request, shared))

    @torch.inference_mode()
    def write(self, inputs: Sequence[OmniInput], max_new_tokens: int) -> list[Reply]:
        """Write replies greedily."""
        prefix = self._read(inputs, keep_cache=True)
        mask, position = prefix.mask, prefix.next_position

        def step(token: torch.Tensor) -> torch.Tensor:
            nonlocal mask, position
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            hidden = self._language_model(
                inputs_embeds=self._language_model.embed_tokens(token[:, None]),
                attention_mask=mask,
                position_ids=position.view(1, -1, 1).expand(3, -1, 1),
                past_key_values=prefix.cache,
                use_cache=True,
            ).last_hidden_state
            position = position + 1
            return cast("torch.Tensor", self._network.lm_head(hidden[:, -1]))

        rows = write_greedily(prefix.logits, step, self._end_ids, max_new_tokens)
        return [make_reply(row, self._end_ids, self._tokenizer) for row in rows]

    def letter_token(self, letter: str) -> int:
        """Give the token of a bare letter, which opens the turn of the model."""
        return find_letter_token(letter, self._tokenizer)

    @torch.inference_mode()
    def score_first_token(
        self, inputs: Sequence[OmniInput], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Score in one forward pass, over the whole vocabulary."""
        return score_tokens(self._read(inputs, keep_cache=False).logits, tokens)

    def _read(self, inputs: Sequence[OmniInput], *, keep_cache: bool) -> _Prefix:
        length = max(len(one.input_ids) for one in inputs)
        ids = torch.full((len(inputs), length), self._pad_id)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(inputs):
            ids[row, length - len(one.input_ids) :] = torch.tensor(one.input_ids)
            mask[row, length - len(one.input_ids) :] = 1
        # On the processor: the library walks over the tokens one by one.
        positions = self._positions(ids, mask, inputs).to(self._device)
        ids, mask = ids.to(self._device), mask.to(self._device)
        output = self._language_model(
            inputs_embeds=self._embed(ids, inputs),
            attention_mask=mask,
            position_ids=positions,
            use_cache=keep_cache,
        )
        return _Prefix(
            logits=self._network.lm_head(output.last_hidden_state[:, -1]).float(),
            cache=output.past_key_values,
            mask=mask,
            next_position=positions.amax((0, 2)) + 1,
        )

    def _positions(
        self, ids: torch.Tensor, mask: torch.Tensor, inputs: Sequence[OmniInput]
    ) -> torch.Tensor:
        """Give ``(3, batch, length)`` rotary positions in time, height and width."""
        videos = [video for one in inputs for video in one.videos]
        audios = [audio for one in inputs for audio in one.audios]
        positions, _ = self._network.get_rope_index(
            cast("torch.LongTensor", ids),
            video_grid_thw=_integers([video.grid for video in videos]) if videos else None,
            attention_mask=mask,
            audio_seqlens=_integers([audio.features.shape[1] for audio in audios]),
            second_per_grids=torch.tensor([video.seconds_per_grid for video in videos]),
        )
        return positions

    def _embed(self, ids: torch.Tensor, inputs: Sequence[OmniInput]) -> torch.Tensor:
        """Put the clips' features in the places of their marks."""
        embedded: torch.Tensor = self._language_model.embed_tokens(ids)
        config = self._network.config
        for mark, features in (
            (config.video_token_id, self._see([v for one in inputs for v in one.videos])),
            (config.audio_token_id, self._hear([a for one in inputs for a in one.audios])),
        ):
            if features is not None:
                places = (ids == mark).unsqueeze(-1).expand_as(embedded)
                embedded = embedded.masked_scatter(places, features.to(embedded.dtype))
        return embedded

    def _see(self, videos: Sequence[VideoTensors]) -> torch.Tensor | None:
        """Encode each clip's picture once; give the features in the order asked for."""
        unique = {video.key: video for video in videos}
        if not unique:
            return None
        features = self._network.get_video_features(
            torch.cat([video.patches for video in unique.values()]).to(self._device),
            _integers([video.grid for video in unique.values()]).to(self._device),
        ).pooler_output
        by_key = dict(zip(unique, features, strict=True))
        return torch.cat([by_key[video.key] for video in videos])

    def _hear(self, audios: Sequence[AudioTensors]) -> torch.Tensor | None:
        """Encode each clip's sound once; give the features in the order asked for."""
        unique = {audio.key: audio for audio in audios}
        if not unique:
            return None
        lengths = [audio.features.shape[1] for audio in unique.values()]
        padded = torch.stack(
            [
                torch.nn.functional.pad(audio.features, (0, max(lengths) - length))
                for audio, length in zip(unique.values(), lengths, strict=True)
            ]
        )
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        features = self._network.get_audio_features(
            padded.to(self._device), feature_attention_mask=mask.long().to(self._device)
        ).last_hidden_state
        pieces = features.split([audio.tokens for audio in unique.values()])
        by_key = dict(zip(unique, pieces, strict=True))
        return torch.cat([by_key[audio.key] for audio in audios])


def _integers(values: list[Any]) -> torch.LongTensor:
    return cast("torch.LongTensor", torch.tensor(values, dtype=torch.long))
