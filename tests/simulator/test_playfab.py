"""Self-tests of the PlayFab persona, by a raw client over real TLS."""
import json
import unittest
from datetime import datetime, timezone
from typing import Any

from case import Case
from raw_client import RawClient, Seen

GET_TOKEN, VALIDATE = "/Authentication/GetEntityToken", "/Authentication/ValidateEntityToken"
SECRET = "sk_test_playfab_title_1"
PLAYER = "174812ABF712"


class PlayFab(Case):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("playfab", access_lifetime_s=86_400, fraction_digits=0, expiration="Z", credentials="strict",
                        old_token="stays", relation_error=1454, rate_limit=0, rate_body_extra_s=0, entity_reply="asked")
        self.open("playfab")
        self.seeded = self.sim.seed("playfab", characters=["C1"])

    def call(self, body: bytes = b"{}", path: str = GET_TOKEN, **headers: str) -> Seen:
        return self.client.call("POST", path, body, False, **{"Content_Type": "application/json", **headers})

    def refused(self, seen: Seen, status: int, number: int, name: str = "") -> None:
        self.assertEqual((seen.status, seen.json["code"], seen.json["errorCode"]), (status, status, number))
        self.assertEqual(set(seen.json) - {"errorDetails", "retryAfterSeconds"},
                         {"code", "error", "errorCode", "errorMessage", "status"})
        self.assertEqual(seen.json["error"], name or seen.json["error"])

    def counters(self, entity: str = PLAYER) -> dict[str, int]:
        title = self.sim.state()["personas"]["playfab"]["titles"]["A1B2C"]
        return dict(title["entities"][entity]["counters"])

    def test_three_credentials(self) -> None:
        self.sim.post("/forget")
        by_secret = self.call(X_SecretKey=SECRET)
        self.assertEqual((by_secret.status, by_secret.json["code"], by_secret.json["status"]), (200, 200, "OK"))
        self.assertEqual(by_secret.json["data"]["Entity"], {"Id": "A1B2C", "Type": "title", "TypeString": "title"})
        for headers in ({"X_Authorization": self.seeded["session_ticket"]}, {"X_EntityToken": self.seeded["entity_token"]}):
            seen = self.call(**headers)
            self.assertEqual((seen.status, seen.json["data"]["Entity"]["Type"]), (200, "title_player_account"))
        again = self.call(X_EntityToken=seen.json["data"]["EntityToken"])
        self.assertEqual(again.status, 200)
        self.assertNotEqual(again.json["data"]["EntityToken"], seen.json["data"]["EntityToken"])
        self.assertEqual(self.counters(), {"entity_logged_in": 3, "by_secret": 0, "by_ticket": 1, "by_entity": 2})
        self.assertEqual(self.counters("A1B2C")["by_secret"], 1)
        self.assertEqual(self.sim.check(), [])

    def test_exactly_one_credential(self) -> None:
        two = {"X_SecretKey": SECRET, "X_EntityToken": self.seeded["entity_token"]}
        self.refused(self.call(**two), 400, 1071, "InvalidRequest")
        self.refused(self.call(), 401, 1074, "NotAuthenticated")
        self.refused(self.call(X_Authentication=self.seeded["session_ticket"]), 401, 1074)
        self.sim.switch("playfab", credentials="first")
        self.assertEqual(self.call(**two).json["data"]["Entity"]["Type"], "title")

    def test_wrong_requests(self) -> None:
        self.refused(self.call(Content_Type="text/plain", X_SecretKey=SECRET), 400, 1144)
        self.refused(self.call(Content_Type="", X_SecretKey=SECRET), 400, 1144)
        self.refused(self.call(b"", X_SecretKey=SECRET), 400, 1071)
        self.refused(self.call(b"{", X_SecretKey=SECRET), 400, 1200)
        self.refused(self.call(b"[]", X_SecretKey=SECRET), 400, 1200)
        self.refused(self.call(b'{"Entity": {"Id": "x"}}', X_SecretKey=SECRET), 400, 1000)
        self.refused(self.call(b'{"Entity": {"Id": "x", "Type": "robot"}}', X_SecretKey=SECRET), 400, 1373)
        self.refused(self.call(path="/Authentication/Nothing", X_SecretKey=SECRET), 404, 1131)
        self.refused(self.client.call("GET", GET_TOKEN, X_SecretKey=SECRET), 404, 1131)
        self.refused(self.call(X_SecretKey="sk_test_other"), 401, 1293)
        self.refused(self.call(X_Authorization="no-such-ticket"), 401, 1100)
        self.refused(self.call(X_EntityToken="no-such-token"), 401, 1335)

    def test_title_of_host_and_path(self) -> None:
        for host, path, status in [("a1b2c.playfabapi.com", "", 200), ("A1B2C.playfab.sim.test:443", "", 200),
                                   ("ffff.playfabapi.com", "", 400), ("localhost", "/A1B2C", 200), ("localhost", "/FFFF", 400),
                                   ("localhost", "", 200)]:
            with self.subTest(host=host, path=path):
                seen = self.call(path=path + GET_TOKEN, Host=host, X_SecretKey=SECRET)
                self.assertEqual(seen.status, status)
                if status == 400:
                    self.refused(seen, 400, 1004, "InvalidTitleId")
        named = RawClient(self.sim.port("playfab"), self.sim.ca_file, "a1b2c.playfab.sim.test")
        named.connect()
        named.close()
        self.sim.seed("playfab", title="B2", secret_key="sk_test_playfab_title_2")
        self.refused(self.call(path="/B2" + GET_TOKEN, X_SecretKey=SECRET), 401, 1293)

    def test_error_as_success(self) -> None:
        seen = self.call(X_EntityToken="no-such-token", X_ReportErrorAsSuccess="true")
        self.assertEqual((seen.status, seen.json["code"], seen.json["errorCode"]), (200, 401, 1335))

    def test_relations(self) -> None:
        self.sim.seed("playfab", player="999999999999", master="8888888888888888")
        token = {"X_EntityToken": self.seeded["entity_token"]}

        def wanted(name: str, kind: str) -> bytes:
            return json.dumps({"Entity": {"Id": name, "Type": kind}}).encode()

        for name, kind in ((PLAYER, "title_player_account"), ("5a6b7c8d9e0f1a2b", "master_player_account"), ("C1", "character")):
            self.assertEqual(self.call(wanted(name, kind), **token).json["data"]["Entity"]["Type"], kind)
        self.refused(self.call(wanted("999999999999", "title_player_account"), **token), 403, 1454)
        self.sim.switch("playfab", relation_error=1089)
        self.refused(self.call(wanted("A1B2C", "title"), **token), 403, 1089)
        self.assertEqual(self.call(wanted("999999999999", "title_player_account"), X_SecretKey=SECRET).status, 200)
        self.refused(self.call(wanted("777", "title_player_account"), X_SecretKey=SECRET), 400, 1298)
        self.sim.switch("playfab", entity_reply="title")
        self.assertEqual(self.call(**token).json["data"]["Entity"]["Type"], "title")

    def test_expiration(self) -> None:
        for digits, form, pattern in [
            (0, "Z", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"), (3, "Z", r"\.\d{3}Z$"), (7, "Z", r"\.\d{7}Z$"),
            (0, "offset", r":\d\d\+00:00$"), (3, "no_zone", r"\.\d{3}$"), (0, "malformed", "^2026-02-30T")]:
            self.sim.switch("playfab", fraction_digits=digits, expiration=form, access_lifetime_s=3600)
            text = self.call(X_SecretKey=SECRET).json["data"]["TokenExpiration"]
            self.assertRegex(text, pattern)
            if form != "malformed":
                at = datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc).timestamp()
                self.assertAlmostEqual(at, self.sim.state()["now"] + 3600, delta=3)
        self.sim.switch("playfab", expiration="missing")
        self.assertEqual(sorted(self.call(X_SecretKey=SECRET).json["data"]), ["Entity", "EntityToken"])

    def test_expired_and_revoked(self) -> None:
        self.sim.switch("playfab", access_lifetime_s=5)
        token = self.call(X_Authorization=self.seeded["session_ticket"]).json["data"]["EntityToken"]
        self.assertTrue(self.sim.redeem("playfab", token)["accepted"])
        self.sim.post("/advance", seconds=6)
        self.refused(self.call(X_EntityToken=token), 401, 1336, "EntityTokenExpired")
        self.sim.post("/revoke", persona="playfab", account=PLAYER)
        self.refused(self.call(X_EntityToken=self.seeded["entity_token"]), 401, 1337, "EntityTokenRevoked")
        self.refused(self.call(X_Authorization=self.seeded["session_ticket"]), 401, 1100)
        self.assertEqual(self.call(X_SecretKey=SECRET).status, 200)

    def test_a_new_token_and_the_old(self) -> None:
        for policy, status in (("stays", 200), ("revoked", 401)):
            self.sim.switch("playfab", old_token=policy)
            old = self.call(X_SecretKey=SECRET).json["data"]["EntityToken"]
            self.assertEqual(self.call(X_SecretKey=SECRET).status, 200)
            self.assertEqual(self.call(X_EntityToken=old).status, status)

    def test_validate(self) -> None:
        title = self.call(X_SecretKey=SECRET).json["data"]["EntityToken"]
        body = json.dumps({"EntityToken": self.seeded["entity_token"]}).encode()
        good = self.call(body, VALIDATE, X_EntityToken=title)
        self.assertEqual((good.status, good.json["data"]["Entity"]["Id"]), (200, PLAYER))
        self.refused(self.call(body, VALIDATE, X_EntityToken=self.seeded["entity_token"]), 403, 1089)
        self.refused(self.call(body, VALIDATE, X_SecretKey=SECRET), 401, 1334)
        self.refused(self.call(b"{}", VALIDATE, X_EntityToken=title), 400, 1000)
        self.refused(self.call(b'{"EntityToken": "x"}', VALIDATE, X_EntityToken=title), 401, 1335)

    def limited(self, seen: Seen, extra: int) -> int:
        self.refused(seen, 429, 1199)
        wait_s = int(seen.headers["retry-after"])
        self.assertEqual(seen.json["retryAfterSeconds"], wait_s + extra)
        return wait_s

    def test_fixed_window(self) -> None:
        self.sim.post("/advance", seconds=100_000)
        self.sim.switch("playfab", rate_limit=2, rate_window_s=30, rate_body_extra_s=12)
        self.sim.post("/forget")
        statuses: list[Any] = [self.call(X_SecretKey=SECRET).status for _ in range(2)]
        self.assertEqual(statuses, [200, 200])
        wait_s = self.limited(self.call(X_SecretKey=SECRET), 12)
        self.assertIn(wait_s, range(20, 31))
        self.assertEqual(self.sim.log()[-1]["retry_floor_s"], wait_s + 12, "the longer one binds")
        self.call(X_SecretKey=SECRET)
        self.assertEqual([found["invariant"] for found in self.sim.check()], ["retry_after"])
        self.sim.post("/advance", seconds=31)
        self.assertEqual(self.call(X_SecretKey=SECRET).status, 200)


if __name__ == "__main__":
    unittest.main()
