"""Input that is wrong, at each boundary where a provider, an operator or a caller hands some in: its class, and a message that names
the account (or the client section) and the field."""
import unittest
from typing import Any

from harness.daemon import Daemon
from harness.provider_case import USER, ProviderCase


class Replies(ProviderCase):
    def lifetime(self, account: str) -> Any:
        return self.status(self.daemon, account)["lifetime_ms"]

    def logged(self, *words: str) -> None:
        assert self.daemon is not None
        lines = self.daemon.log().splitlines()
        self.assertTrue(any(all(word in line for word in words) for line in lines), f"{words} in no line of: {lines}")

    def test_jwt_times_that_are_none(self) -> None:
        """Milliseconds, text, beyond all numbers: the documented lifetime counts, and the log says so once."""
        self.begin(self.clients.immersve() + self.clients.readyplayerme())
        self.sim.seed("readyplayerme")
        self.ok("account", "add", "avatars/app")
        for number, exp in enumerate((1_700_001_200_000, "1700001200", 1e300, -5, [1])):
            with self.subTest(exp=exp):
                self.sim.switch("immersve", claims={"exp": exp})
                account = f"cards/jwt{number}"
                self.ok("account", "add", account, stdin=self.sim.seed("immersve", family=f"jwt{number}")["refresh_token"])
                self.assertEqual(self.lifetime(account), 1_200_000)
                self.logged(account, "access token", "exp", "1200 s")
                self.logged(account, "refresh token", "exp", "2592000 s")
        self.sim.switch("readyplayerme", claims={"exp": 1_700_001_200_000})
        self.ok("get", "avatars/app", "--param", f"user_id={USER}")
        self.logged("avatars/app", "exp", "15 s")

    def test_replies_that_are_no_use(self) -> None:
        self.sim.switch("webroot", old_rt="grace", grace_s=600)
        self.sim.switch("immersve", old_rt="grace", grace_s=600)
        self.begin(self.clients.webroot() + self.clients.immersve() + self.clients.playfab() + self.clients.oauth2(
            "app", grant="client_credentials"))
        self.sim.seed("playfab")
        self.sim.seed("oauth2", first=False)
        secrets = {"shop": ("webroot", "refresh_token"), "cards": ("immersve", "refresh_token")}
        for client in ("shop", "cards", "title", "app"):
            persona, field = secrets.get(client, ("", ""))
            self.ok("account", "add", f"{client}/main",
                    stdin=self.sim.seed(persona, family=f"bad-{client}")[field] if persona else "")
        newline = "at_test_1\r\nX-Injected: yes"
        for client, persona, kind, params, code, words in (
                ("app", "oauth2", "shape", {"shape": "nested"}, 1, ["no proper JSON"]),
                ("cards", "immersve", "shape", {"shape": "nested"}, 5, ["no proper JSON"]),
                ("title", "playfab", "shape", {"shape": "nested"}, 5, ["no JSON"]),
                ("shop", "webroot", "fields", {"set": {"access_token": newline}}, 5, ["access token", "no header can carry"]),
                ("cards", "immersve", "fields", {"set": {"accessToken": newline}}, 5, ["access token", "no header can carry"]),
                ("title", "playfab", "fields", {"set": {"data.EntityToken": newline}}, 1, ["entity token", "no header can carry"]),
                ("app", "oauth2", "fields", {"set": {"access_token": newline}}, 1, ["access token", "no header can carry"]),
                ("shop", "webroot", "shape", {"shape": "huge_number"}, 1, ["expires_in"]),
                ("app", "oauth2", "shape", {"shape": "huge_number"}, 1, ["expires_in"]),
                ("title", "playfab", "fields", {"set": {"code": "two hundred"}}, 1, ["code"])):
            with self.subTest(client=client, kind=kind, **params):
                self.sim.arm(kind, match={"persona": persona}, **params)
                said = self.fails(code, [f"{client}/main", *words], "renew", f"{client}/main")
                self.assertNotIn("Injected", said)
                self.until("it has healed", lambda name=client: self.cli("renew", f"{name}/main").code == 0)
                self.assertTrue(self.good(persona, self.ok("get", f"{client}/main")))
        self.assertNotIn("Injected", self.daemon.log() if self.daemon else "")

    def test_playfab_expiration_that_is_no_time(self) -> None:
        self.begin(self.clients.playfab())
        self.sim.seed("playfab")
        self.sim.switch("playfab", expiration="malformed")
        self.ok("account", "add", "title/main")
        self.assertEqual(self.lifetime("title/main"), 3_600_000)
        self.logged("title/main", "TokenExpiration")


