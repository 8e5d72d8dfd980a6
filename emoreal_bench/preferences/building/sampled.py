"""Pairs from a model's own answers: several runs of the same questions, sorted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.errors import DataError, NotComparableError, RunError, UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.preference import CLIP_MODALITIES, PreferencePair
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Alteration, AnswerKind
from emoreal_bench.preferences.altering import Lengths, with_altered_inputs
from emoreal_bench.preferences.building.asking import replies_of
from emoreal_bench.preferences.building.facts import Fact
from emoreal_bench.preferences.building.sorting import AnswerSort, Sample, Sorter, samples_of
from emoreal_bench.preferences.checking.measuring import letter_of
from emoreal_bench.prompting import prompt_values
from emoreal_bench.readers import load_items
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.templates import BoundedTemplate

_FEWEST_RUNS = 2


@dataclass(frozen=True, slots=True)
class SampledRuns:
    """Several runs of the same questions.

    Attributes:
        manifest: Of the first.
        task: Their task.
        items: Their plan.
        root: The data folder.
        clips: By key.
        samples: All answers.
    """

    manifest: Manifest
    task: Task
    items: Sequence[Item]
    root: Path
    clips: Mapping[str, Clip]
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class SampledPairs:
    """What came of it.

    Attributes:
        pairs: The pairs.
        items: Questions asked.
        sorts: Answers by what they are.
        unsorted: Answers that could not be sorted.
    """

    pairs: tuple[PreferencePair, ...]
    items: int
    sorts: Mapping[AnswerSort, int]
    unsorted: int

    @property
    def counts(self) -> dict[str, int]:
        """Return what was counted, by the names that are printed."""
        sorts = {sort.value: number for sort, number in self.sorts.items()}
        return {**sorts, "unsorted": self.unsorted, "questions": self.items}


def load_samples(folders: Sequence[Path], data: Path | None = None) -> SampledRuns:
    """Read the answers of several runs to the same questions.

    Args:
        folders: The runs; they may differ in model and seed, in nothing else.
        data: Their data folder, if it is not where it was.

    Raises:
        UsageError: If there are fewer than two runs, one was imported, or the clips were altered
            or withheld.
        NotComparableError: If they are not of the same questions.
        DataError: If the data folder is not there.
        RunError: If a folder holds no run.
    """
    if len(folders) < _FEWEST_RUNS:
        raise UsageError("Pairs need two runs or more: in one there is one answer to a question.")
    manifests = [load_manifest(folder) for folder in folders]
    first = manifests[0]
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.imported is not None:
            raise UsageError(
                "Its replies were imported: what the model was given and asked is not known.",
                where=str(folder),
                remedy="Make pairs of runs that were measured here.",
            )
        if _asked(manifest) != _asked(first):
            raise NotComparableError(
                "The runs do not ask the same about the same clips.",
                where=str(folder),
                remedy=f"Compare with {folders[0]}: emoreal-bench runs diff.",
            )
    media = first.request.media
    if not media.modalities or media.alteration is not Alteration.NONE:
        raise UsageError(
            "These runs were not given the clips as they are, so their answers make no pairs.",
            where=str(folders[0]),
        )
    task = read_task(first, folders[0])
    items = load_plan_items(folders[0], first)
    root = data or Path(first.data.root)
    return SampledRuns(
        manifest=first,
        task=task,
        items=items,
        root=root,
        clips=load_items(task, root, {}).clips,
        samples=samples_of(task, items, [replies_of(folder) for folder in folders]),
    )


def build_sampled_pairs(
    runs: SampledRuns, sorters: Sequence[Sorter], lengths: Lengths, alteration: Alteration
) -> SampledPairs:
    """Make pairs of a model's own answers.

    Of each question, the most frequent right answer is chosen, and the most
    frequent hallucinated and spurious ones are rejected. A question without a
    right and a wrong answer gives none.

    Args:
        runs: The answers.
        sorters: Asked one after another, each for what those before left unsorted.
        lengths: Of the clips, to match partners.
        alteration: Of the other input.

    Raises:
        RunError: If no question has both.
    """
    sorts: dict[str, AnswerSort] = {}
    for sorter in sorters:
        open_samples = [sample for sample in runs.samples if sample.id not in sorts]
        sorts.update(sorter.sort(open_samples))
    answers: defaultdict[str, defaultdict[AnswerSort, list[Sample]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for sample in runs.samples:
        if sample.id in sorts:
            answers[sample.item.id][sorts[sample.id]].append(sample)
    words = _Words(runs)
    pairs = [
        pair
        for item in runs.items
        if (pair := _make_pair(runs, words, item, answers[item.id])) is not None
    ]
    if not pairs:
        raise RunError(
            "No question has both a right answer and one that is hallucinated or spurious.",
            where=str(runs.root),
            remedy="Sample more answers, at a higher temperature, or sort them by another judge.",
        )
    return SampledPairs(
        pairs=with_altered_inputs(pairs, lengths, alteration),
        items=len(runs.items),
        sorts=dict(sorted(Counter(sorts.values()).items())),
        unsorted=len(runs.samples) - len(sorts),
    )


def clip_path(runs: SampledRuns, key: str) -> str:
    """Return the path of a clip below the data folder, which is the folder of the pairs' clips."""
    try:
        return runs.clips[key].video.relative_to(runs.root).as_posix()
    except (KeyError, ValueError) as error:
        raise DataError(
            f"The clip {key} is not below the data folder.",
            where=str(runs.root),
            remedy="Name the folder that holds both questions and clips with --data.",
        ) from error


