"""Self-tests of the faults on every persona: what strikes one strikes all, and shapes hit the member with the token."""
import json
import unittest
from typing import Any, Callable
from urllib.parse import urlencode

from case import FORM, NUMBERS, Case, basic
from kinds import KINDS, SHAPES
from personas import PERSONAS
from raw_client import Seen

JSON = "application/json"
TOKEN_PATH = {"webroot": ["access_token"], "readyplayerme": ["data", "token"], "immersve": ["accessToken"],
              "playfab": ["data", "EntityToken"], "oauth2": ["access_token"]}
# Kinds that are checked elsewhere for what they are; here: that the connection ends, and whether the state has changed.
LOSSES = {"reset_after_headers": False, "reset_before": False, "close_before": False, "reset_after": True, "close_after": True}


class Everywhere(Case):
    """Each persona's one good call."""

    def good_call(self, persona: str) -> Seen:
        calls: dict[str, Callable[[], Seen]] = {
            "webroot": self.webroot, "threekit": self.threekit, "readyplayerme": self.readyplayerme,
            "immersve": self.immersve, "playfab": self.playfab, "oauth2": self.oauth2}
        self.client.close()
        self.open(persona)
        return calls[persona]()

    def webroot(self) -> Seen:
        return self.refresh(self.account()["refresh_token"])

    def threekit(self) -> Seen:
        token = self.sim.seed("threekit", name=f"t{next(NUMBERS)}")["token"]
        return self.client.call("GET", "/api/catalog/products", Authorization=f"Bearer {token}")

    def readyplayerme(self) -> Seen:
        wish = self.sim.seed("readyplayerme")
        target = f"/v1/auth/token?userId={wish['user']}&partner={wish['partner']}"
        return self.client.call("GET", target, x_api_key=wish["api_key"])

    def immersve(self) -> Seen:
        wish = self.sim.seed("immersve", family=f"i{next(NUMBERS)}")
        body = {"refreshToken": wish["refresh_token"], "clientApplicationId": wish["client_application_id"]}
        return self.client.call("POST", "/auth/token", json.dumps(body).encode(), Content_Type=JSON, Origin=wish["origins"][0])

    def playfab(self) -> Seen:
        wish = self.sim.seed("playfab")
        return self.client.call("POST", "/Authentication/GetEntityToken", b"{}", Content_Type=JSON,
                                X_SecretKey=wish["secret_key"])

    def oauth2(self) -> Seen:
        wish = self.sim.seed("oauth2", family=f"o{next(NUMBERS)}")
        body = urlencode({"grant_type": "refresh_token", "refresh_token": wish["refresh_token"]}).encode()
        return self.client.call("POST", "/oauth2/token", body, Content_Type=FORM,
                                Authorization=basic(wish["client_id"], wish["client_secret"]))

    def struck(self, persona: str, kind: str, **params: Any) -> Seen:
        self.sim.arm(kind, match={"persona": persona}, **params)
        seen = self.good_call(persona)
        self.assertEqual(self.sim.post("/clear")["cleared"], 0, f"{kind} didn't strike {persona}")
        return seen

    def test_every_persona_has_a_good_call(self) -> None:
        self.sim.post("/forget")
        for persona in PERSONAS:
            seen = self.good_call(persona)
            self.assertEqual((seen.status, self.sim.log()[-1]["persona"], self.sim.log()[-1]["delivered"]), (200, persona, True))
        self.assertEqual(self.sim.check(budget=1, final_gap_s=60), [])

    def test_losses(self) -> None:
        for persona in PERSONAS:
            for kind, processed in LOSSES.items():
                with self.subTest(persona=persona, kind=kind):
                    seen = self.struck(persona, kind)
                    self.assertEqual((seen.raw, seen.end), (b"", "reset" if kind.startswith("reset") else "eof"))
                    entry = self.sim.log()[-1]
                    self.assertEqual((entry["persona"], entry["processed"], entry["delivered"]), (persona, processed, False))

    def test_statuses_and_redirects(self) -> None:
        for persona in PERSONAS:
            with self.subTest(persona=persona):
                seen = self.struck(persona, "status", status=429, retry_after="seconds", retry_after_s=3)
                self.assertEqual((seen.status, seen.headers["retry-after"]), (429, "3"))
                seen = self.struck(persona, "redirect", status=308)
                self.assertTrue(seen.headers["location"].startswith(self.sim.ready["canary"]))

    def test_shapes_hit_the_token(self) -> None:
        for persona, path in TOKEN_PATH.items():
            name = path[-1].encode()
            for shape in SHAPES:
                with self.subTest(persona=persona, shape=shape):
                    seen = self.struck(persona, "shape", shape=shape)
                    self.assertEqual(seen.status, 200)
                    marks = {"duplicate_access_token": b'"at_test_second"', "nul": b'\\u0000x"', "lone_surrogate": b'\\ud800"',
                             "invalid_utf8": b'\xff\xfe"', "nested": b"[" * 10_000, "trailing_garbage": b"} xyz",
                             "huge_number": b"1e400", "raw_newline": b"\n", "array": b"[{"}
                    self.assertIn(marks.get(shape, b""), seen.body)
                    self.assertEqual(seen.body.count(b'"' + name + b'"') == 2, shape == "duplicate_access_token")
            self.assertIn(b'"data":[[' if path[0] == "data" else b'":[[', self.struck(persona, "shape", shape="nested").body)

    def test_members_by_path(self) -> None:
        for persona, path in TOKEN_PATH.items():
            with self.subTest(persona=persona):
                seen: Any = self.struck(persona, "fields", set={".".join(path): None}, drop=["scope", "no.such.member"]).json
                for name in path[:-1]:
                    seen = seen[name]
                self.assertIsNone(seen[path[-1]])

    def test_bytes_on_the_wire(self) -> None:
        quick = {name for name, kind in KINDS.items() if kind.stage == "wire"} - {"stall", "endless_headers", "drip"}
        for persona in PERSONAS:
            for kind in sorted(quick):
                with self.subTest(persona=persona, kind=kind):
                    seen = self.struck(persona, kind)
                    self.assertEqual(seen.status, 200)
                    self.assertEqual(self.sim.log()[-1]["delivered"], KINDS[kind].intact)


if __name__ == "__main__":
    unittest.main()
