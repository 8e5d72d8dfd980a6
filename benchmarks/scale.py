"""What a run of any size needs: time, cores, storage, network and money.

Computes from the unit costs that the other benchmarks recorded, and from what the
reader says of clips, models and prices. ``docs/scale.md`` shows three examples.

Usage: python -m benchmarks.scale --clips 1000000 --models 100 --gpus 8
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LEAST, MOST = 1e-9, 1e15
"""What a number may be, zero aside; within them no result is beyond a float."""
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_BASE64 = 4 / 3
"""Bytes sent for a byte of a clip: requests are JSON, which holds files as base64."""


def recorded(name: str) -> dict[str, Any]:
    """Return a record of ``benchmarks/results``."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return record


def items_per_second(questions_per_clip: float) -> float:
    """Return the rate at which one GPU asks a 7B model that writes a letter.

    A question takes its own time and its part of the time of its clip, which is encoded once
    for all of its questions. Both follow from the two rates that were recorded.
    """
    rows = recorded("gpu")["models"][0]["rows"][:2]
    one, five = (1 / row["adapter"]["items_per_second"] for row in rows)
    assert [row["questions_per_clip"] for row in rows] == [1, 5], "as they were recorded"
    of_clip = (one - five) / (1 - 1 / 5)
    of_question = one - of_clip
    return float(1 / (of_question + of_clip / max(questions_per_clip, 1.0)))


def _decode_seconds() -> float:
    """Return what one process of the pool takes for a clip of four seconds in 640 x 360."""
    sizes = recorded("decode")["sizes"]
    times = next(one for one in sizes if one["size"] == "640x360")["milliseconds_per_clip"]
    alone = next(one for one in times if one["workers"] == 1)
    return float(alone["pool"]) / 1000


def _number(default: float | None, meaning: str, unit: str = "N", *, zero: bool = False) -> Any:
    """Return a field that the reader can set: its meaning, its unit, whether it may be zero."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "zero": zero})


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to run, and what a unit of it costs there.

    Each field says by itself what it means; ``--help`` lists them.
    """

    clips: int = _number(1_000_000, "clips of the data set")
    questions_per_clip: float = _number(4.0, "questions asked of each clip")
    models: int = _number(100, "local models, asked one after another", zero=True)
    services: int = _number(1, "models behind services, asked one after another", zero=True)
    clip_megabytes: float = _number(
        1.0,
        "size of a clip's file. A service is sent the clip again with each question, and as "
        "base64, which makes 4 bytes of 3",
        "MB",
    )
    gpus: int = _number(8, "GPUs, each with a copy of the model")
    items_per_second: float | None = _number(
        None,
        "questions that one copy answers in a second (default: measured with a model of 7B, by "
        f"the questions per clip: {items_per_second(1):.1f} at 1, {items_per_second(5):.1f} at 5)",
    )
    decode_seconds: float = _number(
        _decode_seconds(),
        "time that a core takes to decode a clip; 0 if a media cache holds it",
        "S",
        zero=True,
    )
    read_megabytes_per_second: float = _number(
        500.0, "speed at which one process reads and hashes the clips before each run", "MB/S"
    )
    bytes_per_item: int = _number(
        700, "bytes of a run folder for each question: a line of the plan, one of the log", "BYTES"
    )
    tokens_in: int = _number(
        2_500, "tokens of a request to a service, clip included", "TOKENS", zero=True
    )
    tokens_out: int = _number(5, "tokens of a service's reply", "TOKENS", zero=True)
    price_in: float = _number(1.0, "price of a million tokens in", "USD", zero=True)
    price_out: float = _number(4.0, "price of a million tokens out", "USD", zero=True)
    requests_per_minute: int = _number(1_000, "requests that the service allows in a minute")
    uplink_megabits: float = _number(1_000.0, "rate of the way to the service", "MBIT/S")

    @property
    def items(self) -> float:
        """Return the questions of one model."""
        return self.clips * self.questions_per_clip

    @property
    def rate(self) -> float:
        """Return the questions that all GPUs answer in a second."""
        one = self.items_per_second
        return self.gpus * (items_per_second(self.questions_per_clip) if one is None else one)


