"""The real binaries against a server that we did not write: the certified npm package oidc-provider.

Logins by authorization code and by device, each kind of client authentication, rotation, reuse detection, expiry and revocation.
What the server saw and told of decides, not what the daemon says of itself. No secret of the wire may stand in a log or output.
"""
import base64
import hashlib
import time
import unittest
from urllib.parse import urlsplit

from harness.sanitizer import patient
from oidc_provider.browser import query, visit, with_query
from oidc_provider.case import KEYS, SECRETS, OidcCase


class Logins(OidcCase):
    def test_authorization_code(self) -> None:
        daemon = self.broker()
        command = self.start_login("basic/main")
        asked = query(command.address())
        self.assertEqual((asked["response_type"], asked["code_challenge_method"]), ("code", "S256"))
        self.assertGreaterEqual(len(asked["state"]), 22)
        self.assertNotIn(urlsplit(asked["redirect_uri"]).port, (None, 80))
        back = self.browser().consent(command.address())
        self.assertEqual((query(back)["state"], query(back)["iss"]), (asked["state"], self.server.issuer))
        for forged in (with_query(back, state="forged", code="code_forged"), with_query(back, state=""), back.split("?")[0]):
            self.assertEqual(visit(forged), 404)
        self.assertEqual(self.server.seen("/token"), [], "a forged redirect reached the server")
        self.assertEqual(visit(back), 200)
        ran = self.ended(command)
        self.assertEqual((ran.code, ran.out), (0, "basic/main: logged in; its tokens can be had\n"), ran.err)
        [exchange] = self.server.seen("/token")
        self.assertEqual((exchange.form["grant_type"], exchange.status), ("authorization_code", 200))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(exchange.form["code_verifier"].encode()).digest()).decode().rstrip("=")
        self.assertEqual(challenge, asked["code_challenge"])
        self.assertEqual([one.status for one in self.server.seen("/.well-known/openid-configuration")], [200])
        self.token("basic/main")
        self.assertEqual(self.server.refreshes(), [], "the login's own token was handed out")
        self.assertEqual(self.status(daemon, "basic/main")["state"], "fresh")

    def test_forged_redirects_change_nothing(self) -> None:
        daemon = self.broker()
        self.log_in("basic/main")
        before = self.token("basic/main")
        strangers = self.start_login("basic/stranger")
        foreign = query(self.browser().consent(strangers.address()))["code"]
        cases = (({"iss": "https://evil.example.com"}, 1, "https://evil.example.com", None),
                 ({"code": "code_forged"}, 4, "invalid_grant", "invalid_grant"),
                 ({"code": foreign}, 4, "invalid_grant", "invalid_grant"))  # another login's: its verifier is another
        for changes, code, words, refused in cases:
            with self.subTest(**changes):
                count = len(self.server.seen("/token"))
                command = self.start_login("basic/main")
                self.assertEqual(visit(with_query(self.browser().consent(command.address()), **changes)), 200)
                ran = self.ended(command)
                self.assertEqual(ran.code, code, ran)
                self.assertIn(words, ran.err)
                self.assertIn("nothing was changed", ran.err)
                sent = self.server.seen("/token")[count:]
                self.assertEqual([(one.reply or {}).get("error") for one in sent], [refused] if refused else [])
                self.assertEqual(self.token("basic/main"), before)
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 0, "the grant is as good as before")
        self.assertEqual(self.status(daemon, "basic/main")["generation"], 2)

    def test_refused_by_the_player(self) -> None:
        self.broker()
        self.server.rules(deny=True)
        command = self.start_login("basic/main")
        visit(self.browser().consent(command.address()))
        ran = self.ended(command)
        self.assertEqual(ran.code, 4, ran)
        self.assertIn("refused or cancelled", ran.err)
        self.assertEqual(self.tokenbroker("status", "basic/main").code, 3, "no account came of it")

    def test_no_offline_access(self) -> None:
        """Without prompt=consent this server ignores offline_access, as OpenID Connect has it: the broker says what is missing."""
        self.broker(self.section().replace("auth_params", "# auth_params"))
        command = self.start_login("basic/main")
        visit(self.browser().consent(command.address()))
        ran = self.ended(command)
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("no refresh token", ran.err)
        self.assertIn("offline access", ran.err)
        self.assertEqual(self.tokenbroker("get", "basic/main").code, 3)

    def test_device_code(self) -> None:
        self.broker()
        good, bad = self.start_login("basic/main", "device"), self.start_login("basic/other", "device")
        self.server.until(lambda: len(self.server.refused("authorization_pending")) == 2)
        self.assertIn("Sign-in Success", self.browser().enter(*good.device()))
        self.server.rules(deny=True)
        self.browser().enter(*bad.device())
        approved, refused = self.ended(good), self.ended(bad)
        self.assertEqual((approved.code, refused.code), (0, 4), f"{approved.err}{refused.err}")
        self.assertEqual(self.tokenbroker("get", "basic/other").code, 3)
        self.token("basic/main")
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 0)
        polls = [one for one in self.server.seen("/token") if one.form["grant_type"].endswith(":device_code")]
        self.assertLessEqual(len(polls), 4, "polled more often than every 5 s")

    def test_client_authentication(self) -> None:
        """Each way at each endpoint, by what travelled. """
        clients = {name: name for name in (*SECRETS, "none")} | {name: "private_key_jwt" for name in KEYS}
        daemon = self.broker(*map(self.section, clients))
        for client, way in clients.items():
            with self.subTest(client=client):
                if client == "es256":
                    key = (self.shared / f"{client}.key").read_text()
                    self.assertEqual(self.tokenbroker("client", "set-secret", client, "--name", "private_key", stdin=key).code, 0)
                self.server.clear()
                self.log_in(f"{client}/main")
                self.assertEqual(self.tokenbroker("renew", f"{client}/main").code, 0)
                self.token(f"{client}/main")
                self.assertEqual(self.tokenbroker("revoke", f"{client}/main").code, 0)
                calls = [*self.server.seen("/token"), *self.server.seen("/token/revocation")]
                self.assertEqual([(one.status, one.authentication()) for one in calls], [(200, way)] * 3)
        self.assertNotIn("PRIVATE KEY", daemon.log())


