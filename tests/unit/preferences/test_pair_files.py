"""Files of pairs: written and read back, converted, and refused with line and remedy."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api.preferences import WrittenPairs
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.preferences.reading import hash_pairs, pair_record, read_pairs, write_pairs
from tests.unit.preferences.made_up_pairs import make_pair, make_turned_pair

GOOD = pair_record(make_pair())
RELEASED = {
    "prompt": "<video>\n<audio>\nWhich cue is it?",
    "chosen": "a smile",
    "rejected": "raised arms",
    "rejected_2": "a balloon",
    "video": "mafw/video/7.mp4",
    "audio": "mafw/audio/7.wav",
}


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


def write_lines(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_written_pairs_are_read_back_as_they_were(tmp_path: Path) -> None:
    pairs = (make_pair(), make_turned_pair(), make_pair(3, question="Где \U0001f600?\u2028Ja"))
    write_pairs(pairs, tmp_path / "new folder" / "pairs.jsonl")
    assert read_pairs(tmp_path / "new folder" / "pairs.jsonl") == pairs


def test_the_command_to_check_pairs_can_be_given_as_it_is_printed() -> None:
    *_, said = WrittenPairs(Path("my pairs/it's.jsonl"), [make_pair()]).lines()
    command = shlex.split(said.partition(": ")[2])
    assert command[:5] == ["emoreal-bench", "prefs", "check", "my pairs/it's.jsonl", "--clips"]


def test_what_a_pair_does_not_have_has_no_key() -> None:
    assert "spurious" not in pair_record(make_pair(spurious=None))


def test_the_hash_is_of_content_and_order() -> None:
    first, second = make_pair(), make_turned_pair()
    assert hash_pairs([first, second]) == hash_pairs([first, second])
    assert hash_pairs([first, second]) != hash_pairs([second, first])
    assert hash_pairs([first]) != hash_pairs([make_pair(chosen="a smile")])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("3", "not a pair"),
        (without(GOOD, "chosen"), "chosen: Field required"),
        ({**GOOD, "choosen": "x"}, "choosen: there is no such key"),
        ({**GOOD, "question": " \n"}, "question"),
        ({**GOOD, "clip": "../other.mp4"}, "below the folder of clips"),
        ({**GOOD, "clip": "/clips/1.mp4"}, "below the folder of clips"),
        ({**GOOD, "hallucination": " a broad smile "}, "two of the answers are the same"),
        ({**GOOD, "modality": "smell"}, "modality"),
        ({**GOOD, "modality": "text"}, "which is not given"),
        ({**GOOD, "modalities": ["audio"]}, "which is not given"),
        ({**GOOD, "modalities": ["audio", "video"]}, "in this order"),
        ({**GOOD, "altered": {"modalities": ["video"], "alteration": "none"}}, "cannot replace"),
        ({**GOOD, "altered": {"modalities": ["video"], "alteration": "mute"}}, "cannot replace"),
        ({**GOOD, "altered": {"modalities": ["video"], "alteration": "swap"}}, "needs a partner"),
        (
            {
                **GOOD,
                "altered": {"modalities": ["video"], "alteration": "noise", "partner": "2.mp4"},
            },
            "nothing else has one",
        ),
        (
            {
                **GOOD,
                "altered": {"modalities": ["video"], "alteration": "swap", "partner": GOOD["clip"]},
            },
            "its own partner",
        ),
        (
            {
                **GOOD,
                "modalities": ["video"],
                "altered": {"modalities": ["audio"], "alteration": "mute"},
            },
            "altered that is not given",
        ),
    ],
)
def test_a_broken_line_is_named_with_what_is_wrong_and_what_to_do(
    tmp_path: Path, line: object, says: str
) -> None:
    path = write_lines(tmp_path / "pairs.jsonl", GOOD, "", line)
    with pytest.raises(DataError) as caught:
        read_pairs(path)
    assert says in caught.value.problem
    assert caught.value.where == f"{path}, line 3"
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"\xff\xfe"])
def test_a_file_without_a_pair_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"pairs\.jsonl"):
        read_pairs(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "pairs.jsonl")


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "pairs.jsonl", GOOD, GOOD)
    with pytest.raises(DataError, match="given twice"):
        read_pairs(path)


def write_list(path: Path, *records: object) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def test_the_authors_file_is_read(tmp_path: Path) -> None:
    record = {**RELEASED, "id": "ignored", "video_l": "mafw/video/9.mp4"}
    (pair,) = read_pairs(write_list(tmp_path / "theirs.json", record))
    assert (pair.id, pair.clip, pair.question) == ("1", "mafw/video/7.mp4", "Which cue is it?")
    assert (pair.chosen, pair.hallucination, pair.spurious) == (
        "a smile",
        "raised arms",
        "a balloon",
    )
    assert pair.altered == AlteredInput(
        modalities=(Modality.VIDEO,), alteration=Alteration.SWAP, partner="mafw/video/9.mp4"
    )


def test_without_a_losing_input_the_authors_trainer_gives_noise(tmp_path: Path) -> None:
    (pair,) = read_pairs(write_list(tmp_path / "theirs.json", RELEASED))
    assert pair.altered is not None
    assert pair.altered.alteration is Alteration.NOISE
    assert pair.altered.modalities == (Modality.VIDEO, Modality.AUDIO)


def test_both_losing_inputs_of_one_clip_are_one_partner(tmp_path: Path) -> None:
    record = {**RELEASED, "video_l": "v/9.mp4", "audio_l": "a/9.wav"}
    (pair,) = read_pairs(write_list(tmp_path / "theirs.json", record))
    assert pair.altered is not None
    assert pair.altered.partner == "v/9.mp4"
    assert len(pair.altered.modalities) == 2


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (3, "authors' format"),
        (without(RELEASED, "rejected"), "rejected: Field required"),
        ({**RELEASED, "prompt": "Which cue is it?"}, "does not begin with a line"),
        ({**RELEASED, "prompt": "<audio>\n<video>\nWhich?"}, "does not begin with a line"),
        ({**RELEASED, "audio": "mafw/audio/8.wav"}, "of different clips"),
        ({**RELEASED, "video_l": "v/8.mp4", "audio_l": "a/9.wav"}, "of different clips"),
        ({**RELEASED, "chosen": "raised arms"}, "the same"),
    ],
)
def test_a_broken_object_of_the_authors_is_named(tmp_path: Path, record: object, says: str) -> None:
    path = write_list(tmp_path / "theirs.json", RELEASED, record)
    with pytest.raises(DataError) as caught:
        read_pairs(path)
    assert says in caught.value.problem
    assert caught.value.where == f"{path}, object 2"
