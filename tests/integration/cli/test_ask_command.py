"""``emoreal-bench ask``: what reached the model, the reply, how it is read, for one question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from emoreal_bench import api
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.asked import AskedQuestion
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.vocabulary import Alteration, AnswerKind, Modality, Outcome, Scoring
from emoreal_bench.media.errors import MediaError
from emoreal_bench.running.one_question import letter_options
from tests.media_files import Picture, Sound, make_clip

QUESTION = "Which of these can be heard in the clip?"
OPTIONS = ["falling rain", "bursts of laughter", "a shout"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ask") / "one.mp4"
    make_clip(path, Picture(frames=50, size=(64, 48)), Sound(seconds=2.0))
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which nothing may be left."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def options_of(**plan: Any) -> api.RunOptions:
    return api.RunOptions(plan=api.PlanOptions(**plan))


def test_one_question_to_a_model_that_sees_and_hears(clip: Path) -> None:
    pytest.importorskip("torch")
    record = api.ask("tiny/omni", clip, QUESTION, OPTIONS).record
    assert record.prompt.startswith(f"{QUESTION}\n(A) falling rain\n(B) bursts of laughter")
    delivery = record.delivery
    assert (delivery.frames, len(delivery.times)) == (8, 8)
    assert delivery.times[0] == 0.0
    assert delivery.audio_seconds == pytest.approx(2.0, abs=0.1)
    assert delivery.clip_seconds == pytest.approx(2.0, abs=0.1)
    assert min(delivery.tokens.values()) > 0
    assert record.scores is not None
    assert record.scores.probabilities is not None
    assert set(record.scores.probabilities) == {"A", "B", "C"}
    assert sum(record.scores.probabilities.values()) == pytest.approx(1)
    assert record.answer_kind is AnswerKind.CHOICE
    assert {reading.outcome for reading in record.readings.values()} == {Outcome.ANSWERED}


def test_it_is_asked_as_a_run_asks(tmp_path: Path) -> None:
    """The same words, frames and sound reach the model, and the reply is the same."""
    pytest.importorskip("torch")
    data = api.make_synthetic_benchmark(tmp_path / "data", {"items": 5, "seed": 4})
    questions = json.loads((data / "emorealm_v1.json").read_text(encoding="utf-8"))
    one = next(item for item in questions if item["task"] == "reasoning_basic_audio")
    options = api.RunOptions(out=tmp_path / "run")
    api.evaluate("tiny/omni", "emorealm-synth", data, options)
    lines = (tmp_path / "run" / "items.jsonl").read_text(encoding="utf-8").splitlines()
    logged = next(line for line in map(json.loads, lines) if line["id"] == one["id"])
    record = api.ask(
        "tiny/omni", data / "videos" / one["video"], one["question"], one["choices"]
    ).record
    assert record.reply == logged["text"]
    assert record.delivery.input_hash == logged["delivery"]["input_hash"]
    assert record.delivery.audio_level == logged["delivery"]["audio_level"]


def test_every_scoring_says_what_the_reply_would_be_right_for(clip: Path, tmp_path: Path) -> None:
    replies = tmp_path / "replies.json"
    replies.write_text(json.dumps({"default": "A laugh, so (B)"}), encoding="utf-8")
    record = api.ask(f"scripted/{replies}", clip, QUESTION, OPTIONS).record
    assert record.readings[Scoring.STRICT].right_for == ("B",)
    # The authors look for the right letter alone, and the article is one.
    assert record.readings[Scoring.OFFICIAL].right_for == ("A", "B")
    assert record.scores is None
    assert record.why_unscored == "the model does not score options"


def test_a_yes_no_question_is_known_by_its_options(clip: Path) -> None:
    record = api.ask("baseline/last-choice", clip, "Is it so?", yes_no=True).record
    assert (record.choices, record.answer_kind) == (("(A) Yes", "(B) No"), AnswerKind.YES_NO)
    assert record.readings[Scoring.STRICT].right_for == ("B",)
    record = api.ask("baseline/last-choice", clip, "Is it so?", ["ja", "nein"]).record
    assert record.answer_kind is AnswerKind.YES_NO


def test_a_question_without_options_is_open(clip: Path, tmp_path: Path) -> None:
    replies = tmp_path / "replies.json"
    replies.write_text(json.dumps({"default": "She laughs."}), encoding="utf-8")
    record = api.ask(f"scripted/{replies}", clip, "What happens?").record
    assert (record.answer_kind, record.readings, record.scores) == (AnswerKind.OPEN, {}, None)
    assert (record.prompt, record.reply) == ("What happens?", "She laughs.")


def test_modalities_and_alterations_are_those_of_a_run(clip: Path) -> None:
    pytest.importorskip("torch")

    def deliver(**plan: Any) -> tuple[int, bool, bool]:
        record = api.ask(
            "tiny/omni", clip, QUESTION, OPTIONS, scores=False, options=options_of(**plan)
        ).record
        found = record.delivery
        return found.frames, found.audio_seconds > 0, bool(found.audio_level)

    assert deliver(modalities=(Modality.VIDEO,)) == (8, False, False)
    assert deliver(modalities=(Modality.AUDIO,)) == (0, True, True)
    assert deliver(modalities=()) == (0, False, False)
    assert deliver(alteration=Alteration.MUTE) == (8, True, False)


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ([" rain ", "laughter"], ("(A) rain", "(B) laughter")),
        (["A. rain", "B) laughter"], ("(A) rain", "(B) laughter")),
        ([], ()),
    ],
)
def test_options_get_letters_unless_they_have_them(
    options: list[str], choices: tuple[str, ...]
) -> None:
    assert letter_options(options) == choices


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["rain"], "2 to 26 options, not 1"),
        ([str(number) for number in range(27)], "not 27"),
        (["(A) rain", "laughter"], "others do not"),
        (["rain", "Rain"], "'rain' is there twice"),
        (["(A) rain", "(A) sun"], "letter 'a' is there twice"),
        (["rain", " "], "empty"),
    ],
)
def test_options_that_are_none_are_refused(options: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem.replace("(", r"\(")):
        letter_options(options)


def test_errors_speak_to_the_person(clip: Path, tmp_path: Path) -> None:
    sound, text = tmp_path / "sound.wav", tmp_path / "text.mp4"
    make_clip(sound, None, Sound(codec="pcm_s16le"))
    text.write_text("no clip", encoding="utf-8")
    with pytest.raises(DataError, match=r"nosuch\.mp4: There is no such clip\."):
        api.ask("baseline/random", tmp_path / "nosuch.mp4", "Is it so?", yes_no=True)
    with pytest.raises(DataError, match="is a folder"):
        api.ask("baseline/random", tmp_path, "Is it so?", yes_no=True)
    with pytest.raises(UsageError, match=r"Did you mean 'tiny'"):
        api.ask("tinny/omni", clip, "Is it so?", yes_no=True)
    with pytest.raises(UsageError, match="question is empty"):
        api.ask("baseline/random", clip, " ", yes_no=True)
    with pytest.raises(UsageError, match="no other"):
        api.ask(
            "baseline/random",
            clip,
            "x",
            yes_no=True,
            options=options_of(alteration=Alteration.SWAP),
        )
    with pytest.raises(UsageError, match="--yes-no out"):
        api.ask("baseline/random", clip, "x", OPTIONS, yes_no=True)
    pytest.importorskip("torch")
    with pytest.raises(DataError, match="The clip has no picture") as lacking:
        api.ask(
            "tiny/omni", sound, "x", yes_no=True, options=options_of(modalities=(Modality.VIDEO,))
        )
    assert "--modalities" in str(lacking.value)
    with pytest.raises(MediaError, match=r"text\.mp4"):
        api.ask("tiny/omni", text, "x", yes_no=True)


def test_what_a_clip_lacks_is_noted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    make_clip(tmp_path / "sound.wav", None, Sound(codec="pcm_s16le"))
    record = api.ask("tiny/omni", tmp_path / "sound.wav", QUESTION, OPTIONS).record
    assert record.delivery.frames == 0
    assert "video left out: the clip has no picture" in record.delivery.notes


def test_nothing_is_left_on_disk(
    clip: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ask", "baseline/first-choice", str(clip), "Is it so?", "--yes-no"]
    assert run(arguments) == 0
    assert list(nowhere.iterdir()) == []
    said = capsys.readouterr().out
    for words in ("Is it so?", "(A) Yes", "What reached the model", "strict", "official-lenient"):
        assert words in said


def test_a_model_that_says_nothing_is_an_incomplete_answer(
    clip: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", "baseline/first-choice", str(clip), "What happens?"]) == 3
    assert "the question is open" in capsys.readouterr().out


def test_the_record_is_what_the_schema_says(
    clip: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ask", "baseline/first-choice", str(clip), "Is it so?", "--yes-no", "--json"]
    assert run(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["schema"] == 1
    record = TypeAdapter(AskedQuestion).validate_json(json.dumps(printed))
    assert record.model_dump(mode="json", by_alias=True) == printed


def test_hostile_words_reach_neither_terminal_nor_page(
    tmp_path: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = nowhere / "\x1b[31mred\u202e.mp4"
    make_clip(clip, Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))
    question = "[bold]x[/bold] \x1b]0;owned\x07 </h1><script>alert(1)</script> {{ 7 * 7 }}"
    option = "<img src=x onerror=alert(1)>\x1b[2J"
    arguments = ["ask", "baseline/first-choice", str(clip), question, "--option", option]
    assert run([*arguments, "--option", "b", "--html", "page.html"]) == 0
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(out + err)
    assert "[bold]x[/bold]" in out
    page = (nowhere / "page.html").read_text(encoding="utf-8")
    assert not set("\x1b\x07\u202e") & set(page)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "{{ 7 * 7 }}" in page


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--option", "--yes-no", "--modalities", "--alter", "--html", "--json"):
        assert option in said
