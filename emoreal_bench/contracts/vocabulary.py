"""The closed vocabularies of the project: one word for one thing, everywhere.

Each is a string enumeration, so that a value reads the same in Python, in a
YAML file, in a log line and on a page.
"""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """What a model can be given of a clip."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"


class AnswerKind(StrEnum):
    """What an answer to a question looks like."""

    CHOICE = "choice"
    """One letter out of several options."""
    YES_NO = "yes_no"
    """A choice between exactly two options, one of them yes and the other no."""
    LABEL = "label"
    """One class name out of a closed list, such as the seven emotions."""
    OPEN = "open"
    """Free text, scored by a judge."""


class AnswerMethod(StrEnum):
    """How an answer is taken from a model."""

    GENERATE = "generate"
    """The model writes text, and scoring reads it."""
    SCORE_CHOICES = "score-choices"
    """The letter with the largest log-probability is the answer."""


class DeliveryStatus(StrEnum):
    """What became of one request; logged once per item."""

    OK = "ok"
    """The model ended its reply by itself."""
    LENGTH = "length"
    """The reply was stopped by the limit on new tokens."""
    REFUSED = "refused"
    """The model declined, and its service says so."""
    BLOCKED = "blocked"
    """A filter in front of or behind the model stopped the request."""
    UNSUPPORTED = "unsupported"
    """The model cannot take what the task wants to give it."""
    FAILED = "failed"
    """Network, time or memory; asked again on resume."""
    MISSING = "missing"
    """There is no usable clip: absent, empty or damaged."""


class Outcome(StrEnum):
    """What became of one item under one scoring. Every item has exactly one."""

    ANSWERED = "answered"
    STATEMENT = "statement"
    """Under strict, of a yes/no question: no answer word, and a statement about what is asked."""
    UNPARSABLE = "unparsable"
    TRUNCATED = "truncated"
    """Stopped by length, and no answer can be read."""
    REFUSED = "refused"
    BLOCKED = "blocked"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    MISSING = "missing"


class Scoring(StrEnum):
    """A rule book that turns replies into scores."""

    OFFICIAL = "official"
    """The authors' evaluator, bug for bug, to compare with published numbers."""
    OFFICIAL_LENIENT = "official-lenient"
    """The authors' second reading of a reply, which they never switch on."""
    STRICT = "strict"
    """The scoring this project stands for; the headline."""


class QuestionType(StrEnum):
    """The question types of EmoReAlM (paper, section 3)."""

    REASONING_BASIC = "reasoning_basic"
    MODALITY_AGREEMENT = "modality_agreement"
    STRESS_TEST = "stress_test"
    HALLUCINATION_FREE_DETECTION = "hallucination_free_detection"
    """Derived: yes-recall on stress items. Never ranked alone, since a model
    that always says yes reaches 1."""


class Alteration(StrEnum):
    """What can be done to a clip to see what a score rests on."""

    NONE = "none"
    MUTE = "mute"
    """Sound replaced by silence of the same length."""
    BLANK = "blank"
    """Picture replaced by mid-grey frames."""
    SWAP = "swap"
    """Picture and sound of another clip of the same task."""
    NOISE = "noise"
    """Picture and sound replaced by seeded noise."""


class Factor(StrEnum):
    """What two runs may differ in on purpose, so that their difference shows its effect."""

    MODALITIES = "modalities"
    """What is given besides the text."""
    ALTERATION = "alteration"
    """What was done to the clips."""
    CHOICE_ORDER = "choice-order"
    """Which option stands under which letter."""
    SAMPLING = "sampling"
    """How many frames, of what size; the rate, channel and length of the sound."""
    PROMPT = "prompt"
    """The variant: words, order of the parts, settings of the reply."""
    ANSWER_METHOD = "answer-method"
    """Written answers or scored letters."""
    IMPORTED = "imported"
    """Whether the replies were measured here or made elsewhere, nobody knows how."""


