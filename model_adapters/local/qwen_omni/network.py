"""What the generations of Qwen-Omni share: the Thinker, which sees, hears and writes text.

The Talker, which speaks, is never loaded. Every clip of a batch goes through
the towers once, however many questions ask about it, and so does the beginning
that these questions share: it is read once, and its keys and values are handed
to each of them. Prompts are padded on the left and answered together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.local.packed import (
    PackedReader,
    PackedRows,
    PlacedPrompt,
    place_media,
)
from emoreal_bench.model_adapters.local.padded import (
    CACHE,
    PaddedModel,
    ReadPrompts,
    pad_left,
    require_marks,
)
from emoreal_bench.model_adapters.local.prefixes import SharedPrefix, find_shared_prefixes
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    END_OF_TEXT,
    TURN_END,
    AudioTensors,
    OmniInput,
    OmniInputBuilder,
    VideoTensors,
    token_ids,
)
from emoreal_bench.model_adapters.local.token_choice import find_reply_tokens
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once, fill_places
from emoreal_bench.model_adapters.local.windows import attend_by_windows

LANGUAGE_MODEL = "model.language_model"
_TOWERS = ("model.visual", "model.audio_tower")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Pieces of prompts.

    Attributes:
        ids: ``(batch, length)`` tokens.
        mask: ``(batch, length)``, 0 where a row is padded on the left; or a whole
            mask of attention, ``(batch, 1, length, length)``.
        positions: ``(3, batch, length)`` rotary positions in time, height and width.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor


class QwenOmni(PaddedModel[OmniInput], PackedReader):
    """A loaded Thinker.

    Args:
        network: The family's Thinker, in evaluation mode, on its device.
        tokenizer: Of the model.
        builder: Makes the tensors; of the same tokenizer.

    Raises:
        UsageError: If tokenizer and network do not belong together.
    """

    def __init__(
        self,
        # The library's classes share no base that has what is used here.
        network: Any,
        tokenizer: PreTrainedTokenizerBase,
        builder: OmniInputBuilder,
    ):
        ends = token_ids(tokenizer, (END_OF_TEXT, TURN_END))
        super().__init__(tokenizer, builder.build, ends)
        config = network.config
        self._video_id, self._audio_id = config.video_token_id, config.audio_token_id
        own = token_ids(tokenizer, (builder.dialect.video, builder.dialect.audio))
        require_marks(tokenizer, own, [self._video_id, self._audio_id])
        self._network = network
        self._pad_id = ends[0]
        attend_by_windows(network.get_submodule(name) for name in _TOWERS)

    @abstractmethod
    def _layers(self, output: Any) -> list[Sequence[torch.Tensor]]:
        """Return what the vision tower says of each picture, by layer of the language model.

        Args:
            output: Of the network's ``get_video_features``.

        Returns:
            The embeddings of each picture first, then what is added to it after
            the first layer, the second and so on.
        """

    # Asked for anew each time: training moves a network, and wraps its parts.
    @property
    def _device(self) -> torch.device:
        return cast("torch.device", self._network.device)

    @property
    def _language_model(self) -> Any:
        return self._network.get_submodule(LANGUAGE_MODEL)

    @property
    def network(self) -> torch.nn.Module:
        """The Thinker."""
        return cast("torch.nn.Module", self._network)

    @property
    def language_model(self) -> str:
        """Name of the language model in the Thinker."""
        return LANGUAGE_MODEL

    def _read(self, inputs: Sequence[OmniInput], *, keep_cache: bool) -> ReadPrompts:
        positions = [self._positions(one) for one in inputs]
        prefixes = find_shared_prefixes(
            [one.input_ids for one in inputs],
            [(*(v.key for v in one.videos), *(a.key for a in one.audios)) for one in inputs],
            frozenset((self._video_id, self._audio_id)),
        )
        if len(prefixes) < len(inputs):
            output, mask = self._read_shared(inputs, positions, prefixes)
        else:
            rows = self._pad([one.input_ids for one in inputs], positions)
            output, mask = self._run(rows, inputs, keep_cache=keep_cache), rows.mask
        return ReadPrompts(
            logits=self._network.lm_head(output.last_hidden_state[:, -1]).float(),
            mask=mask,
            next_position=torch.stack([own.max() for own in positions]).to(self._device) + 1,
            cache=getattr(output, CACHE),
        )

    def _step(
        self, token: torch.Tensor, position: torch.Tensor, mask: torch.Tensor, cache: Cache | None
    ) -> torch.Tensor:
        hidden = self._language_model(
            inputs_embeds=self._language_model.embed_tokens(token[:, None]),
            attention_mask=mask,
            position_ids=position.view(1, -1, 1).expand(3, -1, 1),
            **{CACHE: cache},
            use_cache=True,
        ).last_hidden_state
        return cast("torch.Tensor", self._network.lm_head(hidden[:, -1]))

    def _read_shared(
        self,
        inputs: Sequence[OmniInput],
        positions: Sequence[torch.Tensor],
        prefixes: Sequence[SharedPrefix],
    ) -> tuple[Any, torch.Tensor]:
        """Read each prefix once, then what is left of each prompt; give the mask of both."""
        pieces = [(prefix.members[0], prefix.length) for prefix in prefixes]
        begun = self._pad(
            [inputs[first].input_ids[:length] for first, length in pieces],
            [positions[first][:, :length] for first, length in pieces],
        )
        read = self._run(begun, [inputs[first] for first, _ in pieces], keep_cache=True)
        place = {member: row for row, prefix in enumerate(prefixes) for member in prefix.members}
        row_of = [place[member] for member in range(len(inputs))]
        starts = [prefixes[row].length for row in row_of]
        rest = self._pad(
            [one.input_ids[start:] for one, start in zip(inputs, starts, strict=True)],
            [own[:, start:] for own, start in zip(positions, starts, strict=True)],
        )
        rows = torch.tensor(row_of, device=self._device)
        getattr(read, CACHE).batch_select_indices(rows)
        mask = torch.cat([begun.mask[rows], rest.mask], dim=1)
        output = self._language_model(
            inputs_embeds=self._language_model.embed_tokens(rest.ids),
            attention_mask=mask,
            position_ids=rest.positions,
            **{CACHE: getattr(read, CACHE)},
            use_cache=True,
        )
        return output, mask

    def _pad(self, ids: Sequence[Sequence[int]], positions: Sequence[torch.Tensor]) -> _Rows:
        padded, mask = pad_left([torch.tensor(tokens) for tokens in ids], self._pad_id)
        placed, _ = pad_left([own.T for own in positions])
        placed = placed.permute(2, 0, 1)
        return _Rows(padded.to(self._device), mask.to(self._device), placed.to(self._device))

    def _positions(self, one: OmniInput) -> torch.Tensor:
        """Return ``(3, length)`` rotary positions in time, height and width, not on the device.

        The library walks over the tokens one by one, so a processor is the place for it.
        """
        ids = torch.tensor([one.input_ids])
        positions, _ = self._network.get_rope_index(
            ids,
            video_grid_thw=_integers([video.grid for video in one.videos]) if one.videos else None,
            attention_mask=torch.ones_like(ids),
            audio_seqlens=_integers([audio.features.shape[1] for audio in one.audios]),
            second_per_grids=torch.tensor([video.seconds_per_grid for video in one.videos]),
        )
        return cast("torch.Tensor", positions[:, 0].float())

    def _run(self, rows: _Rows, inputs: Sequence[OmniInput], *, keep_cache: bool) -> Any:
        """Read rows from their beginning, with the clips of their inputs in them."""
        seen = encode_once([video for one in inputs for video in one.videos], self._see)
        heard = encode_once([audio for one in inputs for audio in one.audios], self._hear)
        return self._compute(rows, seen, heard, keep_cache=keep_cache)

    def _compute(
        self, rows: _Rows, seen: Sequence[Encoded], heard: Sequence[Encoded], *, keep_cache: bool
    ) -> Any:
        """Read rows with encoded pictures and sounds in their places."""
        embedded = self._language_model.embed_tokens(rows.ids)
        embedded = fill_places(embedded, rows.ids == self._audio_id, [one for (one,) in heard])
        pictures = rows.ids == self._video_id
        embedded = fill_places(embedded, pictures, [layers[0] for layers in seen])
        added = [torch.cat(layer) for layer in zip(*(layers[1:] for layers in seen), strict=True)]
        deeper = {"visual_pos_masks": pictures, "deepstack_visual_embeds": added} if added else {}
        return self._language_model(
            inputs_embeds=embedded,
            attention_mask=rows.mask,
            position_ids=rows.positions,
            use_cache=keep_cache,
            **deeper,
        )

    def _see(self, videos: Sequence[VideoTensors]) -> list[Encoded]:
        if not videos:
            return []
        output = self._network.get_video_features(
            torch.cat([video.patches.to(self._device) for video in videos]),
            _integers([video.grid for video in videos]).to(self._device),
        )
        return list(zip(*self._layers(output), strict=True))

    def _hear(self, audios: Sequence[AudioTensors]) -> list[Encoded]:
        if not audios:
            return []
        lengths = [audio.features.shape[1] for audio in audios]
        padded = torch.stack(
            [
                torch.nn.functional.pad(audio.features, (0, max(lengths) - length))
                for audio, length in zip(audios, lengths, strict=True)
            ]
        )
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        features = self._network.get_audio_features(
            padded.to(self._device), feature_attention_mask=mask.long().to(self._device)
        ).last_hidden_state
        return [(piece,) for piece in features.split([audio.tokens for audio in audios])]

    def place(self, prepared: OmniInput) -> PlacedPrompt:
        """Return which places a prompt takes."""
        media = place_media(
            prepared.input_ids,
            {
                self._video_id: (Modality.VIDEO, [(one, one.tokens) for one in prepared.videos]),
                self._audio_id: (Modality.AUDIO, [(one, one.tokens) for one in prepared.audios]),
            },
        )
        return PlacedPrompt(prepared.input_ids, self._positions(prepared), media)

    def reply_tokens(self, text: str) -> list[int]:
        """Return the tokens of a reply and the end of its turn."""
        return find_reply_tokens(text, self._tokenizer, TURN_END)

    def encode(self, modality: Modality, media: Sequence[Any]) -> list[Encoded]:
        """Run the vision tower or the audio tower."""
        return self._see(media) if modality is Modality.VIDEO else self._hear(media)

    def read_packed(self, rows: PackedRows) -> torch.Tensor:
        """Read rows of several prompts and answers."""
        mask = rows.additive_mask(self._language_model.dtype)
        output = self._compute(
            _Rows(rows.ids, mask, rows.positions),
            rows.encoded[Modality.VIDEO],
            rows.encoded[Modality.AUDIO],
            keep_cache=False,
        )
        return cast("torch.Tensor", output.last_hidden_state)

    def project(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits of final states."""
        return cast("torch.Tensor", self._network.lm_head(states))


def _integers(values: list[Any]) -> torch.LongTensor:
    return cast("torch.LongTensor", torch.tensor(values, dtype=torch.long))
