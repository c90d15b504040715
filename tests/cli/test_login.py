"""tokenbroker login as a person meets it: what is shown, what a browser brings back, and what is passed on."""
import json
import os
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

from fake_daemon import Error, FakeDaemon, Stream

PROGRAM = os.environ.get("TOKENBROKER", "build/dev/bin/tokenbroker")
STATUS = {"account": "shop/main", "provider": "oauth2", "client": "shop", "state": "fresh", "generation": 1, "remaining_ms": 1000}
DONE = {"account": STATUS, "proved": True, "notices": ["scope b was not granted"]}
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}


class Login(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.browsers = []
        self.addCleanup(self.daemon.__exit__, None, None, None)

    def run_login(self, *words, environment=None, input=""):
        return subprocess.run([PROGRAM, "--socket", self.daemon.socket, "login", "shop/main", *words], input=input,
                              capture_output=True, text=True, timeout=30, env=environment or ENVIRONMENT)

    def browse(self, redirect_uri, query, codes):
        try:
            with urllib.request.urlopen(f"{redirect_uri}?{query}", timeout=10) as page:
                codes.append(page.status)
        except urllib.error.HTTPError as error:
            codes.append(error.code)

    def code_flow(self, codes, last, query="code=c0de&state=st4te"):
        def start(parameters):
            uri = parameters["redirect_uri"]
            self.daemon.answers["FinishLogin"] = {}
            browser = threading.Thread(target=lambda: [self.browse(uri, "code=evil&state=wrong", codes), self.browse(uri, query, codes)])
            self.addCleanup(browser.join)
            self.browsers.append(browser)
            browser.start()
            url = f"https://id.example.com/authorize?response_type=code&state=st4te&redirect_uri={uri}"
            return Stream([{"login": "l1", "flow": "code", "url": url, "expires_in_ms": 20000}, last])
        self.daemon.answers["Login"] = start

    def test_a_browser_brings_the_code(self):
        codes = []
        self.code_flow(codes, DONE)
        done = self.run_login()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "shop/main: logged in; its tokens can be had\n")
        self.assertIn("https://id.example.com/authorize?", done.stderr)
        self.assertIn("scope b was not granted", done.stderr)
        self.browsers[0].join()  # the command may end before its page is read
        self.assertEqual(codes, [404, 200], "a forged redirect must change nothing")
        self.assertEqual(self.daemon.parameters_of("FinishLogin"), {"login": "l1", "query": "code=c0de&state=st4te"})
        asked = self.daemon.parameters_of("Login")
        self.assertEqual(asked["flows"], ["device", "code"])  # no browser here: a code for another device is better
        self.assertRegex(asked["redirect_uri"], r"^http://127\.0\.0\.1:[0-9]+/callback$")
        self.assertNotIn("c0de", done.stdout + done.stderr)

    def test_a_browser_is_preferred_where_there_is_one(self):
        self.daemon.answers["Login"] = DONE
        self.run_login(environment={**ENVIRONMENT, "DISPLAY": ":7"})
        wanted = ["device", "code"] if os.geteuid() == 0 else ["code", "device"]
        self.assertEqual(self.daemon.parameters_of("Login")["flows"], wanted)

    def test_the_person_refuses(self):
        codes = []
        refused = Error("io.tokenbroker.admin.RenewalFailed", account="shop/main", reason="shop/main: the login failed: access_denied",
                        **{"class": "REAUTH"})
        self.code_flow(codes, refused, "error=access_denied&state=st4te")
        done = self.run_login("--flow", "code", "--redirect-uri", "http://localhost/back")
        self.assertEqual(done.returncode, 4)
        self.assertIn("access_denied", done.stderr)
        self.assertRegex(self.daemon.parameters_of("Login")["redirect_uri"], r"^http://localhost:[0-9]+/back$")

    def test_a_device_code(self):
        show = {"login": "l1", "flow": "device", "url": "https://id.example.com/device", "user_code": "ABCD-EFGH",
                "complete_url": "https://id.example.com/device?user_code=ABCD-EFGH", "expires_in_ms": 600000}
        self.daemon.answers["Login"] = Stream([show, DONE])
        done = self.run_login("--flow", "device", "--attribute", "tenant=a")
        self.assertEqual(done.returncode, 0, done.stderr)
        for wanted in ("https://id.example.com/device", "ABCD-EFGH", "10m"):
            self.assertIn(wanted, done.stderr)
        self.assertEqual(self.daemon.parameters_of("Login"), {"account": "shop/main", "flows": ["device"], "attributes": {"tenant": "a"}})
        done = subprocess.run([PROGRAM, "--socket", self.daemon.socket, "--json", "login", "shop/main", "--flow", "device"],
                              capture_output=True, text=True, timeout=30, env=ENVIRONMENT)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual((lines[0]["user_code"], lines[1]["proved"]), ("ABCD-EFGH", True))

    def test_the_password_only_behind_its_flag_and_never_in_sight(self):
        self.daemon.answers["Login"] = DONE
        done = self.run_login("--flow", "password", "--username", "ops@example.com", input="pw_test_never_seen\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("RFC 9700", done.stderr)
        self.assertNotIn("pw_test_never_seen", done.stdout + done.stderr)
        self.assertEqual(self.daemon.parameters_of("Login")["secrets"], {"username": "ops@example.com", "password": "pw_test_never_seen"})
        before = len(self.daemon.calls)
        self.assertEqual(self.run_login("--flow", "password", input="x").returncode, 2)
        self.assertEqual(self.run_login("--redirect-uri", "https://example.com/cb").returncode, 2)
        self.assertEqual(len(self.daemon.calls), before, "something was sent")


if __name__ == "__main__":
    unittest.main(verbosity=1)
