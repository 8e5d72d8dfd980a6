"""A finished run of described clips, and judges that rate it from a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emoreal_bench import api
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import JudgedRun
from emoreal_bench.contracts.scores import JudgedScores, Results
from emoreal_bench.contracts.vocabulary import DeliveryStatus, JudgedDimension
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.judgements import score_judgements
from tests.run_factory import MadeUpRun

REFERENCES = {
    "clip_1": "She smiles and her voice is bright, so she is happy.",
    "clip_2": "He looks down and sighs: he is sad.",
    "clip_3": "A clenched fist and loud shouting show anger.",
}
REPLIES: dict[str, Any] = {
    "clip_1": "She is happy: she smiles.",
    "clip_2": "He is sad, he cries.",
    "clip_3": "He is angry.",
}


def rated(*ratings: int) -> str:
    """Write a judgement; one rating stands for all four."""
    four = ratings if len(ratings) == len(JudgedDimension) else ratings * len(JudgedDimension)
    return json.dumps(dict(zip(JudgedDimension, four, strict=True)))


def write_script(path: Path, replies: Mapping[str, Any], default: Any = None) -> str:
    """Write a scripted model and give its name."""
    script = {"replies": replies} | ({} if default is None else {"default": default})
    path.write_text(json.dumps(script), encoding="utf-8")
    return f"scripted/{path}"


def make_run(root: Path, replies: Mapping[str, Any] | None = None) -> Path:
    """Make a finished run of three clips that were to be described."""
    data = root / "data"
    (data / "video").mkdir(parents=True)
    rows = [f'{name},"{reference}"' for name, reference in REFERENCES.items()]
    table = data / "track3_train_ovmerd.csv"
    table.write_text("\n".join(["name,reason", *rows]) + "\n", encoding="utf-8")
    for name in REFERENCES:
        (data / "video" / f"{name}.mp4").write_bytes(name.encode())
    model = write_script(root / "model.json", REPLIES if replies is None else replies)
    options = api.RunOptions(
        policy=api.RunPolicy(attempts=1, backoff_seconds=0.0), out=root / "run"
    )
    api.evaluate(model, "emer", data, options)
    return root / "run"


def score_ratings(ratings: Mapping[str, list[str]], clips: Mapping[str, str]) -> JudgedScores:
    """Score judgements of made-up items.

    Args:
        ratings: The judge's replies by item; each item has equally many.
        clips: The clip of each item.
    """
    results = score_replies(
        {
            f"{item}#{number}": Reply(f"{item}#{number}", DeliveryStatus.OK, text)
            for item, texts in ratings.items()
            for number, text in enumerate(texts, start=1)
        },
        clips,
    )
    return only_subtask(results)


def score_replies(replies: Mapping[str, Reply], clips: Mapping[str, str]) -> Results:
    """Score a judge's replies by the id of their item."""
    items = [
        Item(key, "described", "How?", (), "Sad.", clips[key.rpartition("#")[0]]) for key in replies
    ]
    made_up = MadeUpRun().manifest()
    judged = JudgedRun(
        run_id="judged",
        model=made_up.model,
        task="described",
        variant="answer-format",
        data_hash="d",
        request_hash="r",
        folder="run",
        repeats=max(int(key.rpartition("#")[2]) for key in replies),
        items={"described": len(clips)},
        without_reply={"described": {}},
    )
    manifest = made_up.model_copy(update={"judged": judged})
    return score_judgements(manifest, items, replies.values())


def only_subtask(results: Results) -> JudgedScores:
    assert results.judged is not None
    (scores,) = results.judged.values()
    return scores
