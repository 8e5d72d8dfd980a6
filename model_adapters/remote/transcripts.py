"""What is said in the clips, given to a model as words beside or in the place of the sound.

The transcripts are the user's own, in a file that names clips as the data set
does: a JSON object of clip to text, or a CSV file with the columns ``clip`` and
``text``. They are other people's words, so they stand in the prompt as data.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.file_names import one_form
from emoreal_bench.identity import hash_text
from emoreal_bench.model_adapters.remote.media import EncodedClip, media_wanted
from emoreal_bench.parsing import parse_json
from emoreal_bench.prompting import quoted, whole_characters

MOST_CHARACTERS = 4_000
"""Of one transcript; far more than anybody says in the length of a clip."""

GIVEN_NOTE = "a transcript was given as text"
ABSENT_NOTE = "no transcript for this clip"
CUT_NOTE = f"the transcript was cut to {MOST_CHARACTERS} characters"

_FALSIFYING = frozenset({Alteration.MUTE, Alteration.NOISE, Alteration.SWAP})
"""With these a transcript would say what the sound no longer does."""

_REMEDY = (
    'Give a JSON object of clip to text, {"clip.mp4": "..."}, in a file that ends in .json, or a '
    "CSV file with the columns clip and text, in one that ends in .csv."
)


@dataclass(frozen=True, slots=True)
class Transcripts:
    """The transcripts of a file.

    Attributes:
        path: The file, for errors.
        hash: Of its bytes.
        texts: By clip, as the data set names it, in one Unicode form.
    """

    path: Path
    hash: str
    texts: Mapping[str, str]

    def text_of(self, clip: str) -> str | None:
        """Return the transcript of a clip, None if there is none; names are Unicode of any form."""
        return self.texts.get(one_form(clip))

    def check_clips(self, clips: Collection[str], wanted: MediaWanted) -> None:
        """Check that there is a use for the transcripts in a run.

        Args:
            clips: Keys of the clips that are asked about.
            wanted: What is given of each.

        Raises:
            UsageError: If the sound is altered, or no clip has a transcript.
        """
        if Modality.AUDIO not in wanted.modalities:
            return
        if wanted.alteration in _FALSIFYING:
            raise UsageError(
                f"Transcripts do not go with the alteration {wanted.alteration}: they say what "
                "the altered sound does not.",
                where=str(self.path),
                remedy="Leave out one of the two.",
            )
        if not any(self.text_of(clip) is not None for clip in clips):
            raise UsageError(
                f"None of the {len(clips)} clips that are asked about has a transcript here.",
                where=str(self.path),
                remedy=f"Name the clips as the data set does, such as '{min(clips, default='')}'; "
                f"the file names '{min(self.texts, default='none')}'.",
            )


def read_transcripts(path: Path) -> Transcripts:
    """Read a file of transcripts.

    Raises:
        UsageError: If it cannot be read or is no such file.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        parse = _parse_csv if path.suffix.lower() == ".csv" else _parse_json
        pairs = [(one_form(clip), said) for clip, said in parse(text.removeprefix("\ufeff"))]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"The transcripts cannot be read: {why}.", where=str(path), remedy=_REMEDY
        ) from error
    twice = sorted(clip for clip, count in Counter(clip for clip, _ in pairs).items() if count > 1)
    if twice:
        raise UsageError(
            f"The clip '{twice[0]}' has more than one transcript.",
            where=str(path),
            remedy="Leave one.",
        )
    return Transcripts(path, hash_text(text), dict(pairs))


def _parse_json(text: str) -> Iterator[tuple[str, str]]:
    # As pairs, since a mapping would keep only the last of two entries of a clip.
    entries = parse_json(text, object_pairs=list)
    if not isinstance(entries, list) or not all(isinstance(entry, tuple) for entry in entries):
        raise ValueError("it holds no JSON object")
    for clip, transcript in entries:
        if not isinstance(transcript, str):
            raise ValueError(f"the entry of '{clip}' is no text")
        yield clip, transcript


def _parse_csv(text: str) -> Iterator[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if not {"clip", "text"} <= set(rows.fieldnames or ()):
        raise ValueError("its first line does not name the columns clip and text")
    for row in rows:
        # A comma outside quotation marks would end the text without a word.
        if row["text"] is None or None in row:
            raise ValueError(f"line {rows.line_num} has not as many fields as the first")
        yield row["clip"], row["text"]


TranscriptFile = Annotated[
    Transcripts,
    BeforeValidator(lambda path: read_transcripts(Path(str(path)))),
    # The identity of a model has the file's contents in it, not its place.
    PlainSerializer(lambda transcripts: transcripts.hash, return_type=str),
]
"""The type of an argument that names a file of transcripts."""


def add_transcripts(
    request: Request, clips: Mapping[str, EncodedClip], transcripts: Transcripts
) -> dict[str, EncodedClip]:
    """Put the transcript of each clip whose sound a request speaks of beside that sound.

    A transcript is words: it is never counted as sound.

    Args:
        request: Names the clips.
        clips: As encoded; a clip that is not there has only its transcript.
        transcripts: By the same keys.
    """
    told = dict(clips)
    for key, wanted in media_wanted(request).items():
        if Modality.AUDIO in wanted:
            told[key] = _add_transcript(told.get(key, EncodedClip()), transcripts.text_of(key))
    return told


def _add_transcript(clip: EncodedClip, text: str | None) -> EncodedClip:
    if text is None:
        return replace(clip, notes=(*clip.notes, ABSENT_NOTE))
    plain = _plain(text)
    notes = (GIVEN_NOTE,) if len(plain) <= MOST_CHARACTERS else (GIVEN_NOTE, CUT_NOTE)
    words = json.dumps(quoted(plain[:MOST_CHARACTERS]), ensure_ascii=False)
    piece = f"Transcript of the clip's sound: {words}\n"
    return replace(clip, sound=(*clip.sound, piece), notes=(*clip.notes, *notes))


def _plain(text: str) -> str:
    """Put text on one line, without control characters."""
    whole = whole_characters(text)
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in whole).split())
