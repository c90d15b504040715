"""What each fault is to each provider, by the providers' documentation: written by hand, and not derived from what runs.

One letter a provider, in the order of COLUMNS: webroot, threekit (its probe), readyplayerme, immersve, playfab by secret key,
playfab by entity token, oauth2 with a refresh token, oauth2 with client credentials.
"""
from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("webroot", "threekit", "readyplayerme", "immersve", "playfab secret", "playfab entity", "oauth2 refresh", "oauth2 client")
LETTERS = {"o": "ok", "R": "RETRY", "r": "RETRY, 2 tries", "A": "AMBIG", "K": "AMBIG, successor kept", "k": "NEVER, successor kept",
           "C": "CONFIG", "N": "NEVER", "X": "REAUTH", "-": "–"}
TOKEN = "TOKEN"  # stands for the member that has a provider's access token


@dataclass(frozen=True)
class Row:
    text: str
    wanted: str
    kind: str
    params: dict[str, Any] = field(default_factory=dict)


def row(text: str, wanted: str, kind: str, **params: Any) -> Row:
    letters = wanted.replace(" ", "")
    assert len(letters) == len(COLUMNS) and set(letters) <= set(LETTERS), (text, wanted)
    return Row(text, letters, kind, params)


# Before there is a request: nothing was sent (0.4). A handshake that fails may be gone at once, a certificate isn't.
CONNECTION = [
    row("reset after accept", "R R r R R R R R", "reset_on_accept"),
    row("reset in the TLS handshake", "R R r R R R R R", "reset_in_tls"),
    row("certificate expired", "C C C C C C C C", "tls_expired"),
    row("certificate not yet valid", "C C C C C C C C", "tls_not_yet_valid"),
    row("certificate of another name", "C C C C C C C C", "tls_wrong_name"),
    row("self-signed certificate", "C C C C C C C C", "tls_self_signed"),
    row("certificate of an unknown CA", "C C C C C C C C", "tls_unknown_ca"),
    row("TLS 1.1 at most", "R R r R R R R R", "tls_old_version"),
    row("reset when the request's head is read", "A R r A R R A R", "reset_after_headers"),
]
# Struck once, ended by the exchange's deadline; the first two as above.
SLOW = [
    row("silence after accept", "R R R R R R R R", "silent_accept"),
    row("silence in the TLS handshake", "R R R R R R R R", "silent_in_tls"),
    row("reply stops after 40 bytes", "A R R A R R A R", "stall"),
    row("headers without end", "A R R A R R A R", "endless_headers", bytes_per_s=2000),
    row("reply at 5 bytes/s", "A R R A R R A R", "drip", bytes_per_s=5),
]
# Not a byte of a reply: on a kept connection, what spends nothing is sent once more (design: Rotation), so each opens one.
FRESH = [
    row("reset before processing", "A R r A R R A R", "reset_before"),
    row("close before processing", "A R r A R R A R", "close_before"),
    row("reset after processing", "A R r A R R A R", "reset_after"),
    row("close after processing", "A R r A R R A R", "close_after"),
]
# The second call of two meets the kept connection's end.
IDLE = [
    row("kept connection closed after the reply", "o o o o o o o o", "close_idle"),
    row("kept connection closed at the next request", "A o o A o o A o", "close_idle", when="on_next"),
    row("kept connection reset at the next request", "A o o A o o A o", "close_idle", when="on_next", how="reset"),
]
LOST = [
    row("half a body, then close", "A R r A R R A R", "truncate"),
    row("10 bytes of body, then reset", "A R r A R R A R", "truncate", bytes=10, end="reset"),
    row("half a body, no close_notify", "A R r A R R A R", "truncate", end="no_notify"),
    row("no length, half a body, no close_notify", "A R r A R R A R", "no_close_notify"),
    row("bad chunk size", "A R r A R R A R", "chunked", mode="bad_size"),
    row("last chunk missing", "A R r A R R A R", "chunked", mode="missing_last"),
    row("Transfer-Encoding and Content-Length", "A R r A R R A R", "te_and_cl"),
    row("two Content-Length that differ", "A R r A R R A R", "two_lengths"),
    row("header line of 80 kB", "A R r A R R A R", "huge_header"),
    row("headers without end, fast", "A R r A R R A R", "endless_headers"),
    row("200 with a body of 1 MiB", "A R r A R R A R", "large_body"),
    row("400 with a body of 1 MiB", "N N N N N N N N", "large_body", status=400),
    # 0.2 has RETRY for it, the design (Rotation) AMBIG for all that was sent and can't be read: the design holds.
    row("503 with a body of 1 MiB", "A R r A R R A R", "large_body", status=503),
]
# Nobody says more than the status (0.5). Immersve's table makes 5xx AMBIG; PlayFab's says of what is no JSON: as a 503.
STATUSES = [
    *(row(f"{status}, empty", "C C C C R R C C", "status", status=status, body="empty") for status in (402, 405, 410)),
    *(row(f"{status}, empty", "N N N N R R N N", "status", status=status, body="empty") for status in (400, 413, 414, 415, 422, 431)),
    row("401, empty", "C C C C R R C C", "status", status=401, body="empty"),
    row("403, empty", "C C X C R R C C", "status", status=403, body="empty"),
    row("404, empty", "C C C C R R C C", "status", status=404, body="empty"),
    row("407, empty", "C C C C C C C C", "status", status=407, body="empty"),
    row("409, empty", "N N N N R R N N", "status", status=409, body="empty"),
    *(row(f"{status}, empty", "R R r R R R R R", "status", status=status, body="empty") for status in (408, 425, 511)),
    row("429, empty", "R R R R R R R R", "status", status=429, body="empty"),
    row("500, empty", "R R r A R R R R", "status", status=500, body="empty"),
    row("501, empty", "N N N N N N N N", "status", status=501, body="empty"),
    row("502, empty", "A R r A R R A R", "status", status=502, body="empty"),
    row("502 after processing", "A R r A R R A R", "status", status=502, body="empty", processed=True),
    row("503, empty", "R R r A R R R R", "status", status=503, body="empty"),
    row("504, empty", "A R r A R R A R", "status", status=504, body="empty"),
    row("505, empty", "N N N N N N N N", "status", status=505, body="empty"),
    row("520, empty", "A R r A R R A R", "status", status=520, body="empty"),
    row("202, empty", "A R N A R R A N", "status", status=202, body="empty"),
    row("204", "A R N A R R A N", "status", status=204, body="empty"),
    row("200, HTML page", "A R R A R R A R", "html"),
    row("400, HTML page", "R R R R R R R R", "status", status=400, body="html"),
    row("404, HTML page", "R R R R R R R R", "status", status=404, body="html"),
    row("429, HTML page", "R R R R R R R R", "status", status=429, body="html"),
    row("401, HTML page", "R R R R R R R R", "status", status=401, body="html"),
    row("403, HTML page", "R R R R R R R R", "status", status=403, body="html"),
    row("500, HTML page", "R R r A R R R R", "status", status=500, body="html"),
    row("502, HTML page", "A R r A R R A R", "status", status=502, body="html"),
    row("503, HTML page", "R R r A R R R R", "status", status=503, body="html"),
    row("504, HTML page", "A R r A R R A R", "status", status=504, body="html"),
    *(row(f"429, Retry-After {form}", "R R R R R R R R", "status", status=429, body="empty", retry_after=form)
      for form in ("past", "negative", "garbage")),
    *(row(f"{status} to another host", "N N N N N N N N", "redirect", status=status) for status in (301, 302, 303, 307, 308)),
    row("302 to http://", "N N N N N N N N", "redirect", status=302, to="canary_http"),
    row("308 to itself", "N N N N N N N N", "redirect", status=308, to="self"),
]
# Held against the caller by the simulator; the origin waits. The last one is an hour, however much was asked for.
WAITING = [row(f"429, Retry-After as {form}", "R R R R R R R R", "status", status=429, body="empty", retry_after=form,
               retry_after_s=1) for form in ("seconds", "imf", "rfc850", "asctime")]
