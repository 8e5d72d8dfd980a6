"""The worker's side of the protocol: subclass :class:`Worker`, call :func:`serve`.

It needs Python 3.8 and nothing else, so that it runs in any environment: copy
it beside your worker, or leave it in the folder above. ``docs/workers.md``
describes every message.
"""

import hashlib
import json
import os
import sys
import traceback
from pathlib import Path

PROTOCOL = 1


class UnsupportedError(Exception):
    """Raise it where the model cannot take a question; the text says why."""


class Clip:
    """The files of one clip.

    Attributes:
        frames: Paths of the frames, PNG; empty if there is no picture.
        movie: Path of an MP4 file instead, for workers that ask for ``"media": "movie"``.
        timestamps: Time of each frame in seconds.
        sound: Path of the sound, mono WAV of 16 bits; None if there is none.
        audio_seconds: Its length.
        duration: Of the clip in seconds.
    """

    def __init__(self, record):
        self.frames = record.get("frames", [])
        self.movie = record.get("movie")
        self.timestamps = record.get("timestamps", [])
        self.sound = record.get("sound")
        self.audio_seconds = record.get("audio_seconds", 0.0)
        self.duration = record["duration"]

    @property
    def files(self):
        """Every file that there is."""
        return [path for path in [*self.frames, self.movie, self.sound] if path]


class Question:
    """One question.

    Attributes:
        messages: ``[{"role": ..., "parts": [{"type": "text", "text": ...}, {"type":
            "video" or "audio", "clip": NAME}]}]``, in the order that the task wants.
        settings: ``max_new_tokens``, ``temperature`` and so on.
        letters: Of the options; empty where there are none.
        clips: Name to :class:`Clip`.
    """

    def __init__(self, message):
        self.messages = message["messages"]
        self.settings = message["settings"]
        self.letters = message["letters"]
        self.clips = {name: Clip(record) for name, record in message["clips"].items()}

    @property
    def text(self):
        """The words of the last message of the user, system message left aside."""
        last = [message for message in self.messages if message["role"] == "user"][-1]
        return "".join(part["text"] for part in last["parts"] if part["type"] == "text")

    @property
    def system(self):
        """The words of the system messages."""
        return "\n".join(
            part["text"]
            for message in self.messages
            if message["role"] == "system"
            for part in message["parts"]
        )

    @property
    def has_examples(self):
        """Whether worked examples stand before the question."""
        return sum(message["role"] == "user" for message in self.messages) > 1

    @property
    def clip(self):
        """The one clip that the question is about; None for a question of words only.

        Raises:
            UnsupportedError: If there are several.
        """
        if len(self.clips) > 1:
            raise UnsupportedError("the model takes one clip in a question")
        return next(iter(self.clips.values()), None)


class Worker:
    """A model. Override these four; heavy imports belong into :meth:`load`."""

    def describe(self):
        """Give the fields of the description. It is asked before the model is loaded."""
        raise NotImplementedError

    def load(self):
        """Load the model."""

    def generate(self, question):
        """Give the fields of an answer: ``text`` and ``delivery`` at least."""
        raise NotImplementedError

    def score(self, question):
        """Give the fields of an answer: ``scores`` (letter to number), ``mass``, ``delivery``."""
        raise NotImplementedError


def only_question(question, can_sample=False):
    """Give the words of a question that stands alone.

    Args:
        question: The question.
        can_sample: Whether the model can write at a temperature above 0.

    Raises:
        UnsupportedError: If examples stand before it, or it is to be sampled and cannot be.
    """
    if question.has_examples:
        raise UnsupportedError("the model takes one question without examples")
    if question.system:
        raise UnsupportedError("the model's prompt has no place for a system message")
    if question.settings["temperature"] > 0 and not can_sample:
        raise UnsupportedError("this worker writes greedily: the temperature has to be 0")
    return question.text


def delivery(question, prompt, frames=0, audio_seconds=0.0, notes=()):
    """Say what was fed to the model.

    Args:
        question: The question.
        prompt: The text as the model got it.
        frames: Number of frames fed, counted from the tensor.
        audio_seconds: Seconds of sound fed.
        notes: Everything that was not as the task wanted it.
    """
    digest = hashlib.sha256(prompt.encode("utf-8"))
    for name in sorted(question.clips):
        for path in question.clips[name].files:
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return {
        "frames": frames,
        "audio_seconds": audio_seconds,
        "input_hash": digest.hexdigest(),
        "notes": list(notes),
    }


def hash_files(*folders, ends=(".safetensors", ".bin", ".pth", ".json")):
    """Hash checkpoints by the names and bytes of their files, for ``weights_hash``.

    Raises:
        FileNotFoundError: If there is no such file in a folder.
    """
    digest = hashlib.sha256()
    for root in map(Path, folders):
        paths = sorted(path for path in root.rglob("*") if path.name.endswith(tuple(ends)))
        if not paths:
            raise FileNotFoundError(f"there are no weights in {root.absolute()}")
        for path in paths:
            digest.update(path.relative_to(root).as_posix().encode("utf-8") + b"\0")
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def serve(worker):
    """Answer messages until standard input ends."""
    # What libraries print must not get between the messages.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        out.write(json.dumps(_reply(worker, json.loads(line.decode("utf-8")))) + "\n")
        out.flush()


def _reply(worker, message):
    kind = message["type"]
    if kind == "describe":
        return {"type": "description", "protocol": PROTOCOL, **worker.describe()}
    if kind == "load":
        worker.load()
        return {"type": "loaded"}
    ask = worker.generate if kind == "generate" else worker.score
    try:
        fields = ask(Question(message))
    except UnsupportedError as error:
        fields = {"status": "unsupported", "detail": str(error)}
    except Exception as error:  # noqa: BLE001 - one question must not cost the others
        traceback.print_exc()
        fields = {"status": "failed", "detail": f"{type(error).__name__}: {error}"}
    return {"type": "answer", "id": message["id"], **fields}
