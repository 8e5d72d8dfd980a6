"""What a run would do, found out without asking the model anything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import TextPart
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.running.plan import Plan, deliverable

PROBED_CLIPS = 5
PROBED_ITEMS = 500
CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English; only the model's own tokenizer knows."""


class DryRun(Record):
    """What a run would do. Tokens and times are estimates."""

    model: str
    task: str
    variant: str
    items: int
    items_by_subtask: dict[str, int]
    clips: int
    missing_clips: int
    unreadable_clips: int
    """Of the clips that were probed."""
    prompt_tokens: int
    """Of the words of all items; what the clips cost depends on the model."""
    reply_tokens: int
    """At most."""
    frames: int
    """Of all items together, as wanted."""
    decode_seconds: float | None
    """On one core; null if the model is given no clips or none could be decoded."""
    cost: float | None
    """In US dollars, of the words and the longest replies, without the clips;
    null where the model's prices are not known."""
    first_prompts: dict[str, str]
    """By subtask, as the model is given them."""

    def lines(self) -> Iterator[Text]:
        """Return it in words, for a terminal."""
        # A prompt is full of brackets, which a console would take for its own.
        return (Text(line) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.model} on {self.task}, variant {self.variant}: {self.items} items"
        yield from (f"  {name}: {count}" for name, count in self.items_by_subtask.items())
        yield f"clips: {self.clips}, of which {self.missing_clips} are missing"
        if self.unreadable_clips:
            yield f"unreadable among the clips that were tried: {self.unreadable_clips}"
        if self.decode_seconds is None:
            yield "decoding: " + ("not known" if self.unreadable_clips else "none")
        else:
            yield (
                f"decoding: about {self.decode_seconds:.0f} s on one core; "
                f"{self.frames} frames and the sound go to the model"
            )
        yield f"tokens: about {self.prompt_tokens} of words, at most {self.reply_tokens} of replies"
        price = "not known" if self.cost is None else f"up to ${self.cost:.2f}, without the clips"
        yield f"cost: {price}"
        for subtask, prompt in self.first_prompts.items():
            yield f"\nfirst prompt of {subtask}:\n{prompt}"


def make_dry_run(plan: Plan, adapter: ModelAdapter, limits: DecodeLimits | None = None) -> DryRun:
    """Find out what a run would do. Up to 5 clips are decoded.

    Args:
        plan: What would be asked.
        adapter: Whom; not opened.
        limits: On decoding one clip; the usual ones if not given.

    Raises:
        UsageError: If what the model was given for the clips does not fit them.
    """
    adapter.check_clips(plan.clips, plan.request.media)
    description = adapter.describe()
    wanted = deliverable(plan.request.media, description.capabilities)
    firsts: dict[str, Item] = {}
    for item in plan.items:
        firsts.setdefault(item.subtask, item)
    probe = _Probe(plan, wanted, limits or DecodeLimits())
    prompts = {
        subtask: adapter.render(plan.make_request(item, probe.decode(item.clip)))
        for subtask, item in firsts.items()
    }
    counts = Counter(item.subtask for item in plan.items)
    missing = sum(value is None for value in plan.clip_hashes.values())
    settings = plan.request.generation
    prompt_tokens = _prompt_tokens(plan)
    reply_tokens = len(plan.items) * (settings.max_new_tokens + settings.reasoning_tokens)
    prices = description.capabilities.prices
    return DryRun(
        model=description.name,
        task=plan.task.name,
        variant=plan.request.variant,
        items=len(plan.items),
        items_by_subtask={name: counts[name] for name in plan.task.subtasks if counts[name]},
        clips=len(plan.clips),
        missing_clips=missing,
        unreadable_clips=probe.unreadable,
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        frames=0 if wanted is None else len(plan.items) * probe.frames * (1 + plan.request.shots),
        decode_seconds=probe.estimate(len(plan.clips) - missing),
        cost=prices and (prompt_tokens * prices[0] + reply_tokens * prices[1]) / 1e6,
        first_prompts=prompts,
    )


class _Probe:
    """Decodes a few clips of a plan and measures how long it takes."""

    def __init__(self, plan: Plan, wanted: MediaWanted | None, limits: DecodeLimits):
        self._limits = limits
        self._plan = plan
        self._wanted = wanted
        self._seconds: list[float] = []
        self._decoded: dict[str, ClipMedia | None] = {}
        self.unreadable = 0
        self.frames = 0

    def decode(self, key: str) -> ClipMedia | None:
        """Decode a clip; None if it is missing, not wanted, unreadable or one too many."""
        tried = len(self._decoded)
        missing = self._plan.clip_hashes[key] is None
        if self._wanted is None or missing or key in self._decoded or tried == PROBED_CLIPS:
            return self._decoded.get(key)
        from emoreal_bench.media.decode import decode_clip

        started = time.perf_counter()
        media = None
        try:
            media = decode_clip(self._plan.clips[key], self._wanted, key=key, limits=self._limits)
        except MediaError:
            self.unreadable += 1
        else:
            self._seconds.append(time.perf_counter() - started)
            self.frames = max(self.frames, 0 if media.frames is None else len(media.frames))
        self._decoded[key] = media
        return media

    def estimate(self, clips: int) -> float | None:
        """Return the seconds that so many clips would take; None if nothing was decoded."""
        if not self._seconds:
            return None
        return clips * sum(self._seconds) / len(self._seconds)


def _prompt_tokens(plan: Plan) -> int:
    """Estimate from evenly spaced items, since rendering all of them could take long."""
    if not plan.items:  # A shard may be empty.
        return 0
    step = max(1, len(plan.items) // PROBED_ITEMS)
    sampled = plan.items[::step]
    characters = sum(
        len(part.text)
        for item in sampled
        for message in plan.messages(item)
        for part in message.parts
        if isinstance(part, TextPart)
    )
    return round(characters / CHARACTERS_PER_TOKEN * len(plan.items) / len(sampled))
