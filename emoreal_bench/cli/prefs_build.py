"""``emoreal-bench prefs build``: pairs from known cues, sampled answers or captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emoreal_bench.cli.output import print_json, show_lines
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion

if TYPE_CHECKING:
    from emoreal_bench.contracts.preference import PreferencePair

OUT = typer.Option(..., help="File of pairs to write.")
ALTER = typer.Option(
    Alteration.SWAP,
    help="The other input of a pair: another clip's picture or sound (swap), noise, or nothing: "
    "grey frames or silence (blank or mute).",
)


def add_to(group: typer.Typer) -> None:
    """Add the group of builders."""
    builders = typer.Typer(no_args_is_help=True, help="Make pairs from clips.")
    builders.command(
        "cues",
        epilog="Example: `emoreal-bench prefs build cues --data data/synth-train "
        "--out pairs.jsonl`",
    )(cues)
    group.add_typer(builders, name="build")


def cues(
    out: Path = OUT,
    data: Path | None = typer.Option(
        None, "--data", "-d", help="Folder that `data synth --split train` wrote."
    ),
    items: int | None = typer.Option(
        None, min=5, help="Without a folder: the pairs of a benchmark of so many questions."
    ),
    seed: int = typer.Option(1, min=0, help="As for `data synth`."),
    split: str = typer.Option("train", help="As for `data synth`."),
    correlation: float = typer.Option(0.0, min=0.0, max=1.0, help="As for `data synth`."),
    kind: list[CueQuestion] = typer.Option(
        list(CueQuestion), help="Questions: which cue (basic), yes or no (stress); repeatable."
    ),
    form: list[AnswerForm] = typer.Option(list(AnswerForm), help="Answers; repeatable."),
    alter: Alteration = ALTER,
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Make pairs of the synthetic benchmark, whose every cue is known."""
    from emoreal_bench import api

    settings = None
    if items is not None:
        settings = {"items": items, "seed": seed, "split": split, "correlation": correlation}
    if (data is None) == (settings is None):
        raise UsageError("Name either a folder with --data, or --items and the other settings.")
    options = api.CuePairOptions(forms=tuple(form), kinds=tuple(kind), alteration=alter)
    pairs = api.build_cue_pairs(out, data=data, settings=settings, options=options)
    tell_written(pairs, out, as_json=as_json)


def tell_written(pairs: Sequence[PreferencePair], out: Path, *, as_json: bool) -> None:
    """Say what was written: how many pairs, how complete, under which hash."""
    from emoreal_bench.identity import short
    from emoreal_bench.preferences.reading import hash_pairs

    clips = len({pair.clip for pair in pairs})
    complete = sum(len(pair.rejected) == 2 for pair in pairs)
    identity = hash_pairs(pairs)
    if as_json:
        print_json(
            {
                "file": str(out),
                "pairs": len(pairs),
                "clips": clips,
                "with_both_rejected": complete,
                "hash": identity,
            }
        )
        return
    show_lines(
        [
            f"{len(pairs)} pairs about {clips} clips are in {out} ({short(identity)}); "
            f"{complete} have both rejected answers.",
            f"Look at what they teach: emoreal-bench prefs check {out}",
        ]
    )
