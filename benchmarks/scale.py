"""What a run of any size needs: time, cores, storage, network and money.

Computes from the unit costs that the other benchmarks recorded, and from what the
reader says of clips, models and prices. ``docs/scale.md`` shows three examples.

Usage: python -m benchmarks.scale --clips 1000000 --models 100 --gpus 8
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def recorded(name: str) -> dict[str, Any]:
    """Return a record of ``benchmarks/results``."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return record


def _items_per_second() -> float:
    """Return the rate of a 7B model that writes a letter, five questions a clip, on the GPU."""
    rows = recorded("gpu")["models"][0]["rows"]
    rate: float = next(row for row in rows if row["questions_per_clip"] == 5)["adapter"][
        "items_per_second"
    ]
    return rate


def _decode_seconds() -> float:
    """Return what one process of the pool takes for a clip of four seconds in 640 x 360."""
    sizes = recorded("decode")["sizes"]
    times = next(one for one in sizes if one["size"] == "640x360")["milliseconds_per_clip"]
    alone = next(one for one in times if one["workers"] == 1)
    return float(alone["pool"]) / 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to run, and what a unit of it costs there.

    Attributes:
        clips: Of the data set.
        questions_per_clip: Asked of each.
        models: How many.
        clip_megabytes: Size of a clip's file.
        gpus: Copies of a model at work at once.
        items_per_second: Of one copy.
        decode_seconds: CPU time to decode a clip.
        bytes_per_item: Of a run folder: a line of the plan, a line of the log.
        tokens_in: Of a request to a service, clip included.
        tokens_out: Of its reply.
        price_in: US dollars for a million tokens in.
        price_out: The same for tokens out.
        requests_per_minute: That the service allows.
    """

    clips: int = 1_000_000
    questions_per_clip: float = 4.0
    models: int = 100
    clip_megabytes: float = 1.0
    gpus: int = 8
    items_per_second: float = _items_per_second()
    decode_seconds: float = _decode_seconds()
    bytes_per_item: int = 600
    tokens_in: int = 2_500
    tokens_out: int = 5
    price_in: float = 1.0
    price_out: float = 4.0
    requests_per_minute: int = 1_000

    @property
    def items(self) -> float:
        """Return the questions of one model."""
        return self.clips * self.questions_per_clip


def needs(wish: Wish) -> Iterator[tuple[str, str]]:
    """Return what a wish needs, as names and texts."""
    rate = wish.gpus * wish.items_per_second
    clips_per_second = rate / wish.questions_per_clip
    overhead, scoring = recorded("overhead"), recorded("scoring")
    driver = overhead["cpu_milliseconds_per_item"] / 1000 * wish.items
    memory = overhead["bytes_per_further_item"] * wish.items
    score = scoring["seconds"] / scoring["items"] * wish.items
    yield "questions of one model", f"{wish.items:,.0f}"
    yield "local models: time of one", duration(wish.items / rate)
    yield "local models: time of all", duration(wish.models * wish.items / rate)
    cores = clips_per_second * wish.decode_seconds
    yield "cores that decode, to keep the GPUs busy", f"{math.ceil(cores)}"
    per_gpu = cores / wish.gpus
    yield "of them for each GPU", f"{per_gpu:.1f}"
    yield "network to the clips", f"{8 * clips_per_second * wish.clip_megabytes:,.0f} Mbit/s"
    yield "storage of the clips", size(wish.clips * wish.clip_megabytes * 1e6)
    yield "storage of all runs", size(wish.models * wish.items * wish.bytes_per_item)
    yield "driver: CPU time of one run", duration(driver)
    yield "driver: memory of one run", size(memory)
    yield "scoring one run again", duration(score)
    minutes = wish.items / wish.requests_per_minute
    yield "a service: time of one model", duration(60 * minutes)
    tokens = wish.items * (wish.tokens_in * wish.price_in + wish.tokens_out * wish.price_out)
    yield "a service: price of one model", f"{tokens / 1e6:,.0f} US dollars"
    yield "a service: upload", size(wish.items * wish.clip_megabytes * 1e6 * 4 / 3)


def duration(seconds: float) -> str:
    """Return a time in the largest unit that leaves at least two of it."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} seconds"


def size(count: float) -> str:
    """Return bytes in the largest unit that leaves at least one of it."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:,.1f} {unit}"
    return f"{count / 1e3:.1f} kB"


EXAMPLES = {
    "a laptop: 60 clips, one small model": Wish(
        clips=60, models=1, gpus=1, items_per_second=10.0, clip_megabytes=0.2
    ),
    "a laboratory: EmoReAlM, 20 models of 7B, 8 GPUs": Wish(
        clips=2649, questions_per_clip=4000 / 2649, models=20
    ),
    "a cloud: a million clips, 100 models of 7B, 64 GPUs": Wish(gpus=64),
}


def main() -> None:
    """Print what the wish on the command line needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    for field in fields(Wish):
        default = field.default
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=type(default), default=default, metavar="N"
        )
    for name, text in needs(Wish(**vars(parser.parse_args()))):
        print(f"{name:45}{text:>24}")


if __name__ == "__main__":
    main()
