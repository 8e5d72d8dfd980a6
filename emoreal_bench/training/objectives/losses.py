"""Preference losses as pure functions of log-probabilities. No model in sight.

Every argument of log-probabilities is a mapping of names to tensors of shape
``(batch,)``: the natural logarithm of the probability of a whole answer, summed
over its tokens. Losses are per item, in the precision of the policy.

AVEm-DPO is the method of the AVERE paper (ICLR 2026, arXiv 2602.07054). Its
three parts are named as there: emotion-based response preference (ERP, two
weighted rejected answers), prompt-based modality preference (PMP, the right
answer under altered inputs) and text-prior debiasing (TPD).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

LogProbabilities = Mapping[str, "Tensor"]

CHOSEN = "chosen"
REJECTED = "rejected"
SPURIOUS = "spurious"
HALLUCINATION = "hallucination"
CHOSEN_ALTERED = "chosen_altered"
INPUT_PREFERRED = "input_preferred"
"""What is preferred to the chosen answer on the altered input: the answer that is right there,
or, where none is known, the chosen one on the clip as it is."""

CHOSEN_LIKELIHOOD = "chosen_log_likelihood"
"""Term to watch: the log-probability of the chosen answer per token."""

_RELEASED_SPURIOUS_WEIGHT = 0.3
_RELEASED_HALLUCINATION_WEIGHT = 0.7


@dataclass(frozen=True, slots=True)
class AvemDpoWeights:
    """The hyper-parameters of AVEm-DPO. A term whose weight is zero is left out.

    Without PMP set ``lambda_av=0``, without TPD ``gamma=0``; without ERP set
    ``beta_spurious=0, beta_hallucination=1``.

    Attributes:
        beta: Strength of the preference, above 0.
        lambda_av: Weight of the modality preference, 0 or more.
        beta_spurious: Weight of the spurious answer.
        beta_hallucination: Weight of the hallucinated answer; the two sum to 1.
        gamma: Strength of the text-prior penalty; not multiplied by ``beta``.
        text_gradient: Let the gradient through the text-only pass; the paper does not.
        counterfactual: Take ``input_preferred`` in the place of ``chosen`` in the modality
            preference; not in the paper.
        prior_cap: Weigh the response preference by half the inverse of the text-only
            probability of the chosen answer, at most by half of this; None weighs all alike.

    Raises:
        ValueError: If the weights of the two rejected answers do not sum to 1.
    """

    beta: float = 0.1
    lambda_av: float = 1.0
    beta_spurious: float = 0.5
    beta_hallucination: float = 0.5
    gamma: float = 0.2
    text_gradient: bool = False
    counterfactual: bool = False
    prior_cap: float | None = None

    def __post_init__(self) -> None:
        total = self.beta_spurious + self.beta_hallucination
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"beta_spurious and beta_hallucination must sum to 1, not {total:g}")

    @property
    def rejected(self) -> dict[str, float]:
        """Weights of the rejected answers, by name."""
        return {SPURIOUS: self.beta_spurious, HALLUCINATION: self.beta_hallucination}


_OF_THE_PAPER = AvemDpoWeights()


def avem_dpo(
    policy: LogProbabilities,
    reference: LogProbabilities,
    text: LogProbabilities | None = None,
    weights: AvemDpoWeights = _OF_THE_PAPER,
    *,
    text_lengths: LogProbabilities | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    r"""Compute the AVEm-DPO loss.

    With :math:`d_k = \log\pi(y_k) - \log\pi_{ref}(y_k)` and :math:`t_k` the
    log-probability of answer k without picture and sound, the loss of an item is

    .. math::
        -\log\sigma(\beta(d_{chosen} - \beta_s d_{spurious} - \beta_h d_{hallucination})
        - \gamma(t_{chosen} - \beta_s t_{spurious} - \beta_h t_{hallucination}))
        - \lambda_{av} \log\sigma(\beta(d_{chosen} - d_{chosen\_altered}))

    Args:
        policy: ``chosen``, ``spurious``, ``hallucination``, ``chosen_altered``
            under the model in training; the last with the losing inputs. A term
            whose weight is zero needs none of its log-probabilities. With
            ``counterfactual`` also ``input_preferred``.
        reference: The same under the reference; always detached.
        text: ``chosen``, ``spurious``, ``hallucination`` under the model in
            training without picture and sound.
        weights: The hyper-parameters.
        text_lengths: Tokens of each answer under the names of ``text``; with
            them its terms are per token.

    Returns:
        The loss of shape ``(batch,)`` and the detached terms ``response_margin``,
        ``input_margin``, ``text_gap`` and ``prior_weight`` (where computed), each ``(batch,)``.

    Raises:
        ValueError: If a log-probability is missing.
    """
    ratios = _Ratios(policy, reference)
    response = weights.beta * (ratios.of(CHOSEN) - _weighted(ratios, weights.rejected))
    terms = {"response_margin": response.detach()}
    logits, pair_weight = response, None
    if weights.gamma != 0.0 or weights.prior_cap is not None:
        gap = _text_gap(text, text_lengths, weights.rejected, gradient=weights.text_gradient)
        terms["text_gap"] = gap.detach()
        logits = response - weights.gamma * gap
        if weights.prior_cap is not None:
            pair_weight = inverse_prior(gap.detach(), weights.prior_cap)
            terms["prior_weight"] = pair_weight
    loss = -logsigmoid(logits)
    if pair_weight is not None:
        loss = pair_weight * loss
    if weights.lambda_av != 0.0:
        preferred = INPUT_PREFERRED if weights.counterfactual else CHOSEN
        margin = weights.beta * (ratios.of(preferred) - ratios.of(CHOSEN_ALTERED))
        terms["input_margin"] = margin.detach()
        loss = loss - weights.lambda_av * logsigmoid(margin)
    return loss, terms


def inverse_prior(gap: Tensor, cap: float) -> Tensor:
    r"""Weigh pairs by how little the words of the question alone favour the chosen answer.

    Against one rejected answer, words alone choose right with probability
    :math:`p = \sigma(gap)`; the weight is :math:`\min(1/p, cap)/2`, so that a pair of which
    they say nothing weighs 1. A pair that the prior answers right weighs half as much, and a
    counter-example up to ``cap/2``.

    Args:
        gap: What the text-only pass gives the chosen answer above the rejected ones, in nats.
        cap: Above 1.
    """
    return (1.0 + (-gap).exp()).clamp(max=cap) / 2.0


def anchored(losses: Tensor, chosen: Tensor, lengths: Tensor, *, weight: float) -> Tensor:
    """Add the negative log-likelihood per token of the chosen answer to a loss.

    A preference compares two answers and is content if both become unlikely; then
    the model writes neither. The anchor keeps the chosen one.

    Args:
        losses: Of a preference, of shape ``(batch,)``.
        chosen: Log-probability of the chosen answer under the model in training, ``(batch,)``.
        lengths: Its tokens, ``(batch,)``.
        weight: 0 or more; 0 leaves the loss as it is.

    Source: Pang et al. 2024 (arXiv 2404.19733), equation 1, where the weight is alpha.
    """
    return losses - weight * chosen / lengths


def naive_dpo(
    policy: LogProbabilities, reference: LogProbabilities, *, beta: float = 0.1
) -> tuple[Tensor, dict[str, Tensor]]:
    r"""Compute the DPO loss of one pair: :math:`-\log\sigma(\beta(d_{chosen} - d_{rejected}))`.

    Args:
        policy: ``chosen`` and ``rejected`` under the model in training.
        reference: The same under the reference; always detached.
        beta: Strength of the preference, above 0.

    Returns:
        The loss of shape ``(batch,)`` and the detached ``response_margin``.

    Raises:
        ValueError: If a log-probability is missing.

    Source: Rafailov et al. 2023, equation 7.
    """
    ratios = _Ratios(policy, reference)
    margin = beta * (ratios.of(CHOSEN) - ratios.of(REJECTED))
    return -logsigmoid(margin), {"response_margin": margin.detach()}


def vista_dpo(
    policy: LogProbabilities,
    reference: LogProbabilities,
    *,
    beta: float = 0.1,
    visual_weight: float = 1.0,
    as_released: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the instance and video terms of Vista-DPO.

    The instance term weighs the hallucinated answer 0.7 and the irrelevant one
    0.3; the video term prefers the right answer with the right clip to the right
    answer with both modalities replaced. The token-level term, which needs the
    answers' tokens, is not part of this function.

    Args:
        policy: ``chosen``, ``spurious``, ``hallucination``, ``chosen_altered``
            under the model in training.
        reference: The same under the reference; always detached.
        beta: Strength of the preference, above 0.
        visual_weight: Weight of the video term.
        as_released: Reproduce the public code instead of the paper: the
            reference of the rejected answers is not weighted, and neither the
            irrelevant answer nor the video term carries a gradient.

    Returns:
        The loss of shape ``(batch,)`` and the detached margins.

    Raises:
        ValueError: If a log-probability is missing.

    Source: Vista-DPO, ICML 2025, arXiv 2504.13122, and its public code.
    """
    ratios = _Ratios(policy, reference)
    weights = {
        HALLUCINATION: _RELEASED_HALLUCINATION_WEIGHT,
        SPURIOUS: _RELEASED_SPURIOUS_WEIGHT,
    }
    video = beta * (ratios.of(CHOSEN) - ratios.of(CHOSEN_ALTERED))
    if as_released:
        weighted_policy = (
            weights[HALLUCINATION] * ratios.policy(HALLUCINATION)
            + weights[SPURIOUS] * ratios.policy(SPURIOUS).detach()
        )
        unweighted_reference = ratios.reference(HALLUCINATION) + ratios.reference(SPURIOUS)
        response = beta * (ratios.of(CHOSEN) - (weighted_policy - unweighted_reference))
        video = video.detach()
    else:
        response = beta * (ratios.of(CHOSEN) - _weighted(ratios, weights))
    loss = -logsigmoid(response) - visual_weight * logsigmoid(video)
    return loss, {"response_margin": response.detach(), "input_margin": video.detach()}


