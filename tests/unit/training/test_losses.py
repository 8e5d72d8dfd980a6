"""The losses: closed forms, gradients by finite differences, and which terms carry one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from emoreal_bench.training.objectives.losses import (
    AvemDpoWeights,
    avem_dpo,
    inverse_prior,
    naive_dpo,
    vista_dpo,
)

ANSWERS = ("chosen", "spurious", "hallucination", "chosen_altered")
TEXTS = ANSWERS[:3]


def values(names: tuple[str, ...], seed: int, *, gradient: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (torch.randn(5, generator=generator, dtype=torch.float64) * 3 - 6).requires_grad_(
            gradient
        )
        for name in names
    }


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(
    policy: dict[str, Tensor], reference: dict[str, Tensor], text: dict[str, Tensor], i: int
) -> float:
    d = {name: float(policy[name][i] - reference[name][i]) for name in ANSWERS}
    t = {name: float(text[name][i]) for name in TEXTS}
    response = 0.1 * (d["chosen"] - 0.3 * d["spurious"] - 0.7 * d["hallucination"])
    prior = 0.2 * (t["chosen"] - 0.3 * t["spurious"] - 0.7 * t["hallucination"])
    inputs = 0.1 * (d["chosen"] - d["chosen_altered"])
    return -math.log(sigmoid(response - prior)) - 1.5 * math.log(sigmoid(inputs))


def test_the_loss_is_its_closed_form_in_double_precision() -> None:
    policy, reference, text = values(ANSWERS, 1), values(ANSWERS, 2), values(TEXTS, 3)
    loss, _ = avem_dpo(
        policy,
        reference,
        text,
        AvemDpoWeights(lambda_av=1.5, beta_spurious=0.3, beta_hallucination=0.7),
    )
    assert loss.dtype == torch.float64
    assert loss.shape == (5,)
    for i in range(5):
        assert float(loss[i]) == pytest.approx(by_hand(policy, reference, text, i), abs=1e-12)


def test_a_policy_equal_to_the_reference_gives_log_two_per_term() -> None:
    same = values(ANSWERS, 1)
    loss, _ = avem_dpo(same, same, weights=AvemDpoWeights(gamma=0.0, lambda_av=1.0))
    torch.testing.assert_close(loss, torch.full_like(loss, 2 * math.log(2)))


def test_gradients_agree_with_finite_differences() -> None:
    reference, text = values(ANSWERS, 2), values(TEXTS, 3, gradient=True)
    policy = values(ANSWERS, 1, gradient=True)

    def loss(*flat: Tensor) -> Tensor:
        new_policy = dict(zip(ANSWERS, flat[:4], strict=True))
        new_text = dict(zip(TEXTS, flat[4:], strict=True))
        return avem_dpo(new_policy, reference, new_text, AvemDpoWeights(text_gradient=True))[0]

    assert torch.autograd.gradcheck(loss, (*policy.values(), *text.values()))


def gradient_carriers(weights: AvemDpoWeights) -> set[str]:
    policy = values(ANSWERS, 1, gradient=True)
    reference = values(ANSWERS, 2, gradient=True)
    text = values(TEXTS, 3, gradient=True)
    loss, terms = avem_dpo(policy, reference, text, weights)
    torch.autograd.backward(loss.sum())
    assert not any(term.requires_grad for term in terms.values())
    named = {f"policy.{k}": v for k, v in policy.items()}
    named |= {f"reference.{k}": v for k, v in reference.items()}
    named |= {f"text.{k}": v for k, v in text.items()}
    return {name for name, value in named.items() if value.grad is not None}


def test_only_the_policy_carries_a_gradient() -> None:
    assert gradient_carriers(AvemDpoWeights()) == {f"policy.{name}" for name in ANSWERS}


def test_the_text_carries_one_where_asked_for() -> None:
    carriers = gradient_carriers(AvemDpoWeights(text_gradient=True))
    assert carriers == {f"policy.{name}" for name in ANSWERS} | {f"text.{name}" for name in TEXTS}


def test_without_the_modality_preference_the_altered_answer_is_not_needed() -> None:
    policy, reference = values(TEXTS, 1), values(TEXTS, 2)
    loss, terms = avem_dpo(policy, reference, weights=AvemDpoWeights(gamma=0.0, lambda_av=0.0))
    assert "input_margin" not in terms
    assert loss.shape == (5,)


def test_without_response_preference_it_is_naive_dpo_on_the_hallucinated_answer() -> None:
    policy, reference = values(ANSWERS, 1), values(ANSWERS, 2)
    loss, _ = avem_dpo(
        policy,
        reference,
        weights=AvemDpoWeights(gamma=0.0, lambda_av=0.0, beta_spurious=0.0, beta_hallucination=1.0),
    )
    pair = {"chosen": policy["chosen"], "rejected": policy["hallucination"]}
    base = {"chosen": reference["chosen"], "rejected": reference["hallucination"]}
    torch.testing.assert_close(loss, naive_dpo(pair, base)[0])


def test_with_lengths_the_text_terms_are_per_token() -> None:
    policy, reference, text = values(ANSWERS, 1), values(ANSWERS, 2), values(TEXTS, 3)
    lengths = {name: torch.full((5,), float(n)) for n, name in enumerate(TEXTS, start=2)}
    loss, _ = avem_dpo(policy, reference, text, text_lengths=lengths)
    divided = {name: text[name] / lengths[name] for name in TEXTS}
    torch.testing.assert_close(loss, avem_dpo(policy, reference, divided)[0])


def test_a_counterfactual_preference_raises_the_answer_that_is_right_there() -> None:
    names = (*ANSWERS, "input_preferred")
    policy, reference = values(names, 1, gradient=True), values(names, 2)
    weights = AvemDpoWeights(gamma=0.0, lambda_av=1.5, counterfactual=True)
    loss, terms = avem_dpo(policy, reference, weights=weights)
    margin = 0.1 * (
        (policy["input_preferred"] - reference["input_preferred"])
        - (policy["chosen_altered"] - reference["chosen_altered"])
    )
    torch.testing.assert_close(terms["input_margin"], margin.detach())
    torch.autograd.backward(loss.sum())
    pushed = 1.5 * 0.1 * torch.sigmoid(-margin.detach())
    torch.testing.assert_close(policy["input_preferred"].grad, -pushed)
    torch.testing.assert_close(policy["chosen_altered"].grad, pushed)


def test_the_inverse_prior_weighs_counter_examples_up_to_its_cap() -> None:
    gaps = torch.tensor([0.0, 50.0, math.log(3), -math.log(3), -50.0])
    weights = inverse_prior(gaps, 20.0)
    torch.testing.assert_close(weights, torch.tensor([1.0, 0.5, 2 / 3, 2.0, 10.0]))


def test_the_inverse_prior_weighs_the_response_alone_and_carries_no_gradient() -> None:
    policy, reference, text = values(ANSWERS, 1), values(ANSWERS, 2), values(TEXTS, 3)
    alike, _ = avem_dpo(policy, reference, weights=AvemDpoWeights(gamma=0.0))
    inputs, _ = avem_dpo(policy, reference, weights=AvemDpoWeights(gamma=0.0, lambda_av=2.0))
    inputs = inputs - alike  # Once the preference between inputs, which nothing weighs.
    weighed, terms = avem_dpo(policy, reference, text, AvemDpoWeights(gamma=0.0, prior_cap=5.0))
    gap = text["chosen"] - 0.5 * text["spurious"] - 0.5 * text["hallucination"]
    torch.testing.assert_close(terms["prior_weight"], inverse_prior(gap, 5.0))
    torch.testing.assert_close(weighed, terms["prior_weight"] * (alike - inputs) + inputs)
    carriers = gradient_carriers(AvemDpoWeights(gamma=0.0, prior_cap=5.0))
    assert carriers == {f"policy.{name}" for name in ANSWERS}


def test_a_text_prior_for_the_right_answer_raises_the_loss() -> None:
    policy, reference, text = values(ANSWERS, 1), values(ANSWERS, 2), values(TEXTS, 3)
    stronger = {**text, "chosen": text["chosen"] + 1.0}
    weak, strong = (avem_dpo(policy, reference, given)[0] for given in (text, stronger))
    assert bool((strong > weak).all())


@pytest.mark.parametrize("weights", [(0.5, 0.6), (0.0, 0.0), (1.0, 1.0)])
def test_weights_that_do_not_sum_to_one_are_refused(weights: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must sum to 1"):
        AvemDpoWeights(beta_spurious=weights[0], beta_hallucination=weights[1])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_missing_log_probability_is_named(name: str) -> None:
    policy, reference, text = values(ANSWERS, 1), values(ANSWERS, 2), values(TEXTS, 3)
    with pytest.raises(ValueError, match=f"policy lacks '{name}'"):
        avem_dpo({k: v for k, v in policy.items() if k != name}, reference, text)
    with pytest.raises(ValueError, match=f"reference lacks '{name}'"):
        avem_dpo(policy, {k: v for k, v in reference.items() if k != name}, text)


def test_the_text_prior_term_needs_the_text() -> None:
    with pytest.raises(ValueError, match="text"):
        avem_dpo(values(ANSWERS, 1), values(ANSWERS, 2))


def test_vista_weighs_both_sides_and_carries_every_gradient() -> None:
    policy, reference = values(ANSWERS, 1, gradient=True), values(ANSWERS, 2)
    loss, _ = vista_dpo(policy, reference)
    torch.autograd.backward(loss.sum())
    assert all(value.grad is not None for value in policy.values())
    d = {name: float((policy[name] - reference[name])[0].detach()) for name in ANSWERS}
    response = 0.1 * (d["chosen"] - 0.7 * d["hallucination"] - 0.3 * d["spurious"])
    video = 0.1 * (d["chosen"] - d["chosen_altered"])
    expected = -math.log(sigmoid(response)) - math.log(sigmoid(video))
    assert float(loss[0].detach()) == pytest.approx(expected, abs=1e-12)


def test_vista_as_released_has_no_visual_gradient() -> None:
    policy = values(ANSWERS, 1, gradient=True)
    torch.autograd.backward(vista_dpo(policy, values(ANSWERS, 2), as_released=True)[0].sum())
    carriers = {name for name, value in policy.items() if value.grad is not None}
    assert carriers == {"chosen", "hallucination"}
