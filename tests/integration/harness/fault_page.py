"""docs/fault-matrix.md, from what was found."""
from typing import Any

from harness.fault_rows import COLUMNS, GROUPS, LETTERS
from harness.fault_words import WORDS

HEAD = """\
# Fault matrix

What each provider's failures are to the broker. This page is written by `tests/integration/test_fault_matrix.py`, which runs all of it
against the real daemon and fails where a class differs from what the provider's documentation asks for, or from this page.

| class | meaning | what the test saw afterwards |
| --- | --- | --- |
| ok | taken as the success that it is | the token is good at the provider |
| RETRY | temporary; backoff, not before `Retry-After` | the token in hand is served, the next renewal succeeds |
| RETRY, 2 tries | the exchange has made a second request by itself, and that failed too | the same |
| AMBIG | the outcome is unknown: the grant may be spent | the same grant is sent again by itself, and that heals it |
| AMBIG or NEVER, successor kept | the token of the reply is no use, but its new refresh token is | the next renewal goes on with the new one |
| CONFIG | an operator must change something; one try an hour | the token in hand is served, an operator's renewal succeeds |
| NEVER | our request is wrong, or the reply no use; as CONFIG | the same |
| REAUTH | the grant is dead | a new grant heals it (readyplayerme: this user's authorisation; others are served) |
| – | the provider has no such thing | |

threekit's column is its probe: a token is handed out whatever comes of it. The columns of playfab are `mode = "secret"` and
`mode = "entity"`, those of oauth2 `grant = "refresh_token"` and `"client_credentials"`.
"""
WORDS_HEAD = """
## The providers' own words
The code is what `tokenbroker status` shows; docs/providers says what to do about each.

| provider | HTTP | body | class | code |
| --- | --- | --- | --- | --- |
"""


def line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def short(body: dict[str, Any]) -> str:
    if "errorCode" in body:
        code = body["errorCode"]
        reason = body.get("reason", "Unauthorized")
        inner = f", code {body['code']}" if "code" in body else ""
        return f"errorCode {code}" + inner + ("" if reason == "Unauthorized" else f", reason {reason}")
    if "error_description" in body:
        return f"{body['error']}: `{body['error_description']}`"
    said = body.get("error", body.get("message"))
    return said if isinstance(said, str) else "error is an object"


def page(cells: dict[Any, Any]) -> str:
    text = HEAD
    for name, rows in GROUPS:
        text += f"\n## {name}\n" + line(["fault", *COLUMNS]) + line(["---"] * (len(COLUMNS) + 1))
        for row in rows:
            found = [cells[row.text, column].found if (row.text, column) in cells else "-" for column in COLUMNS]
            text += line([row.text, *(LETTERS[letter] for letter in found)])
    text += WORDS_HEAD
    for number, (column, status, body, _, _) in enumerate(WORDS):
        cell = cells[number, column]
        text += line([column, str(status), short(body), LETTERS[cell.found], f"`{cell.code}`"])
    return text
