"""What people may be called: one line, and nothing that a phone shows as a link, since names are read in texts."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# Controls, invisible characters and those that change the direction, halves of characters, breaks of lines.
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks that show nothing
_LINK = re.compile(r"://|@|\bwww\b|\d+(?:\.\d+){3}", re.IGNORECASE)
_DOTTED = re.compile(r"([\w-]+)\.(?=([^\W\d_]{2,}))")
_SHORTEST_SURNAME = 4


def is_hidden(character: str) -> bool:
    """Whether nobody sees the character in a line of text."""
    return unicodedata.category(character) in _HIDDEN or character in _BLANKS


def is_address(word: str) -> bool:
    """Whether a phone may show the word as a link: example.com, a@b.c, t.me/x. "Jr." and "A.Karimov" are names."""
    plain = unicodedata.normalize("NFKC", word).replace("。", ".")
    if _LINK.search(plain):
        return True
    dotted = [match.groups() for match in _DOTTED.finditer(plain)]
    return any(not _is_initial(before, behind) or "/" in plain for before, behind in dotted)


def _is_initial(before: str, behind: str) -> bool:
    """A.Karimov, and also the second dot of A.B.Karimov."""
    return len(before) == 1 and before.isupper() and behind.istitle() and len(behind) >= _SHORTEST_SURNAME


def collapsed(name: str) -> str:
    """Without spaces around it, and with single ones in it."""
    return re.sub(r"[^\S\r\n\t\v\f\x1c-\x1f\x85\u2028\u2029]+", " ", name).strip()


def refuse_unfit(name: str) -> None:
    """Raises ValidationError for what is no single line, or holds an address. A validator of models and serializers."""
    if any(is_hidden(character) for character in name):
        raise ValidationError("Holds a control character, or one that nobody sees.", "invalid")
    if any(is_address(word) for word in name.split()):
        raise ValidationError("Holds an address, such as example.com. After a dot put a space.", "invalid")


def cleaned(name: str) -> str:
    """What may be shown of a name that was stored before the rule; empty where nothing is left."""
    seen = "".join(" " if character.isspace() else character for character in name)
    words = "".join(character for character in seen if not is_hidden(character)).split()
    return " ".join(word for word in words if not is_address(word))
