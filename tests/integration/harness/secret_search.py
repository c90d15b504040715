"""Looks for secrets in bytes: raw, form-, query-, JSON- and base64-encoded at each alignment, and for parts of them.

Freed memory loses its first 16 to 32 bytes to the allocator's own links, so a search for whole secrets alone would miss most of
what stays behind: any 15 bytes in a row of any form are found. Of secrets that are no text (a private key's number), any 16 bytes that begin at
a multiple of 8 are found, in both orders.
"""
import base64
import json
import re
from urllib.parse import quote, quote_plus

GRAM_BYTES, STEP = 12, 4  # each form is known by 12 bytes at every 4th place: what has 15 bytes of it holds one of these
TEXT = re.compile(rb"[ -~]{12,}")


def base64_cores(value: bytes) -> list[bytes]:
    """The letters that depend on the value alone, wherever it stands in what was encoded; both alphabets."""
    cores = []
    for before in range(3):
        padded = bytes(before) + value
        encoded = base64.b64encode(padded)[before + 1 if before else 0:len(padded) * 8 // 6]
        cores += [encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")]
    return cores


def forms(secret: str) -> set[bytes]:
    inside = json.dumps(secret)[1:-1]
    texts = {secret, inside, inside.replace("/", "\\/"), quote_plus(secret), quote(secret, safe=""), quote(secret, safe="*")}
    texts |= {re.sub("%..", lambda code: code.group(0).lower(), text) for text in texts}
    whole = {text.encode() for text in texts}
    # Basic credentials are made of the raw or of the form-encoded secret.
    return whole | {core for text in (secret, quote_plus(secret)) for core in base64_cores(text.encode())}


class Search:
    def __init__(self, secrets: dict[str, str], numbers: dict[str, bytes] | None = None) -> None:
        """Secrets by label; numbers: bytes that are no text, as they are and backwards (as OpenSSL keeps them)."""
        self.grams: dict[bytes, str] = {}
        self.whole: dict[bytes, str] = {}
        for label, secret in secrets.items():
            for form in forms(secret):
                self._add(form, label)
        for label, number in (numbers or {}).items():
            for order in (number, number[::-1]):
                self.whole |= {order[at:at + 16]: label for at in range(0, len(order) - 15, 8)}

    def _add(self, form: bytes, label: str) -> None:
        if len(form) < GRAM_BYTES + STEP - 1 or not TEXT.fullmatch(form):
            self.whole[form] = label
            return
        last = len(form) - GRAM_BYTES
        for at in [*range(0, last, STEP), last]:
            self.grams[form[at:at + GRAM_BYTES]] = label

    def found_in(self, data: bytes) -> set[str]:
        """The labels of what is there."""
        found = {label for needle, label in self.whole.items() if needle in data}
        grams = self.grams
        for run in TEXT.finditer(data):
            text = run.group()
            for at in range(len(text) - GRAM_BYTES + 1):
                if (gram := text[at:at + GRAM_BYTES]) in grams:
                    found.add(grams[gram])
        return found
