"""Puts decoded sound where it belongs in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.media.container import SAME_TIME_SECONDS


class Timeline:
    """Resamples sound and says where silence has to stand, so that the rest keeps its time.

    Args:
        start: When the clip begins, in the times of the file; None to begin with the
            sound's own first sample.
        sample_rate: Of the result, in Hz.
        make_resampler: Makes what resamples one stretch of uninterrupted sound.

    Attributes:
        late: Seconds of silence before the sound.
        interrupted: Seconds of silence within it.
        overlap: Seconds by which times go back; what has such a time follows on.
        has_sound: Whether there was a sample.
    """

    def __init__(
        self, start: float | None, sample_rate: int, make_resampler: Callable[[], AudioResampler]
    ):
        self._start = start
        self._sample_rate = sample_rate
        self._make_resampler = make_resampler
        self._expected: float | None = None
        self.late = self.interrupted = self.overlap = 0.0
        self.has_sound = False

    def place(self, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame | int]:
        """Yield the sound in order, and in between the number of samples that are silent."""
        resampler: AudioResampler | None = None
        for frame in frames:
            self.has_sound = True
            silence = self._silence_before(frame)
            if silence:
                if resampler is not None:
                    yield from resampler.resample(None)
                resampler = None
                yield silence
            resampler = resampler or self._make_resampler()
            yield from resampler.resample(frame)
        if resampler is not None:
            yield from resampler.resample(None)

    def notes(self) -> Iterator[str]:
        """Yield what is to be noted of the times."""
        if self.late:
            yield NoteKind.SOUND_LATE.text(self.late)
        if self.interrupted:
            yield NoteKind.SOUND_INTERRUPTED.text(self.interrupted)
        if self.overlap:
            yield NoteKind.SOUND_OVERLAPS.text(self.overlap)

    def _silence_before(self, frame: AudioFrame) -> int:
        """Return the samples of silence before a frame, and move on to its end."""
        time = frame.time
        before = self._start if self._expected is None else self._expected
        lag = 0.0 if time is None or before is None else time - before
        is_apart = abs(lag) > SAME_TIME_SECONDS
        if is_apart and lag > 0 and self._expected is None:
            self.late = lag
        elif is_apart and lag > 0:
            self.interrupted += lag
        elif is_apart and self._expected is not None:
            self.overlap -= lag
        # Small steps are not mended, and add up until they are apart.
        begins = time if self._expected is None or is_apart else self._expected
        self._expected = (begins or 0.0) + frame.samples / frame.sample_rate
        return round(lag * self._sample_rate) if is_apart and lag > 0 else 0
