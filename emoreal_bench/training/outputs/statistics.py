"""What is known of a training before its first step: pairs, lengths, tokens, the text gap."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from emoreal_bench.contracts.base import Record
from emoreal_bench.text import count_of
from emoreal_bench.training.examples.batches import Layout, PromptMaker
from emoreal_bench.training.examples.data import TrainingData, TrainingExample
from emoreal_bench.training.objectives.methods import Objective
from emoreal_bench.training.objectives.text_gap import Histogram, TextGap, sample_evenly
from emoreal_bench.training.trainable import TrainableModel

_BAR_WIDTH = 30


class Spread(Record):
    """Mean and largest of some counts."""

    mean: float
    largest: int


class TrainingStatistics(Record):
    """What is printed before the first step, and kept as ``statistics.json``."""

    examples: int
    clips: int
    with_answer: dict[str, int]
    """Examples that have an answer of a kind: chosen, hallucination, spurious."""
    altered: dict[str, int]
    """Examples by what their altered input replaces, and by what."""
    characters: dict[str, Spread]
    """Of the answers, by kind."""
    sampled: int
    """Examples whose tokens were counted."""
    tokens: dict[str, Spread]
    """Positions that one example takes in a step, by modality, all passes together."""
    answer_tokens: Spread
    separate_tokens: Spread
    """Positions there would be if every answer had a row of its own."""
    trained_parameters: int
    steps: int
    examples_per_step: int
    text_gap: TextGap | None = None
    """Null for supervised training."""

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.with_answer.items())
        budget = ", ".join(
            f"{name} {spread.mean:.0f} (at most {spread.largest})"
            for name, spread in self.tokens.items()
        )
        lines = [
            f"{count_of(self.examples, 'example')} on {count_of(self.clips, 'clip')}; "
            f"with answers: {kinds}",
            f"{count_of(self.steps, 'step')} of {count_of(self.examples_per_step, 'example')}, "
            f"{self.trained_parameters:,} trained parameters",
            f"tokens of an example, counted on {self.sampled}: {budget}",
            f"tokens of an answer: {self.answer_tokens.mean:.1f} on average, at most "
            f"{self.answer_tokens.largest}; a row for each answer would take "
            f"{self.separate_tokens.mean:.0f} tokens of an example",
        ]
        if self.altered:
            altered = ", ".join(f"{what} {count}" for what, count in self.altered.items())
            lines.append(f"altered inputs: {altered}")
        if self.text_gap is not None:
            lines += _gap_lines(self.text_gap)
        return lines


def _gap_lines(gap: TextGap) -> list[str]:
    lines = [
        f"text gap over {count_of(gap.pairs, 'pair')}: {gap.mean:.2f} nats, above 0 for "
        f"{gap.positive:.0%}"
    ]
    if gap.penalty is not None:
        lines += ["gamma times the text gap:", *_draw(gap.penalty)]
    return lines


def _draw(histogram: Histogram) -> list[str]:
    most = max(histogram.counts)
    bars = ["#" * round(_BAR_WIDTH * count / most) for count in histogram.counts]
    edges = zip(histogram.edges[:-1], histogram.edges[1:], strict=True)
    return [
        f"  {low:8.2f} to {high:8.2f}  {bar:{_BAR_WIDTH}} {count}"
        for (low, high), bar, count in zip(edges, bars, histogram.counts, strict=True)
    ]


def measure_statistics(
    data: TrainingData,
    trainable: TrainableModel,
    objective: Objective,
    maker: PromptMaker,
    *,
    steps: int,
    examples_per_step: int,
) -> TrainingStatistics:
    """Count what a training will compute.

    Args:
        data: What is trained on.
        trainable: Packs the rows.
        objective: Says which answers are scored.
        maker: Makes the prompts.
        steps: Of the whole training.
        examples_per_step: Over all devices and accumulated batches.

    Raises:
        DataError: If a clip of the sample cannot be decoded, or the model cannot take it.
    """
    sample = sample_evenly(data.examples)
    tokens: defaultdict[str, list[int]] = defaultdict(list)
    answer_tokens: list[int] = []
    separate: list[int] = []
    for example in sample:
        layout = Layout(maker, trainable)
        layout.add([example], objective.answers)
        layout.add([example], objective.text_answers)
        packed = layout.pack()
        for modality, count in packed.tokens.items():
            tokens[modality.value].append(count)
        answer_tokens += packed.token_counts
        separate.append(packed.separate_tokens)
    return TrainingStatistics(
        examples=len(data.examples),
        clips=len({example.clip for example in data.examples}),
        with_answer={kind: len(texts) for kind, texts in _answers(data.examples).items()},
        altered=dict(_count_alterations(data.examples)),
        characters={
            kind: _spread([len(text) for text in texts])
            for kind, texts in _answers(data.examples).items()
        },
        sampled=len(sample),
        tokens={modality: _spread(counts) for modality, counts in tokens.items()},
        answer_tokens=_spread(answer_tokens),
        separate_tokens=_spread(separate),
        trained_parameters=sum(
            weight.numel() for weight in trainable.network.parameters() if weight.requires_grad
        ),
        steps=steps,
        examples_per_step=examples_per_step,
    )


def _answers(examples: Sequence[TrainingExample]) -> dict[str, list[str]]:
    """Return the answers of each kind that there are."""
    kinds = {
        "chosen": [example.chosen for example in examples],
        "hallucination": [text for example in examples if (text := example.hallucination)],
        "spurious": [text for example in examples if (text := example.spurious)],
    }
    return {kind: texts for kind, texts in kinds.items() if texts}


def _count_alterations(examples: Sequence[TrainingExample]) -> Counter[str]:
    return Counter(
        f"{'+'.join(altered.modalities)} by {altered.alteration}"
        for example in examples
        if (altered := example.altered) is not None
    )


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(mean=sum(counts) / len(counts), largest=max(counts))
