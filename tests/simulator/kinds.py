"""The table of fault kinds: at which stage of a call each acts, its parameters with defaults, one line on each.

Stages, in the order of a call: accept, tls, head, before, after, reply, wire, end. At each stage at most one
fault fires a call (the one armed first), so that faults of different stages combine: latency and a 503 and a drip.
"""
from dataclasses import dataclass, field
from typing import Any

STAGES = ("accept", "tls", "head", "before", "after", "reply", "wire", "end")
TLS_KINDS = ("tls_expired", "tls_not_yet_valid", "tls_wrong_name", "tls_self_signed", "tls_unknown_ca",
             "tls_old_version")
RETRY_AFTER_FORMS = ("seconds", "imf", "rfc850", "asctime", "past", "negative", "garbage", "huge")
SHAPES = ("array", "string", "number", "null", "wrong", "nested", "duplicate_access_token", "nul", "huge_number",
          "lone_surrogate", "invalid_utf8", "trailing_garbage", "raw_newline", "empty")


@dataclass(frozen=True)
class Kind:
    stage: str
    text: str
    params: dict[str, Any] = field(default_factory=dict)
    intact: bool = False  # a client that understands HTTP still gets the whole, right reply


KINDS: dict[str, Kind] = {
    "reset_on_accept": Kind("accept", "RST right after accept"),
    "silent_accept": Kind("accept", "accepts, then says nothing (no TLS) until the client leaves", {"hold_s": 60.0}),
    "reset_in_tls": Kind("tls", "reads the ClientHello, then RST"),
    "silent_in_tls": Kind("tls", "reads the ClientHello, then says nothing until the client leaves", {"hold_s": 60.0}),
    "tls_expired": Kind("tls", "certificate expired yesterday"),
    "tls_not_yet_valid": Kind("tls", "certificate valid from tomorrow"),
    "tls_wrong_name": Kind("tls", "certificate for elsewhere.sim.test"),
    "tls_self_signed": Kind("tls", "self-signed certificate"),
    "tls_unknown_ca": Kind("tls", "certificate of a CA that nobody trusts"),
    "tls_old_version": Kind("tls", "offers TLS 1.0 and 1.1 only"),
    "reset_after_headers": Kind("head", "RST when the request's head is read, before its body"),
    "latency": Kind("before", "waits ms before the request is processed", {"ms": 1000}, True),
    "reset_before": Kind("before", "RST after the full request, before processing"),
    "close_before": Kind("before", "clean close after the full request, before processing"),
    "latency_after": Kind("after", "waits ms after processing, before the reply", {"ms": 1000}, True),
    "reset_after": Kind("after", "RST after processing: state changed, reply lost"),
    "close_after": Kind("after", "clean close after processing: state changed, reply lost"),
    "status": Kind("reply", "another status; body: json|html|empty|text; processed: the state changes all the same",
                   {"status": 503, "body": "json", "json": None, "retry_after": None, "retry_after_s": 2,
                    "processed": False, "headers": {}}),
    "redirect": Kind("reply", "301/302/303/307/308; to: canary (https)|canary_http|self or a URL",
                     {"status": 302, "to": "canary", "processed": False}),
    "html": Kind("reply", "an HTML page", {"status": 200, "processed": True}),
    "content_type": Kind("reply", "another Content-Type; value null: none", {"value": None}, True),
    "shape": Kind("reply", "JSON of a wrong shape: " + ", ".join(SHAPES), {"shape": "array", "depth": 10_000}),
    "fields": Kind("reply", "sets or drops members of the JSON reply; data.token is token in data",
                   {"set": {}, "drop": []}, True),
    "refresh_token": Kind("reply", "no rotation, and the reply's refresh token is missing|empty|same (webroot, immersve, "
                          "oauth2)", {"mode": "missing"}, True),
    "bom": Kind("reply", "a UTF-8 byte order mark before the JSON", {}, True),
    "utf16": Kind("reply", "the JSON as UTF-16"),
    "gzip": Kind("reply", "Content-Encoding: gzip though nobody asked; bomb_bytes > 0: that many zeros",
                 {"bomb_bytes": 0}),
    "large_body": Kind("reply", "a body of so many bytes", {"bytes": 1_048_576, "status": 200, "processed": True}),
    "date": Kind("reply", "Date off by skew_s, or mode missing|malformed|rfc850|asctime", {"mode": "skew", "skew_s": 600}, True),
    "drip": Kind("wire", "sends slowly", {"bytes_per_s": 100.0}, True),
    "stall": Kind("wire", "stops after so many bytes, then says nothing", {"after_bytes": 40, "hold_s": 60.0}),
    "truncate": Kind("wire", "full Content-Length, only so many bytes of body (-1: half); end: close|reset|no_notify",
                     {"bytes": -1, "end": "close"}),
    "no_close_notify": Kind("wire", "no length; ends by a TCP close without close_notify, after so many bytes of body "
                            "(-1: half)", {"bytes": -1}),
    "chunked": Kind("wire", "chunked reply; mode: plain|one_byte|trailers|bad_size|missing_last",
                    {"mode": "plain"}, True),
    "te_and_cl": Kind("wire", "both Transfer-Encoding and Content-Length", {"length": 5}),
    "no_length": Kind("wire", "neither length nor chunks: the body ends with the connection", {}, True),
    "interim": Kind("wire", "1xx replies before the final one", {"statuses": [100, 103]}, True),
    "huge_header": Kind("wire", "header lines of together so many bytes", {"bytes": 80_000, "lines": 1}),
    "endless_headers": Kind("wire", "header lines without end, up to max_bytes",
                            {"max_bytes": 16_777_216, "bytes_per_s": 0.0}),
    "connection_close": Kind("wire", "a whole reply with Connection: close, and then that", {}, True),
    "two_lengths": Kind("wire", "two Content-Length headers that differ", {"other": 5}),
    "garbage_after": Kind("wire", "bytes after the reply that nobody asked for",
                          {"text": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"}, True),
    "close_idle": Kind("end", "closes the kept connection unannounced; when: now|on_next (at the next request's "
                       "first byte); after_ms; how: close|reset", {"when": "now", "after_ms": 0, "how": "close"}, True),
}

CHOICES: dict[tuple[str, str], tuple[Any, ...]] = {
    ("status", "retry_after"): (None, *RETRY_AFTER_FORMS),
    ("shape", "shape"): SHAPES,
    ("refresh_token", "mode"): ("missing", "empty", "same"),
    ("date", "mode"): ("skew", "missing", "malformed", "rfc850", "asctime"),
    ("truncate", "end"): ("close", "reset", "no_notify"),
    ("chunked", "mode"): ("plain", "one_byte", "trailers", "bad_size", "missing_last"),
    ("close_idle", "when"): ("now", "on_next"),
    ("close_idle", "how"): ("close", "reset"),
    ("redirect", "status"): (301, 302, 303, 307, 308),
}


def describe() -> str:
    lines = []
    for stage in STAGES:
        lines.append(f"  stage {stage}:")
        for name, kind in KINDS.items():
            if kind.stage == stage:
                params = ", ".join(f"{key}={value!r}" for key, value in kind.params.items())
                lines.append(f"    {name:20} {kind.text}" + (f" [{params}]" if params else ""))
    return "\n".join(lines)
