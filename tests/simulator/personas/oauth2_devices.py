"""Device authorization (RFC 8628) of the generic OAuth2 persona. What the person does is a control call.

The interval is judged by the virtual clock, from poll to poll; a poll that comes too early makes it longer by 5 s, as the
RFC says, and is held against the client.
"""
from dataclasses import dataclass
from typing import Any

from message import Reply, json_reply
from personas.base import BadWish, Persona, Refused
from personas.oauth2_clients import Client

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 6.1
POLL_TOLERANCE_S = 0.05
SLOWER_S = 5.0
ACTIONS = ("approve", "deny", "expire", "slow_down")
VERIFICATION = ("full", "uri", "url")


@dataclass
class Device:
    code: str
    user_code: str
    client: Client
    scopes: list[str]
    expires_at: float
    interval_s: float
    state: str = "pending"  # approve, deny, used
    user: str = ""
    polled_at: float | None = None
    slow_down_next: bool = False
    polls: int = 0


class Devices:
    def __init__(self, persona: Persona) -> None:
        self.persona = persona
        self.known: dict[str, Device] = {}

    def authorization(self, form: dict[str, str], client: Client, base: str) -> Reply:
        persona, settings = self.persona, self.persona.settings
        scopes = client.wanted_scopes(form.get(settings["device_scope_param"], ""))
        letters = "".join(persona.random.choice(LETTERS) for _ in range(8))
        device = Device(persona.hex(48), f"{letters[:4]}-{letters[4:]}", client, scopes,
                        persona.clock.now() + settings["device_lifetime_s"], max(1.0, settings["device_interval_s"]))
        if settings["device_interval_s"] < 0:
            device.interval_s = 5.0  # the RFC's default, when the reply has none
        self.known[persona.secret(device.code, f"device:{len(self.known) + 1}")] = device
        value: dict[str, Any] = {"device_code": device.code, "user_code": device.user_code,
                                 "expires_in": int(settings["device_lifetime_s"])}
        if settings["device_interval_s"] >= 0:
            value["interval"] = settings["device_interval_s"]
        page = f"{base}/device"
        value["verification_url" if settings["verification"] == "url" else "verification_uri"] = page
        if settings["verification"] == "full":
            value["verification_uri_complete"] = f"{page}?user_code={device.user_code}"
        return json_reply(value, note=f"user code {device.user_code}")

    def poll(self, form: dict[str, str], client: Client, seq: int) -> Device:
        """The approved device; until then, and if never, Refused with the RFC's code."""
        device, now = self.known.get(form.get("device_code", "")), self.persona.clock.now()
        if device is None or device.client.id != client.id or device.state == "used":
            raise Refused("invalid_grant", "the device code is unknown, used or another client's")
        device.polls += 1
        early_s = 0.0 if device.polled_at is None else device.polled_at + device.interval_s - now
        device.polled_at = now
        if now >= device.expires_at:
            raise Refused("expired_token", "the device code has expired")
        if early_s > POLL_TOLERANCE_S:
            self.persona.book.note_violation("polled_too_fast", self.persona.name, client.id, seq, f"{early_s:.2f} s too early")
        if early_s > POLL_TOLERANCE_S or device.slow_down_next:
            device.slow_down_next = False
            device.interval_s += SLOWER_S
            raise Refused("slow_down", f"poll every {device.interval_s:g} s")
        if device.state == "deny":
            raise Refused("access_denied", "the person said no")
        if device.state != "approve":
            raise Refused("authorization_pending", "nobody has entered the code")
        device.state = "used"
        return device

    def control(self, wish: dict[str, Any]) -> dict[str, Any]:
        action, code = wish.get("do"), wish.get("user_code")
        found = [device for device in self.known.values() if code in (None, device.user_code)]
        if action not in ACTIONS:
            raise BadWish(f"do is one of {', '.join(ACTIONS)}")
        if not found:
            raise BadWish(f"no device with the user code {code!r}")
        device = found[-1]
        if action == "expire":
            device.expires_at = self.persona.clock.now()
        elif action == "slow_down":
            device.slow_down_next = True
        else:
            device.state, device.user = action, str(wish.get("user") or device.client.user)
        return {"user_code": device.user_code, "state": device.state, "polls": device.polls}

    def dump(self) -> list[dict[str, Any]]:
        return [{"user_code": device.user_code, "client": device.client.id, "state": device.state, "polls": device.polls,
                 "interval_s": device.interval_s, "expires_in_s": round(device.expires_at - self.persona.clock.now(), 1)}
                for device in self.known.values()]
