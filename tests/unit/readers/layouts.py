"""Small copies of every data set, in the layout that its owner hands out.

Clips are a few bytes that no decoder reads: readers never open them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

DFEW_SPLIT = "EmoLabel_DataSplit/test(single-labeled)/set_1.csv"
MER2023_LABELS = "test_labels/test3-label.csv"
EMER_TABLE = "track3_train_ovmerd.csv"
OV_MERD_TABLE = "track2_train_ovmerd.csv"
MAFW_LIST = "Labels/single-set.xlsx"
AVHBENCH_QUESTIONS = "QA.json"
CMM_QUESTIONS = "all_data_final_reorg.json"
EMOTIONHALLUCER_PAIRS = "emotionhallucer.json"

CMM_PICTURE = "reorg_raw_files/over/seen.mp4"
CMM_SOUND = "reorg_raw_files/over/heard.wav"


def put(root: Path, files: Iterable[str]) -> None:
    """Write clips that hold their own name."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.encode())


def write_text(root: Path, file: str, text: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(root: Path, file: str, value: Any) -> None:
    write_text(root, file, json.dumps(value))


def write_workbook(root: Path, file: str, rows: Iterable[list[object]]) -> None:
    from openpyxl import Workbook

    workbook = Workbook()
    sheet = workbook.worksheets[0]
    for row in rows:
        sheet.append(row)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)


def make_dfew(root: Path) -> None:
    write_text(root, DFEW_SPLIT, "video_name,label\n1,1\n00002,7\n1700,0\n")
    put(root, ["Clip/original/part_1/1.mp4", "Clip/original/part_1/2.mp4"])


def make_five_folds(root: Path) -> None:
    for fold in range(1, 6):
        file = DFEW_SPLIT.replace("set_1", f"set_{fold}")
        write_text(root, file, f"video_name,label\n{fold},{fold}\n")
        put(root, [f"Clip/original/part_1/{fold}.mp4"])


RAVDESS_CLIPS = {
    "neutral": "Actor_01/01-01-01-01-01-01-01.mp4",
    "calm": "Actor_01/01-01-02-01-01-01-01.mp4",
    "anger": "Actor_02/01-01-05-02-02-01-02.mp4",
    "surprise": "Actor_24/01-01-08-01-01-02-24.mp4",
}


def make_ravdess(root: Path) -> None:
    song, picture_only = "Actor_01/01-02-03-01-01-01-01.mp4", "Actor_01/02-01-03-01-01-01-01.mp4"
    put(root, [*RAVDESS_CLIPS.values(), song, picture_only])


def make_mer2023(root: Path) -> None:
    write_text(
        root, MER2023_LABELS, "name,discrete\nsample_1,happy\nsample_2,angry\nsample_3,worried\n"
    )
    put(root, [f"test3/sample_{number}.avi" for number in (1, 2, 3)])


def make_emer(root: Path) -> None:
    write_text(root, EMER_TABLE, 'name,reason\ns_1,"She smiles, and laughs."\ns_2,He sobs.\n')
    put(root, ["video/s_1.mp4", "video/s_2.mp4", "audio/s_1.wav"])


def make_ov_merd(root: Path) -> None:
    write_text(root, OV_MERD_TABLE, "name,openset\ns_1,\"['happy', 'moved']\"\ns_2,[sad]\n")
    put(root, ["video/s_1.mp4", "video/s_2.mp4"])


MAFW_ROWS: list[list[object]] = [
    ["clip", "anger", "single_label"],
    ["00001.mp4", 1, 1],
    ["00002.mp4", 0, 7.0],
    ["00003.mp4", 0, 11],
]


def make_mafw(root: Path) -> None:
    write_workbook(root, MAFW_LIST, MAFW_ROWS)
    put(root, [f"clips/0000{number}.mp4" for number in (1, 2, 3)])


def avhbench_questions() -> list[dict[str, Any]]:
    kinds = (
        ("Audio-driven Video Hallucination", "Is the dog visible in the video?", "Yes"),
        ("Video-driven Audio Hallucination", "Is the dog making sound in the audio?", "No"),
        ("AV Matching", "Are the contexts of audio and visual content matching?", "Yes"),
        ("AV Captioning", "Describe what you see and hear in a single sentence.", "A dog barks."),
    )
    return [
        {"video_id": f"0019{number}", "task": task, "text": text, "label": label}
        for number, (task, text, label) in enumerate(kinds)
    ]


def make_avhbench(root: Path) -> None:
    write_json(root, AVHBENCH_QUESTIONS, avhbench_questions())
    put(root, [f"videos/0019{number}.mp4" for number in range(4)])


def cmm_questions() -> list[dict[str, Any]]:
    both = {
        "category": "over-reliance_unimodal_priors",
        "sub_category": "overrely_visual_ignore_audio",
        "modality": "audio",
        "granularity": "event-level",
        "correlation_type": None,
        "video_path": f"./{CMM_PICTURE}",
        "audio_path": f"./{CMM_SOUND}",
        "question": "Did you hear barking in the audio? Answer with yes or no.",
        "answer": "yes",
    }
    seen = {
        "sub_category": "visual-language",
        "modality": "visual",
        "audio_path": None,
        "question": "Did you see a tree in the video? Answer with yes or no.",
        "answer": "no",
    }
    heard = {"sub_category": "audio-language", "video_path": "None"}
    return [both, {**both, **seen}, {**both, **heard}]


def make_cmm(root: Path) -> None:
    write_json(root, CMM_QUESTIONS, cmm_questions())
    put(root, [CMM_PICTURE, CMM_SOUND])


def emotionhallucer_pairs() -> list[dict[str, Any]]:
    return [
        {
            "id": f"p{number}",
            "subtask": subtask,
            "media": f"{subtask}/1.{suffix}",
            "basic": {"question": "Does she smile?", "answer": "yes"},
            "hallucinated": {"question": "Does she cry?", "answer": "no"},
        }
        for number, (subtask, suffix) in enumerate(
            (("image", "jpg"), ("audio", "wav"), ("short_video", "mp4"), ("long_video", "mp4"))
        )
    ]


def make_emotionhallucer(root: Path) -> None:
    pairs = emotionhallucer_pairs()
    write_json(root, EMOTIONHALLUCER_PAIRS, pairs)
    put(root, [pair["media"] for pair in pairs])


LAYOUTS: Mapping[str, Callable[[Path], None]] = {
    "dfew": make_dfew,
    "dfew-5fold": make_five_folds,
    "ravdess": make_ravdess,
    "ravdess-calm-as-neutral": make_ravdess,
    "ravdess-8": make_ravdess,
    "mer2023": make_mer2023,
    "mer2023-6": make_mer2023,
    "emer": make_emer,
    "ov-merd": make_ov_merd,
    "mafw": make_mafw,
    "mafw-7": make_mafw,
    "avhbench": make_avhbench,
    "cmm": make_cmm,
    "emotionhallucer": make_emotionhallucer,
}
"""By task."""