class _Words:
    """Renders the words with which a run asked, from its manifest."""

    def __init__(self, runs: SampledRuns):
        self._task = runs.task
        template = runs.manifest.request.prompt_template
        self._template = BoundedTemplate(template, "the manifest of the run")

    def of(self, item: Item) -> str:
        labels = self._task.subtasks[item.subtask].labels
        return self._template.render(prompt_values(item, labels), item.id)


def _make_pair(
    runs: SampledRuns,
    words: _Words,
    item: Item,
    answers: Mapping[AnswerSort, Sequence[Sample]],
) -> PreferencePair | None:
    chosen = _most_frequent(answers.get(AnswerSort.RIGHT, ()))
    hallucination = _most_frequent(answers.get(AnswerSort.HALLUCINATION, ()))
    spurious = _most_frequent(answers.get(AnswerSort.SPURIOUS, ()))
    if chosen is None or (hallucination is None and spurious is None):
        return None
    given = runs.manifest.request.media.modalities
    modality = runs.task.subtasks[item.subtask].modality
    return PreferencePair(
        id=item.id,
        clip=clip_path(runs, item.clip),
        question=words.of(item),
        chosen=chosen.text,
        hallucination=hallucination and hallucination.text,
        spurious=spurious and spurious.text,
        modality=modality if modality in given else None,
        modalities=tuple(one for one in CLIP_MODALITIES if one in given),
        metadata=_facts(runs.task, item, chosen, hallucination),
    )


def _most_frequent(samples: Sequence[Sample]) -> Sample | None:
    """Return a sample with the most frequent text, the first of equally frequent ones."""
    counts = Counter(sample.text for sample in samples)
    return max(samples, key=lambda sample: counts[sample.text], default=None)


def _facts(
    task: Task, item: Item, chosen: Sample, hallucination: Sample | None
) -> dict[str, str] | None:
    """Return which cue the chosen answer affirms and which one it denies, where that is known."""
    known = item.metadata or {}
    facts = {Fact.KIND: item.subtask, Fact.FORM: "letter" if letter_of(chosen.text) else "words"}
    if "emotion" in known:
        facts[Fact.EMOTION] = known["emotion"]
    if task.subtasks[item.subtask].answer is AnswerKind.YES_NO and "cue" in known:
        says_yes = "yes" in chosen.statement.casefold()
        facts[Fact.CUE if says_yes else Fact.DENIED_CUE] = known["cue"]
    elif item.choices:
        options = dict(split_choice(choice) for choice in item.choices)
        facts[Fact.CUE] = options[item.answer]
        if hallucination is not None and hallucination.letter is not None:
            facts[Fact.DENIED_CUE] = options[hallucination.letter]
    return {str(name): value for name, value in facts.items()}


def _asked(manifest: Manifest) -> tuple[object, ...]:
    """Return what has to be equal for answers to be answers to the same: all but model and seed."""
    request = manifest.request.model_dump(exclude={"hash", "generation"})
    return manifest.task, manifest.data.hash, request