class Renewals(OidcCase):
    def rotations(self) -> list[str]:
        """The refresh tokens that were presented. Each must be the one of the reply before it."""
        replies = [one for one in self.server.seen("/token") if one.status == 200 and one.reply]
        presented = [one.form["refresh_token"] for one in self.server.refreshes()]
        self.assertEqual(presented, [one.reply["refresh_token"] for one in replies if one.reply][: len(presented)])
        self.assertEqual(len(set(presented)), len(presented), "a refresh token was presented twice")
        return presented

    def test_rotation(self) -> None:
        """By the timer, over a kill -9, and by hand: each refresh token is used once."""
        self.server.rules(access_s=4)
        daemon = self.broker(self.section(more='policy = "ahead"'))
        self.log_in("basic/main")
        handed_out = [self.token("basic/main")]
        for count in (1, 2):
            self.server.until(lambda: len(self.server.refreshes()) >= count)
            self.until("the next token", lambda: self.status(daemon, "basic/main")["generation"] > count)
            handed_out.append(self.token("basic/main"))
        daemon.kill()
        daemon.start()
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 0)
        handed_out.append(self.token("basic/main"))
        self.assertEqual(len(set(handed_out)), 4)
        presented = self.rotations()
        self.assertGreaterEqual(len(presented), 3)
        self.server.until(lambda: len(self.server.events("refresh_token.consumed")) >= len(presented))
        self.assertEqual(len(self.server.events("refresh_token.consumed")), len(presented))
        self.assertEqual((self.server.events("grant.revoked"), self.server.events("grant.error")), ([], []))

    def test_reuse_detection(self) -> None:
        """A thief presents an old refresh token: the server ends the whole grant, the broker says so, and a login heals it."""
        daemon = self.broker()
        self.log_in("basic/main")
        stolen = self.newest()
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 0)
        in_hand = self.token("basic/main")
        self.assertEqual(self.server.present("basic", stolen)[1]["error"], "invalid_grant")
        self.server.until(lambda: self.server.events("grant.revoked"))  # it is told after the answer
        self.assertEqual(len(self.server.events("grant.revoked")), 1)
        self.assertFalse(self.server.accepts(in_hand))
        ran = self.tokenbroker("renew", "basic/main")
        self.assertEqual(ran.code, 4, ran)
        self.assert_login_required("basic/main", "invalid_grant")
        presented = len(self.server.refreshes())
        daemon.restart()
        self.assert_login_required("basic/main")
        self.assertEqual(len(self.server.refreshes()), presented, "a refused refresh token is never sent again by itself")
        self.log_in("basic/main")
        self.token("basic/main")
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 0)
        self.assertEqual(self.status(daemon, "basic/main")["state"], "fresh")

    def test_lost_answer(self) -> None:
        """The answer is lost, the successor with it: for this server the replay is a reuse, and the broker says what happened."""
        daemon = self.broker()
        self.log_in("basic/main")
        grant = self.newest()
        self.server.rules(lose=1)
        ran = self.tokenbroker("renew", "basic/main")
        self.assertEqual(ran.code, 5, ran)
        self.until("the replay is refused", lambda: self.status(daemon, "basic/main")["state"] == "login_required")
        self.assertEqual([(one.form["refresh_token"], one.status) for one in self.server.refreshes()], [(grant, 200), (grant, 400)])
        self.assert_login_required("basic/main", "lost_rotation")
        self.log_in("basic/main")
        self.token("basic/main")

    def test_expired_refresh_token(self) -> None:
        self.server.rules(access_s=4, refresh_s=2)
        self.broker()
        self.log_in("basic/main")
        time.sleep(2.5)
        ran = self.tokenbroker("renew", "basic/main")
        self.assertEqual(ran.code, 4, ran)
        self.server.until(lambda: self.server.events("grant.error"))
        self.assertEqual(self.server.events("grant.error"), ["invalid_grant"])
        self.assert_login_required("basic/main")
        self.until("the token in hand expired", lambda: self.tokenbroker("get", "basic/main").code == 4)
        self.server.rules()
        self.log_in("basic/main")
        self.token("basic/main")

    def test_expired_consent(self) -> None:
        """The grant behind the tokens ends while the refresh token itself would live on."""
        grant_s = round(patient(1))  # the login itself must be done by then
        self.server.rules(grant_s=grant_s)
        self.broker()
        self.log_in("basic/main")
        time.sleep(grant_s + 1.1)
        self.assertEqual(self.tokenbroker("renew", "basic/main").code, 4)
        self.assert_login_required("basic/main")

    def test_kept_alive(self) -> None:
        """With refresh_ttl an idle account's refresh token is renewed in time, though its access token is good for long."""
        self.server.rules(refresh_s=5)  # the server counts whole seconds: 4 at least
        daemon = self.broker(self.section(more='refresh_ttl = "4s"\npolicy = "when_used"'))
        self.log_in("basic/main")
        self.server.until(lambda: len(self.server.refreshes()) >= 2, timeout_s=15)
        self.assertEqual([one.status for one in self.server.refreshes()], [200, 200])
        self.assertEqual(len(self.rotations()), 2)
        self.assertEqual(self.status(daemon, "basic/main")["state"], "fresh")


