"""The altered inputs of pairs: whose clip takes the place, and how it is put there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.preference import CLIP_MODALITIES, AlteredInput, PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.identity import hash_json
from emoreal_bench.media.alter import alter
from emoreal_bench.preferences.building.facts import Fact, fact

Lengths = Callable[[Sequence[str]], Mapping[str, float]]
"""Gives the lengths of clips in seconds."""


class PartnerFinder:
    """Finds, for a clip, the one nearest to it in length that fits.

    Args:
        lengths: Of every clip, in seconds, by its key.
    """

    def __init__(self, lengths: Mapping[str, float]):
        self._lengths = lengths
        self._order = sorted(lengths, key=self._place)

    def nearest(self, clip: str, fits: Callable[[str], bool]) -> str | None:
        """Return the other clip nearest in length of which ``fits`` is true, if there is one."""
        length = self._lengths[clip]
        above = bisect_left(self._order, self._place(clip), key=self._place)
        below = above - 1
        while below >= 0 or above < len(self._order):
            if above >= len(self._order):
                below, candidate = below - 1, self._order[below]
            elif below < 0 or self._gap(above, length) <= self._gap(below, length):
                above, candidate = above + 1, self._order[above]
            else:
                below, candidate = below - 1, self._order[below]
            if candidate != clip and fits(candidate):
                return candidate
        return None

    def _place(self, clip: str) -> tuple[float, str]:
        return self._lengths[clip], clip

    def _gap(self, position: int, length: float) -> float:
        return abs(self._lengths[self._order[position]] - length)


def altered_input(
    alteration: Alteration, modality: Modality | None, partner: str | None, seed: int
) -> AlteredInput:
    """Describe the altered input of a question.

    Args:
        alteration: Swap, noise, or blank or mute: either stands for the one that
            fits the modality. A swap without a partner becomes that, too.
        modality: What the question asks about; None for both, which are swapped
            or become noise.
        partner: The clip for a swap.
        seed: Of the noise.
    """
    modalities = CLIP_MODALITIES if modality is None else (modality,)
    if alteration is Alteration.SWAP and partner is not None:
        return AlteredInput(modalities=modalities, alteration=alteration, partner=partner)
    if alteration is Alteration.NOISE or modality is None:
        return AlteredInput(modalities=modalities, alteration=Alteration.NOISE, seed=seed)
    absent = Alteration.BLANK if modality is Modality.VIDEO else Alteration.MUTE
    return AlteredInput(modalities=modalities, alteration=absent)


def with_altered_inputs(
    pairs: Sequence[PreferencePair], lengths: Lengths, alteration: Alteration
) -> tuple[PreferencePair, ...]:
    """Return pairs altered inputs: for a swap the nearest clip in length that differs in emotion.

    Args:
        pairs: Pairs that name their emotions.
        lengths: Of the clips; asked for only where they are swapped.
        alteration: Of the inputs.
    """
    of_clips = {pair.clip: fact(pair, Fact.EMOTION) for pair in pairs}
    # Face and voice may convey two emotions, so a modality's own goes first.
    emotions = {(pair.clip, pair.modality): fact(pair, Fact.EMOTION) for pair in pairs}
    clips = list(dict.fromkeys(pair.clip for pair in pairs))
    finder = PartnerFinder(lengths(clips)) if alteration is Alteration.SWAP else None

    def altered(pair: PreferencePair, position: int) -> AlteredInput:
        def differs(clip: str) -> bool:
            other = emotions.get((clip, pair.modality), of_clips[clip])
            return other is not None and other != fact(pair, Fact.EMOTION)

        partner = None if finder is None else finder.nearest(pair.clip, differs)
        return altered_input(alteration, pair.modality, partner, position)

    return tuple(
        PreferencePair.model_validate({**dict(pair), "altered": altered(pair, position)})
        for position, pair in enumerate(pairs)
    )


def alter_clip(
    media: ClipMedia, altered: AlteredInput, partner: ClipMedia | None = None
) -> ClipMedia:
    """Make the altered input of a pair from its decoded clip.

    Args:
        media: The pair's clip. It is not changed.
        altered: What to replace, and by what.
        partner: The decoded partner, for a swap.

    Returns:
        The clip with the named modalities replaced and the others as they were,
        under a key of its own and without a path.

    Raises:
        ValueError: If a swap has no partner.
    """
    other = alter(media, altered.alteration, altered.seed, partner)
    identity = [media.key, altered.model_dump(mode="json"), partner and partner.key]
    replaced = replace(media, key=hash_json(identity), path=None, notes=other.notes)
    if Modality.VIDEO in altered.modalities:
        replaced = replace(replaced, frames=other.frames, timestamps=other.timestamps)
        replaced = replace(replaced, picture_start=other.picture_start)
    if Modality.AUDIO in altered.modalities:
        replaced = replace(replaced, waveform=other.waveform, sample_rate=other.sample_rate)
    return replaced
