"""One part of a run, where several machines deal the clips among themselves.

Every part plans the whole run, so that all have its identity; it asks only the clips that
fall to it by the hash of their keys, and :mod:`emoreal_bench.running.merging` joins the logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import ClipsOnDemand
from emoreal_bench.contracts.run_record import AskedShard
from emoreal_bench.identity import shard_number
from emoreal_bench.running.plan import Plan

_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_REMEDY = "Name one of n shards as i/n, i from 1 to n: 2/4 is the second of four."


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of a run to ask.

    Attributes:
        number: From 1.
        of: How many parts there are.

    Raises:
        UsageError: If there is no such part.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"There is no shard {self.number}/{self.of}.", remedy=_REMEDY)


def parse_shard(text: str) -> Shard:
    """Read the value of ``--shard``.

    Args:
        text: The number of the shard and how many there are, such as ``2/4``.

    Raises:
        UsageError: If it is none.
    """
    found = _SHARD.fullmatch(text)
    if found is None:
        raise UsageError(f"--shard does not take '{text}'.", remedy=_REMEDY)
    return Shard(int(found[1]), int(found[2]))


def take_shard(plan: Plan, shard: Shard) -> Plan:
    """Return the plan of the same run, of which only the clips of a shard are asked."""
    groups = {
        clip: group
        for clip, group in plan.groups.items()
        if shard_number(clip, shard.of) == shard.number
    }
    asked = AskedShard(number=shard.number, of=shard.of, items=sum(map(len, groups.values())))
    return replace(plan, groups=groups, shard=asked)


def only_asked(plan: Plan) -> Plan:
    """Return a plan of nothing but what a shard asks, to look at before the run."""
    return replace(
        plan,
        items=[plan.items[position] for group in plan.groups.values() for position in group],
        clips=ClipsOnDemand(plan.groups, plan.clips.__getitem__),
        clip_hashes={clip: plan.clip_hashes[clip] for clip in plan.groups},
    )
