"""What every model behind a service has in common.

A :class:`RemoteAdapter` encodes clips, keeps a bounded number of requests
under way, gives each its time, and turns every :class:`Reply` into a result
that says what was sent and never shows a key. A service's own file says how a
request is written down and how an answer is read.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import Field

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.deferred import AskedRequest, ConcernsAllError
from emoreal_bench.contracts.errors import EmorealError, ServiceError, UsageError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import (
    ChoiceScoreKind,
    DeliveryStatus,
    Modality,
    Repeatability,
)
from emoreal_bench.hiding import hide
from emoreal_bench.identity import canonical_json
from emoreal_bench.model_adapters.arguments import (
    AdapterArguments,
    parse_arguments,
    refuse_keys,
)
from emoreal_bench.model_adapters.at_once import answer_at_once
from emoreal_bench.model_adapters.remote.clip_cache import ClipCache
from emoreal_bench.model_adapters.remote.endings import Reach
from emoreal_bench.model_adapters.remote.keys import Key
from emoreal_bench.model_adapters.remote.media import (
    EncodedClip,
    MediaForms,
    Medium,
    Payload,
    compose,
    encode_clip,
    media_wanted,
    why_unsupported,
)
from emoreal_bench.model_adapters.remote.reply import Reply
from emoreal_bench.model_adapters.remote.transcripts import TranscriptFile, add_transcripts

MAX_DETAIL = 300
"""Services repeat whole requests in their errors; so many characters of one are kept."""

Arguments = TypeVar("Arguments", bound="RemoteArguments")

_UNREACHED = 3
"""So many requests in a row that reach nobody end a run in which nothing was answered."""

REMEDIES: Mapping[Reach, str] = {
    Reach.ACCESS: "Check the key, the name of the model, the address of the service and whether "
    "it may be used from where you are.",
    Reach.SERVICE: "Check the address and whether the server runs, then give the same command "
    "again.",
    Reach.ACCOUNT: "Put the account in order, then give the same command again.",
}
_DELIVERED = frozenset(
    {
        DeliveryStatus.OK,
        DeliveryStatus.LENGTH,
        DeliveryStatus.REFUSED,
        DeliveryStatus.BLOCKED,
    }
)
_ANSWER_NEUTRAL = frozenset(
    {
        "concurrency",
        "timeout",
        "input_price",
        "output_price",
        "job_requests",
        "job_megabytes",
    }
)


class RemoteArguments(AdapterArguments):
    """Arguments that every service has."""

    concurrency: int = Field(default=16, ge=1, le=1024)
    """Most requests under way at once."""
    timeout: float = Field(default=120.0, gt=0.0)
    """Seconds after which a request has failed."""
    input_price: float | None = Field(default=None, ge=0.0)
    """US dollars for a million input tokens."""
    output_price: float | None = Field(default=None, ge=0.0)
    """US dollars for a million output tokens, hidden reasoning included."""
    transcripts: TranscriptFile | None = None
    """File of what is said in the clips, given to the model as words."""


class RemoteAdapter(ModelAdapter):
    """A model behind a service.

    Args:
        description: Who it is.
        forms: What it takes, and as what.
        arguments: The arguments that every service has.

    Attributes:
        key_source: Where the key was found, in words; None before it was looked
            for, and where there is none.
    """

    def __init__(
        self, description: ModelDescription, forms: MediaForms, arguments: RemoteArguments
    ):
        self._description = description
        self._forms = forms
        self._arguments = arguments
        self._is_open = False
        self._was_answered = False
        self._last_reach, self._in_a_row = Reach.REQUEST, 0
        self._secret: str | None = None
        self.key_source: str | None = None
        self._slots = asyncio.Semaphore(arguments.concurrency)
        self._clips = ClipCache(forms, size=arguments.concurrency)

    @property
    def forms(self) -> MediaForms:
        """What is sent, and as what."""
        return self._forms

    @property
    def argument_names(self) -> frozenset[str]:
        """The names of the arguments that it takes."""
        return frozenset(type(self._arguments).model_fields)

    def describe(self) -> ModelDescription:
        """Return what is known without asking the service."""
        return self._description

    def check_clips(self, clips: Collection[str], wanted: MediaWanted) -> None:
        """Check that the transcripts, if there are any, are those of the clips."""
        if self._arguments.transcripts is not None:
            self._arguments.transcripts.check_clips(clips, wanted)

    async def open(self) -> None:
        """Read the key and connect.

        Raises:
            UsageError: If the service needs a key and there is none.
        """
        if self._is_open:
            return
        # A semaphore belongs to the event loop in which it is first waited for.
        self._slots = asyncio.Semaphore(self._arguments.concurrency)
        key = await self._connect()
        self._secret, self.key_source = (key.value, key.source) if key else (None, None)
        self._was_answered = False
        self._last_reach, self._in_a_row = Reach.REQUEST, 0
        self._is_open = True

    async def close(self) -> None:
        """Disconnect."""
        if self._is_open:
            self._is_open = False
            self._clips.clear()
            await self._disconnect()

    @property
    @abstractmethod
    def address(self) -> str | None:
        """Where the service is, where that is known."""

    @abstractmethod
    async def _connect(self) -> Key | None:
        """Make the client and return its key, so that it can be kept out of every text."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Close the client."""

    @abstractmethod
    async def _ask(
        self, request: Request, payload: Payload, sent: Delivery, *, scoring: bool
    ) -> Reply:
        """Send a request and read the answer; errors of the service become replies.

        Args:
            request: Its settings and letters.
            payload: Its conversation.
            sent: What of its clips is in the conversation.
            scoring: Whether the letters are to be scored, not a reply to be written.
        """

    @abstractmethod
    def _settings(self, request: Request, payload: Payload, *, scoring: bool) -> dict[str, Any]:
        """Write down what is sent beside the conversation, as JSON."""

    def render(self, request: Request) -> str:
        """Return the settings, and the conversation with a mark in the place of each file."""
        clips = {
            key: encode_clip(request.clips[key], wanted, self._forms)
            for key, wanted in media_wanted(request).items()
            if key in request.clips
        }
        payload = self._compose(request, clips)
        settings = self._settings(request, payload, scoring=False)
        lines = [canonical_json({"model": self._description.name} | settings)]
        for turn in payload.turns:
            lines.append(f"{turn.role}:")
            lines += [p if isinstance(p, str) else _mark(p) for p in turn.pieces]
        return "\n".join(lines)

    def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Ask for a reply to each request.

        Raises:
            UsageError: If the service knows neither the user nor the model.
            ServiceError: If it cannot be reached, or wants money first.
        """
        return answer_at_once(self._answer(one, False) for one in requests)

    def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score the letters as the first token of the reply."""
        if self._description.capabilities.choice_score_kind is None:
            raise NotImplementedError(f"{self._description.name} cannot score choices")
        return answer_at_once(self._answer(one, True) for one in requests)

    async def _answer(self, request: Request, scoring: bool) -> Result:
        async with self._slots:
            payload = await self._prepare(request, scoring=scoring)
            if isinstance(payload, Result):
                return payload
            sent = payload.delivery()
            started = time.monotonic()
            try:
                async with asyncio.timeout(self._arguments.timeout):
                    reply = await self._ask(request, payload, sent, scoring=scoring)
            except TimeoutError:
                reply = Reply(
                    DeliveryStatus.FAILED, detail=f"no answer in {self._arguments.timeout:g} s"
                )
            seconds = time.monotonic() - started
            self._check_reply(reply)
            return self._result(request.id, sent, reply, seconds)

    def _check_reply(self, reply: Reply) -> None:
        """Stop asking a service whose words concern every request.

        Once it has answered anything, a wrong key or name speaks of one request
        only, unless request after request is told the same.

        Raises:
            UsageError: If the service knows neither the user nor the model.
            ServiceError: If it cannot be reached, or wants money first.
        """
        if reply.status in _DELIVERED:
            self._was_answered = True
        if reply.reach is not self._last_reach:
            self._last_reach, self._in_a_row = reply.reach, 0
        self._in_a_row += 1
        problem = f"{self._description.name}: {self._detail(reply)}"
        again = max(10, 3 * self._arguments.concurrency) if self._was_answered else _UNREACHED
        if reply.reach is Reach.ACCOUNT:
            raise ServiceError(problem, remedy=REMEDIES[Reach.ACCOUNT])
        if reply.reach is Reach.SERVICE and self._in_a_row >= again:
            raise ServiceError(problem, remedy=self._remedy(Reach.SERVICE))
        if reply.reach is Reach.ACCESS and (not self._was_answered or self._in_a_row >= again):
            raise UsageError(problem, remedy=self._remedy(Reach.ACCESS))

    def _remedy(self, reach: Reach) -> str:
        """Say what to do about a service that is not reached, with the address that was asked."""
        address = self.address
        if address is None:
            return REMEDIES[reach]
        told = f"{REMEDIES[reach]} The address is {address}"
        if urlsplit(address).path in ("", "/"):
            return f"{told}; most servers answer below it, at {address.rstrip('/')}/v1"
        return told

    def _read_all(self, replies: Iterable[tuple[AskedRequest, Reply]]) -> Iterator[Result]:
        """Make the results of a job, and end with the error that concerns every request.

        Raises:
            ConcernsAllError: If the service knows neither the user nor the model, or wants
                money first.
        """
        stop: EmorealError | None = None
        for request, reply in replies:
            try:
                self._check_reply(reply)
            except (ServiceError, UsageError) as error:
                stop = stop or error
            yield self._result(request.id, request.sent, reply, seconds=0.0)
        # Answers of a job come in any order, and one good answer shows that key and name are.
        if stop is not None and not (isinstance(stop, UsageError) and self._was_answered):
            raise ConcernsAllError(stop)

    async def _prepare(self, request: Request, *, scoring: bool) -> Payload | Result:
        """Return a request's conversation, or the result of a request that cannot be asked."""
        reason = why_unsupported(request, self._forms)
        if scoring and not request.letters:
            reason = "the item has no options to score"
        if reason is not None:
            return Result(request.id, DeliveryStatus.UNSUPPORTED, detail=reason)
        try:
            clips = {
                key: await self._clips.get(request.clips[key], wanted)
                for key, wanted in media_wanted(request).items()
                if key in request.clips
            }
        except OSError as error:
            problem = f"the clip cannot be read again: {error.strerror or error}"
            return Result(request.id, DeliveryStatus.FAILED, detail=problem[:MAX_DETAIL])
        return self._compose(request, clips)

    def _compose(self, request: Request, clips: Mapping[str, EncodedClip]) -> Payload:
        if self._arguments.transcripts is not None:
            clips = add_transcripts(request, clips, self._arguments.transcripts)
        return compose(request, self._forms, clips)

    def _result(self, request_id: str, sent: Delivery, reply: Reply, seconds: float) -> Result:
        delivery = Delivery()
        if reply.status in _DELIVERED:
            delivery = replace(
                sent,
                tokens=dict(reply.tokens),
                notes=tuple(map(self._hide, sent.notes + reply.notes)),
            )
        return Result(
            request_id,
            reply.status,
            self._hide(reply.text),
            detail=self._detail(reply),
            choice_scores=reply.choice_scores,
            delivery=delivery,
            usage=self._usage(reply),
            seconds=seconds,
            retry_after=reply.retry_after,
            is_settled=reply.is_settled,
        )

    def _detail(self, reply: Reply) -> str | None:
        """Return why there is no answer, on one line without control characters."""
        if reply.detail is None:
            return None
        shown = "".join(c if c.isprintable() else " " for c in self._hide(reply.detail))
        return " ".join(shown.split())[:MAX_DETAIL]

    def _usage(self, reply: Reply) -> Usage:
        input_tokens, output_tokens = reply.input_tokens or 0, reply.output_tokens or 0
        prices = self._description.capabilities.prices
        known = reply.input_tokens is not None
        cost = None
        if known and prices is not None:
            cost = (input_tokens * prices[0] + output_tokens * prices[1]) / 1e6
        return Usage(input_tokens, output_tokens, measured=known, cost=cost)

    def _hide(self, text: str) -> str:
        return hide(text, [self._secret]) if self._secret else text


