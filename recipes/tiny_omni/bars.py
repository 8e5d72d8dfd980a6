"""What a base must be like: misled as planned, no further, and perceiving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emoreal_bench.contracts.preference import CLIP_MODALITIES


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a base, as shares; each modality must pass by itself.

    Attributes:
        habit: Least share of traps affirmed, of emotions with a planted habit.
        free: Most share of traps affirmed, of the other emotions.
        perception: Least balanced accuracy on neutral questions.
        agreement: Least balanced accuracy on agreement.
        basic: Least share of four-way questions that are right.
    """

    habit: float = 0.9
    free: float = 0.15
    perception: float = 0.9
    agreement: float = 0.75
    basic: float = 0.9


def missed_bars(found: Mapping[str, float], bars: Bars) -> list[str]:
    """Say which bars figures miss; none if the base is as it should be.

    Args:
        found: Of :func:`recipes.tiny_omni.direct.figures`.
        bars: To be passed.
    """
    least = {"agreement": bars.agreement}
    most = {}
    for modality in CLIP_MODALITIES:
        least |= {f"trap_habit_{modality}": bars.habit, f"perception_{modality}": bars.perception}
        least[f"basic_{modality}"] = bars.basic
        most[f"trap_free_{modality}"] = bars.free
    # A share of nothing is no number, and passes no bar.
    low = [
        f"{name} {found[name]:.3f} < {bar}" for name, bar in least.items() if not found[name] >= bar
    ]
    high = [
        f"{name} {found[name]:.3f} > {bar}" for name, bar in most.items() if not found[name] <= bar
    ]
    return low + high
