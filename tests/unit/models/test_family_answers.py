"""What every family here promises: a batch is answered as its network answers one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from emoreal_bench.contracts.request import Request
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.adapter import Sampling
from tests.local_families import LoadedFamily, LocalFamily

TOLERANCE = 1e-4
NEW_TOKENS = 8


@pytest.fixture(scope="module")
def loaded(family: LocalFamily) -> LoadedFamily:
    return family.load()


def make_requests() -> list[Request]:
    """Make a batch of all sorts: shared clips, odd frames, several lengths, parts missing."""
    first, second = make_clip(seed=1), make_clip(seed=2, frames=7, seconds=2.345, size=(90, 160))
    return [
        make_request("1", first),
        make_request("2", first, question="What can be heard?\n(A) laughter\n(B) music\n(C) rain"),
        make_request("3", second),
        make_request("4", make_clip(seed=3, seconds=None)),
        make_request("5", make_clip(seed=4, frames=None)),
        make_request("6", question="Are you there?"),
        make_request("7", second, question="Is she sad?"),
    ]


def prepare(loaded: LoadedFamily, requests: Sequence[Request]) -> list[Any]:
    prepared = loaded.model.prepare(requests)
    assert not [one for one in prepared if isinstance(one, InputError)]
    return list(prepared)


@torch.inference_mode()
def next_logits(
    family: LocalFamily, loaded: LoadedFamily, one: Any, written: Sequence[int] = ()
) -> torch.Tensor:
    logits: torch.Tensor = loaded.network(**family.arguments(one, written)).logits[0, -1]
    return logits


def test_first_token_scores_are_those_of_the_network_one_by_one(
    family: LocalFamily, loaded: LoadedFamily
) -> None:
    inputs = prepare(loaded, make_requests())
    wanted = [[loaded.model.letter_token(letter) for letter in "ABC"]] * len(inputs)
    scores = loaded.model.score_first_token(inputs, wanted)
    for one, row in zip(inputs, scores, strict=True):
        expected = next_logits(family, loaded, one).log_softmax(-1)[wanted[0]]
        torch.testing.assert_close(torch.tensor(row), expected, rtol=0, atol=TOLERANCE)


def test_replies_are_those_of_the_network_one_by_one(
    family: LocalFamily, loaded: LoadedFamily
) -> None:
    inputs = prepare(loaded, make_requests())
    replies = loaded.model.write(inputs, NEW_TOKENS)
    for one, reply in zip(inputs, replies, strict=True):
        written: list[int] = []
        while len(written) < reply.tokens:
            written.append(int(next_logits(family, loaded, one, written).argmax()))
        assert reply.text == loaded.tokenizer.decode(written, skip_special_tokens=True)


def test_a_batch_gives_the_replies_of_single_requests(loaded: LoadedFamily) -> None:
    inputs = prepare(loaded, make_requests())
    together = loaded.model.write(inputs, NEW_TOKENS)
    assert together == [loaded.model.write([one], NEW_TOKENS)[0] for one in inputs]


def test_a_drawn_reply_depends_on_its_seed_and_not_on_its_batch(loaded: LoadedFamily) -> None:
    inputs = prepare(loaded, make_requests()[:3])

    def draw(some: Sequence[Any], *seeds: int) -> list[str]:
        sampling = Sampling(temperature=1.0, top_p=1.0, seeds=seeds)
        return [reply.text for reply in loaded.model.write(some, NEW_TOKENS, sampling)]

    together = draw(inputs, 1, 2, 3)
    assert together == [draw([one], seed)[0] for one, seed in zip(inputs, (1, 2, 3), strict=True)]
    assert together != draw(inputs, 4, 5, 6)


def test_the_answers_depend_on_picture_and_sound(loaded: LoadedFamily) -> None:
    mixed = [
        make_request(clip=make_clip(seed=0)),
        make_request(clip=make_clip(seed=0, seconds=None)),
        make_request(clip=make_clip(seed=0, frames=None)),
        make_request(clip=make_clip(seed=1)),
    ]
    token = [[loaded.model.letter_token("A")]]
    scores = [loaded.model.score_first_token(prepare(loaded, [one]), token)[0][0] for one in mixed]
    assert len(set(scores)) == len(mixed)


def test_two_questions_of_a_clip_cost_the_towers_no_more_than_one(
    loaded: LoadedFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []

    def watch(run: Any) -> Any:
        def watched(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
            given.append(tensor.numel())
            return run(tensor, *arguments, **options)

        return watched

    for owner, method in loaded.towers:
        monkeypatch.setattr(owner, method, watch(getattr(owner, method)))
    first, second = make_request("1", make_clip()), make_request("2", make_clip(), "Is she sad?")
    loaded.model.write(prepare(loaded, [first]), 1)
    alone, given = given, []
    loaded.model.write(prepare(loaded, [first, second]), 1)
    assert given == alone != []


def test_a_reply_ends_at_the_mark_of_its_end(
    family: LocalFamily, loaded: LoadedFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = prepare(loaded, [make_request(clip=make_clip())])
    first = int(next_logits(family, loaded, one).argmax())
    monkeypatch.setattr(loaded.model, "_end_ids", torch.tensor([first]))
    (cut,) = loaded.model.write([one], NEW_TOKENS)
    assert (cut.text, cut.tokens, cut.ended) == ("", 0, True)


def test_a_reply_without_an_end_stops_at_the_limit(
    loaded: LoadedFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = prepare(loaded, [make_request(clip=make_clip())])
    monkeypatch.setattr(loaded.model, "_end_ids", torch.tensor([-1]))
    (whole,) = loaded.model.write([one], NEW_TOKENS)
    assert (whole.tokens, whole.ended) == (NEW_TOKENS, False)


def test_a_request_that_cannot_be_prepared_costs_no_other(loaded: LoadedFamily) -> None:
    good = make_request(clip=make_clip())
    bad = replace(good, clips={})
    prepared = loaded.model.prepare([good, bad, good])
    assert [isinstance(one, InputError) for one in prepared] == [False, True, False]


def test_an_option_of_several_tokens_cannot_be_scored(loaded: LoadedFamily) -> None:
    with pytest.raises(InputError, match="single token"):
        loaded.model.letter_token("AQZ")
