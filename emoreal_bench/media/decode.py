"""Turns one clip into frames and a waveform, reading each of its files once.

The packets of a file are read first, which costs little and says exactly when
each frame is shown. From these times the wanted frames are chosen; then all
packets are decoded, and only the wanted frames are scaled and converted. What
the header states, such as a number of frames, is never trusted.
"""

from __future__ import annotations

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MEDIA_VERSION, ClipMedia, MediaWanted
from emoreal_bench.contracts.note import NoteKind, note_kind
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import hash_json
from emoreal_bench.media.container import open_file, read_packets
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.picture import Picture, decode_picture
from emoreal_bench.media.sound import Sound, decode_sound

_CHANGED_SINCE_VERSION_1 = frozenset(
    {
        NoteKind.PICTURE_LATE,
        NoteKind.PICTURE_CHOSEN,
        NoteKind.SOUND_LATE,
        NoteKind.SOUND_INTERRUPTED,
        NoteKind.SOUND_CHOSEN,
    }
)
"""Clips with such a note were given otherwise by version 1 of decoding."""


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
    if wants_picture or (wants_sound and clip.audio is None):
        with open_file(clip.video) as container:
            tracks = read_packets(container, clip.video, limits, deadline)
            delay = tracks.picture_delay()
            if wants_picture:
                picture = decode_picture(
                    tracks.picture, delay, wanted, clip.video, limits, deadline
                )
            if wants_sound and clip.audio is None:
                start = tracks.picture_start()
                sound = decode_sound(tracks.sound, start, wanted, clip.video, deadline)
            seconds, is_alone = tracks.seconds(), tracks.is_alone()
    if wants_sound and clip.audio is not None:
        with open_file(clip.audio) as container:
            tracks = read_packets(container, clip.audio, limits, deadline)
            start = tracks.picture_start()
            sound = decode_sound(tracks.sound, start, wanted, clip.audio, deadline)
            seconds = max(seconds, tracks.seconds())
            is_alone &= tracks.is_alone()
    if seconds == 0.0 and picture.frames is None and sound.waveform is None:
        raise MediaError(MediaProblem.NO_STREAMS, "holds no picture and no sound", str(clip.video))
    notes = picture.notes + sound.notes
    return ClipMedia(
        key=hash_json([MEDIA_VERSION, key]) if _is_changed(notes) else key,
        # A file whose sound lies elsewhere must not be sent whole: its own sound is another.
        # Nor may one of which a service could take another track.
        path=clip.video if clip.audio is None and is_alone else None,
        frames=picture.frames,
        timestamps=picture.timestamps,
        waveform=sound.waveform,
        sample_rate=wanted.sample_rate,
        duration=seconds,
        notes=notes,
        picture_start=delay,
    )


def _is_changed(notes: tuple[str, ...]) -> bool:
    return any(note_kind(note) in _CHANGED_SINCE_VERSION_1 for note in notes)