class Revocations(OidcCase):
    def test_revoke(self) -> None:
        self.broker()
        self.log_in("basic/main")
        grant, token = self.newest(), self.token("basic/main")
        ran = self.tokenbroker("revoke", "basic/main")
        self.assertEqual(ran.code, 0, ran)
        [call] = self.server.seen("/token/revocation")
        self.assertEqual((call.status, call.form["token"], call.form["token_type_hint"]), (200, grant, "refresh_token"))
        self.server.until(lambda: self.server.events("grant.revoked"))  # it is told after the answer
        self.assertEqual(len(self.server.events("grant.revoked")), 1)
        self.assertFalse(self.server.accepts(token), "the access token ended with the grant")
        self.assertEqual(self.server.present("basic", grant)[1]["error"], "invalid_grant")
        self.assertEqual(self.tokenbroker("get", "basic/main").code, 4)
        self.assert_login_required("basic/main", "revoked by an operator")
        self.log_in("basic/main")
        self.token("basic/main")

    def test_account_remove(self) -> None:
        self.broker()
        self.log_in("basic/main")
        grant = self.newest()
        self.assertEqual(self.tokenbroker("account", "remove", "basic/main").code, 0)
        self.server.until(lambda: self.server.events("grant.revoked"))
        self.assertEqual([one.form["token"] for one in self.server.seen("/token/revocation")], [grant])
        self.assertEqual(self.tokenbroker("get", "basic/main").code, 3)
        self.assertEqual(self.server.present("basic", grant)[1]["error"], "invalid_grant")


if __name__ == "__main__":
    unittest.main()
