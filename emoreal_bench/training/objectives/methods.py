"""What each method asks of the model for an example, and the loss that it makes of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, assert_never

import numpy as np

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.training.config import (
    AvemDpoSettings,
    MethodSettings,
    NaiveDpoSettings,
    PreferenceSettings,
    RejectedAnswer,
    SftSettings,
    VistaDpoSettings,
)
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.objectives import losses

if TYPE_CHECKING:
    from torch import Tensor

_NAMED = 3


class Pass(StrEnum):
    """What of a clip the model is given when an answer is scored."""

    GIVEN = "given"
    """The clip as it is."""
    ALTERED = "altered"
    """The other input of the pair."""
    TEXT_ONLY = "text-only"
    """Neither picture nor sound."""


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One log-probability that a loss takes.

    Attributes:
        name: As the loss names it.
        text: The answer.
        given: With what of the clip it is scored.
    """

    name: str
    text: str
    given: Pass = Pass.GIVEN


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of a batch, each value of shape ``(batch,)``.

    Attributes:
        policy: Log-probabilities under the model in training, by name.
        reference: The same under the reference; empty where there is none.
        text: Without picture and sound; empty where not asked for.
        lengths: Tokens of the answers, under the names of ``policy``.
    """

    policy: Mapping[str, Tensor]
    reference: Mapping[str, Tensor] = field(default_factory=dict)
    text: Mapping[str, Tensor] = field(default_factory=dict)
    lengths: Mapping[str, Tensor] = field(default_factory=dict)


Loss = Callable[[Scores], tuple["Tensor", dict[str, "Tensor"]]]


@dataclass(frozen=True, slots=True)
class Objective:
    """A method, ready to be trained.

    Attributes:
        answers: Gives what is scored of an example, the policy's and the reference's alike.
        text_answers: Gives what is scored without picture and sound.
        loss: Gives the loss of each example of a batch and terms to watch.
        text_gradient: Whether the gradient goes through ``text_answers``.
        text_from_reference: Whether these are the reference's instead of the policy's.
        alters_both: Whether picture and sound are altered, whatever a pair's question is about.
        needs_reference: Whether the model as it was is compared with.
    """

    answers: Callable[[TrainingExample], tuple[ScoredAnswer, ...]]
    loss: Loss
    text_answers: Callable[[TrainingExample], tuple[ScoredAnswer, ...]] = lambda _: ()
    text_gradient: bool = False
    text_from_reference: bool = False
    alters_both: bool = False
    needs_reference: bool = True


def make_objective(method: MethodSettings, seed: int = 0) -> Objective:
    """Make a method ready.

    Args:
        method: Its settings.
        seed: Of the rejected answers that are drawn.
    """
    objective = _make_objective(method, seed)
    anchor = method.anchor if isinstance(method, PreferenceSettings) else 0.0
    return replace(objective, loss=partial(_watched_loss, loss=objective.loss, anchor=anchor))


def _watched_loss(scores: Scores, *, loss: Loss, anchor: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Anchor a loss, and tell of every method how likely the chosen answer is."""
    values, terms = loss(scores)
    chosen, lengths = scores.policy[losses.CHOSEN], scores.lengths[losses.CHOSEN]
    if anchor:
        values = losses.anchored(values, chosen, lengths, weight=anchor)
    return values, {**terms, losses.CHOSEN_LIKELIHOOD: (chosen / lengths).detach()}


def _make_objective(method: MethodSettings, seed: int) -> Objective:
    match method:
        case SftSettings():
            return Objective(_supervised_answers, _supervised_loss, needs_reference=False)
        case NaiveDpoSettings():
            return Objective(
                partial(_naive_answers, which=method.rejected, seed=seed),
                partial(_naive_loss, beta=method.beta),
            )
        case VistaDpoSettings():
            return Objective(_vista_answers, partial(_vista_loss, method=method), alters_both=True)
        case AvemDpoSettings():
            asks_text = method.gamma != 0.0 or method.prior_cap is not None
            return Objective(
                partial(_avem_answers, method=method),
                partial(_avem_loss, method=method),
                partial(rated_answers, method=method, given=Pass.TEXT_ONLY)
                if asks_text
                else lambda _: (),
                text_gradient=method.text_gradient,
                text_from_reference=method.text_source == "reference",
            )
        case _:
            assert_never(method)


def check_examples(method: MethodSettings, examples: Sequence[TrainingExample]) -> None:
    """Refuse examples that lack what a method needs.

    Raises:
        DataError: With how many there are, and what can be done.
    """
    if isinstance(method, SftSettings):
        return
    _refuse([example for example in examples if not example.rejected], "rejected answer")
    is_altered = isinstance(method, VistaDpoSettings) or (
        isinstance(method, AvemDpoSettings) and method.lambda_av != 0.0
    )
    if is_altered:
        _refuse([example for example in examples if example.altered is None], "altered input")
    if isinstance(method, AvemDpoSettings) and method.counterfactual:
        _refuse_without_reversed(examples)


