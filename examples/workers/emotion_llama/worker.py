"""Emotion-LLaMA; see README.md."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import UnsupportedError, Worker, delivery, hash_files, only_question, serve

REPOSITORY = Path(os.environ.get("REPOSITORY", "."))
CHECKPOINTS = os.environ.get("CHECKPOINTS", str(REPOSITORY / "checkpoints"))
# "[emotion]" asks for a class, "[reason]" for an explanation.
MARK = os.environ.get("MARK", "[emotion]")
# The runtime has no greedy mode and takes no temperature of 0.
LOWEST_TEMPERATURE = 0.01


class EmotionLlama(Worker):
    """The demo's way: the first frame and the sound, through the authors' runtime."""

    def describe(self):
        return {
            "weights_hash": hash_files(CHECKPOINTS),
            "license": "BSD-3-Clause code, weights for research under the terms of Llama 2",
            "modalities": ["video", "audio", "text"],
            "repeatability": "best_effort",
            "settings": {"mark": MARK},
            "media": "movie",
            "needs_gpu": True,
        }

    def load(self):
        from minigpt4.inference import EmotionLLaMARuntime

        self.runtime = EmotionLLaMARuntime(REPOSITORY / "eval_configs" / "demo.yaml")
        self.runtime.load()

    def generate(self, question):
        words, clip = only_question(question, can_sample=True), question.clip
        if clip is None or clip.movie is None or clip.sound is None:
            raise UnsupportedError("the authors' code needs picture and sound")
        prompt = f"{MARK} {words}"
        temperature = question.settings["temperature"]
        notes = [
            f"1 frame, the first, is seen of {len(clip.timestamps)}",
            "the features of face and motion are zeros, as in the authors' demo",
            "whether the limit on new tokens ended the reply is not told",
        ]
        if temperature < LOWEST_TEMPERATURE:
            temperature = LOWEST_TEMPERATURE
            notes.append(f"sampled at temperature {LOWEST_TEMPERATURE} by the seed, not greedy")
        text = self.runtime.analyze(
            clip.movie,
            prompt,
            temperature=temperature,
            top_p=question.settings["top_p"],
            max_new_tokens=question.settings["max_new_tokens"],
            seed=question.settings["seed"],
        )
        fed = delivery(question, prompt, frames=1, audio_seconds=clip.audio_seconds, notes=notes)
        return {"text": text, "delivery": fed}


if __name__ == "__main__":
    serve(EmotionLlama())
