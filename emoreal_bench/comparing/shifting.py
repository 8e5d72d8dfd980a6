"""Two runs that scored choices: how far the right answer's log-likelihood falls between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emoreal_bench.contracts.comparison import LogLikelihoodShift
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.results import DeliveryTally, read_replies
from emoreal_bench.scoring.choice_probabilities import log_likelihood_shift


def shift_between(first: Path, second: Path, *, seed: int = 0) -> LogLikelihoodShift | None:
    """Measure the shift per subtask and over all items.

    Args:
        first: Folder of the run with the clips as they are.
        second: Folder of a run of the same items.
        seed: Of the intervals.

    Returns:
        None unless both runs hold choice scores of the same items under the same letters.

    Raises:
        RunError: If a folder holds no run, or a damaged one.
    """
    requests = [load_manifest(folder).request for folder in (first, second)]
    if any(request.answer_method is not AnswerMethod.SCORE_CHOICES for request in requests):
        return None
    if requests[0].choice_shuffle_seed != requests[1].choice_shuffle_seed:
        return None
    scores = [_choice_scores(folder) for folder in (first, second)]
    both = scores[0].keys() & scores[1].keys()
    items = [item for item in load_plan_items(first) if item.id in both]
    if not items:
        return None
    names = dict.fromkeys(item.subtask for item in items)
    try:
        subtasks = {
            name: log_likelihood_shift(
                [item for item in items if item.subtask == name], scores[0], scores[1], seed=seed
            )
            for name in names
        }
        overall = log_likelihood_shift(items, scores[0], scores[1], seed=seed)
    except NotComparableError as problem:
        return LogLikelihoodShift(subtasks={}, overall=None, undefined=str(problem))
    return LogLikelihoodShift(subtasks=subtasks, overall=overall)


def _choice_scores(folder: Path) -> Mapping[str, ChoiceScores]:
    return {
        reply.id: reply.choice_scores
        for reply in read_replies(folder / ITEMS_FILE, DeliveryTally())
        if reply.choice_scores is not None
    }
