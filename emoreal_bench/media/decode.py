"""Turns one clip into frames and a waveform, reading each of its files once.

The packets of a file are read first, which costs little and says exactly when
each frame is shown. From these times the wanted frames are chosen; then all
packets are decoded, and only the wanted frames are scaled and converted. What
the header states, such as a number of frames, is never trusted.
"""

from __future__ import annotations

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.container import open_file, read_packets
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.picture import Picture, decode_picture
from emoreal_bench.media.sound import Sound, decode_sound


def decode_clip(clip: Clip, wanted: MediaWanted, *, key: str, limits: DecodeLimits) -> ClipMedia:
    """Decode what is wanted of a clip, unaltered.

    A modality that the clip does not have is an ordinary value: None, and a
    note. A file that ends early or stops decoding midway is damaged, however
    much of it could be shown, because fewer frames than the data set's owner
    saw would be another question.

    Args:
        clip: The clip. If it names a file with the sound, the sound comes from there.
        wanted: Modalities, frames and sound; its alteration is ignored here.
        key: Identity of the result, see :func:`emoreal_bench.identity.media_key`.
        limits: Bounds on time and size; the memory limit holds in worker processes only.

    Raises:
        MediaError: If there is no usable clip, or a limit is passed.
    """
    deadline = Deadline(clip.video, limits.seconds)
    wants_picture = Modality.VIDEO in wanted.modalities
    wants_sound = Modality.AUDIO in wanted.modalities
    picture, sound, seconds = Picture(), Sound(), 0.0
    if wants_picture or (wants_sound and clip.audio is None):
        with open_file(clip.video) as container:
            tracks = read_packets(container, clip.video, limits, deadline)
            if wants_picture:
                picture = decode_picture(tracks.picture, wanted, clip.video, limits, deadline)
            if wants_sound and clip.audio is None:
                sound = decode_sound(tracks.sound, wanted, clip.video, deadline)
            seconds = tracks.seconds()
    if wants_sound and clip.audio is not None:
        with open_file(clip.audio) as container:
            tracks = read_packets(container, clip.audio, limits, deadline)
            sound = decode_sound(tracks.sound, wanted, clip.audio, deadline)
            seconds = max(seconds, tracks.seconds())
    return ClipMedia(
        key=key,
        # A file whose sound lies elsewhere must not be sent whole: its own sound is another.
        path=clip.video if clip.audio is None else None,
        frames=picture.frames,
        timestamps=picture.timestamps,
        waveform=sound.waveform,
        sample_rate=wanted.sample_rate,
        duration=seconds,
        notes=picture.notes + sound.notes,
    )
