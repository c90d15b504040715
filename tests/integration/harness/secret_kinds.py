"""Secrets made up for one run: texts that every encoding changes, and a private key with what of it is secret."""
import base64
import secrets
import subprocess


def made_up(kind: str) -> str:
    """Every encoding of it differs from it, and no 12 letters of one are those of another."""
    return f"{kind}_test_{secrets.token_hex(12)}" + "".join(mark + secrets.token_hex(4) for mark in '/"+%&=')


class PrivateKey:
    """A P-256 key in PEM, and what of it is secret: its number, and the letters of the PEM that the number is written in."""

    def __init__(self) -> None:
        self.pem = run_openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.public = run_openssl("pkey", "-pubout", stdin=self.pem)
        lines = [line for line in self.pem.splitlines() if not line.startswith("-")]
        der = base64.b64decode("".join(lines))
        start = der.index(b"\x02\x01\x01\x04\x20") + 5
        self.number = der[start:start + 32]
        first, last = (start + 2) // 3 * 4, (start + 32) // 3 * 4
        self.letters = ["".join(lines[0])[first:], lines[1][:last - len(lines[0])]]


def run_openssl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, check=True, timeout=30).stdout
