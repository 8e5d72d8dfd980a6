"""Which prompts of a batch begin alike, so that the network reads their beginning once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Prompts that begin with the same tokens and the same clips.

    Attributes:
        members: Places in the batch.
        length: Tokens that they share; less than the shortest of them.
    """

    members: tuple[int, ...]
    length: int


def find_shared_prefixes(
    prompts: Sequence[Sequence[int]], media: Sequence[Hashable], media_tokens: frozenset[int]
) -> list[SharedPrefix]:
    """Group the prompts of a batch by the clips that they begin with.

    A prompt stays alone, all but its last token, if nobody else asks about its
    clips or if a clip stands where prompts already differ.

    Args:
        prompts: Token ids of each prompt.
        media: What stands for each prompt's clips; equal for equal clips. A
            false value is a prompt without clips, which is not worth sharing.
        media_tokens: Ids that clips take the place of.
    """
    by_media: dict[Hashable, list[int]] = {}
    for place, clips in enumerate(media):
        by_media.setdefault(clips or (None, place), []).append(place)
    groups: list[SharedPrefix] = []
    for members in by_media.values():
        length = _common_length([prompts[place] for place in members])
        if any(media_tokens.intersection(prompts[place][length:]) for place in members):
            groups.extend(SharedPrefix((place,), len(prompts[place]) - 1) for place in members)
        else:
            groups.append(SharedPrefix(tuple(members), length))
    return groups


def _common_length(prompts: Sequence[Sequence[int]]) -> int:
    """Count the tokens with which all begin, leaving each at least its last."""
    # What the first and the last in order share, all share.
    first, last = min(prompts, key=tuple), max(prompts, key=tuple)
    limit = min(map(len, prompts)) - 1
    return next((place for place in range(limit) if first[place] != last[place]), limit)