class _Ratios:
    """Log-ratios of the policy to the reference, by name."""

    def __init__(self, policy: LogProbabilities, reference: LogProbabilities):
        self._policy = policy
        self._reference = reference

    def policy(self, name: str) -> Tensor:
        return _get(self._policy, name, "policy")

    def reference(self, name: str) -> Tensor:
        return _get(self._reference, name, "reference").detach()

    def of(self, name: str) -> Tensor:
        return self.policy(name) - self.reference(name)


def _weighted(ratios: _Ratios, weights: Mapping[str, float]) -> Tensor:
    parts = [weight * ratios.of(name) for name, weight in weights.items() if weight != 0.0]
    return torch.stack(parts).sum(dim=0)


def _text_gap(
    text: LogProbabilities | None,
    lengths: LogProbabilities | None,
    weights: Mapping[str, float],
    *,
    gradient: bool,
) -> Tensor:
    """Return how much the text alone prefers the right answer to the rejected ones, in nats."""
    if text is None:
        raise ValueError("the text-prior term needs the text-only log-probabilities: text")

    def term(name: str) -> Tensor:
        value = _get(text, name, "text")
        value = value if gradient else value.detach()
        return value if lengths is None else value / _get(lengths, name, "text_lengths")

    gap = term(CHOSEN)
    for name, weight in weights.items():
        if weight != 0.0:
            gap = gap - weight * term(name)
    return gap


def _get(values: LogProbabilities, name: str, what: str) -> Tensor:
    if name not in values:
        raise ValueError(f"{what} lacks '{name}'; it has: {', '.join(sorted(values)) or 'nothing'}")
    return values[name]
