"""What happens in each clip, as pure data, and the plan that draws it.

A scene says which emotion the face and the voice convey, which cue each of them
shows, and what the picture on the wall and the radio show, which are not the
person's. The plan balances all of it, so that neither the words of a question
nor the other modality tells its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

import numpy as np

from emoreal_bench.synth.cues import (
    AUDIO_CUES,
    BOUND_SOUNDS,
    BOUND_THINGS,
    VISUAL_CUES,
    AudioCue,
    BackgroundSound,
    Emotion,
    VisibleThing,
    VisualCue,
)
from emoreal_bench.synth.dealing import Dealer
from emoreal_bench.synth.settings import SpeechEngine, Split, SynthSettings
from emoreal_bench.synth.voice.speech import available_engine

QUESTIONS_PER_CLIP = 5
FRAME_RATE = 24
SAMPLE_RATE = 16_000
_FEWEST_FRAMES, _MOST_FRAMES = 66, 90  # 2.75 to 3.75 s
_CLARITY_STREAM = 2  # of random numbers; picture and sound of a scene have 0 and 1
_FAINT = (0.15, 0.6)
"""The clarity of faint cues."""

Cue = TypeVar("Cue", VisualCue, AudioCue)
Surrounding = TypeVar("Surrounding", VisibleThing, BackgroundSound)


@dataclass(frozen=True, slots=True)
class Expression(Generic[Cue]):
    """An emotion and the one of its two cues that is shown."""

    emotion: Emotion
    cue: Cue


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a clip shows and sounds; drawing and sounding add nothing.

    Attributes:
        index: Number of the clip in its set, from 0.
        seed: Seed of looks, voices and movements; unique over splits, seeds and clips.
        frames: Number of frames at :data:`FRAME_RATE`.
        face: What the person's face and body show.
        voice: What the person's voice conveys.
        poster: What the person on the picture on the wall shows.
        radio: What is heard from the radio.
        things: What stands on the shelf.
        background: The sound of the surroundings.
        speech: Who speaks.
        video_claim: Whether the visual stress question asks about the cue that
            the person shows (gold Yes) or about the emotion's other one (gold No).
        audio_claim: The same for what is heard.
        video_decoy: The emotion beside the true one in the options of the basic
            visual question. It is the voice's emotion where the two differ, so
            that a model that only hears the clip cannot prefer any option.
        audio_decoy: The same for the basic audible question and the face's emotion.
        perception: Whether the basic questions ask what is there at all, things
            and sounds included, instead of what the person shows.
        clarity: Of the person's cues: 1 is clear, 0 would be none; see
            :attr:`SynthSettings.faint`.
    """

    index: int
    seed: int
    frames: int
    face: Expression[VisualCue]
    voice: Expression[AudioCue]
    poster: Expression[VisualCue]
    radio: Expression[AudioCue]
    things: tuple[VisibleThing, VisibleThing]
    background: BackgroundSound
    speech: SpeechEngine
    video_claim: bool
    audio_claim: bool
    video_decoy: Emotion
    audio_decoy: Emotion
    perception: bool
    clarity: float = 1.0

    @property
    def agree(self) -> bool:
        """Whether face and voice convey the same emotion."""
        return self.face.emotion is self.voice.emotion

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / FRAME_RATE

    @property
    def clip(self) -> str:
        """Path of the clip's file below ``videos/``, as DFEW numbers them."""
        return f"part_{self.index // 1000 + 1}/{self.index + 1}.mp4"


