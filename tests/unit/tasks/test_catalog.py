"""Task files: what is built in, what is refused, how one extends another."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task, load_task, task_paths
from emoreal_bench.contracts.errors import TaskError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.request import AudioPart, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import AnswerKind, Modality, QuestionType
from emoreal_bench.prompting import PromptRenderer

FIVE_SUBTASKS = [
    "reasoning_basic_audio",
    "reasoning_basic_video",
    "modality_agreement",
    "reasoning_stress_audio",
    "reasoning_stress_video",
]

MINIMAL = """
schema: 1
name: mine
version: "1"
title: Mine
description: A task of a user.
data: {reader: emorealm}
subtasks: {modality_agreement: {answer: yes_no, chance: 0.5}}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
"""


def write(folder: Path, text: str = MINIMAL, template: str = "{{ question }}") -> Path:
    (folder / "ask.j2").write_text(template, encoding="utf-8")
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(task_paths()))
def test_every_built_in_task_is_valid_and_named_like_its_file(name: str) -> None:
    assert find_task(name).task.name == name


@pytest.mark.parametrize("name", ["emorealm", "emorealm-synth"])
def test_emorealm_has_the_five_subtasks_of_its_json(name: str) -> None:
    assert list(find_task(name).task.subtasks) == FIVE_SUBTASKS


def test_emorealm_counts_4000_items() -> None:
    sizes = [subtask.size or 0 for subtask in find_task("emorealm").task.subtasks.values()]
    assert sum(sizes) == 4000


def test_a_task_that_extends_another_takes_over_what_it_does_not_change() -> None:
    synth = find_task("emorealm-synth").task
    agreement = synth.subtasks["modality_agreement"]
    assert agreement.size is None
    assert agreement.answer is AnswerKind.YES_NO
    assert agreement.question_type is QuestionType.MODALITY_AGREEMENT
    assert synth.variants == find_task("emorealm").task.variants


def test_a_users_own_file_works_by_its_path(tmp_path: Path) -> None:
    assert find_task(str(write(tmp_path))).task.title == "Mine"


def test_a_wrong_name_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean emorealm"):
        find_task("emorelam")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title: Mine", "titel: Mine"), "titel"),
        (("answer: yes_no", "answer: maybe"), "subtasks.modality_agreement.answer"),
        (("answer-format:", "shouted:"), "answer-format"),
        (("chance: 0.5", "chance: 7"), "chance"),
        (("chance: 0.5", "chance: yes"), "chance: a number is meant, not yes or no"),
        (("schema: 1", "schema: 1\nshots: yes"), "shots: a number is meant"),
        (("answer: yes_no", "answer: label, labels: [yes, no]"), "labels"),
        (("schema: 1", "schema: 1\nmedia: {frames: on}"), "media.frames: a number is meant"),
        (("prompt: ask.j2", "prompt: ../ask.j2"), "not a file beside or below"),
        (("prompt: ask.j2", "prompt: gone.j2"), "not a file beside or below"),
        (("schema: 1", "schema: 1\nextends: nothing"), "no nothing.yaml"),
        (("schema: 1", "schema: 1\nextends: mine"), "in a circle"),
        (("schema: 1", "schema: 1\nextends: ../outside"), "no outside.yaml beside or below"),
        (("schema: 1", "schema: 1\nextends: linked"), "no linked.yaml beside or below"),
        (("schema: 1", "schema: 1\nextends: inside/../mine"), "in a circle"),
        (("schema: 1", "schema: 1\nextends: inside/0"), "More than 20 task files"),
        (("schema: 1", "schema: [1"), "cannot be read"),
    ],
)
def test_a_broken_task_file_is_refused_with_the_place(
    change: tuple[str, str], message: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "inside").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text(MINIMAL)
    (home / "linked.yaml").symlink_to(tmp_path / "outside.yaml")
    for number in range(1_200):
        (home / "inside" / f"{number}.yaml").write_text(f"extends: '{number + 1}'")
    path = write(home, MINIMAL.replace(*change))
    with pytest.raises(TaskError, match=message) as caught:
        load_task(path)
    assert ".yaml" in str(caught.value)


def item(question: str = "Do they agree?") -> Item:
    return Item("q", "modality_agreement", question, ("(A) Yes", "(B) No"), "A", "x.mp4")


def renderer(name: str, variant: str, *modalities: Modality) -> PromptRenderer:
    return PromptRenderer(find_task(name), variant, modalities)


def test_the_paper_variant_is_the_question_and_the_choices_in_one_line() -> None:
    text = renderer("emorealm", "paper").text(item())
    assert text == "Do they agree? (A) Yes (B) No"


def test_the_default_variant_says_how_to_answer() -> None:
    text = renderer("emorealm", "answer-format").text(item())
    assert text == (
        "Do they agree?\n(A) Yes\n(B) No\n"
        "Answer with the letter of the one option that is right, in brackets, and nothing else."
    )


def test_media_stand_before_the_text_in_the_order_of_the_variant() -> None:
    (message,) = renderer("emorealm", "paper", Modality.VIDEO, Modality.AUDIO).messages(item())
    assert message.parts[:2] == (VideoPart("x.mp4"), AudioPart("x.mp4"))
    assert isinstance(message.parts[2], TextPart)


def test_a_modality_that_is_not_wanted_leaves_no_part() -> None:
    (message,) = renderer("emorealm", "paper", Modality.AUDIO).messages(item())
    assert [type(part) for part in message.parts] == [AudioPart, TextPart]


def test_a_question_cannot_run_template_code() -> None:
    text = renderer("emorealm", "paper").text(item("{{ 7 * 7 }}?"))
    assert text.startswith("{{ 7 * 7 }}?")


def test_a_template_cannot_reach_into_python(tmp_path: Path) -> None:
    path = write(tmp_path, template="{{ question.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(TaskError, match="unsafe"):
        PromptRenderer(load_task(path), "answer-format", ()).text(item())


def test_a_template_that_asks_for_an_unknown_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, template="{{ qestion }}")
    with pytest.raises(TaskError, match="qestion"):
        PromptRenderer(load_task(path), "answer-format", ()).text(item())


def test_an_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="answer-format, paper"):
        renderer("emorealm", "papers")
