"""Inputs that fuzzing found: each ended in an error of a library, or lost what was paid for."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from tests.fuzz.parsers import find_parser
from tests.fuzz.short_form import read_whole_file

_CARD, _OPTIONS = "card of a model on the hub", "options of a reader"
FOUND = {
    "metadata that are no YAML": ("run_files", _CARD, b"---\nmodel-index: ]\n---\n"),
    "metadata with a control character": ("run_files", _CARD, b"---\na: \x18\n---\n"),
    "results of a card that are a number": ("run_files", _CARD, b"---\nmodel-index: 5\n---\n"),
    "a name that no disk can hold": ("data_files", _OPTIONS, {"annotations": "x" * 300}),
    "a path that no disk can hold": ("data_files", _OPTIONS, {"annotations": "x/" * 2_500}),
    "more tokens than a log can hold": (
        "replies",
        "answer of a worker",
        {
            "type": "answer",
            "id": "item-1",
            "status": "ok",
            "text": "(A)",
            "delivery": {"frames": 2**70, "tokens": {"video": 2**70}},
            "input_tokens": 2**70,
        },
    ),
    "fewer parameters of a worker's model than none": (
        "replies",
        "description of a worker",
        {
            "type": "description",
            "protocol": 1,
            "parameters": -7_000_000_000,
            "modalities": ["text"],
        },
    ),
    "a part of a message whose type is an object": (
        "replies",
        "answer of a chat service",
        {"choices": [{"message": {"content": [{"type": {}, "text": "(A)"}]}}]},
    ),
    "a piece of more bytes than there is memory": (
        "replies",
        "message of a decoder, read",
        struct.pack("<IQ", 1, 2**62),
    ),
    "a transport stream of nothing": ("replies", "tables of a transport stream", b""),
    "half a character in what else is known of a pair": (
        "data_files",
        "preference pairs",
        {
            "id": "1",
            "clip": "1.mp4",
            "question": "How?",
            "chosen": "a smile",
            "spurious": "a lamp",
            "metadata": {"cue": "\ud800"},
        },
    ),
    "an index of weights that names no files": (
        "model_files",
        "index of split weights",
        {"weight_map": {"a": 5}},
    ),
    "a step without its number": (
        "model_files",
        "steps of a checkpoint",
        {"global_step": 1, "max_steps": 2, "epoch": 0.5, "log_history": [{}]},
    ),
    "a file of a checkpoint with a long name": (
        "model_files",
        "hashes of a checkpoint",
        {"x" * 300: "0" * 64},
    ),
}


@pytest.mark.parametrize(("group", "name", "content"), FOUND.values(), ids=FOUND.keys())
@pytest.mark.filterwarnings("ignore")
def test_an_input_that_was_found_is_a_value_or_a_typed_error(
    group: str, name: str, content: bytes | dict[str, object]
) -> None:
    whole = content if isinstance(content, bytes) else json.dumps(content).encode()
    read_whole_file(find_parser(group, name), whole)


@pytest.mark.parametrize("name", ["clip", "contents of a clip to send"])
@pytest.mark.filterwarnings("ignore")
def test_a_clip_whose_titles_are_not_in_utf_8_is_read(name: str, tmp_path: Path) -> None:
    parser = find_parser("replies", name)
    sound = parser.make(tmp_path).read_bytes()
    titled = sound.replace(b"SoundHandler", b"Sonido de a\xf1")
    assert titled != sound
    assert read_whole_file(parser, titled)