def make_scenes(settings: SynthSettings) -> tuple[Scene, ...]:
    """Plan the clips of a benchmark.

    Returns:
        As many scenes as five questions a clip need, in the order of the clips.

    Raises:
        MissingExtraError: If the settings demand eSpeak NG and it is not installed.
    """
    clips = -(-settings.items // QUESTIONS_PER_CLIP)
    planner = _Planner(settings)
    return tuple(planner.scene(index) for index in range(clips))


def scene_seed(split: Split, seed: int, index: int) -> int:
    """Return the seed of a scene: another one for every split, seed and clip.

    The three numbers have bits of their own, so that train and test cannot meet.
    """
    return (seed << 33) | ((split is Split.TRAIN) << 32) | index


class _Planner:
    """Deals the properties of scene after scene."""

    def __init__(self, settings: SynthSettings):
        self._settings = settings
        self._speech = available_engine(settings.speech)
        self._rng = rng = np.random.default_rng([settings.seed, settings.split is Split.TRAIN])
        self._answers = Dealer(tuple(product((True, False), repeat=3)), rng)
        self._faces = Dealer(tuple(product(Emotion, (0, 1), (True, False))), rng)
        self._voices = Dealer(tuple(product(Emotion, (0, 1), (True, False))), rng)
        self._emotions = Dealer(tuple(Emotion), rng)
        self._perception = Dealer((True, False), rng)

    def scene(self, index: int) -> Scene:
        """Plan the next scene."""
        agree, video_claim, audio_claim = self._answers.deal()
        face_emotion, face_turn, same_poster = self._faces.deal(video_claim)
        voice_emotion, voice_turn, same_radio = self._voices.deal(
            audio_claim, lambda voice: (voice[0] is face_emotion) is agree
        )
        face, poster = self._shown(VISUAL_CUES, face_emotion, face_turn, same_poster)
        voice, radio = self._shown(AUDIO_CUES, voice_emotion, voice_turn, same_radio)
        first = self._bound(BOUND_THINGS, face_emotion)
        others = [thing for thing in VisibleThing if thing is not first]
        seed = scene_seed(self._settings.split, self._settings.seed, index)
        return Scene(
            index=index,
            seed=seed,
            frames=int(self._rng.integers(_FEWEST_FRAMES, _MOST_FRAMES + 1)),
            face=face,
            voice=voice,
            poster=poster,
            radio=radio,
            things=(first, others[self._rng.integers(len(others))]),
            background=self._bound(BOUND_SOUNDS, voice_emotion),
            speech=self._speech,
            video_claim=video_claim,
            audio_claim=audio_claim,
            video_decoy=self._other(face_emotion, "video") if agree else voice_emotion,
            audio_decoy=self._other(voice_emotion, "audio") if agree else face_emotion,
            perception=self._perception.deal(),
            clarity=self._clarity(seed),
        )

    def _clarity(self, seed: int) -> float:
        """Return how clear the cues of a scene are."""
        # A stream of its own: the share of faint cues must not change the scenes.
        rng = np.random.default_rng([seed, _CLARITY_STREAM])
        return float(rng.uniform(*_FAINT)) if rng.random() < self._settings.faint else 1.0

    def _other(self, emotion: Emotion, use: str) -> Emotion:
        """Return another emotion, each equally often for this one and this use."""
        return self._emotions.deal((use, emotion), lambda other: other is not emotion)

    def _shown(
        self, cues: Mapping[Emotion, tuple[Cue, Cue]], emotion: Emotion, turn: int, same: bool
    ) -> tuple[Expression[Cue], Expression[Cue]]:
        """Return what the person shows, and what the poster or the radio does.

        Args:
            cues: Both cues of each emotion.
            emotion: The person's.
            turn: Which of the two cues it is, where the correlation leaves a choice.
            same: Whether the poster or radio shows the emotion's other cue,
                instead of any cue of another emotion.
        """
        if self._rng.random() < self._settings.correlation:
            turn = 0
        person = Expression(emotion, cues[emotion][turn])
        if same:
            return person, Expression(emotion, cues[emotion][1 - turn])
        other = self._other(emotion, type(person.cue).__name__)
        return person, Expression(other, cues[other][self._rng.integers(2)])

    def _bound(self, bound: Mapping[Emotion, Surrounding], emotion: Emotion) -> Surrounding:
        """Return a thing or sound: the bound one as often as the correlation says, else any."""
        if self._rng.random() < self._settings.correlation:
            return bound[emotion]
        return bound[tuple(Emotion)[self._rng.integers(len(Emotion))]]
