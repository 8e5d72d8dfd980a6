"""One question and its answer: as a record, in the terminal, and as a page of one file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.asked import (
    AskedChoices,
    AskedDelivery,
    AskedQuestion,
    AskedReading,
)
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import TextPart
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, DeliveryStatus, Scoring
from emoreal_bench.media.stills import ENVELOPE_TOP, contact_sheet, envelope
from emoreal_bench.printable import plain_text, printable
from emoreal_bench.reporting.site.pages import load_asset, page_file, render_page, write_file
from emoreal_bench.reporting.terminal.tables import text_rows
from emoreal_bench.running.one_question import OneAnswer
from emoreal_bench.scoring.choice_probabilities import probabilities
from emoreal_bench.text import percent, words

_ORDER = (HEADLINE_SCORING, *(scoring for scoring in Scoring if scoring is not HEADLINE_SCORING))
_ANSWERED = (DeliveryStatus.OK, DeliveryStatus.LENGTH)


@dataclass(frozen=True, slots=True)
class AskReport:
    """A question and its answer.

    Attributes:
        record: All that can be said of it in words and numbers.
        media: The frames and the sound that were at hand; None where no clip was decoded.
    """

    record: AskedQuestion
    media: ClipMedia | None

    @property
    def is_answered(self) -> bool:
        """Whether the model has said anything."""
        return self.record.status in _ANSWERED

    def to_json(self) -> dict[str, Any]:
        """Return what ``ask --json`` prints."""
        return self.record.model_dump(mode="json", by_alias=True)

    def write_page(self, path: Path) -> Path:
        """Write a page of one file, frames and sound in it; it opens without a network.

        Args:
            path: The page if it ends in ``.html``, else its folder.

        Returns:
            The page.

        Raises:
            RunError: If it cannot be written.
        """
        write_file(page_file(path), _render(self))
        return page_file(path)


def make_report(model: ModelDescription, answer: OneAnswer) -> AskReport:
    """Gather what came of a question.

    Args:
        model: Who was asked.
        answer: What came back.
    """
    item, written, scored = answer.item, answer.written, answer.scored
    costs = [one.usage.cost for one in (written, scored) if one is not None]
    request = answer.plan.request
    return AskReport(
        AskedQuestion(
            model=model.name,
            clip=item.clip,
            question=item.question,
            choices=item.choices,
            answer_kind=answer.subtask.answer,
            modalities=request.media.modalities,
            alteration=request.media.alteration,
            prompt=_prompt(answer),
            status=written.status,
            detail=written.detail,
            reply=written.text,
            readings={
                scoring: AskedReading(
                    outcome=next(iter(by_letter.values())).outcome,
                    right_for=tuple(letter for letter, one in by_letter.items() if one.correct),
                )
                for scoring, by_letter in answer.readings().items()
            },
            scores=_scores(answer),
            why_unscored=_why_unscored(model, answer),
            delivery=_delivery(answer),
            input_tokens=written.usage.input_tokens,
            output_tokens=written.usage.output_tokens,
            seconds=written.seconds,
            cost=None if None in costs else sum(filter(None, costs)),
        ),
        answer.media,
    )


def _prompt(answer: OneAnswer) -> str:
    messages = answer.plan.messages(answer.item)
    parts = [part for message in messages for part in message.parts]
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


def _scores(answer: OneAnswer) -> AskedChoices | None:
    scores = None if answer.scored is None else answer.scored.choice_scores
    if scores is None:
        return None
    return AskedChoices(probabilities=probabilities(scores), mass=scores.mass)


def _why_unscored(model: ModelDescription, answer: OneAnswer) -> str | None:
    scored = answer.scored
    if not answer.item.choices or (scored is not None and scored.choice_scores is not None):
        return None
    if scored is None and model.capabilities.choice_score_kind is None:
        return "the model does not score options"
    if scored is None:
        return "the model was not asked for them"
    return scored.detail or "; ".join(scored.delivery.notes) or "the model gave no scores"


def _delivery(answer: OneAnswer) -> AskedDelivery:
    delivery, media = answer.written.delivery, answer.media
    return AskedDelivery(
        frames=delivery.frames,
        times=media.timestamps if media is not None and delivery.frames else (),
        audio_seconds=delivery.audio_seconds,
        audio_level=delivery.audio_level,
        clip_seconds=None if media is None else media.duration,
        tokens=dict(delivery.tokens),
        input_hash=delivery.input_hash,
        notes=delivery.notes,
    )


def _facts(record: AskedQuestion) -> Iterator[tuple[str, str]]:
    """Return in words what reached the model."""
    delivery = record.delivery
    times = ", ".join(f"{time:.2f}" for time in delivery.times)
    yield "Frames", f"{delivery.frames}{f', at {times} s' if times else ''}"
    loudness = ""
    if delivery.audio_level is not None:
        loudness = f", root mean square {delivery.audio_level:.4f}"
    yield "Sound", f"{delivery.audio_seconds:.2f} s{loudness}"
    if delivery.clip_seconds is not None:
        yield "Length of the clip", f"{delivery.clip_seconds:.2f} s"
    if delivery.tokens:
        counts = delivery.tokens.items()
        yield "Tokens", ", ".join(f"{count} {modality}" for modality, count in counts)
    for note in delivery.notes:
        yield "Note", plain_text(note, 300)


def _reply(record: AskedQuestion) -> str:
    if record.reply.strip():
        return printable(record.reply)
    return f"(nothing: {plain_text(record.detail or record.status.value, 300)})"


def _option_rows(record: AskedQuestion) -> Iterator[tuple[str, float | None]]:
    by_letter = record.scores.probabilities if record.scores is not None else None
    for choice in record.choices:
        letter, _ = split_choice(choice)
        yield plain_text(choice), None if by_letter is None else by_letter.get(letter)


def _reading_rows(record: AskedQuestion) -> Iterator[tuple[str, str, str]]:
    by_letter = {split_choice(choice)[0]: plain_text(choice) for choice in record.choices}
    for scoring in _ORDER:
        reading = record.readings.get(scoring)
        if reading is not None:
            accepted = " or ".join(by_letter[letter] for letter in reading.right_for)
            yield scoring.value, words(reading.outcome.value), accepted or "none"


def ask_renderables(report: AskReport) -> Iterator[RenderableType]:
    """Draw a question and its answer for a terminal."""
    record = report.record
    yield Text(f"{plain_text(record.model)} on {plain_text(record.clip, 400)}", style="bold")
    yield text_rows(("What reached the model", ""), _facts(record))
    yield Text("Prompt, in words", style="bold")
    yield Text(printable(record.prompt))
    yield Text(f"\nReply ({record.status})", style="bold")
    yield Text(_reply(record))
    if not record.choices:
        yield Text("An open reply is read by nobody but a judge: emoreal-bench judge --help")
        return
    yield text_rows(
        ("Option", "Probability, %"),
        ((choice, percent(share)) for choice, share in _option_rows(record)),
    )
    if record.why_unscored is not None:
        yield Text(f"No probabilities: {plain_text(record.why_unscored, 300)}.")
    elif record.scores is not None and record.scores.mass is not None:
        yield Text(f"The options have {percent(record.scores.mass)} % of all probability.")
    yield text_rows(("Scoring", "Outcome", "Counts as right if this is"), _reading_rows(record))


def _render(report: AskReport) -> bytes:
    record, media = report.record, report.media
    sound = media is not None and media.waveform is not None and record.delivery.audio_seconds
    return render_page(
        "asked.html.j2",
        title=plain_text(record.question, 80),
        model=plain_text(record.model),
        # Not where it lies: a page may be passed on.
        clip=plain_text(Path(record.clip).name, 400),
        question=printable(record.question),
        prompt=printable(record.prompt),
        status=record.status.value,
        is_answered=report.is_answered,
        reply=_reply(record),
        facts=list(_facts(record)),
        frames=list(_stills(media)) if record.delivery.frames and media is not None else [],
        wave=_wave(media) if sound and media is not None else None,
        options=list(_option_rows(record)),
        why_unscored=plain_text(record.why_unscored or "", 300),
        mass=None if record.scores is None else record.scores.mass,
        readings=list(_reading_rows(record)),
        style=load_asset("pages.css", "run.css", "asked.css"),
        script=load_asset(),
    )


def _stills(media: ClipMedia) -> Iterator[tuple[str, str]]:
    assert media.frames is not None, "frames reached the model"
    for place, time in enumerate(media.timestamps):
        picture = base64.b64encode(contact_sheet(media.frames[place : place + 1])).decode()
        yield f"data:image/jpeg;base64,{picture}", f"{time:.2f} s"


def _wave(media: ClipMedia) -> str:
    """Return the path of the sound's shape, its loudest place as high as the drawing."""
    assert media.waveform is not None, "sound reached the model"
    return " ".join(
        f"M{place} {50 - 48 * height / ENVELOPE_TOP:.1f}V{50 + 48 * height / ENVELOPE_TOP:.1f}"
        for place, height in enumerate(envelope(media.waveform).heights)
    )
