"""Every command against every error that its methods can bring: the exit code, printed as a table. Against a daemon whose answers
are set here; tests/integration provokes the same codes in the real one."""
import os
import subprocess
import sys
import unittest

from fake_daemon import GARBAGE, HANG_UP, Error, FakeDaemon

PROGRAM = os.environ.get("TOKENBROKER", "build/dev/bin/tokenbroker")
SECRET = "rt_test_never_on_a_screen"
TOKEN = {"account": "shop/main", "token": "at_test_1", "header": {"name": "Authorization", "value": "Bearer at_test_1"},
         "generation": 1, "expires_at_ms": 1, "remaining_ms": 299000, "scopes": [], "attributes": {}}
STATUS = {"account": "shop/main", "provider": "webroot", "client": "shop", "state": "fresh", "generation": 2, "remaining_ms": 1000}
DAEMON = {"version": "0", "pid": 1, "started_at_ms": 0, "accounts": 1, "alarms": []}

# command: (words, method, the reply when all is well)
COMMANDS = {
    "get": (["get", "shop/main"], "GetToken", {"token": TOKEN}),
    "exec": (["exec", "A=shop/main", "--", "true"], "GetToken", {"token": TOKEN}),
    "watch": (["watch", "shop/main"], "WatchTokens", {"account": "shop/main", "event": "removed"}),
    "account list": (["account", "list"], "ListAccounts", {"accounts": []}),
    "status": (["status", "shop/main"], "GetStatus", {"daemon": DAEMON, "accounts": [STATUS]}),
    "account show": (["account", "show", "shop/main"], "GetStatus", {"daemon": DAEMON, "accounts": [STATUS]}),
    "account add": (["account", "add", "shop/main", "--field", "refresh_token"], "AddAccount",
                    {"account": STATUS, "proved": True, "notices": []}),
    "account remove": (["account", "remove", "shop/main"], "RemoveAccount", {}),
    "account pause": (["account", "pause", "shop/main"], "PauseAccount", {}),
    "account resume": (["account", "resume", "shop/main", "--try-retired"], "ResumeAccount", {}),
    "client set-secret": (["client", "set-secret", "shop"], "SetClientSecret", {}),
    "client list": (["client", "list"], "ListClients", {"clients": []}),
    "renew": (["renew", "shop/main"], "RenewAccount", {"account": STATUS}),
    "login": (["login", "shop/main", "--flow", "device"], "Login", {"account": STATUS, "proved": True, "notices": []}),
    "revoke": (["revoke", "shop/main"], "RevokeAccount", {}),
    "reload": (["reload"], "Reload", {"accounts": 1, "changed_clients": ["shop"]}),
    "explain": (["explain", "shop/main", "--uid", "1000"], "ExplainAccess", {"allowed": False, "because": "no rule"}),
}
TOKENS, ADMIN, SERVICE = "io.tokenbroker.tokens.", "io.tokenbroker.admin.", "org.varlink.service."
REASON = {"account": "shop/main", "reason": "what the provider said"}
ANY = set(COMMANDS)
TOKEN_COMMANDS = {"get", "exec", "watch"}
# column: (answer, exit code, commands)
CASES = {
    "ok": (None, 0, ANY),
    "UnknownAccount": (Error(TOKENS + "UnknownAccount", account="shop/main"), 3, ANY - {"reload", "client list", "client set-secret"}),
    "UnknownClient": (Error(ADMIN + "UnknownClient", client="shop"), 3, {"client set-secret", "account add", "login"}),
    "AccountPaused": (Error(TOKENS + "AccountPaused", account="shop/main"), 1, {"get", "exec", "renew"}),
    "LoginRequired": (Error(TOKENS + "LoginRequired", **REASON), 4, {"get", "exec"}),
    "Misconfigured": (Error(TOKENS + "Misconfigured", **REASON), 1, {"get", "exec"}),
    "ProviderUnavailable": (Error(TOKENS + "ProviderUnavailable", **REASON, retry_after_ms=5000), 5, {"get", "exec"}),
    "LifetimeTooShort": (Error(TOKENS + "LifetimeTooShort", account="shop/main", longest_ms=299000), 1, {"get", "exec"}),
    "TooManyRequests": (Error(TOKENS + "TooManyRequests", retry_after_ms=1000), 1, ANY),
    "AccountExists": (Error(ADMIN + "AccountExists", account="shop/main"), 1, {"account add"}),
    "RenewalFailed REAUTH": (Error(ADMIN + "RenewalFailed", **REASON, **{"class": "REAUTH"}), 4, {"renew", "account add", "login"}),
    "RenewalFailed RETRY": (Error(ADMIN + "RenewalFailed", **REASON, **{"class": "RETRY"}), 5, {"renew", "account add", "login", "revoke"}),
    "RenewalFailed AMBIG": (Error(ADMIN + "RenewalFailed", **REASON, **{"class": "AMBIG"}), 5, {"renew", "login"}),
    "RenewalFailed CONFIG": (Error(ADMIN + "RenewalFailed", **REASON, **{"class": "CONFIG"}), 1, {"renew", "account add", "login", "revoke"}),
    "ConfigInvalid": (Error(ADMIN + "ConfigInvalid", mistakes=["a.toml:3: no"]), 1, {"reload"}),
    "StoreUnavailable": (Error(ADMIN + "StoreUnavailable", reason="disk full"), 1, ANY - TOKEN_COMMANDS - {"account list"}),
    "Refused": (Error(ADMIN + "Refused", reason="not while it renews"), 1, ANY - TOKEN_COMMANDS - {"account list"}),
    "InvalidParameter": (Error(SERVICE + "InvalidParameter", parameter="account"), 2, ANY),
    "PermissionDenied": (Error(SERVICE + "PermissionDenied"), 1, ANY),
    "MethodNotFound": (Error(SERVICE + "MethodNotFound", method="x"), 1, ANY),
    "hangs up": (HANG_UP, 6, ANY),
    "answers garbage": (GARBAGE, 1, ANY),
    "no socket": ("no socket", 6, ANY),
    "unknown option": ("usage", 2, ANY),
    "stdout full": ("full", 1, ANY - {"exec", "account list"}),
}


