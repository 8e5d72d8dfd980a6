"""What a user chooses of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from emoreal_bench.contracts.errors import UsageError


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How a run is spread over a Ray cluster.

    Attributes:
        address: Of the cluster, ``host:port`` or ``auto``; None starts one on this
            machine, which listens on the loopback interface and ends with the run.
        copies: How many copies of the model are held.
        gpus: GPUs of each copy; a fraction shares one.
        cpus: CPUs of each copy.
        ship_clips: Send clips to the machines instead of letting them read the paths.
        place_seconds: How long to wait until a copy finds room.

    Raises:
        UsageError: If a number is out of its range.
    """

    address: str | None = None
    copies: int = 1
    gpus: float = 0.0
    cpus: float = 1.0
    ship_clips: bool = False
    place_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise UsageError(f"The number of copies must be 1 or more, not {self.copies}.")
        if self.gpus < 0 or self.cpus < 0 or self.place_seconds <= 0:
            raise UsageError(
                "GPUs and CPUs of a copy must not be negative, and the wait must be above 0."
            )

    @property
    def needs(self) -> str:
        """What one copy asks for, in words."""
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU"


def parse_per_copy(text: str) -> dict[str, float]:
    """Read the value of ``--per-copy``.

    Args:
        text: ``gpus=1,cpus=4``; either may be left out.

    Raises:
        UsageError: If it is none of this.
    """
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if name not in ("gpus", "cpus") or name in found or not 0 <= value < float("inf"):
            raise UsageError(
                f"--per-copy does not take '{part}'.",
                remedy="Give what each copy needs, for example gpus=1,cpus=4.",
            )
        found[name] = value
    return found
