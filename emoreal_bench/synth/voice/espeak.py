"""Speech by eSpeak NG, through the C interface of its library.

eSpeak NG is licensed under the GPL, version 3, and is not part of this project:
the optional package ``espeakng-loader`` brings the library and its voices.

The library keeps some state between utterances (phases of its oscillators) and
has no way to reset it, so what it says depends on what it said before. Every
sentence in every manner is therefore spoken once per process, all in one fixed
order, and kept: about 170 utterances in half a second and 30 MB.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock, current_thread, main_thread
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.scenes import SAMPLE_RATE
from emoreal_bench.synth.voice.speech import MANNERS, SENTENCES, SPEAKERS, Manner, Speaker

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

# From speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

_PITCH_FACTORS = (0.64, 0.75, 0.9, 1.0, 1.11, 1.38, 1.71)
_PITCH_SETTINGS = (0, 20, 40, 50, 60, 80, 99)
"""eSpeak NG's pitch setting for a factor on a voice's pitch at 50, as measured."""

_lock = Lock()


def spoken(speaker: Speaker, sentence: str, emotion: Emotion) -> Wave:
    """Speak one of the sentences with one of the voices, at 16 kHz.

    Raises:
        DataError: If the library cannot be started.
    """
    with _lock, _ctrl_c_held_back():
        return _all_spoken()[speaker.variant, sentence, emotion]


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let Ctrl-C wait for all sentences: in a callback it would be lost, and sound with it."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or current_thread() is not main_thread():
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


@lru_cache(maxsize=1)
def _all_spoken() -> Mapping[tuple[str, str, Emotion], Wave]:
    library = _Library()
    return {
        (speaker.variant, sentence, emotion): _resampled(
            library.say(speaker.variant, sentence, manner), library.sample_rate
        )
        for speaker in SPEAKERS
        for sentence in SENTENCES
        for emotion, manner in MANNERS.items()
    }


class _Library:
    """The loaded library, giving sound to a callback."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        voices = espeakng_loader.get_data_path().encode()
        self.sample_rate = int(
            self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, voices, 0)
        )
        if self.sample_rate <= 0:
            raise DataError(
                "eSpeak NG cannot be started.",
                where=espeakng_loader.get_library_path(),
                remedy="Install espeakng-loader again, or ask for wordless voices.",
            )
        self._pieces: list[NDArray[np.int16]] = []
        self._full_memory: MemoryError | None = None
        # The library keeps only the address, so the callback must live as long.
        self._callback = _CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
        if samples and count > 0:
            try:
                self._pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
            except MemoryError as error:  # What is raised here is lost; a 1 ends the sentence.
                self._full_memory = error
                return 1
        return 0

    def say(self, variant: str, sentence: str, manner: Manner) -> Wave:
        """Speak a sentence at the library's own sample rate."""
        self._pieces.clear()
        self._library.espeak_SetVoiceByName(variant.encode())
        pitch = round(float(np.interp(manner.pitch, _PITCH_FACTORS, _PITCH_SETTINGS)))
        for parameter, value in (
            (_RATE, manner.rate),
            (_VOLUME, 100),
            (_PITCH, pitch),
            (_RANGE, manner.melody),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        text = sentence.encode() + b"\0"
        self._library.espeak_Synth(text, len(text), 0, 1, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        if self._full_memory is not None:
            raise self._full_memory
        if not self._pieces:  # Nor was there memory to call back.
            raise MemoryError
        return np.concatenate(self._pieces).astype(np.float64) / 32768


def _resampled(wave: Wave, sample_rate: int) -> Wave:
    """Bring a wave to 16 kHz by cutting its spectrum, without the silence at both ends."""
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    wave = wave[loud[0] : loud[-1] + 1]
    size = round(len(wave) * SAMPLE_RATE / sample_rate)
    spectrum = np.fft.rfft(wave)[: size // 2 + 1]
    return np.fft.irfft(spectrum, size) * (size / len(wave))
