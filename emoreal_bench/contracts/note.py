"""Notes on a clip, each of a fixed kind with its numbers.

A note is kept as its text, so that every log and every adapter can hold it; its
kind can be told from the text, so that a run counts notes that differ in their
numbers as one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache


class NoteKind(StrEnum):
    """What can be noted on a decoded clip: the text, with places for its numbers."""

    NO_PICTURE = "clip has no picture"
    NO_SOUND = "clip has no sound"
    PACKETS_WITHOUT_FRAMES = "clip holds {:d} packets of picture and shows {:d} frames"
    FEW_FRAMES = "clip has fewer frames ({:d}) than wanted ({:d}); they repeat"
    UNEVEN_FRAMES = "frames are unevenly spaced; sampled by time"
    DECODING_ERRORS = "a sampled frame has decoding errors"
    PICTURE_LATE = "picture starts {:.2f} s after the sound; nothing stands before it"
    PICTURE_CHOSEN = "picture is track {:d} of {:d}"
    PIXELS_NOT_SQUARE = "pixels are not square ({:d}:{:d}); frames are as wide as shown"
    SIZE_CHANGES = "picture changes its size midway; all frames have that of the first"
    PROGRAM_CHOSEN = "picture and sound are of program {:d} of {:d}"
    JOINED = "the file is {:d} recordings joined; each goes on where the one before it ends"
    SOUND_CUT = "sound cut after {:g} s"
    SOUND_LATE = "sound starts {:.2f} s after the picture; silence stands before it"
    SOUND_INTERRUPTED = "sound is interrupted for {:.2f} s; silence stands there"
    SOUND_OVERLAPS = "sound overlaps itself by {:.2f} s; it follows on instead"
    SOUND_CHOSEN = "sound is track {:d} of {:d}"
    SOUND_SILENT = "sound is silent ({:.1f} dBFS)"
    OTHER_SOUND = "sound track {:d} of {:d} is left out, and it sounds ({:.1f} dBFS)"
    CHANNEL_LEFT_OUT = "channel {:d} of {:d} is left out ({:.1f} dBFS); the first has {:.1f} dBFS"
    MIX_QUIET = "the mean of {:d} channels has {:.1f} dBFS; the loudest has {:.1f} dBFS"

    def text(self, *numbers: float) -> str:
        """Return the note with its numbers."""
        return self.value.format(*numbers)

    @property
    def without_numbers(self) -> str:
        """The note for clips whose numbers differ."""
        return _PLACE.sub("\N{HORIZONTAL ELLIPSIS}", self.value)


_PLACE = re.compile(r"\{[^}]*\}")
_NUMBER = r"-?[0-9.e+-]+"
_TEXTS: Mapping[NoteKind, re.Pattern[str]] = {
    kind: re.compile(_NUMBER.join(re.escape(part) for part in _PLACE.split(kind.value)))
    for kind in NoteKind
}


@lru_cache(maxsize=4096)  # The same notes stand at many items.
def note_kind(text: str) -> NoteKind | None:
    """Return the kind of a note; None for one that is not on a clip, such as an adapter's."""
    return next((kind for kind, pattern in _TEXTS.items() if pattern.fullmatch(text)), None)


class NoteTally:
    """Counts notes; those of one kind are one, however many numbers they hold."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._texts: dict[str, str | None] = {}

    def add(self, notes: Iterable[str]) -> None:
        """Count the notes on one item or clip, each kind once."""
        kinds = {note_kind(note) or note: note for note in notes}
        self._counts.update(kinds.keys())
        for kind, text in kinds.items():
            if self._texts.setdefault(kind, text) != text:
                self._texts[kind] = None

    def counts(self) -> dict[str, int]:
        """Return how many items have each note, which has its numbers if all have the same."""
        found = {self._text(kind): count for kind, count in self._counts.items()}
        return dict(sorted(found.items()))

    def _text(self, kind: str) -> str:
        text = self._texts[kind]
        return NoteKind(kind).without_numbers if text is None else text
