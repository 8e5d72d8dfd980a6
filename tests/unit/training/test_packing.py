"""Packing: every place of a row sees, knows and predicts what it would in a row of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.local.packed import PlacedMedia, PlacedPrompt, place_media
from emoreal_bench.training.examples import packing
from emoreal_bench.training.examples.packing import PackedBatch, pack

VIDEO, AUDIO = 90, 91
TOKENS_OF = {VIDEO: 3, AUDIO: 2}


@dataclass(frozen=True)
class Clip:
    hash: str


def make_prompt(words: list[int], pictures: str = "", sounds: str = "") -> PlacedPrompt:
    """Make a prompt of a picture per letter, a sound per letter and words; time runs in fifths."""
    ids = [7]
    media = []
    for mark, modality, names in (
        (VIDEO, Modality.VIDEO, pictures),
        (AUDIO, Modality.AUDIO, sounds),
    ):
        for name in names:
            content = Clip(f"{modality.value} {name}")
            media.append(PlacedMedia(modality, len(ids), TOKENS_OF[mark], content))
            ids += [mark] * TOKENS_OF[mark] + [8]
    ids += words
    positions = torch.arange(len(ids)).float().repeat(2, 1)
    positions[0] /= 5
    return PlacedPrompt(tuple(ids), positions, tuple(media))


WORDS = st.lists(st.integers(1, 3), min_size=1, max_size=5)
PROMPTS = st.builds(
    make_prompt, WORDS, st.sampled_from(["", "a", "b", "ab"]), st.sampled_from(["", "a", "b"])
)
ASKED = st.lists(
    st.tuples(PROMPTS, st.lists(WORDS, min_size=1, max_size=4)), min_size=1, max_size=5
)


def seen_from(batch: PackedBatch, place: int) -> list[int]:
    """Give the places, in the flattened rows, that a place looks at."""
    row, column = divmod(place, batch.ids.shape[1])
    return [
        row * batch.ids.shape[1] + one for one in batch.mask[row, column].nonzero()[:, 0].tolist()
    ]


def clip_at(batch: PackedBatch) -> dict[int, str]:
    """Say which clip fills each place that is a mark."""
    found: dict[int, str] = {}
    ids = batch.ids.flatten().tolist()
    for mark, modality in ((VIDEO, Modality.VIDEO), (AUDIO, Modality.AUDIO)):
        places = iter([place for place, token in enumerate(ids) if token == mark])
        for clip, tokens in zip(batch.media[modality], batch.media_tokens[modality], strict=True):
            found |= {next(places): clip.hash for _ in range(tokens)}
        assert next(places, None) is None
    return found


@given(ASKED)
def test_each_answer_token_is_predicted_from_what_a_row_of_its_own_would_hold(
    asked: list[tuple[PlacedPrompt, list[list[int]]]],
) -> None:
    batch = pack([prompt for prompt, _ in asked], [answers for _, answers in asked])
    clips = clip_at(batch)
    ids, positions = batch.ids.flatten(), batch.positions.flatten(1)
    scored = iter(zip(batch.target_sources.tolist(), batch.target_ids.tolist(), strict=True))
    for prompt, answers in asked:
        own_clips = {
            place: one.content.hash
            for one in prompt.media
            for place in range(one.start, one.start + one.tokens)
        }
        for answer in answers:
            for count, token in enumerate(answer):
                source, target = next(scored)
                seen = seen_from(batch, int(batch.sources[source]))
                expected = [*prompt.ids, *answer[:count]]
                following = prompt.positions.max() + 1 + torch.arange(count)
                own = torch.cat([prompt.positions, following.expand(2, -1)], dim=1)
                assert target == token
                assert ids[seen].tolist() == expected
                assert torch.equal(positions[:, seen], own)
                assert {i: clips[p] for i, p in enumerate(seen) if p in clips} == own_clips


@given(ASKED)
def test_nothing_is_read_or_predicted_twice(
    asked: list[tuple[PlacedPrompt, list[list[int]]]],
) -> None:
    batch = pack([prompt for prompt, _ in asked], [answers for _, answers in asked])
    assert len(set(batch.sources.tolist())) == len(batch.sources)
    assert sum(batch.tokens.values()) == int((batch.segments > 0).sum())
    assert sum(batch.tokens.values()) <= batch.separate_tokens
    assert batch.answer_counts == tuple(len(answers) for _, answers in asked)
    assert batch.token_counts == tuple(len(one) for _, answers in asked for one in answers)


def test_a_prompt_with_other_sound_shares_the_picture() -> None:
    given, altered = make_prompt([1, 2], "a", "a"), make_prompt([1, 2], "a", "b")
    batch = pack([given, altered], [[[5, 6], [5, 9]], [[5, 6]]])
    assert len(batch.ids) == 1
    assert len(batch.media[Modality.VIDEO]) == 1
    assert len(batch.media[Modality.AUDIO]) == 2
    # Of the first prompt all ten and one of the answer; of the second what follows the picture.
    assert sum(batch.tokens.values()) == 10 + 1 + 5 + 1


@pytest.mark.parametrize("rows", [1, 2])
def test_prompts_with_little_in_common_share_nothing(rows: int) -> None:
    words = [2] * (1 if rows == 2 else 5)
    batch = pack([make_prompt([1], "a"), make_prompt(words, "b")], [[[5]], [[5]]])
    assert len(batch.ids) == rows
    assert sum(batch.tokens.values()) == batch.separate_tokens
    assert {clip.hash for clip in batch.media[Modality.VIDEO]} == {"video a", "video b"}
    first, second = (seen_from(batch, place) for place in batch.sources.tolist())
    assert not set(first) & set(second)


def test_little_of_the_rows_is_padding() -> None:
    lengths = range(40, 100, 4)
    prompts = [make_prompt([1] * length, chr(length)) for length in lengths]
    batch = pack(prompts, [[[5]]] * len(prompts))
    assert int((batch.segments == 0).sum()) < 0.1 * batch.ids.numel()


def test_no_place_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_ROOM", (1,))
    batch = pack([make_prompt([1] * 5, "a"), make_prompt([2], "b")], [[[5]], [[5, 6]]])
    assert int((batch.segments == 0).sum()) > 0
    assert bool(batch.mask.any(-1).all())


def test_positions_survive_a_cast_of_floats() -> None:
    batch = pack([make_prompt([1] * 2000)], [[[5]]])
    cast = {
        name: value.to(torch.bfloat16)
        for name in ("ids", "position_bits")
        if (value := getattr(batch, name)).is_floating_point()
    }
    assert torch.equal(replace(batch, **cast).positions, batch.positions)


def test_marks_that_are_not_as_many_as_the_tokens_are_named() -> None:
    media = {VIDEO: (Modality.VIDEO, [(Clip("a"), 3)]), AUDIO: (Modality.AUDIO, [])}
    assert len(place_media([1, VIDEO, VIDEO, VIDEO, 2], media)) == 1
    with pytest.raises(InputError, match="2 places for video and the clips fill 3"):
        place_media([1, VIDEO, VIDEO, 2], media)
    with pytest.raises(InputError, match="1 places for audio and the clips fill 0"):
        place_media([1, VIDEO, VIDEO, VIDEO, AUDIO], media)