class Operators(ProviderCase):
    def test_grants_that_can_t_be_one(self) -> None:
        self.begin(self.clients.webroot() + self.clients.threekit() + self.clients.immersve() + self.clients.oauth2()
                   + self.clients.playfab("player", mode="entity"))
        for account, field in (("shop/main", "refresh_token"), ("cards/main", "refresh_token"), ("chat/main", "refresh_token"),
                               ("models/main", "token"), ("player/main", "entity_token")):
            for text in ("two\nlines", "bell\x07", "no-break\u00a0space", "\n", "x" * 20_000):
                with self.subTest(account=account, text=text[:12]):
                    ran = self.cli("account", "add", account, stdin=text)
                    self.assertIn(ran.code, (1, 2), ran)
                    self.assertTrue(account in ran.err or field in ran.err, ran.err)
                    self.assertNotIn(text.strip()[:12] or "\n\n", ran.err, "what may be a secret is not repeated")
        self.assertEqual(self.sim.log(), [], "nothing was sent")
        for command in (["add", "nosuch/main"], ["add", "noslash"], ["add", "shop/"], ["add", "shop/a b"]):
            ran = self.cli("account", *command, stdin="rt_test_1")
            self.assertIn(ran.code, (1, 2, 3), ran)

    def mistakes(self, text: str) -> str:
        daemon = Daemon(self.folder, text)
        done = daemon.run_with("--check")
        self.assertNotEqual(done.returncode, 0, text)
        return done.stderr + done.stdout

    def test_settings(self) -> None:
        clients = self.clients
        for text, words in (
                (clients.immersve(origin="https://app.example.com/path"), ["clients.cards", "origin"]),
                (clients.immersve(origin="app.example.com"), ["clients.cards", "origin"]),
                (clients.immersve(origin="https://app.example.com\r\nX: y"), ["origin"]),
                (clients.playfab(title="A1/B2"), ["clients.title", "title_id"]),
                (clients.playfab(title="a.evil.com"), ["clients.title", "title_id"]),
                (clients.playfab(title="A1B2C3D4E5F6A7B8C9"), ["clients.title", "title_id"]),
                (clients.playfab(mode="root"), ["clients.title", "mode", "secret"]),
                (clients.webroot(scopes=["two words"]), ["clients.shop", "scopes"]),
                (clients.webroot(user_agent="tokenbroker"), ["clients.shop", "user_agent"]),
                (clients.webroot(base_url="http://unityapi.example.com"), ["clients.shop", "base_url", "https"]),
                (clients.webroot(base_url="https://user:pw@unityapi.example.com"), ["clients.shop", "base_url"]),
                (clients.threekit(kind="public", domains=["https://shop.example.com/x"]), ["clients.models", "domains"]),
                (clients.readyplayerme(partner=None), ["clients.avatars", "partner"]),
                (clients.readyplayerme(min_remaining="15s"), ["clients.avatars", "min_remaining"]),
                (clients.readyplayerme(base_url=None), ["clients.avatars", "base_url"]),
                (clients.oauth2(token_url=None), ["clients.chat", "token_url"]),
                (clients.oauth2(expiry=["soon"]), ["clients.chat", "expiry"]),
                (clients.oauth2(fields={"access": "token"}), ["clients.chat", "fields"]),
                (clients.oauth2(error_map={"x": "maybe"}), ["clients.chat", "error_map"]),
                (clients.oauth2(client_auth="both"), ["clients.chat", "client_auth"]),
                (clients.oauth2(client_sceret="x"), ["client_sceret"])):
            with self.subTest(words=words, text=text.replace("\n", " ")[:120]):
                said = self.mistakes(text.replace("\r\n", "\\r\\n"))
                for word in ("tokenbroker.toml:", *words):
                    self.assertIn(word, said)


class Callers(ProviderCase):
    def test_parameters(self) -> None:
        self.begin(self.clients.readyplayerme() + self.clients.webroot())
        self.sim.seed("readyplayerme")
        self.ok("account", "add", "avatars/app")
        self.ok("account", "add", "shop/main", stdin=self.sim.seed("webroot", family="params")["refresh_token"])
        self.sim.post("/forget")
        self.fails(2, ["parameters"], "get", "shop/main", "--param", f"user_id={USER}")
        self.fails(2, ["parameters"], "get", "avatars/app", "--param", "userid=1")
        self.assertEqual(self.sim.log(), [], "nothing was sent")
        odd = "a&partner=evil/../x#y%00 z"
        self.assertEqual(self.cli("get", "avatars/app", "--param", f"user_id={odd}").code, 1)
        self.assertEqual([(one["path"], one["account"] or one["family"]) for one in self.calls("readyplayerme")],
                         [("/v1/auth/token", odd)], "it stays one value")


if __name__ == "__main__":
    unittest.main()