class ChoiceScoreKind(StrEnum):
    """What a choice score is; scores of different kinds are never compared."""

    LETTER_LOGIT = "letter_log_probability"
    """Log-probability of the letter as the next token."""
    PROVIDER_CALIBRATED = "provider_calibrated"
    """Probabilities that a service states, by its own method."""
    SAMPLED_VOTES = "sampled_votes"


class Repeatability(StrEnum):
    """How far the same request gives the same answer."""

    EXACT = "exact"
    """Whatever the batch."""
    SAME_BATCH = "same_batch"
    """With the same requests in the same batch."""
    BEST_EFFORT = "best_effort"
    """A seed is passed on; nothing is promised."""
    NONE = "none"


class JudgedDimension(StrEnum):
    """What a judge says of a description, 1 to 10; more is better in each."""

    CUE_OVERLAP = "cue_overlap"
    """The cues of the reference are named."""
    LABEL_CONSISTENCY = "label_consistency"
    """The emotion is that of the reference."""
    CUE_ASSOCIATION = "cue_association"
    """The emotion rests on cues that speak for it, not on spurious ones."""
    NO_HALLUCINATED_CUES = "no_hallucinated_cues"
    """No cue is named that is not there."""


class JudgedMatter(StrEnum):
    """What a judge is asked about."""

    DESCRIPTIONS = "descriptions"
    """Replies to open questions, which it rates."""
    STATEMENTS = "statements"
    """Replies to yes/no questions that hold no answer: what do they amount to?"""


class StatementVerdict(StrEnum):
    """What a judge says that a reply without an answer amounts to."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"


class Origin(StrEnum):
    """Where imported replies come from; each is a layout of files."""

    PREDICTIONS = "predictions"
    """Ids and texts: JSON, JSON lines, a table or a folder of texts."""
    INSPECT = "inspect"
    """A log of Inspect AI."""
    LM_EVAL = "lm-eval"
    """The logged samples of lm-evaluation-harness."""
    LMMS_EVAL = "lmms-eval"
    """The logged samples of lmms-eval."""


class Tracker(StrEnum):
    """A service that keeps the numbers of experiments."""

    WANDB = "wandb"
    """Weights & Biases."""
    MLFLOW = "mlflow"


class PublishedForm(StrEnum):
    """A form in which runs are published elsewhere; each is a layout of a folder."""

    EVERY_EVAL_EVER = "every-eval-ever"
    """The data store of Every Eval Ever, scores and replies."""
    EVAL_RESULTS = "eval-results"
    """What the Hugging Face hub reads from a model's repository."""


class CueQuestion(StrEnum):
    """What a question of a preference pair with known cues asks."""

    BASIC = "basic"
    """Which cue the person shows."""
    STRESS = "stress"
    """Whether a cue that is named is the person's and shows an emotion that is named."""
    NEUTRAL = "neutral"
    """Whether a cue that is named is the person's; no emotion is named."""
    PRESENCE = "presence"
    """What can be seen or heard anywhere in the clip, of four cues and things."""
    AGREEMENT = "agreement"
    """Whether face and voice convey the same emotion."""


class AnswerForm(StrEnum):
    """What the answers of a preference pair look like."""

    LETTER = "letter"
    """``(B)``, to a question with options."""
    WORDS = "words"
    """What is seen or heard, in words."""


HEADLINE_SCORING = Scoring.STRICT
JUDGED_SCORING = "strict-judged"
"""Strict, and the verdicts of a judge where strict finds no answer. It is no
member of :class:`Scoring`, since it needs more than the replies."""


class GivenMedia(StrEnum):
    """What a model is given besides the text, in short."""

    VIDEO_AND_AUDIO = "av"
    AUDIO = "a"
    VIDEO = "v"
    TEXT_ONLY = "t"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Return the same in full."""
        letters = {"v": Modality.VIDEO, "a": Modality.AUDIO}
        return tuple(modality for letter, modality in letters.items() if letter in self.value)
