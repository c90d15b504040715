"""tokenbroker login and revoke against the OAuth2 persona, with a browser and a person that are this test."""
import http.client
import re
import ssl
import subprocess
import unittest
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.paths import binary
from harness.provider_case import ProviderCase
from harness.varlink import VarlinkError

ENDPOINTS = {"auth_url": "/oauth2/authorize", "device_url": "/oauth2/device", "revoke_url": "/oauth2/revoke"}


class Logins(ProviderCase):
    def start(self, **more: Any) -> None:
        self.sim.switch("oauth2", device_interval_s=1)
        self.sim.seed("oauth2", first=False)
        issuer = self.sim.url("oauth2")
        found = {"token_url": None, "base_url": None, "auth_url": None, "device_url": None, "revoke_url": None}
        self.begin(self.clients.oauth2(issuer=issuer, scopes=["read"], **ENDPOINTS, **more)
                   + self.clients.oauth2("found", issuer=issuer, **found))

    def login(self, *more: str, account: str = "chat/main") -> "subprocess.Popen[str]":
        assert self.daemon is not None
        command = [binary("tokenbroker"), "--socket", self.daemon.tokens_socket, "login", account, "--no-browser", *more]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process: "subprocess.Popen[str]") -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()

    @staticmethod
    def shown(process: "subprocess.Popen[str]", pattern: str) -> str:
        """What the person reads on the terminal: the first match of a line."""
        assert process.stderr is not None
        seen = ""
        for line in process.stderr:
            seen += line
            if found := re.search(pattern, line):
                return found.group(0)
        raise AssertionError(f"no {pattern} in: {seen}")

    def end(self, process: "subprocess.Popen[str]") -> tuple[int, str]:
        out, err = process.communicate(timeout=30)
        self.assert_no_secrets("the command's words", out + err)
        return process.returncode, out + err

    def browser(self, url: str) -> str:
        """Opens the provider's page, which redirects at once: where to."""
        place = urlsplit(url)
        page = http.client.HTTPSConnection(place.netloc, context=ssl.create_default_context(cafile=self.sim.ca_file))
        page.request("GET", f"{place.path}?{place.query}")
        target = page.getresponse().headers["Location"]
        page.close()
        return str(target)

    def follow(self, target: str) -> int:
        place = urlsplit(target)
        self.assertEqual(place.hostname, "127.0.0.1")
        back = http.client.HTTPConnection(place.netloc, timeout=10)
        back.request("GET", f"{place.path}?{place.query}")
        status = back.getresponse().status
        back.close()
        return status

    def status_of(self, account: str) -> str:
        try:
            return self.state(account)
        except VarlinkError:
            return "absent"

    # -- code --
    def test_code(self) -> None:
        self.start()
        process = self.login("--flow", "code")
        url = self.shown(process, r"https://\S+")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.assertEqual((asked["response_type"], asked["code_challenge_method"], asked["scope"]), ("code", "S256", "read"))
        self.assertEqual(self.follow(self.browser(url)), 200)
        code, text = self.end(process)
        self.assertEqual((code, "chat/main: logged in" in text), (0, True), text)
        self.assertTrue(self.good("oauth2", self.ok("get", "chat/main")))
        self.ok("renew", "chat/main")

    def test_code_refused(self) -> None:
        self.start()
        for mode, account, words, exit_code in (
                ("deny", "chat/main", "refused or cancelled", 4), ("wrong_iss", "chat/main", "but issuer is", 1),
                ("wrong_iss", "found/main", "but issuer is", 1), ("no_iss", "found/main", "but issuer is", 1)):
            with self.subTest(mode=mode, account=account):
                self.sim.switch("oauth2", authorize=mode)
                process = self.login("--flow", "code", account=account)
                self.follow(self.browser(self.shown(process, r"https://\S+")))
                code, text = self.end(process)
                for word in (account, words, "nothing was changed"):
                    self.assertIn(word, text)
                self.assertEqual((code, self.status_of(account)), (exit_code, "absent"), text)
                self.assertEqual(f"run: tokenbroker login {account}" in text, mode == "deny", text)
        self.assertEqual(self.calls("oauth2", what="authorization_code"), [], "no code was sent")

    def test_redirect_of_another_login(self) -> None:
        """The command doesn't take it, and goes on waiting; nor does the daemon, should somebody hand it over."""
        self.start()
        for mode in ("wrong_state", "no_state"):
            self.sim.switch("oauth2", authorize=mode)
            process = self.login("--flow", "code")
            url = self.shown(process, r"https://\S+")
            self.assertEqual(self.follow(self.browser(url)), 404)
            self.assertIsNone(process.poll())
            self.sim.switch("oauth2", authorize="approve")
            self.assertEqual(self.follow(self.browser(url)), 200)
            self.assertEqual(self.end(process)[0], 0)
            self.ok("account", "remove", "chat/main")
        assert self.daemon is not None
        with self.daemon.admin() as admin, self.daemon.admin() as other:
            login = admin.call_more("Login", account="chat/main", flows=["code"], redirect_uri="http://127.0.0.1:1/callback")
            other.call("FinishLogin", login=next(login)["login"], query="code=code_test_stolen&state=state_test_of_another")
            with self.assertRaises(VarlinkError) as refused:
                next(login)
        self.assertIn("state", str(refused.exception))
        self.assertEqual(self.status_of("chat/main"), "absent")

    # -- device --
    def test_device(self) -> None:
        self.start()
        process = self.login("--flow", "device")
        user_code = self.shown(process, r"\b[A-Z]{4}-[A-Z]{4}\b")
        self.sim.post("/device", persona="oauth2", do="slow_down", user_code=user_code)
        self.sim.post("/device", persona="oauth2", do="approve", user_code=user_code)
        code, text = self.end(process)
        self.assertEqual(code, 0, text)
        self.assertTrue(self.good("oauth2", self.ok("get", "chat/main")))
        polls = self.calls("oauth2", what="device_code")
        self.assertGreaterEqual(polls[1]["at"] - polls[0]["at"], 5.9, "slow_down makes the interval 5 s longer")

    def test_device_refused(self) -> None:
        self.start()
        for action, word in (("deny", "refused or cancelled"), ("expire", "nobody entered the code in time")):
            with self.subTest(action=action):
                process = self.login("--flow", "device")
                user_code = self.shown(process, r"\b[A-Z]{4}-[A-Z]{4}\b")
                self.sim.post("/device", persona="oauth2", do=action, user_code=user_code)
                code, text = self.end(process)
                for one in ("chat/main", word, "run: tokenbroker login chat/main"):
                    self.assertIn(one, text)
                self.assertEqual(code, 4)
                self.assertEqual(self.status_of("chat/main"), "absent")

    def test_login_gives_an_account_a_new_grant(self) -> None:
        self.start()
        self.ok("account", "add", "chat/main", stdin=self.sim.seed("oauth2", family="old")["refresh_token"])
        self.sim.post("/revoke", persona="oauth2", account="old")
        self.fails(4, ["run: tokenbroker login chat/main"], "renew", "chat/main")
        process = self.login("--flow", "device")
        self.sim.post("/device", persona="oauth2", do="approve", user_code=self.shown(process, r"\b[A-Z]{4}-[A-Z]{4}\b"))
        self.assertEqual(self.end(process)[0], 0)
        self.assertEqual(self.state("chat/main"), "fresh")
        self.assertTrue(self.good("oauth2", self.ok("get", "chat/main")))

    # -- discovery, revocation --
    def test_discovery(self) -> None:
        self.start()
        self.ok("account", "add", "found/main", stdin=self.sim.seed("oauth2", family="found")["refresh_token"])
        self.assertTrue(self.good("oauth2", self.ok("get", "found/main")))
        self.sim.switch("oauth2", issuer="https://issuer.evil.example")
        self.fails(1, ["found/main", "issuer"], "renew", "found/main")
        self.assertEqual(len(self.calls("oauth2", what="refresh_token")), 1, "nothing was sent to whom that document names")

    def test_revoke(self) -> None:
        self.start()
        self.ok("account", "add", "chat/main", stdin=self.sim.seed("oauth2", family="given-back")["refresh_token"])
        token = self.ok("get", "chat/main")
        self.assertIn("chat/main: revoked", self.ok("revoke", "chat/main"))
        self.assertFalse(self.good("oauth2", token))
        self.assertTrue(self.sim.family("given-back", "oauth2")["revoked"])
        self.assertEqual(self.state("chat/main"), "login_required")
        self.fails(4, ["chat/main", "run: tokenbroker"], "get", "chat/main")
        self.ok("account", "add", "chat/other", stdin=self.sim.seed("oauth2", family="removed")["refresh_token"])
        self.ok("account", "remove", "chat/other")
        self.until("a removed account's grant is given back", lambda: self.sim.family("removed", "oauth2")["revoked"])

    def test_webroot_code(self) -> None:
        self.begin(self.clients.webroot())
        self.sim.seed("webroot", family="registers-the-client")
        process = self.login("--flow", "code", account="shop/main")
        self.assertEqual(self.follow(self.browser(self.shown(process, r"https://\S+"))), 200)
        code, text = self.end(process)
        self.assertEqual(code, 0, text)
        self.assertTrue(self.good("webroot", self.ok("get", "shop/main")))


if __name__ == "__main__":
    unittest.main()
