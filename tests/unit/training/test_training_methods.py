"""What each method asks of an example, and which loss it makes of the answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.contracts.request import Message, TextPart
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.training.config import MethodSettings, TrainingConfig
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.objectives import losses
from emoreal_bench.training.objectives.methods import Pass, Scores, check_examples, make_objective
from tests.training_files import make_settings

ALTERED = AlteredInput(modalities=(Modality.AUDIO,), alteration=Alteration.MUTE)
EXAMPLE = TrainingExample(
    "one",
    "clip.mp4",
    (Message("user", (TextPart("Which?"),)),),
    "right",
    "absent",
    "irrelevant",
    ALTERED,
)
ONE_REJECTED = TrainingExample(
    "two", "clip.mp4", EXAMPLE.messages, "right", None, "irrelevant", ALTERED
)


def _method(name: str, **settings: Any) -> MethodSettings:
    method = {"name": name, **settings}
    return TrainingConfig.model_validate(make_settings(Path("data"), method)).method


def _asked(method: MethodSettings, example: TrainingExample = EXAMPLE) -> set[tuple[str, ...]]:
    answers = make_objective(method).answers(example)
    return {(answer.name, answer.text, answer.given.value) for answer in answers}


def _asked_without_clip(method: MethodSettings) -> set[tuple[str, str]]:
    answers = make_objective(method).text_answers(EXAMPLE)
    assert all(answer.given is Pass.TEXT_ONLY for answer in answers)
    return {(answer.name, answer.text) for answer in answers}


CHOSEN = ("chosen", "right", "given")
HALLUCINATION = ("hallucination", "absent", "given")
SPURIOUS = ("spurious", "irrelevant", "given")
CHOSEN_ALTERED = ("chosen_altered", "right", "altered")


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        (_method("sft"), {CHOSEN}),
        (_method("naive_dpo"), {CHOSEN, ("rejected", "absent", "given")}),
        (
            _method("naive_dpo", rejected="spurious"),
            {CHOSEN, ("rejected", "irrelevant", "given")},
        ),
        (_method("vista_dpo"), {CHOSEN, HALLUCINATION, SPURIOUS, CHOSEN_ALTERED}),
        (_method("avem_dpo"), {CHOSEN, HALLUCINATION, SPURIOUS, CHOSEN_ALTERED}),
        (_method("avem_dpo", lambda_av=0), {CHOSEN, HALLUCINATION, SPURIOUS}),
        (
            _method("avem_dpo", beta_spurious=0, beta_hallucination=1),
            {CHOSEN, HALLUCINATION, CHOSEN_ALTERED},
        ),
    ],
)
def test_a_method_asks_for_what_its_loss_needs_and_no_more(
    method: MethodSettings, asked: set[tuple[str, str, str]]
) -> None:
    assert _asked(method) == asked


REVERSED = AlteredInput(
    modalities=(Modality.AUDIO,), alteration=Alteration.SWAP, partner="other.mp4", reversed=True
)


@pytest.mark.parametrize(
    ("altered", "preferred"),
    [
        (REVERSED, ("input_preferred", "absent", "altered")),
        (REVERSED.model_copy(update={"reversed": False}), ("input_preferred", "right", "given")),
        (ALTERED, ("input_preferred", "right", "given")),
    ],
)
def test_a_counterfactual_prefers_the_answer_that_is_right_on_the_partner(
    altered: AlteredInput, preferred: tuple[str, str, str]
) -> None:
    example = replace(EXAMPLE, altered=altered)
    asked = _asked(_method("avem_dpo", counterfactual=True), example)
    assert asked == {CHOSEN, HALLUCINATION, SPURIOUS, CHOSEN_ALTERED, preferred}


def test_a_counterfactual_needs_a_pair_that_has_one() -> None:
    method = _method("avem_dpo", counterfactual=True)
    check_examples(method, [EXAMPLE, replace(EXAMPLE, altered=REVERSED)])
    with pytest.raises(DataError, match="No pair has a partner"):
        check_examples(method, [EXAMPLE])


@pytest.mark.parametrize(
    "settings",
    [{"counterfactual": True, "lambda_av": 0}, {"prior_cap": 20}, {"prior_cap": 1}],
)
def test_settings_that_cannot_have_an_effect_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _method("avem_dpo", **settings)


def test_the_inverse_prior_asks_the_reference_without_the_clip() -> None:
    method = _method("avem_dpo", gamma=0, prior_cap=20, text_source="reference")
    assert make_objective(method).text_from_reference
    assert len(_asked_without_clip(method)) == 3


def test_only_the_text_prior_term_asks_without_the_clip() -> None:
    texts = {("chosen", "right"), ("hallucination", "absent"), ("spurious", "irrelevant")}
    assert _asked_without_clip(_method("avem_dpo")) == texts
    for method in (_method("avem_dpo", gamma=0), _method("vista_dpo"), _method("sft")):
        assert _asked_without_clip(method) == set()


def test_a_rejected_answer_that_is_alone_carries_the_whole_weight() -> None:
    asked = _asked(_method("avem_dpo"), ONE_REJECTED)
    assert ("hallucination", "irrelevant", "given") in asked
    assert ("spurious", "irrelevant", "given") in asked
    assert ("rejected", "irrelevant", "given") in _asked(_method("naive_dpo"), ONE_REJECTED)


def test_a_drawn_rejected_answer_stays_with_its_pair() -> None:
    method = _method("naive_dpo", rejected="either")

    def drawn(number: int, seed: int) -> str:
        example = TrainingExample(
            f"pair {number}", "clip.mp4", EXAMPLE.messages, "right", "absent", "irrelevant"
        )
        return make_objective(method, seed).answers(example)[1].text

    first = [drawn(number, seed=1) for number in range(40)]
    assert first == [drawn(number, seed=1) for number in range(40)]
    assert first != [drawn(number, seed=2) for number in range(40)]
    assert 10 < first.count("absent") < 30


def _scores() -> Scores:
    generator = torch.Generator().manual_seed(3)
    names = ("chosen", "rejected", "hallucination", "spurious", "chosen_altered", "input_preferred")

    def draw() -> dict[str, torch.Tensor]:
        return {name: -10 * torch.rand(4, generator=generator) for name in names}

    lengths = {name: torch.tensor([2, 3, 4, 5]) for name in names}
    return Scores(draw(), draw(), draw(), lengths)


def test_supervised_training_takes_the_mean_over_the_tokens() -> None:
    scores = _scores()
    loss, _ = make_objective(_method("sft")).loss(scores)
    torch.testing.assert_close(loss, -scores.policy["chosen"] / torch.tensor([2, 3, 4, 5]))


def test_each_setting_reaches_its_loss() -> None:
    scores = _scores()
    settings: dict[str, Any] = {
        "beta": 0.3,
        "lambda_av": 0.7,
        "beta_spurious": 0.2,
        "beta_hallucination": 0.8,
        "gamma": -0.4,
    }
    avem, _ = make_objective(_method("avem_dpo", per_token=True, **settings)).loss(scores)
    expected, _ = losses.avem_dpo(
        scores.policy,
        scores.reference,
        scores.text,
        losses.AvemDpoWeights(**settings),
        text_lengths=scores.lengths,
    )
    torch.testing.assert_close(avem, expected)
    ours: dict[str, Any] = {"gamma": 0.0, "counterfactual": True, "prior_cap": 7.0}
    method = _method("avem_dpo", text_source="reference", **ours)
    avem, _ = make_objective(method).loss(scores)
    weights = losses.AvemDpoWeights(**ours)
    expected, _ = losses.avem_dpo(scores.policy, scores.reference, scores.text, weights)
    torch.testing.assert_close(avem, expected)
    vista, _ = make_objective(_method("vista_dpo", beta=0.2, visual_weight=0.5)).loss(scores)
    expected, _ = losses.vista_dpo(scores.policy, scores.reference, beta=0.2, visual_weight=0.5)
    torch.testing.assert_close(vista, expected)
    released, _ = make_objective(_method("vista_dpo", form="released")).loss(scores)
    expected, _ = losses.vista_dpo(scores.policy, scores.reference, as_released=True)
    torch.testing.assert_close(released, expected)
    naive, _ = make_objective(_method("naive_dpo", beta=0.6)).loss(scores)
    expected, _ = losses.naive_dpo(scores.policy, scores.reference, beta=0.6)
    torch.testing.assert_close(naive, expected)


@pytest.mark.parametrize("name", ["naive_dpo", "vista_dpo", "avem_dpo"])
def test_an_anchor_adds_the_chosen_answers_loss_per_token(name: str) -> None:
    scores = _scores()
    plain, _ = make_objective(_method(name)).loss(scores)
    held, _ = make_objective(_method(name, anchor=0.2)).loss(scores)
    supervised = -scores.policy["chosen"] / torch.tensor([2, 3, 4, 5])
    torch.testing.assert_close(held, plain + 0.2 * supervised)


def test_an_anchor_lets_its_gradient_through_to_the_chosen_answer_alone() -> None:
    scores = _scores()
    for values in scores.policy.values():
        values.requires_grad_()
    held, _ = make_objective(_method("naive_dpo", anchor=0.5)).loss(scores)
    plain, _ = make_objective(_method("naive_dpo")).loss(scores)
    torch.autograd.backward((held - plain).sum())
    chosen, rejected = scores.policy["chosen"].grad, scores.policy["rejected"].grad
    torch.testing.assert_close(chosen, -0.5 / torch.tensor([2.0, 3.0, 4.0, 5.0]))
    torch.testing.assert_close(rejected, torch.zeros(4))


@pytest.mark.parametrize("name", ["sft", "naive_dpo", "vista_dpo", "avem_dpo"])
def test_every_method_tells_how_likely_the_chosen_answer_is(name: str) -> None:
    scores = _scores()
    _, terms = make_objective(_method(name)).loss(scores)
    per_token = scores.policy["chosen"] / torch.tensor([2, 3, 4, 5])
    torch.testing.assert_close(terms["chosen_log_likelihood"], per_token)


NOTHING_REJECTED = TrainingExample("bare", "clip.mp4", EXAMPLE.messages, "right", altered=ALTERED)
NOT_ALTERED = TrainingExample("plain", "clip.mp4", EXAMPLE.messages, "right", "absent")


@pytest.mark.parametrize("name", ["naive_dpo", "vista_dpo", "avem_dpo"])
def test_pairs_without_a_rejected_answer_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"1 pairs have no rejected answer.*bare"):
        check_examples(_method(name), [EXAMPLE, NOTHING_REJECTED])


@pytest.mark.parametrize("name", ["vista_dpo", "avem_dpo"])
def test_pairs_without_an_altered_input_are_refused_where_it_is_needed(name: str) -> None:
    with pytest.raises(DataError, match=r"1 pairs have no altered input.*plain"):
        check_examples(_method(name), [EXAMPLE, NOT_ALTERED])


def test_a_method_that_does_without_takes_such_pairs() -> None:
    check_examples(_method("sft"), [NOTHING_REJECTED])
    check_examples(_method("naive_dpo"), [NOT_ALTERED])
    check_examples(_method("avem_dpo", lambda_av=0), [NOT_ALTERED])
