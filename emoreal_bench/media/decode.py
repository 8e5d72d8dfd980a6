"""Turns one clip into frames and a waveform, reading each of its files once.

The packets of a file are read first, which costs little and says exactly when
each frame is shown. From these times the wanted frames are chosen; then all
packets are decoded, and only the wanted frames are scaled and converted. What
the header states, such as a number of frames, is never trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.note import NoteKind, note_kind
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import hash_json
from emoreal_bench.media.container import Tracks, open_file, read_packets
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.picture import Picture, decode_picture
from emoreal_bench.media.sound import Sound, decode_sound, describe_others

_CHANGED_IN: Mapping[NoteKind, int] = MappingProxyType(
    {
        NoteKind.PICTURE_LATE: 2,
        NoteKind.PICTURE_CHOSEN: 2,
        NoteKind.SOUND_LATE: 2,
        NoteKind.SOUND_INTERRUPTED: 2,
        NoteKind.SOUND_CHOSEN: 2,
        NoteKind.PIXELS_NOT_SQUARE: 3,
        NoteKind.PROGRAM_CHOSEN: 3,
        NoteKind.JOINED: 3,
    }
)
"""Clips with such a note were given otherwise before this version of decoding."""

_AS_SHOWN = frozenset({NoteKind.PIXELS_NOT_SQUARE, NoteKind.SIZE_CHANGES, NoteKind.JOINED})
"""A service might read the file of a clip with such a note in another way."""


def decode_clip(clip: Clip, wanted: MediaWanted, *, key: str, limits: DecodeLimits) -> ClipMedia:
    """Decode what is wanted of a clip, unaltered.

    A modality that the clip does not have is an ordinary value: None, and a
    note. Picture and sound keep their times: what begins later or is interrupted
    has silence, or no frame, in its place. A file that ends early or stops decoding
    midway is damaged, however much of it could be shown, because fewer frames than
    the data set's owner saw would be another question.

    Args:
        clip: The clip. If it names a file with the sound, the sound comes from there.
        wanted: Modalities, frames and sound; its alteration is ignored here.
        key: Identity of the result, see :func:`emoreal_bench.identity.media_key`. A clip
            that an earlier version of decoding gave otherwise gets one made of it, so
            that no reply to what it was then stands for what it is now.
        limits: Bounds on time and size; the memory limit holds in worker processes only.

    Raises:
        MediaError: If there is no usable clip, or a limit is passed.
    """
    deadline = Deadline(clip.video, limits.seconds)
    wants_picture = Modality.VIDEO in wanted.modalities
    wants_sound = Modality.AUDIO in wanted.modalities
    picture, sound, seconds, delay, is_alone = Picture(), Sound(), 0.0, 0.0, True
    notes: tuple[str, ...] = ()
    if wants_picture or (wants_sound and clip.audio is None):
        with open_file(clip.video) as container:
            tracks = read_packets(container, clip.video, limits, deadline)
            delay = tracks.picture_delay()
            if wants_picture:
                shown = tracks.picture
                picture = decode_picture(shown, delay, wanted, clip.video, limits, deadline)
            if wants_sound and clip.audio is None:
                sound = _decode_sound(tracks, wanted, clip.video, deadline)
            seconds, is_alone, notes = tracks.seconds(), tracks.is_alone(), tracks.notes
    if wants_sound and clip.audio is not None:
        with open_file(clip.audio) as container:
            tracks = read_packets(container, clip.audio, limits, deadline)
            sound = _decode_sound(tracks, wanted, clip.audio, deadline)
            seconds, notes = max(seconds, tracks.seconds()), notes + tracks.notes
            is_alone &= tracks.is_alone()
    if seconds == 0.0 and picture.frames is None and sound.waveform is None:
        raise MediaError(MediaProblem.NO_STREAMS, "holds no picture and no sound", str(clip.video))
    notes = tuple(dict.fromkeys(notes + picture.notes + sound.notes))
    kinds = {kind for note in notes if (kind := note_kind(note)) is not None}
    version = max((_CHANGED_IN.get(kind, 1) for kind in kinds), default=1)
    return ClipMedia(
        key=hash_json([version, key]) if version > 1 else key,
        # A file whose sound lies elsewhere must not be sent whole: its own sound is another.
        # Nor may one of which a service could take another track, or another shape.
        path=clip.video if clip.audio is None and is_alone and not kinds & _AS_SHOWN else None,
        frames=picture.frames,
        timestamps=picture.timestamps,
        waveform=sound.waveform,
        sample_rate=wanted.sample_rate,
        duration=seconds,
        notes=notes,
        picture_start=delay,
    )


def _decode_sound(tracks: Tracks, wanted: MediaWanted, path: Path, deadline: Deadline) -> Sound:
    sound = decode_sound(tracks.sound, tracks.picture_start(), wanted, path, deadline)
    if not any(note_kind(note) is NoteKind.SOUND_SILENT for note in sound.notes):
        return sound
    others = describe_others(tracks.other_sounds, wanted, path, deadline)
    return replace(sound, notes=(*sound.notes, *others))