def _refuse_without_reversed(examples: Sequence[TrainingExample]) -> None:
    if not any(example.altered and example.altered.reversed for example in examples):
        raise DataError(
            "No pair has a partner on which a rejected answer is the right one (reversed: true), "
            "and counterfactual: true learns from these.",
            remedy="Make the pairs with such partners (emoreal-bench prefs build cues "
            "--counterfactual), or leave counterfactual out.",
        )


def _refuse(lacking: Sequence[TrainingExample], what: str) -> None:
    if lacking:
        named = ", ".join(example.id for example in lacking[:_NAMED])
        raise DataError(
            f"{len(lacking)} pairs have no {what}, which this method needs, for example {named}.",
            remedy="Take them out, or choose a method or weights that do without.",
        )


def _supervised_answers(example: TrainingExample) -> tuple[ScoredAnswer, ...]:
    return (ScoredAnswer(losses.CHOSEN, example.chosen),)


def _supervised_loss(scores: Scores) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean negative log-probability of a token, so that long answers weigh no more."""
    return -scores.policy[losses.CHOSEN] / scores.lengths[losses.CHOSEN], {}


def _naive_answers(
    example: TrainingExample, *, which: RejectedAnswer, seed: int
) -> tuple[ScoredAnswer, ...]:
    hallucination, spurious = _both_rejected(example)
    match which:
        case RejectedAnswer.HALLUCINATION:
            rejected = hallucination
        case RejectedAnswer.SPURIOUS:
            rejected = spurious
        case RejectedAnswer.EITHER:
            # Seeded by its id, so that a pair keeps its answer wherever it stands in the file.
            draw = np.random.default_rng([seed, zlib.crc32(example.id.encode())])
            rejected = (hallucination, spurious)[draw.integers(2)]
    return (
        ScoredAnswer(losses.CHOSEN, example.chosen),
        ScoredAnswer(losses.REJECTED, rejected),
    )


def _naive_loss(scores: Scores, *, beta: float) -> tuple[Tensor, dict[str, Tensor]]:
    return losses.naive_dpo(scores.policy, scores.reference, beta=beta)


def _both_rejected(example: TrainingExample) -> tuple[str, str]:
    """Return the hallucinated and the spurious answer; one that is alone stands for both."""
    first, *others = example.rejected
    return first, others[0] if others else first


def _altered_answer(example: TrainingExample) -> ScoredAnswer:
    return ScoredAnswer(losses.CHOSEN_ALTERED, example.chosen, Pass.ALTERED)


def _vista_answers(example: TrainingExample) -> tuple[ScoredAnswer, ...]:
    hallucination, spurious = _both_rejected(example)
    return (
        ScoredAnswer(losses.CHOSEN, example.chosen),
        ScoredAnswer(losses.HALLUCINATION, hallucination),
        ScoredAnswer(losses.SPURIOUS, spurious),
        _altered_answer(example),
    )


def _vista_loss(scores: Scores, *, method: VistaDpoSettings) -> tuple[Tensor, dict[str, Tensor]]:
    return losses.vista_dpo(
        scores.policy,
        scores.reference,
        beta=method.beta,
        visual_weight=method.visual_weight,
        as_released=method.form == "released",
    )


def rated_answers(
    example: TrainingExample, *, method: AvemDpoSettings, given: Pass = Pass.GIVEN
) -> tuple[ScoredAnswer, ...]:
    """Return the chosen answer and the rejected ones that have a weight."""
    hallucination, spurious = _both_rejected(example)
    weighted = (
        (losses.HALLUCINATION, hallucination, method.beta_hallucination),
        (losses.SPURIOUS, spurious, method.beta_spurious),
    )
    return (
        ScoredAnswer(losses.CHOSEN, example.chosen, given),
        *(ScoredAnswer(name, text, given) for name, text, weight in weighted if weight),
    )


def _avem_answers(example: TrainingExample, *, method: AvemDpoSettings) -> tuple[ScoredAnswer, ...]:
    rated = rated_answers(example, method=method)
    if method.lambda_av == 0.0:
        return rated
    if method.counterfactual:
        rated = (*rated, _preferred_answer(example))
    return (*rated, _altered_answer(example))


def _preferred_answer(example: TrainingExample) -> ScoredAnswer:
    """Return what is preferred to the chosen answer on the altered input."""
    if example.altered is not None and example.altered.reversed:
        right_there, _ = _both_rejected(example)
        return ScoredAnswer(losses.INPUT_PREFERRED, right_there, Pass.ALTERED)
    return ScoredAnswer(losses.INPUT_PREFERRED, example.chosen)


def _avem_loss(scores: Scores, *, method: AvemDpoSettings) -> tuple[Tensor, dict[str, Tensor]]:
    return losses.avem_dpo(
        scores.policy,
        scores.reference,
        scores.text or None,
        losses.AvemDpoWeights(
            beta=method.beta,
            lambda_av=method.lambda_av,
            beta_spurious=method.beta_spurious,
            beta_hallucination=method.beta_hallucination,
            gamma=method.gamma,
            text_gradient=method.text_gradient,
            counterfactual=method.counterfactual,
            prior_cap=method.prior_cap,
        ),
        text_lengths=scores.lengths if method.per_token else None,
    )
