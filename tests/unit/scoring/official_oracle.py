"""The authors' evaluator once more, in the plainest way, to check ours against.

It was written from the description of the rules alone, shares no code with the
package, and goes through characters in loops where the package uses patterns.
"""

import json
from pathlib import Path

WORD_DATA = json.loads(
    (Path(__file__).parent / "official_oracle_words.json").read_text(encoding="utf-8")
)
SEVEN = ["happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear"]
FIVE = SEVEN[:5]


def is_word_character(character: str) -> bool:
    return character.isalnum() or character == "_"


def whole_words(text: str) -> list[str]:
    result, current = [], ""
    for character in text:
        if is_word_character(character):
            current += character
        else:
            if current:
                result.append(current)
            current = ""
    if current:
        result.append(current)
    return result


def letter_is_somewhere(reply: str, letter: str) -> bool:
    small = reply.strip().lower().replace("\u0131", "i").replace("\u017f", "s")
    return letter.lower() in whole_words(small)


def capital_is_somewhere(reply: str, letter: str) -> bool:
    return letter in whole_words(reply.strip().lower().upper())


def squeeze(text: str) -> str:
    out = ""
    for character in text.lower():
        if character in "abcdefghijklmnopqrstuvwxyz0123456789":
            out += character
        elif not out.endswith(" "):
            out += " "
    return out.strip()


def split_option(option: str) -> tuple[str, str]:
    rest = option.lstrip()
    if rest.startswith("("):
        rest = rest[1:]
    letter, rest = rest[0].upper(), rest[1:]
    if rest.startswith(")"):
        rest = rest[1:]
    if rest[:1] in (".", ")"):
        rest = rest[1:]
    return letter, squeeze(rest.lstrip().split("\n")[0])


def lenient(reply: str, options: list[str]) -> str | None:
    if not reply.strip():
        return None
    table = dict(split_option(option) for option in options)
    for letter in table:
        if capital_is_somewhere(reply, letter):
            return letter
    flat = squeeze(reply)
    for word in ("yes", "no"):
        holder = None
        for letter, text in table.items():
            if word in text:
                holder = letter
        if holder and word in flat.split(" "):
            return holder
    for letter, text in table.items():
        if text != "" and text in flat:
            return letter
    return None


def split_sentences(text: str) -> list[str]:
    pieces, start = [], 0
    for position, character in enumerate(text):
        if not character.isspace() or position == 0 or text[position - 1] not in ".?":
            continue
        tail = text[position - 4 : position] if position >= 4 else ""
        abbreviation = (
            len(tail) == 4
            and is_word_character(tail[0])
            and tail[1] == "."
            and is_word_character(tail[2])
        )
        if not abbreviation:
            pieces.append(text[start:position])
            start = position + 1
    pieces.append(text[start:])
    return pieces


def without_negative_sentences(text: str) -> str:
    bad = ["not", "no", "isn't ", "nothing", "cannot", "won't", "shouldn't", "neither", "nor"]
    good = [s for s in split_sentences(text) if not [part for part in bad if part in s]]
    return " ".join(good) if good else text


def end_of_first_sentence(text: str) -> int | None:
    for position, character in enumerate(text):
        if character == "\n":
            return None
        if character in ".!?":
            return position
    return None


def emotion(reply: str, list_name: str) -> str | None:
    words: dict[str, str] = WORD_DATA[list_name]
    order = SEVEN if list_name == "dfew_ravdess" else FIVE
    text = reply.strip().lower()
    if text == "":
        return None
    if text[-1] != ".":
        text = text + "."
    text = without_negative_sentences(text)
    end = end_of_first_sentence(text)
    if end is None:
        return None
    for word in whole_words(text[:end]):
        if word in words:
            return words[word]
    totals = [0] * len(order)
    for word in whole_words(text[end + 1 :]):
        if word in words:
            for label in WORD_DATA["count_for_two_classes"].get(word, [words[word]]):
                if label in order:
                    totals[order.index(label)] += 1
    return order[totals.index(max(totals))]


def yes_no_numbers(rows: list[tuple[str, bool]]) -> dict[str, float | None]:
    """Rows of (text of the gold option, right or wrong)."""
    yes_total = yes_right = no_total = no_right = 0
    for gold_text, right in rows:
        if "yes" in gold_text.lower():
            yes_total += 1
            yes_right += right
        elif "no" in gold_text.lower():
            no_total += 1
            no_right += right
    try:
        yes_recall = yes_right / yes_total
        no_recall = no_right / no_total
        f1 = 2 * yes_recall * no_recall / (yes_recall + no_recall)
    except ZeroDivisionError:
        return {"f1": None}
    return {
        "yes_recall": yes_recall,
        "no_recall": no_recall,
        "f1": f1,
        "yes_rate": (yes_right + no_total - no_right) / len(rows),
        "accuracy": (yes_right + no_right) / len(rows),
    }
