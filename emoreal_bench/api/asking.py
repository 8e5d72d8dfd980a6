"""One question about one clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emoreal_bench.api.evaluating import RunOptions, make_adapter
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.reporting.asked import AskReport, make_report
from emoreal_bench.running.one_question import YES_NO, ask_one, letter_options, plan_question


def ask(
    model: str,
    clip: Path | str,
    question: str,
    choices: Sequence[str] = (),
    *,
    yes_no: bool = False,
    scores: bool = True,
    options: RunOptions | None = None,
) -> AskReport:
    """Ask a model one question about one clip; nothing is kept on disk.

    The question goes the way of every run: the same words, decoding, model and readings.

    Args:
        model: ``provider/model``; :func:`list_models` gives the providers.
        clip: A file with a picture, a sound or both.
        question: Without the options.
        choices: The options, with or without letters; none makes the question open.
        yes_no: Whether the options are yes and no.
        scores: Whether to ask for the probability of each option too, where the model has
            any, which is a second request.
        options: How it is asked: modalities, alteration, arguments of the model, a LoRA.

    Returns:
        What reached the model, the reply, and how each scoring reads it.

    Raises:
        UsageError: For a wrong name, argument or option.
        DataError: If there is no such clip, or it has nothing of what is to be given.
        RunError: If the model cannot be opened.
    """
    if yes_no and choices:
        raise UsageError("A yes/no question has its options; leave --option or --yes-no out.")
    options = options or RunOptions()
    lettered = YES_NO if yes_no else letter_options(choices)
    plan = plan_question(Path(clip), question, lettered, options.plan)
    adapter = make_adapter(model, options)
    answer = ask_one(plan, adapter, scores=scores, policy=options.policy)
    return make_report(adapter.describe(), answer)
