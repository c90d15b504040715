"""Each provider from end to end, by the command: enrol, get, renew, rotate, be refused, be given a new grant."""
import json
import threading
import unittest

from harness.cli import Ran
from harness.provider_case import USER, ProviderCase

OTHER_USER = "74943d471dc01e086ac887ee"


class Providers(ProviderCase):
    def test_webroot(self) -> None:
        self.begin(self.clients.webroot())
        first = self.sim.seed("webroot", family="w1")
        self.assertIn("shop/main", self.ok("account", "add", "shop/main", stdin=first["refresh_token"] + "\n"))
        token = self.ok("get", "shop/main")
        self.assertTrue(self.good("webroot", token))
        self.assertEqual(self.ok("get", "shop/main", "--header"), f"Authorization: Bearer {token}")
        self.assertIn("shop/main: renewed, generation 2", self.ok("renew", "shop/main"))
        self.assertNotEqual(self.ok("get", "shop/main"), token)
        self.assertEqual([one["n"] for one in self.family("w1")["presentations"]], [0, 1], "each refresh token once")
        self.sim.post("/revoke", persona="webroot", account="w1")
        self.fails(4, ["shop/main", "invalid_grant", "run: tokenbroker login shop/main"], "renew", "shop/main")
        self.assertEqual(self.state("shop/main"), "login_required")
        again = self.sim.seed("webroot", family="w2")["refresh_token"]
        self.ok("account", "add", "shop/main", "--replace", stdin=again)
        self.assertTrue(self.good("webroot", self.ok("get", "shop/main")))
        self.fails(1, ["shop/main: is there already", "--replace"], "account", "add", "shop/main", stdin=again)

    def test_webroot_with_a_wrong_secret_keeps_the_grant(self) -> None:
        wrong = self.clients.secret("wrong", "cs_test_webroot_wrong")
        self.begin(self.clients.webroot(client_secret=wrong))
        grant = self.sim.seed("webroot", family="w3")["refresh_token"]
        self.fails(1, ["shop/main", "invalid_client", "client_secret"], "account", "add", "shop/main", stdin=grant)
        self.assertEqual(self.state("shop/main"), "misconfigured")
        self.clients.secret("wrong", "cs_test_webroot_1")
        self.ok("renew", "shop/main")
        self.assertTrue(self.good("webroot", self.ok("get", "shop/main")))

    def test_threekit(self) -> None:
        public = {"kind": "public", "domains": ["shop.example.com", "*.example.org"], "origin": "https://shop.example.com"}
        self.begin(self.clients.threekit() + self.clients.threekit("web", **public))
        private = self.sim.seed("threekit", name="private")["token"]
        ran = self.cli("account", "add", "models/main", stdin=f'"Bearer {private}"\n')
        self.assertEqual(ran.code, 0, ran.err)
        self.assertIn("Bearer", ran.err + ran.out, "a person is told what was removed")
        self.assertEqual(self.ok("get", "models/main", "--header"), f"Authorization: Bearer {private}")
        self.fails(2, ["parameters"], "get", "models/main", "--param", "origin=https://shop.example.com")
        self.assertEqual(self.ok("renew", "models/main"), "models/main: probed, the token is good")
        self.assertEqual(len(self.calls("threekit", what="products")), 1, "a renewal is a probe")
        self.sim.switch("threekit", domain_policy="enforce")
        token = self.sim.seed("threekit", name="public", permissions="public", domains=public["domains"])["token"]
        self.ok("account", "add", "web/main", stdin=token)
        for origin in ("https://shop.example.com", "https://a.b.example.org:8443", "SHOP.example.com"):
            found = json.loads(self.ok("--json", "get", "web/main", "--param", f"origin={origin}"))
            self.assertEqual((found["token"], found["query"]), (token, {"name": "bearer_token", "value": token}))
        for origin in ("https://example.org", "https://shop.example.com.evil.net", "https://shop.example.com/path"):
            self.fails(2, ["parameters"], "get", "web/main", "--param", f"origin={origin}")
        self.ok("renew", "web/main")
        self.sim.post("/revoke", persona="threekit", account="private")
        self.fails(1, ["models/main", "HTTP 401", "run: tokenbroker account add models/main --replace"], "renew", "models/main")
        self.assertEqual(self.ok("get", "models/main"), private, "a probe alone never drops a token")
        fresh = self.sim.seed("threekit", name="fresh")["token"]
        self.ok("account", "add", "models/main", "--replace", stdin=fresh)
        self.assertEqual(self.ok("get", "models/main"), fresh)
        self.ok("renew", "models/main")

    def test_immersve(self) -> None:
        self.begin(self.clients.immersve())
        grant = self.sim.seed("immersve", family="i1")["refresh_token"]
        self.ok("account", "add", "cards/main", stdin=grant)
        self.assertIn("left", self.ok("renew", "cards/main"))
        token = self.ok("get", "cards/main")
        self.assertTrue(self.good("immersve", token))
        status = self.status(self.daemon, "cards/main")
        self.assertEqual(status["lifetime_ms"], 1_200_000)
        self.assertAlmostEqual(status["grant_expires_at_ms"] - status["grant_obtained_at_ms"], 30 * 86_400_000, delta=5_000)
        self.assertEqual([one["n"] for one in self.sim.family("i1", "immersve")["presentations"]], [0, 1])
        self.sim.arm("reset_after", match={"account": "i1"})
        self.cli("renew", "cards/main")
        self.until("the lost answer ends it", lambda: self.state("cards/main") == "login_required")
        self.assertEqual(self.ok("get", "cards/main"), token, "what is valid is served")
        self.fails(4, ["cards/main", "lost_rotation", "run: tokenbroker account add cards/main --replace"],
                   "get", "cards/main", "--min-remaining", "1199999ms", "--timeout", "1s")
        self.ignored = ["spent_after_delivered_success"]

    def test_immersve_from_a_foreign_origin(self) -> None:
        self.begin(self.clients.immersve(origin="https://App.Example.com:443") + self.clients.immersve(
            "foreign", origin="https://elsewhere.example.com"))
        grant = self.sim.seed("immersve", family="i2")["refresh_token"]
        self.fails(1, ["foreign/main", "ORIGIN_NOT_ALLOWED", "check origin"], "account", "add", "foreign/main", stdin=grant)
        self.assertEqual(self.sim.family("i2", "immersve")["counters"]["spent"], 0)
        self.ok("account", "add", "cards/main", stdin=grant)

    def test_playfab_secret(self) -> None:
        self.begin(self.clients.playfab() + self.clients.playfab("ghost", "NOSUCH"))
        self.sim.seed("playfab")
        self.ok("account", "add", "title/server")
        token = self.ok("get", "title/server")
        self.assertTrue(self.good("playfab", token))
        self.assertEqual(self.ok("get", "title/server", "--header"), f"X-EntityToken: {token}")
        found = json.loads(self.ok("--json", "get", "title/server"))
        self.assertEqual((found["attributes"]["title_id"], found["attributes"]["entity_type"]), ("A1B2C", "title"))
        self.ok("renew", "title/server")
        self.assertNotEqual(self.ok("get", "title/server"), token)
        self.fails(1, ["ghost/server", "1004", "title_id"], "account", "add", "ghost/server")
        self.sim.seed("playfab", secret_key="sk_test_playfab_title_2")
        self.fails(1, ["title/server", "1293", "client set-secret"], "renew", "title/server")
        self.sim.switch("playfab", rate_limit=1, rate_window_s=2.0, rate_body_extra_s=1)
        self.clients.secret("title", "sk_test_playfab_title_2")
        self.ok("renew", "title/server")
        self.fails(5, ["title/server", "1199"], "renew", "title/server")
        self.assertGreater(self.status(self.daemon, "title/server")["blocked_for_ms"], 1_000)

    def test_playfab_entity(self) -> None:
        wish = {"mode": "entity", "fallback": "secret_key"}
        self.begin(self.clients.playfab("players", mode="entity") + self.clients.playfab("heirs", **wish))
        seeded = self.sim.seed("playfab", player="PLAYER1")
        self.ok("account", "add", "players/one", stdin=seeded["entity_token"])
        self.ok("renew", "players/one")
        self.assertTrue(self.good("playfab", self.ok("get", "players/one")))
        self.assertEqual({one["what"] for one in self.calls("playfab")}, {"entity"})
        self.sim.post("/revoke", persona="playfab", account="PLAYER1")
        self.fails(4, ["players/one", "1337", "run: tokenbroker account add players/one --replace"], "renew", "players/one")
        entity = ["--attribute", "entity_id=PLAYER2", "--attribute", "entity_type=title_player_account"]
        seeded = self.sim.seed("playfab", player="PLAYER2")
        self.ok("account", "add", "heirs/two", *entity, stdin=seeded["entity_token"])
        self.sim.post("/revoke", persona="playfab", account="PLAYER2")
        self.ok("renew", "heirs/two")
        self.assertEqual([one["what"] for one in self.calls("playfab")][-2:], ["entity", "secret"])
        found = json.loads(self.ok("--json", "get", "heirs/two"))
        self.assertEqual(found["attributes"]["entity_id"].upper(), "PLAYER2", "never the title's token in place of a player's")
        self.sim.switch("playfab", entity_reply="title")
        self.fails(1, ["heirs/two", "PLAYER2", "discarded"], "renew", "heirs/two")

    def test_oauth2_refresh(self) -> None:
        self.sim.switch("oauth2", token_chars="odd", scope_style="array", expiry_style="string")
        self.begin(self.clients.oauth2())
        self.ok("account", "add", "chat/main", stdin=self.sim.seed("oauth2", family="o1")["refresh_token"])
        self.ok("renew", "chat/main")
        token = self.ok("get", "chat/main")
        self.assertTrue(self.good("oauth2", token))
        self.assertTrue(token.startswith("eg1~%6/+"))
        self.assertEqual(json.loads(self.ok("--json", "get", "chat/main"))["scopes"], ["read", "write"])
        self.assertEqual([one["n"] for one in self.sim.family("o1", "oauth2")["presentations"]], [0, 1])
        self.sim.post("/revoke", persona="oauth2", account="o1")
        self.fails(4, ["chat/main", "invalid_grant", "run: tokenbroker"], "renew", "chat/main")

    def test_oauth2_client_credentials(self) -> None:
        self.begin(self.clients.oauth2("app", grant="client_credentials", scopes=["read"]))
        self.sim.seed("oauth2", first=False)
        self.ok("account", "add", "app/main")
        token = self.ok("get", "app/main")
        self.ok("renew", "app/main")
        self.assertTrue(self.good("oauth2", token) and self.good("oauth2", self.ok("get", "app/main")))
        self.assertEqual(json.loads(self.ok("--json", "get", "app/main"))["scopes"], ["read"])
        self.sim.seed("oauth2", first=False, client_secret="cs_test_oauth2_2")
        self.fails(1, ["app/main", "invalid_client"], "renew", "app/main")
        self.assertEqual(self.state("app/main"), "misconfigured")

    def test_short_tokens_are_renewed_ahead_by_themselves(self) -> None:
        ahead = {"policy": "ahead"}
        self.begin(self.clients.immersve(**ahead) + self.clients.playfab(**ahead) + self.clients.oauth2(**ahead))
        for persona in ("immersve", "playfab", "oauth2"):
            self.sim.switch(persona, access_lifetime_s=3)
        self.sim.seed("playfab")
        self.ok("account", "add", "cards/main", stdin=self.sim.seed("immersve", family="i3")["refresh_token"])
        self.ok("account", "add", "title/server")
        self.ok("account", "add", "chat/main", stdin=self.sim.seed("oauth2", family="o2")["refresh_token"])
        for account, persona in (("cards/main", "immersve"), ("title/server", "playfab"), ("chat/main", "oauth2")):
            self.until(f"{account} is renewed", lambda name=account: self.status(self.daemon, name)["generation"] >= 3)
            self.assertTrue(self.sim.redeem(persona, self.ok("get", account))["accepted"])

    # -- Ready Player Me --
    def get_for(self, user: str, *more: str) -> Ran:
        return self.cli("get", "avatars/app", "--param", f"user_id={user}", *more)

    def test_readyplayerme(self) -> None:
        self.begin(self.clients.readyplayerme())
        self.sim.seed("readyplayerme", user=USER)
        self.sim.seed("readyplayerme", user=OTHER_USER, authorized=False)
        self.ok("account", "add", "avatars/app")
        ran = self.get_for(USER)
        self.assertEqual(ran.code, 0, ran.err)
        self.assertTrue(self.sim.redeem("readyplayerme", ran.out.strip())["accepted"])
        refused = self.get_for(OTHER_USER)
        self.assertEqual(self.get_for(USER).out, ran.out, "one user's refusal is nothing to the others; a young token serves again")
        self.assertEqual(refused.code, 4, refused)
        self.assertIn("authorise", refused.err)
        self.fails(2, ["parameters.user_id"], "get", "avatars/app")
        self.fails(1, ["no such user"], "get", "avatars/app", "--param", "user_id=84943d471dc01e086ac887ee")
        calls = self.calls("readyplayerme", what="mint")
        self.assertEqual((calls[0]["method"], len(calls)), ("GET", 3))
        self.sim.seed("readyplayerme", user=USER, api_key="sk_test_readyplayerme_2")
        wrong = self.get_for("94943d471dc01e086ac887ee")
        self.assertEqual(wrong.code, 1, wrong)
        self.assertIn("API key", wrong.err)

    def test_identical_requests_share_one_mint(self) -> None:
        self.begin(self.clients.readyplayerme())
        self.sim.seed("readyplayerme", user=USER)
        self.ok("account", "add", "avatars/app")
        self.sim.switch("readyplayerme", latency_ms=400)
        found: list[Ran] = []
        threads = [threading.Thread(target=lambda: found.append(self.get_for(USER))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([one.code for one in found], [0] * 6, found)
        self.assertEqual(len({one.out for one in found}), 1)
        self.assertEqual(len(self.calls("readyplayerme", what="mint")), 1)

    def test_a_token_that_came_late_is_minted_once_more(self) -> None:
        self.begin(self.clients.readyplayerme(min_remaining="14s", deadline="8s"))
        self.sim.seed("readyplayerme", user=USER)
        self.ok("account", "add", "avatars/app")
        self.sim.arm("latency_after", ms=1500, match={"persona": "readyplayerme"})
        self.assertEqual(self.get_for(USER).code, 0)
        self.assertEqual(len(self.calls("readyplayerme", what="mint")), 2)
        self.sim.seed("readyplayerme", user=OTHER_USER)
        self.sim.arm("latency_after", ms=1500, count=2, match={"persona": "readyplayerme"})
        late = self.get_for(OTHER_USER, "--timeout", "4s")
        self.assertEqual(len(self.calls("readyplayerme", account=OTHER_USER)), 2)
        self.assertEqual(late.code, 5, late)
        self.assertIn("min_remaining", late.err)


if __name__ == "__main__":
    unittest.main()
