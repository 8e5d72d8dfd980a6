"""``emoreal-bench ask``: one question about one clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report, tell
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.vocabulary import Alteration

if TYPE_CHECKING:
    from emoreal_bench.api import PlanOptions

EXAMPLES = (
    'Examples: `emoreal-bench ask tiny/omni clip.mp4 "Is the person happy?" --yes-no`, '
    '`emoreal-bench ask tiny/omni clip.mp4 "What is heard?" --option rain --option laughter '
    "--html answer.html`"
)


@dataclass(frozen=True)
class AnswerSettings:
    """What may be answered, and what else is asked."""

    option: Annotated[
        list[str] | None,
        Option(help="An option; repeatable. Without any, the question is open."),
    ] = None
    yes_no: Annotated[bool, Option("--yes-no", help="The options are yes and no.")] = False
    scores: Annotated[
        bool,
        Option(help="Ask for each option's probability too: a second request, if a model can."),
    ] = True


@dataclass(frozen=True)
class GivenSettings(options.ModalitySettings):
    """What is given of the clip."""

    alter: Annotated[
        Alteration | None,
        Option(help="Mute the sound, blank the picture, or replace both by noise."),
    ] = None
    alter_seed: Annotated[int, Option(min=0, help="Seed of the noise.")] = 0

    def plan(self) -> PlanOptions:
        """Return the same as the API takes it."""
        from emoreal_bench import api

        return api.PlanOptions(
            modalities=self.given(),
            alteration=self.alter,
            alteration_seed=self.alter_seed,
        )


@dataclass(frozen=True)
class ModelAndClip(options.ModelSettings, options.ClipSettings):
    """How the model is loaded, and what the clip may take."""


@dataclass(frozen=True)
class ShownSettings:
    """Where the answer goes."""

    html: Annotated[
        Path | None, Option(help=f"Also write a page of one file. {options.PAGE_RULE}")
    ] = None
    as_json: Annotated[bool, Option("--json", help="Print the answer as JSON.")] = False


@options.grouped
def ask(
    *,
    model: str = typer.Argument(..., help="provider/model."),
    clip: Path = typer.Argument(..., help="A video or sound file."),
    question: str = typer.Argument(..., help="The question, without its options."),
    answers: AnswerSettings,
    given: GivenSettings,
    limits: ModelAndClip,
    shown: ShownSettings,
) -> None:
    """Ask a model one question about one clip, and see what reached it and how it is read.

    Nothing is written to disk but what --html names.
    """
    from emoreal_bench import api

    chosen = api.RunOptions(
        plan=given.plan(),
        policy=options.make_policy(clips=limits),
        model_arguments=limits.arguments(),
        lora=limits.lora,
    )
    report = api.ask(
        *(model, clip, question, answers.option or ()),
        yes_no=answers.yes_no,
        scores=answers.scores,
        options=chosen,
    )
    show_report(report, as_json=shown.as_json)
    if shown.html is not None:
        tell(f"Wrote {report.write_page(shown.html)}. Open it in a browser.")
    raise typer.Exit(0 if report.is_answered else ExitCode.INCOMPLETE)
