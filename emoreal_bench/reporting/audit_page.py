"""A page on which a person looks at some pairs and their clips, and says what holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.file_names import path_on_disk
from emoreal_bench.preferences.checking.measuring import letter_of, split_options
from emoreal_bench.preferences.checking.verdicts import CLAIMS, Claim, Verdict
from emoreal_bench.preferences.reading import hash_pairs
from emoreal_bench.reporting.run_page.clips import clip_data
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from emoreal_bench.reporting.site.pages import load_asset, page_file, render_page, write_file

_ANSWERS = {
    Claim.CHOSEN: "Chosen answer",
    Claim.HALLUCINATION: "Rejected: hallucinated",
    Claim.SPURIOUS: "Rejected: spurious",
}


def write_audit_page(
    pairs: Sequence[PreferencePair], clips: Path, out: Path, *, sample: int = 50, seed: int = 0
) -> Path:
    """Write a page about a random sample of pairs. It works from disk, without a network.

    Args:
        pairs: All pairs.
        clips: The folder of their clips; the page refers to the files there.
        out: The page if it ends in ``.html``, else its folder.
        sample: How many pairs are shown, or all if there are fewer.
        seed: Of the sample.

    Returns:
        The page.

    Raises:
        RunError: If it cannot be written.
    """
    refuse_foreign(out)
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:sample]
    file = page_file(out)
    shown = [_pair_values(pairs[position], clips, file.parent) for position in sorted(chosen)]
    page = render_page(
        "audit.html.j2",
        pairs=shown,
        total=len(pairs),
        hash=hash_pairs(pairs),
        verdicts=[(verdict.value, verdict.value.capitalize()) for verdict in Verdict],
        style=load_asset("pages.css", "audit.css"),
        script=load_asset("audit.js"),
    )
    write_file(file, page)
    forget_earlier(out)
    return file


def _pair_values(pair: PreferencePair, clips: Path, out: Path) -> dict[str, Any]:
    _, options = split_options(pair.question)
    texts = {
        Claim.CHOSEN: pair.chosen,
        Claim.HALLUCINATION: pair.hallucination,
        Claim.SPURIOUS: pair.spurious,
    }
    return {
        "id": pair.id,
        "clip": pair.clip,
        "video": _address(pair.clip, clips, out),
        "question": pair.question,
        "answers": [
            (claim.value, _ANSWERS[claim], _in_full(text, options), CLAIMS[claim])
            for claim, text in texts.items()
            if text is not None
        ],
        "altered": _altered_values(pair, clips, out),
        "facts": sorted((pair.metadata or {}).items()),
    }


def _in_full(answer: str, options: Mapping[str, str]) -> str:
    """Return an answer with the text of the option that its letter stands for."""
    option = options.get(letter_of(answer) or "", "")
    return answer if option in answer else f"{answer} {option}"


def _altered_values(pair: PreferencePair, clips: Path, out: Path) -> Mapping[str, Any] | None:
    altered = pair.altered
    if altered is None:
        return None
    replaced = " and ".join(
        {"video": "picture", "audio": "sound"}[modality] for modality in altered.modalities
    )
    by = {
        Alteration.SWAP: "that of another clip",
        Alteration.NOISE: "noise",
        Alteration.MUTE: "silence",
        Alteration.BLANK: "grey frames",
    }[altered.alteration]
    partner = altered.partner
    return {
        "words": f"{replaced} replaced by {by}",
        "partner": partner,
        "video": None if partner is None else _address(partner, clips, out),
    }


def _address(clip: str, clips: Path, out: Path) -> str | None:
    address: str | None = clip_data(Clip(clip, path_on_disk(clips / clip)), out)["video"]
    return address
