"""What towers make of pictures and sounds: each encoded once, and put in its places."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Protocol, TypeVar

import torch

Encoded = tuple[torch.Tensor, ...]
"""A picture or a sound as the language model reads it: ``(tokens, width)`` embeddings, then what
is added to them after the first layer, the second and so on, where a family has that."""


class Encodable(Protocol):
    """A picture or a sound, ready for its tower."""

    @property
    def hash(self) -> str:
        """Over all that the tower sees of it."""


Media = TypeVar("Media", bound=Encodable)


def encode_once(
    media: Sequence[Media],
    encode: Callable[[Sequence[Media]], list[Encoded]],
    known: MutableMapping[str, Encoded] | None = None,
) -> list[Encoded]:
    """Encode each distinct picture or sound once; give the results in the order asked for.

    Args:
        media: Pictures or sounds, some perhaps several times.
        encode: Runs the tower over distinct ones.
        known: Results kept from earlier calls, to be used and added to. What is kept is encoded
            on its own, so that it does not depend on what it came with.
    """
    distinct = {one.hash: one for one in media}
    if known is None:
        results = dict(zip(distinct, encode(list(distinct.values())), strict=True))
    else:
        results = {}
        for name, one in distinct.items():
            found = known.get(name)
            results[name] = encode([one])[0] if found is None else found
            known[name] = results[name]
    return [results[one.hash] for one in media]


def fill_places(
    embedded: torch.Tensor, places: torch.Tensor, features: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Put features, ``(tokens, width)`` each, into places ``(rows, length)`` in their order."""
    if not features:
        return embedded
    wide = places.unsqueeze(-1).expand_as(embedded)
    return embedded.masked_scatter(wide, torch.cat(list(features)).to(embedded.dtype))
