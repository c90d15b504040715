"""Self-tests of the invariants on every persona: what a client must never do is seen, and good conduct is not accused."""
import json
import threading
import unittest
from typing import Any, Callable

from case import FORM, NUMBERS, Case, basic
from client import Simulator
from raw_client import RawClient, Seen

JSON = "application/json"
RT = {"webroot": "refresh_token", "immersve": "refreshToken", "oauth2": "refresh_token"}


class Caller:
    """The same call of one account again and again, with the grant that it got last."""

    def __init__(self, sim: Simulator, persona: str) -> None:
        wish = {} if persona in ("readyplayerme", "playfab") else (
            {"name": f"n{next(NUMBERS)}"} if persona == "threekit" else {"family": f"n{next(NUMBERS)}"})
        self.persona, self.seeded = persona, sim.seed(persona, **wish)
        self.client = RawClient(sim.port(persona), sim.ca_file)
        self.grant = self.seeded.get("refresh_token", "")

    def __call__(self, grant: str = "") -> Seen:
        calls: dict[str, Callable[[dict[str, Any], str], Seen]] = {
            "webroot": self.form, "oauth2": self.form, "immersve": self.json, "threekit": self.catalogue,
            "readyplayerme": self.mint, "playfab": self.entity}
        seen = calls[self.persona](self.seeded, grant or self.grant)
        if seen.status == 200 and self.persona in RT:
            self.grant = seen.json[RT[self.persona]]
        return seen

    def form(self, seeded: dict[str, Any], grant: str) -> Seen:
        place = "/auth/token" if self.persona == "webroot" else "/oauth2/token"
        scope = "&scope=ecom.shop" if self.persona == "webroot" else ""
        return self.client.call("POST", place, f"grant_type=refresh_token&refresh_token={grant}{scope}".encode(),
                                Content_Type=FORM, Authorization=basic(seeded["client_id"], seeded["client_secret"]))

    def json(self, seeded: dict[str, Any], grant: str) -> Seen:
        body = {"refreshToken": grant, "clientApplicationId": seeded["client_application_id"]}
        return self.client.call("POST", "/auth/token", json.dumps(body).encode(), Content_Type=JSON,
                                Origin=seeded["origins"][0])

    def catalogue(self, seeded: dict[str, Any], _: str) -> Seen:
        return self.client.call("GET", "/api/catalog/products", Authorization=f"Bearer {seeded['token']}")

    def mint(self, seeded: dict[str, Any], _: str) -> Seen:
        target = f"/v1/auth/token?userId={seeded['user']}&partner={seeded['partner']}"
        return self.client.call("GET", target, x_api_key=seeded["api_key"])

    def entity(self, seeded: dict[str, Any], _: str) -> Seen:
        return self.client.call("POST", "/Authentication/GetEntityToken", b"{}", Content_Type=JSON,
                                X_SecretKey=seeded["secret_key"])

    def secret(self) -> str:
        names = {"threekit": "token", "readyplayerme": "api_key", "playfab": "secret_key"}
        return str(self.seeded[names.get(self.persona, "refresh_token")])


class Invariants(Case):
    personas = ("webroot", "threekit", "readyplayerme", "immersve", "playfab", "oauth2")

    def callers(self, names: tuple[str, ...] = personas) -> list[Caller]:
        made = [Caller(self.sim, name) for name in names]
        for caller in made:
            self.addCleanup(caller.client.close)
        self.sim.post("/forget")
        return made

    def found(self, persona: str, **wish: Any) -> list[str]:
        return sorted(one["invariant"] for one in self.sim.check(**wish) if one["persona"] == persona)

    def test_good_conduct(self) -> None:
        for caller in self.callers():
            self.assertEqual([caller().status for _ in range(3)], [200] * 3, caller.persona)
        self.assertEqual(self.sim.check(budget=3, final_gap_s=3600), [])
        self.assertEqual(len([one for one in self.sim.check(budget=2) if one["invariant"] == "budget"]), 6)

    def test_retry_after(self) -> None:
        for caller in self.callers():
            self.sim.arm("status", status=429, retry_after="seconds", retry_after_s=30, match={"persona": caller.persona})
            self.assertEqual([caller().status, caller().status], [429, 200])
            self.assertEqual(self.found(caller.persona), ["retry_after"], caller.persona)

    def test_after_a_final_refusal(self) -> None:
        for caller in self.callers():
            self.sim.arm("status", status=401, json={}, match={"persona": caller.persona})
            self.assertEqual([caller().status, caller().status], [401, 200])
            self.assertEqual(self.found(caller.persona), [], caller.persona)
            caller()  # after a success: no matter
            self.assertEqual(self.found(caller.persona, final_gap_s=30), ["called_after_final"], caller.persona)

    def test_secret_in_url(self) -> None:
        for caller in self.callers():
            caller.client.call("GET", f"/anything?x={caller.secret()}")
            self.assertEqual(self.found(caller.persona), ["secret_in_url"], caller.persona)

    def test_secret_to_another_provider(self) -> None:
        callers = self.callers()
        for caller, other in zip(callers, callers[1:] + callers[:1]):
            other.client.call("GET", "/anything", Authorization=f"Bearer {caller.secret()}")
            self.assertEqual(self.found(other.persona), ["secret_to_wrong_host"], caller.persona)

    def test_two_in_flight(self) -> None:
        for caller in self.callers(tuple(RT)):
            self.sim.switch(caller.persona, old_rt="grace")
            self.sim.arm("latency", ms=250, match={"persona": caller.persona})
            since = self.sim.state()["last_seq"]
            slow = threading.Thread(target=caller)
            slow.start()
            self.sim.wait(persona=caller.persona, since=since)
            second = RawClient(caller.client.port, self.sim.ca_file)
            first, caller.client = caller.client, second
            caller(caller.seeded["refresh_token"])
            slow.join()
            second.close()
            first.close()
            self.sim.switch(caller.persona, old_rt="reject")
            self.assertIn("two_in_flight", self.found(caller.persona), caller.persona)

    def test_spent_again(self) -> None:
        for caller in self.callers(tuple(RT)):
            caller()
            caller()
            self.assertEqual(self.found(caller.persona), [], caller.persona)
            caller(caller.seeded["refresh_token"])
            self.assertEqual(self.found(caller.persona), ["spent_after_delivered_success", "used_after_successor_used"])
            caller(caller.seeded["refresh_token"])
            self.assertIn("presented_after_refusal", self.found(caller.persona))

    def test_a_lost_reply_may_be_asked_for_again(self) -> None:
        for caller in self.callers(tuple(RT)):
            self.sim.arm("reset_after", match={"persona": caller.persona})
            self.assertEqual(caller().end, "reset")
            caller.client.close()
            self.assertIn(caller().status, (400, 403))
            self.assertEqual(self.found(caller.persona), [], caller.persona)

    def test_past_expiry(self) -> None:
        for persona in ("webroot", "immersve", "oauth2"):
            caller = self.callers((persona,))[0]
            self.assertTrue(self.sim.redeem(persona, caller.seeded["access_token"])["accepted"])
            self.sim.post("/revoke", persona=persona, account=caller.seeded["family"])
            self.assertFalse(self.sim.redeem(persona, caller.seeded["access_token"])["accepted"])
            self.assertEqual(self.found(persona), [], "revoked is not too old")
            self.sim.post("/advance", seconds=7200)
            self.sim.redeem(persona, caller.seeded["access_token"])
            self.assertEqual(self.found(persona), ["used_past_expiry"])


if __name__ == "__main__":
    unittest.main()
