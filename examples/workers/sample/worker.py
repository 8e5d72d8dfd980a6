"""A worker without a model: it picks a letter by a hash of what it was given.

Its scores mean nothing. It shows the protocol whole, and the tests run it.
"""

import hashlib
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import UnsupportedError, Worker, delivery, serve


class Sample(Worker):
    """Answers in no time."""

    def describe(self):
        return {
            "label": "no model",
            "weights_hash": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
            "modalities": ["video", "audio", "text"],
            "choice_score_kind": "letter_log_probability",
            "repeatability": "exact",
        }

    def generate(self, question):
        scores, fed = self._weigh(question)
        return {"text": f"({max(scores, key=scores.get)})", "delivery": fed}

    def score(self, question):
        scores, fed = self._weigh(question)
        return {
            "scores": scores,
            "mass": math.fsum(map(math.exp, scores.values())),
            "delivery": fed,
        }

    def _weigh(self, question):
        if not question.letters:
            raise UnsupportedError("there are no options to pick from")
        fed = delivery(
            question,
            question.text,
            frames=sum(len(clip.frames) for clip in question.clips.values()),
            audio_seconds=sum(clip.audio_seconds for clip in question.clips.values()),
        )
        weights = {
            letter: 1 + hashlib.sha256((fed["input_hash"] + letter).encode()).digest()[0]
            for letter in question.letters
        }
        total = sum(weights.values())
        return {letter: math.log(weight / total) for letter, weight in weights.items()}, fed


if __name__ == "__main__":
    serve(Sample())
