"""Faults of the stage "reply": another status, another body, another Date. Pure: a reply in, a reply out.

What the client is told to wait (Retry-After) is noted on the reply as the floor in seconds, so that the
invariants can hold it against the client.
"""
import copy
import gzip
import json
from dataclasses import replace
from typing import Any

from clock import Clock, asctime_date, imf_date, rfc850_date
from faults import Fault
from message import Reply

PAGE = (b"<!DOCTYPE html><html><head><title>Sign in</title></head>"
        b"<body><h1>Service unavailable</h1><p>Please come back later.</p></body></html>\n")
RETRY_AFTER_CAP_S = 3600.0
TOKEN_MEMBERS = ("access_token", "accessToken", "token", "EntityToken")

DROP = object()


def processes(fault: Fault | None) -> bool:
    """Whether the persona still handles the request under this fault."""
    return fault is None or bool(fault.params.get("processed", True))


def hints(fault: Fault | None) -> dict[str, Any]:
    """What the persona must do differently so that its state agrees with the changed reply."""
    return {"rotation": fault.params["mode"]} if fault is not None and fault.kind == "refresh_token" else {}


def retry_after(form: str, seconds: int, now: float) -> tuple[str, float | None]:
    """The header's value, and the floor it sets (None: a client must ignore it)."""
    if form == "seconds":
        return str(seconds), float(seconds)
    if form in ("imf", "rfc850", "asctime"):
        write = {"imf": imf_date, "rfc850": rfc850_date, "asctime": asctime_date}[form]
        return write(int(now) + seconds), float(seconds)
    if form == "past":
        return imf_date(now - 3600), None
    if form == "negative":
        return "-1", None
    if form == "huge":
        return "99999999", RETRY_AFTER_CAP_S
    return "abc", None


def status_reply(fault: Fault, clock: Clock) -> Reply:
    params = fault.params
    body, kind = b"", None
    if params["body"] == "json":
        value = params["json"] if params["json"] is not None else {"error": "temporarily_unavailable"}
        body, kind = json.dumps(value).encode(), "application/json"
    elif params["body"] == "html":
        body, kind = PAGE, "text/html; charset=utf-8"
    elif params["body"] != "empty":
        body, kind = str(params["body"]).encode(), "text/plain; charset=utf-8"
    reply = Reply(status=int(params["status"]), body=body, content_type=kind, note=f"fault {fault.id}")
    for name, value in params["headers"].items():
        reply.headers.append((name, str(value)))
    if params["retry_after"]:
        now = clock.now()
        text, floor = retry_after(params["retry_after"], int(params["retry_after_s"]), now)
        reply.headers.append(("Retry-After", text))
        reply.date, reply.retry_floor_s = imf_date(now), floor
    return reply


def token_member(value: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The object and the name of the access token in a reply of any persona."""
    inner = value.get("data")
    for holder in (value, inner if isinstance(inner, dict) else {}):
        for name in TOKEN_MEMBERS:
            if isinstance(holder.get(name), str):
                return holder, name
    return None


def wrong_shape(shape: str, depth: int, value: Any) -> bytes:
    good = dict(value) if isinstance(value, dict) else {}
    found = token_member(good)
    if found is None:  # no reply with a token: as if it were one of Webroot
        good = {"access_token": "at_test_x", "token_type": "bearer"}
        found = good, "access_token"
    (holder, name), text = found, json.dumps(good)
    token, member = json.dumps(holder[name]), json.dumps(name)
    outside = "data" if holder is not good else name  # where a value of another kind hurts
    once = f"{member}: {token}"
    wrapped = {
        "array": f"[{text}]", "string": member, "number": "42", "null": "null", "empty": "",
        "wrong": json.dumps({"data": {"ok": True}, name: {"value": 1}}, separators=(",", ":")),
        "nested": f'{{"{outside}":' + "[" * depth + "]" * depth + "}",
        "duplicate_access_token": text.replace(once, f'{once}, {member}: "at_test_second"'),
        "nul": text.replace(token, token[:-1] + '\\u0000x"'),
        "huge_number": json.dumps({**good, "expires_in": 0}).replace('"expires_in": 0', '"expires_in": 1e400'),
        "lone_surrogate": text.replace(token, token[:-1] + '\\ud800"'),
        "trailing_garbage": text + " xyz", "raw_newline": text.replace(token, token[:3] + "\n" + token[3:]),
    }
    if shape == "invalid_utf8":
        return text.encode().replace(token.encode(), token.encode()[:-1] + b'\xff\xfe"')
    return wrapped[shape].encode()


def change_fields(fault: Fault, reply: Reply) -> Reply:
    if not isinstance(reply.raw_json, dict):
        return reply
    value = copy.deepcopy(reply.raw_json)
    for path, new in [*fault.params["set"].items(), *((path, DROP) for path in fault.params["drop"])]:
        *outer, name = path.split(".")
        holder: Any = value
        for part in outer:
            holder = holder.get(part) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue  # this reply has no such object
        if new is DROP:
            holder.pop(name, None)
        else:
            holder[name] = new
    return replace(reply, raw_json=value, body=json.dumps(value, ensure_ascii=False).encode())


def redirect(fault: Fault, target: str, places: dict[str, str]) -> Reply:
    to = str(fault.params["to"])
    base = places.get(to, to)
    location = base + target if to in places else base
    return Reply(status=int(fault.params["status"]), headers=[("Location", location)], body=PAGE,
                 content_type="text/html", note=f"fault {fault.id}: to {to}")


def mangle(fault: Fault, reply: Reply, target: str, places: dict[str, str], clock: Clock) -> Reply:
    """The reply after the fault. `reply` is the persona's own (empty if it didn't process)."""
    kind, params = fault.kind, fault.params
    if kind == "status":
        return replace(status_reply(fault, clock), note=reply.note)
    if kind == "redirect":
        return redirect(fault, target, places)
    if kind == "html":
        return replace(reply, status=int(params["status"]), body=PAGE, content_type="text/html; charset=utf-8")
    if kind == "content_type":
        return replace(reply, content_type=params["value"])
    if kind == "shape":
        return replace(reply, body=wrong_shape(params["shape"], int(params["depth"]), reply.raw_json))
    if kind == "fields":
        return change_fields(fault, reply)
    if kind == "bom":
        return replace(reply, body=b"\xef\xbb\xbf" + reply.body)
    if kind == "utf16":
        return replace(reply, body=reply.body.decode().encode("utf-16"))
    if kind == "gzip":
        plain = bytes(int(params["bomb_bytes"])) or reply.body
        return replace(reply, body=gzip.compress(plain), headers=reply.headers + [("Content-Encoding", "gzip")])
    if kind == "large_body":
        return replace(reply, status=int(params["status"]), body=large(reply.body, int(params["bytes"])))
    if kind == "date":
        at = clock.now() + float(params["skew_s"] if params["mode"] == "skew" else 0)
        return replace(reply, date={"missing": None, "malformed": "yesterday at noon", "rfc850": rfc850_date(at),
                                    "asctime": asctime_date(at)}.get(params["mode"], imf_date(at)))
    return reply  # refresh_token: the persona has done it


def large(body: bytes, size: int) -> bytes:
    """The same JSON object with a member that fills it up to `size` bytes."""
    start = body[:-1] + b', "padding": "' if body.endswith(b"}") and len(body) > 2 else b'{"padding": "'
    return start + b"x" * max(0, size - len(start) - 2) + b'"}'
