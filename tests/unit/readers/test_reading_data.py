"""What each reader makes of a data set in its owner's layout."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.vocabulary import AnswerKind, Modality
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import Dataset, load_items
from tests.unit.readers import layouts
from tests.unit.readers.layouts import LAYOUTS


def read(name: str, root: Path, **options: str | int) -> Dataset:
    return load_items(find_task(name).task, root, options)


def made(name: str, root: Path, **options: str | int) -> Dataset:
    LAYOUTS[name](root)
    return read(name, root, **options)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_item_fits_its_task(name: str, tmp_path: Path) -> None:
    task = find_task(name).task
    dataset = made(name, tmp_path)
    assert len({item.id for item in dataset.items}) == len(dataset.items) > 0
    for item in dataset.items:
        subtask = task.subtasks[item.subtask]
        if subtask.answer is AnswerKind.LABEL:
            assert item.answer in subtask.labels
            assert item.choices == ()
        elif subtask.answer is AnswerKind.YES_NO:
            assert item.answer in ("A", "B")
            assert item.choices == ("(A) Yes", "(B) No")
        else:
            assert item.answer


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_clip_is_found(name: str, tmp_path: Path) -> None:
    dataset = made(name, tmp_path)
    assert {item.clip for item in dataset.items} == set(dataset.clips)
    for key, clip in dataset.clips.items():
        assert clip.key == key
        assert clip.video.is_file()
        assert clip.audio is None or clip.audio.is_file()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_variant_can_ask_every_item(name: str, tmp_path: Path) -> None:
    task_file = find_task(name)
    for variant in task_file.task.variants:
        renderer = PromptRenderer(task_file, variant, (Modality.VIDEO, Modality.AUDIO))
        for item in made(name, tmp_path).items:
            text = renderer.text(item)
            assert text.startswith(item.question)
            assert text == text.strip()


# RAVDESS knows its clips by their files alone.
@pytest.mark.parametrize("name", [name for name in LAYOUTS if not name.startswith("ravdess")])
def test_a_missing_clip_keeps_its_items(name: str, tmp_path: Path) -> None:
    before = made(name, tmp_path)
    gone = before.clips[before.items[0].clip]
    gone.video.unlink()
    after = read(name, tmp_path)
    assert [item.id for item in after.items] == [item.id for item in before.items]
    assert not after.clips[gone.key].video.exists()


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_unknown_option_is_refused_with_the_known_ones(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not take the option: video") as caught:
        made(name, tmp_path, video="x")
    assert "videos" in str(caught.value.remedy)


def test_dfew_counts_clips_without_a_single_label(tmp_path: Path) -> None:
    dataset = made("dfew", tmp_path)
    assert [(item.id, item.answer) for item in dataset.items] == [("1", "happiness"), ("2", "fear")]
    assert dataset.notes == (
        "clips of the class no single label left out, as dfew does not ask for it: 1",
    )


def test_dfew_numbers_match_with_and_without_leading_zeros(tmp_path: Path) -> None:
    layouts.make_dfew(tmp_path)
    (tmp_path / "Clip/original/part_1/1.mp4").rename(tmp_path / "Clip/original/part_1/00001.mp4")
    assert read("dfew", tmp_path).clips["1"].video.name == "00001.mp4"


def test_dfew_reads_the_fold_that_is_asked_for(tmp_path: Path) -> None:
    dataset = made("dfew-5fold", tmp_path)
    assert dataset.items
    (item,) = read("dfew", tmp_path, fold=3).items
    assert (item.id, item.answer) == ("3", "neutral")


def test_five_folds_are_five_subtasks(tmp_path: Path) -> None:
    dataset = made("dfew-5fold", tmp_path)
    assert [item.subtask for item in dataset.items] == [f"fold_{fold}" for fold in range(1, 6)]
    assert [source.name for source in dataset.sources] == [f"set_{n}.csv" for n in range(1, 6)]


def test_five_folds_take_no_fold(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reads all folds"):
        made("dfew-5fold", tmp_path, fold=2)


def test_a_fold_beyond_the_fifth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fold"):
        made("dfew", tmp_path, fold=6)


def test_the_authors_prepared_tree_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    layouts.make_dfew(tmp_path)
    layouts.put(tmp_path, ["clips_24fps/part_1/1.mp4", "clips_24fps_no_audio/part_1/2.mp4"])
    half_done = read("dfew", tmp_path).clips
    assert "original" in str(half_done["1"].video)
    layouts.put(tmp_path, ["clips_24fps/part_1/2.mp4"])
    assert all("clips_24fps/" in str(clip.video) for clip in read("dfew", tmp_path).clips.values())


def test_wav_files_below_a_16k_folder_are_the_sound(tmp_path: Path) -> None:
    layouts.make_dfew(tmp_path)
    layouts.put(tmp_path, ["clips_16khz/part_1/1.wav", "other/2.wav"])
    clips = read("dfew", tmp_path).clips
    assert clips["1"].audio == tmp_path / "clips_16khz/part_1/1.wav"
    assert clips["2"].audio is not None
    assert not clips["2"].audio.exists()


def test_folders_of_clips_and_sounds_can_be_named(tmp_path: Path) -> None:
    layouts.make_emer(tmp_path)
    layouts.put(tmp_path, ["copy/s_1.mp4", "audio/s_2.wav"])
    clips = read("emer", tmp_path, videos="video", audios="audio").clips
    assert clips["s_1"].video == tmp_path / "video/s_1.mp4"
    assert clips["s_2"].audio == tmp_path / "audio/s_2.wav"


def test_an_annotation_file_can_be_named(tmp_path: Path) -> None:
    layouts.make_mer2023(tmp_path)
    (tmp_path / layouts.MER2023_LABELS).rename(tmp_path / "mine.csv")
    assert read("mer2023", tmp_path, annotations="mine.csv").sources == (tmp_path / "mine.csv",)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("ravdess", ["neutral", "anger", "surprise"]),
        ("ravdess-calm-as-neutral", ["neutral", "neutral", "anger", "surprise"]),
        ("ravdess-8", ["neutral", "calm", "anger", "surprise"]),
    ],
)
def test_the_three_ways_with_calm(name: str, answers: list[str], tmp_path: Path) -> None:
    assert [item.answer for item in made(name, tmp_path).items] == answers


def test_ravdess_names_what_is_left_out(tmp_path: Path) -> None:
    assert made("ravdess", tmp_path).notes == (
        "clips of song, picture and sound, left out: 1",
        "clips of speech, picture only, left out: 1",
        "clips of the class calm left out, as ravdess does not ask for it: 1",
    )


def test_ravdess_says_who_speaks_and_how_strongly(tmp_path: Path) -> None:
    by_answer = {item.answer: item.metadata for item in made("ravdess", tmp_path).items}
    assert by_answer["neutral"] == {"actor": "01", "gender": "male", "intensity": "normal"}
    assert by_answer["anger"] == {"actor": "02", "gender": "female", "intensity": "strong"}


def test_mer2023_leaves_worry_out_as_the_paper_does(tmp_path: Path) -> None:
    dataset = made("mer2023", tmp_path)
    assert [item.answer for item in dataset.items] == ["happiness", "anger"]
    assert "the class worry left out" in dataset.notes[0]
    assert [item.answer for item in read("mer2023-6", tmp_path).items][-1] == "worry"


def test_descriptions_are_references_word_for_word(tmp_path: Path) -> None:
    answers = [item.answer for item in made("emer", tmp_path).items]
    assert answers == ["She smiles, and laughs.", "He sobs."]


def test_open_labels_are_plain_words(tmp_path: Path) -> None:
    assert [item.answer for item in made("ov-merd", tmp_path).items] == ["happy, moved", "sad"]


def test_mafw_reads_the_owners_workbook(tmp_path: Path) -> None:
    answers = [item.answer for item in made("mafw", tmp_path).items]
    assert answers == ["anger", "surprise", "disappointment"]
    assert [item.answer for item in read("mafw-7", tmp_path).items] == ["anger", "surprise"]


def test_a_workbook_needs_the_extra_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    layouts.put(tmp_path, [layouts.MAFW_LIST])
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[data\]"):
        read("mafw", tmp_path)


def test_mafw_reads_a_csv_of_the_same_columns(tmp_path: Path) -> None:
    layouts.make_mafw(tmp_path)
    (tmp_path / layouts.MAFW_LIST).unlink()
    layouts.write_text(tmp_path, "list.csv", "clip,single_label\n00002.mp4,7\n")
    (item,) = read("mafw", tmp_path, annotations="list.csv").items
    assert (item.id, item.answer) == ("00002", "surprise")


def test_avhbench_keeps_the_first_of_repeated_questions_and_says_so(tmp_path: Path) -> None:
    questions = layouts.avhbench_questions()
    repeated = [questions[0], {**questions[1], "label": "Yes"}]
    layouts.make_avhbench(tmp_path)
    layouts.write_json(tmp_path, layouts.AVHBENCH_QUESTIONS, [*questions, *repeated])
    dataset = read("avhbench", tmp_path)
    assert [item.id for item in dataset.items] == ["00190-1", "00191-2", "00192-3", "00193-4"]
    assert dataset.items[1].answer == "B"
    assert dataset.notes == (
        "questions repeated with the same label, the first of each kept: 1 "
        "(00190: Is the dog visible in the video?)",
        "questions repeated with another label, the first of each kept: 1 "
        "(00191: Is the dog making sound in the audio?)",
    )


def test_avhbench_fills_four_subtasks(tmp_path: Path) -> None:
    counts = Counter(item.subtask for item in made("avhbench", tmp_path).items)
    assert counts == dict.fromkeys(find_task("avhbench").task.subtasks, 1)


def test_cmm_asks_as_its_owners_do_in_the_paper_variant(tmp_path: Path) -> None:
    item = made("cmm", tmp_path).items[0]
    assert item.question == "Did you hear barking in the audio?"
    renderer = PromptRenderer(find_task("cmm"), "paper", ())
    assert renderer.text(item) == layouts.cmm_questions()[0]["question"]


def test_cmm_has_clips_without_sound_and_without_picture(tmp_path: Path) -> None:
    dataset = made("cmm", tmp_path)
    picture, sound = tmp_path / layouts.CMM_PICTURE, tmp_path / layouts.CMM_SOUND
    clips = [dataset.clips[item.clip] for item in dataset.items]
    assert [(clip.video, clip.audio) for clip in clips] == [
        (picture, sound),
        (picture, None),
        (sound, None),
    ]


def test_emotionhallucer_items_know_their_pair(tmp_path: Path) -> None:
    basic, hallucinated, *_ = made("emotionhallucer", tmp_path).items
    assert basic.metadata == {"pair": "p0", "side": "basic"}
    assert hallucinated.metadata == {"pair": "p0", "side": "hallucinated"}
    assert (basic.answer, hallucinated.answer) == ("A", "B")


def test_only_sets_of_the_paper_and_owners_with_a_known_prompt_have_a_paper_variant() -> None:
    without = {name for name in LAYOUTS if "paper" not in find_task(name).task.variants}
    assert without == {"mafw", "mafw-7", "ov-merd", "emotionhallucer"}