def needs(wish: Wish) -> Iterator[tuple[str, str]]:
    """Return what a wish needs, as names and texts."""
    clips_per_second = wish.rate / wish.questions_per_clip
    overhead, scoring = recorded("overhead"), recorded("scoring")
    driver = overhead["cpu_milliseconds_per_item"] / 1000 * wish.items
    memory = overhead["bytes_per_further_item"] * wish.items
    score = scoring["seconds"] / scoring["items"] * wish.items
    megabytes = wish.clips * wish.clip_megabytes
    yield "questions of one model", f"{wish.items:,.0f}"
    reading = duration(megabytes / wish.read_megabytes_per_second)
    yield "before each run or shard: reading all clips for the hash of the data", reading
    yield "local models: questions a second and GPU", f"{wish.rate / wish.gpus:,.1f}"
    yield "local models: time of one", duration(wish.items / wish.rate)
    yield "local models: time of all", duration(wish.models * wish.items / wish.rate)
    cores = clips_per_second * wish.decode_seconds
    yield "cores that decode, to keep the GPUs busy", f"{math.ceil(cores)}"
    per_gpu = cores / wish.gpus
    yield "of them for each GPU", f"{per_gpu:.1f}"
    yield "network to the clips", f"{8 * clips_per_second * wish.clip_megabytes:,.0f} Mbit/s"
    yield "storage of the clips", size(megabytes * 1e6)
    runs = wish.models + wish.services
    yield "storage of all runs", size(runs * wish.items * wish.bytes_per_item)
    yield "driver: CPU time of one run", duration(driver)
    yield "driver: memory of one run", size(memory)
    yield "scoring one run again", duration(score)
    yield from _needs_of_services(wish)


def _needs_of_services(wish: Wish) -> Iterator[tuple[str, str]]:
    sent = wish.items * wish.clip_megabytes * _BASE64
    upload = 8 * sent / wish.uplink_megabits
    seconds = max(60 * wish.items / wish.requests_per_minute, upload)
    tokens = wish.items * (wish.tokens_in * wish.price_in + wish.tokens_out * wish.price_out)
    yield "a service: upload", size(sent * 1e6)
    yield "a service: time of the upload alone", duration(upload)
    yield "a service: time of one model", duration(seconds)
    yield "a service: price of one model", price(tokens / 1e6)
    yield "services: how many models", f"{wish.services:,}"
    yield "services: time of all", duration(wish.services * seconds)
    yield "services: price of all", price(wish.services * tokens / 1e6)


def duration(seconds: float) -> str:
    """Return a time in the largest unit that leaves at least two of it."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return "under 0.1 seconds" if 0 < seconds < 0.1 else f"{seconds:.1f} seconds"


def size(count: float) -> str:
    """Return bytes in the largest unit that leaves at least one of it."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:,.1f} {unit}"
    return "under 0.1 kB" if 0 < count < 100 else f"{count / 1e3:.1f} kB"


def price(dollars: float) -> str:
    """Return a price, with its cents where they matter."""
    if 0 < dollars < 0.01:
        return "under 0.01 US dollars"
    return f"{dollars:,.2f} US dollars" if dollars < 10 else f"{dollars:,.0f} US dollars"


EXAMPLES = {
    "a laptop: 60 clips, one small model": Wish(
        clips=60, models=1, gpus=1, items_per_second=10.0, clip_megabytes=0.2, uplink_megabits=50.0
    ),
    "a laboratory: EmoReAlM, 20 models of 7B, 8 GPUs, 3 services": Wish(
        clips=2649, questions_per_clip=4000 / 2649, models=20, services=3
    ),
    "a cloud: a million clips, 100 models of 7B, 64 GPUs, 10 services": Wish(gpus=64, services=10),
}


class _Reader:
    """Reads a number of the command line.

    Args:
        about: The field that it is for.
    """

    def __init__(self, about: Field[Any]):
        self._is_whole = about.type == "int"
        self._may_be_zero = about.metadata["zero"]

    def __call__(self, text: str) -> float:
        try:
            value = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
        except ValueError:
            value = math.nan
        is_whole = not self._is_whole or value.is_integer()
        if not (is_whole and (LEAST <= value <= MOST or (self._may_be_zero and value == 0))):
            kind = "a whole number" if self._is_whole else "a number"
            least = "0 or more" if self._may_be_zero else "above 0"
            raise argparse.ArgumentTypeError(
                f"it takes {kind}, {least} and at most {MOST:.0e}, such as 200000, 200,000 or "
                f"2e5; not '{text}'"
            )
        return int(value) if self._is_whole else value


def read_wish(arguments: Sequence[str] | None = None) -> Wish:
    """Return the wish of a command line; None for that of this process."""
    summary, about, _ = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=f"{summary} {about}"
    )
    for one in fields(Wish):
        default = "" if one.default is None else f" (default: {one.default:,})"
        parser.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=_Reader(one),
            default=one.default,
            metavar=one.metadata["unit"],
            help=f"{one.metadata['meaning']}{default}",
        )
    return Wish(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Print what the wish on the command line needs."""
    for name, text in needs(read_wish()):
        print(f"{name:70}{text:>24}")


if __name__ == "__main__":
    main()