class ExitCodes(unittest.TestCase):
    def run_command(self, daemon, words, answer, out=subprocess.PIPE):
        socket = daemon.socket if answer != "no socket" else daemon.socket + "-not"
        if answer == "no socket":
            words = words[:words.index("--")] + ["--admin-socket", socket] + words[words.index("--"):] if "--" in words \
                else words + ["--admin-socket", socket]
        if answer == "usage":
            words = [words[0], "--no-such-option"] + words[1:]
        return subprocess.run([PROGRAM, "--socket", socket] + words, input=SECRET + "\n", stdout=out, stderr=subprocess.PIPE,
                              text=True, timeout=30)

    def one(self, daemon, command, column):
        words, method, good = COMMANDS[command]
        answer, expected, _ = CASES[column]
        if command == "exec" and expected != 0:
            expected = 125
        daemon.answers = {method: good if answer in (None, "no socket", "usage", "full") else answer}
        if column == "stdout full":
            with open("/dev/full", "w") as full:
                done = self.run_command(daemon, words, answer, full)
        else:
            done = self.run_command(daemon, words, answer)
        self.assertEqual(done.returncode, expected, f"{command}, {column}: {done.stderr}")
        self.assertNotIn(SECRET, (done.stdout or "") + done.stderr)
        if expected != 0:
            self.assertRegex(done.stderr, r"^tokenbroker: \S", f"{command}, {column}: says nothing")
            self.assertNotIn("at_test_1", done.stderr)
            self.assertFalse(done.stdout, f"{command}, {column}: printed something")
        return done.returncode

    def test_table(self):
        table = {}
        with FakeDaemon() as daemon:
            for command in COMMANDS:
                for column, (_, _, commands) in CASES.items():
                    with self.subTest(command=command, case=column):
                        if command in commands:
                            table[command, column] = str(self.one(daemon, command, column))
        print("\nexit codes, error by command")
        marks = [chr(ord("a") + i) for i in range(len(COMMANDS))]
        for mark, command in zip(marks, COMMANDS):
            print(f"  {mark} {command}")
        print(f"{'':22}" + "".join(f"{mark:>4}" for mark in marks))
        for column in CASES:
            print(f"{column:22}" + "".join(f"{table.get((command, column), '.'):>4}" for command in COMMANDS))
        sys.stdout.flush()


if __name__ == "__main__":
    unittest.main(verbosity=1)