def remote_capabilities(
    forms: MediaForms,
    arguments: RemoteArguments,
    *,
    scores_letters: bool,
    takes_seed: bool = True,
) -> Capabilities:
    """Return what a model behind a service can do.

    Args:
        forms: What it takes.
        arguments: For the number of requests under way.
        scores_letters: Whether the service shows the scores of first tokens.
        takes_seed: Whether it is asked to repeat itself.
    """
    prices = arguments.input_price, arguments.output_price
    media = tuple(modality for modality in Modality if modality in forms.modalities)
    return Capabilities(
        modalities=(*media, Modality.TEXT),
        choice_score_kind=ChoiceScoreKind.LETTER_LOGIT if scores_letters else None,
        repeatability=Repeatability.BEST_EFFORT if takes_seed else Repeatability.NONE,
        concurrency=arguments.concurrency,
        prices=None if prices[0] is None or prices[1] is None else (prices[0], prices[1]),
        needs_network=True,
    )


def installed_versions(*packages: str) -> dict[str, str]:
    """Return the versions of the packages that decide what is sent."""
    return {package: version(package) for package in packages}


def parse_remote_arguments(
    schema: type[Arguments], arguments: Mapping[str, Any], model: str
) -> Arguments:
    """Turn texts into arguments as :func:`parse_arguments` does, and check the address.

    Raises:
        UsageError: If an argument is not valid, or the address holds a key,
            which the error does not repeat.
    """
    refuse_keys(arguments, model)
    address = str(arguments.get("base_url") or "http://none")
    # A key may hold a slash, so that what stands before the sign is not found by its place.
    if any(sign in unquote(address) for sign in "@?#"):
        raise UsageError(
            f"{model}: base_url holds a name, a key or a query, which would end up in records.",
            remedy="Leave it out of the address and set the environment variable instead.",
        )
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets without an address
        is_address = False
    if not is_address:
        raise UsageError(
            f"{model}: base_url is no address: {address}",
            remedy="It has to begin with http:// or https:// and name a host.",
        )
    return parse_arguments(schema, arguments, model)


def answer_settings(
    arguments: RemoteArguments,
) -> dict[str, str | int | float | bool | None]:
    """Return the arguments that change answers, those left at None aside."""
    return arguments.model_dump(mode="json", exclude=set(_ANSWER_NEUTRAL), exclude_none=True)


def _mark(medium: Medium) -> str:
    """Return what stands in the place of a file where a request is shown."""
    contents = [f"{medium.frames} frames"] if medium.frames > 1 else []
    contents += [f"{medium.audio_seconds:.2f} s of sound"] if medium.audio_seconds else []
    return f"<{medium.mime_type}{': ' if contents else ''}{', '.join(contents)}>"
