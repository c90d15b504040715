"""Self-tests of the Ready Player Me persona, by a raw client over real TLS."""
import json
import unittest
from typing import Any
from urllib.parse import urlencode

from case import Case
from jose import decoded
from raw_client import Seen

USER = "64943d471dc01e086ac887ee"
KEY = "sk_test_readyplayerme_1"


def claims(token: str) -> dict[str, Any]:
    return dict(json.loads(decoded(token.split(".")[1])))


class ReadyPlayerMe(Case):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("readyplayerme", access_lifetime_s=15, iat_offset_s=0, claims={}, token_form="jwt", success_status=200)
        self.open("readyplayerme")
        self.sim.seed("readyplayerme")

    def mint(self, user: str = USER, partner: str = "demo", key: str = KEY) -> Seen:
        return self.client.call("GET", f"/v1/auth/token?{urlencode({'userId': user, 'partner': partner})}", x_api_key=key)

    def test_mint(self) -> None:
        seen = self.mint()
        self.assertEqual((seen.status, list(seen.json), list(seen.json["data"])), (200, ["data"], ["token"]))
        token = seen.json["data"]["token"]
        self.assertEqual(json.loads(decoded(token.split(".")[0])), {"alg": "HS256", "typ": "JWT"})
        found = claims(token)
        self.assertEqual((found["id"], found["partner"], found["exp"] - found["iat"]), (USER, "demo", 15))
        self.assertAlmostEqual(found["iat"], self.sim.state()["now"], delta=3)

    def test_refusals(self) -> None:
        self.sim.seed("readyplayerme", user="0" * 24, authorized=False)
        place = "/v1/auth/token"
        for status, seen in [
            (405, self.client.call("POST", f"{place}?userId={USER}&partner=demo", x_api_key=KEY)),
            (405, self.client.call("HEADER", place)),
            (401, self.client.call("GET", f"{place}?userId={USER}&partner=demo")),
            (401, self.mint(key="sk_test_other_key")), (401, self.client.call("GET", place)),
            (400, self.client.call("GET", f"{place}?userId={USER}", x_api_key=KEY)),
            (400, self.client.call("GET", f"{place}?userId=&partner=demo", x_api_key=KEY)),
            (400, self.client.call("GET", f"{place}?userId={USER}&userId={USER}&partner=demo", x_api_key=KEY)),
            (404, self.mint(user="1" * 24)), (404, self.mint(partner="other")),
            (404, self.client.call("GET", "/v1/nothing", x_api_key=KEY)),
            (403, self.mint(user="0" * 24)),
        ]:
            with self.subTest(status=status, seen=seen.raw[-60:]):
                self.assertEqual((seen.status, list(seen.json)), (status, ["message"]))

    def test_redeem_in_time_and_too_late(self) -> None:
        token = self.mint().json["data"]["token"]
        self.sim.post("/forget")
        self.assertTrue(self.sim.redeem("readyplayerme", token)["accepted"])
        self.assertEqual(self.sim.check(), [])
        self.sim.post("/advance", seconds=16)
        self.assertFalse(self.sim.redeem("readyplayerme", token)["accepted"])
        self.assertEqual([found["invariant"] for found in self.sim.check()], ["used_past_expiry"])
        self.assertFalse(self.sim.redeem("readyplayerme", "never.was.one")["accepted"])

    def test_revoked_user_only(self) -> None:
        self.sim.seed("readyplayerme", user="2" * 24)
        self.sim.post("/revoke", persona="readyplayerme", account=USER)
        self.assertEqual((self.mint().status, self.mint(user="2" * 24).status), (403, 200))
        counters = self.sim.state()["personas"]["readyplayerme"]["partners"]["demo"][USER]["counters"]
        self.assertEqual(counters, {"minted": 0, "refused": 1})

    def test_odd_tokens(self) -> None:
        self.sim.switch("readyplayerme", iat_offset_s=7200, access_lifetime_s=5, claims={"partner": None, "x": 1})
        found = claims(self.mint().json["data"]["token"])
        self.assertEqual((found["exp"] - found["iat"], found["x"], "partner" in found), (5, 1, False))
        self.assertGreater(found["iat"], self.sim.state()["now"] + 7000)
        self.sim.switch("readyplayerme", token_form="opaque", success_status=201)
        seen = self.mint()
        self.assertEqual((seen.status, seen.json["data"]["token"].count(".")), (201, 0))

    def test_partner_is_decoded(self) -> None:
        self.sim.seed("readyplayerme", partner="acme&co/ü x", api_key="sk_test_acme_key")
        target = f"/v1/auth/token?userId={USER}&partner=acme%26co%2F%C3%BC%20x"
        self.assertEqual(self.client.call("GET", target, x_api_key="sk_test_acme_key").status, 200)

    def test_the_key_in_a_url_is_held_against_the_client(self) -> None:
        self.sim.post("/forget")
        self.client.call("GET", f"/v1/auth/token?key={KEY}")
        self.assertEqual([found["invariant"] for found in self.sim.check()], ["secret_in_url"])


if __name__ == "__main__":
    unittest.main()