HUGE = row("429, Retry-After of 3 years", "R R R R R R R R", "status", status=429, body="empty", retry_after="huge")
BODIES = [
    row("Content-Type text/html", "A R R A R R A R", "content_type", value="text/html"),
    row("Content-Type application/octet-stream", "A o N A R R A N", "content_type", value="application/octet-stream"),
    row("gzip though not asked for", "A R r A R R A R", "gzip"),
    row("gzip bomb of 10 MB", "A R r A R R A R", "gzip", bomb_bytes=10_000_000),
    row("UTF-16", "A o N A R R A N", "utf16"),
    *(row(f"JSON: {text}", "A o N A N N A N", "shape", shape=shape)
      for text, shape in (("an array", "array"), ("a string", "string"), ("a number", "number"), ("null", "null"),
                          ("members of wrong types", "wrong"))),
    *(row(f"no JSON: {text}", "A o N A R R A N", "shape", shape=shape)
      for text, shape in (("empty", "empty"), ("nested 10,000 deep", "nested"), ("invalid UTF-8", "invalid_utf8"),
                          ("a lone surrogate", "lone_surrogate"), ("text after the end", "trailing_garbage"),
                          ("a raw line break in the token", "raw_newline"))),
    row("expires_in 1e400", "k o o o o o k N", "shape", shape="huge_number"),
    row("access token twice", "K o N K N N K N", "shape", shape="duplicate_access_token"),
    row("\\u0000 in the access token", "K o N K N N K N", "shape", shape="nul"),
    row("\\n in the access token", "K - N K N N K N", "fields", set={TOKEN: "at_test\nX: y"}),
    row("access token of 20 kB", "K - N K N N K N", "fields", set={TOKEN: "x" * 20_000}),
    row("access token null", "K - N K N N K N", "fields", set={TOKEN: None}),
    row("access token empty", "K - N K N N K N", "fields", set={TOKEN: ""}),
    row("access token missing", "K - N K N N K N", "fields", drop=[TOKEN]),
    row("token_type mac", "k - - - - - k N", "fields", set={"token_type": "mac"}),
    row("expires_in -1", "k - - - - - k N", "fields", set={"expires_in": -1}),
    row("expires_in \"soon\"", "k - - - - - k N", "fields", set={"expires_in": "soon"}),
]
HARMLESS = [
    row("waits 300 ms before processing", "o o o o o o o o", "latency", ms=300),
    row("waits 300 ms after processing", "o o o o o o o o", "latency_after", ms=300),
    row("reply at 2,000 bytes/s", "o o o o o o o o", "drip", bytes_per_s=2000),
    row("Content-Type missing", "o o o o o o o o", "content_type"),
    row("Content-Type text/plain", "o o o o o o o o", "content_type", value="text/plain"),
    row("byte order mark", "o o o o o o o o", "bom"),
    row("no length", "o o o o o o o o", "no_length"),
    row("1xx replies before", "o o o o o o o o", "interim"),
    row("chunked", "o o o o o o o o", "chunked"),
    row("chunks of one byte", "o o o o o o o o", "chunked", mode="one_byte"),
    row("chunked with trailers", "o o o o o o o o", "chunked", mode="trailers"),
    row("Connection: close", "o o o o o o o o", "connection_close"),
    row("bytes after the reply", "o o o o o o o o", "garbage_after"),
    row("Date missing", "o o o o o o o o", "date", mode="missing"),
    row("Date malformed", "o o o o o o o o", "date", mode="malformed"),
    row("Date as RFC 850", "o o o o o o o o", "date", mode="rfc850"),
    row("Date two hours ahead", "o o o o o o o o", "date", skew_s=7200),
    row("Date two hours behind", "o o o o o o o o", "date", skew_s=-7200),
    row("refresh token missing", "o - - o - - o -", "refresh_token", mode="missing"),
    row("refresh token empty", "o - - o - - o -", "refresh_token", mode="empty"),
    row("same refresh token", "o - - o - - o -", "refresh_token", mode="same"),
    row("expires_in as a string", "o - - - - - o o", "fields", set={"expires_in": "299"}),
    row("expires_in as a float", "o - - - - - o o", "fields", set={"expires_in": 299.9}),
    row("token_type BEARER", "o - - - - - o o", "fields", set={"token_type": "BEARER"}),
    row("token_type missing", "o - - - - - o o", "fields", drop=["token_type"]),
]
GROUPS = (("Before the request", CONNECTION), ("Slow, up to the deadline", SLOW), ("Lost and broken replies", [*FRESH, *IDLE, *LOST]),
          ("Statuses and redirects", STATUSES), ("Retry-After", [*WAITING, HUGE]), ("Bodies", BODIES),
          ("Odd, and taken for the success that it is", HARMLESS))
