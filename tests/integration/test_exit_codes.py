"""Every exit code of `tokenbroker`, provoked in the real daemon, printed as a table of situation x command. tests/cli has each error of
the interfaces against each command; here is what the daemon really answers."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness.case import BrokerCase, threekit_client, webroot_client
from harness.cli import Ran, run
from harness.paths import binary

COMMANDS = ["get", "exec", "watch", "status", "account add", "account remove", "account list", "account show", "account pause",
            "account resume", "client set-secret", "client list", "renew", "reload", "explain"]


def words(command: str, account: str) -> list[str]:
    client = account.split("/")[0]
    return {"exec": ["exec", "--timeout", "1s", f"A={account}", "--", "true"], "account list": ["account", "list"],
            "get": ["get", account, "--timeout", "1s"],
            "account add": ["account", "add", account, "--wait", "2s"], "client set-secret": ["client", "set-secret", client],
            "client list": ["client", "list"], "reload": ["reload"], "renew": ["renew", account, "--timeout", "3s"],
            }.get(command, [*command.split(), account])


class ExitCodes(BrokerCase):
    table: dict[tuple[str, str], int] = {}

    @classmethod
    def tearDownClass(cls) -> None:
        situations = list(dict.fromkeys(situation for situation, _ in cls.table))
        marks = [chr(ord("a") + i) for i in range(len(COMMANDS))]
        print("\nexit codes of the real daemon, situation by command")
        for mark, command in zip(marks, COMMANDS):
            print(f"  {mark} {command}")
        print(f"{'':32}" + "".join(f"{mark:>4}" for mark in marks))
        for situation in situations:
            print(f"{situation:32}" + "".join(f"{cls.table.get((situation, command), '.'):>4}" for command in COMMANDS))
        sys.stdout.flush()

    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="reject", access_lifetime_s=299)
        self.sim.post("/forget")
        stored = webroot_client(self.sim, self.folder, name="stored").split("\n")
        stored = ["client_secret = { stored = true }" if line.startswith("client_secret") else line for line in stored]
        self.clients = webroot_client(self.sim, self.folder, more='policy = "ahead"') + threekit_client(self.sim) + "\n".join(stored)
        self.begin(self.clients)
        os.chmod(self.folder, 0o755)

    def expect(self, situation: str, command: str, code: int, *more: str, account: str = "shop/main", stdin: str = "") -> Ran:
        arguments = words(command, account)
        if "--" in arguments:
            at = arguments.index("--")
            arguments = [*arguments[:at], *more, *arguments[at:]]
        else:
            arguments += more
        ran = self.cli(*arguments, stdin=stdin)
        self.judge(situation, command, code, ran)
        return ran

    def judge(self, situation: str, command: str, code: int, ran: Ran) -> None:
        self.table[situation, command] = ran.code
        with self.subTest(situation=situation, command=command):
            self.assertEqual(ran.code, code, f"{situation}, {command}: {ran.out}{ran.err}")
            self.assert_no_secrets(f"standard error of {command}", ran.err)
            if command != "get":
                self.assert_no_secrets(f"output of {command}", ran.out)
            if code:
                self.assertTrue(ran.err.startswith("tokenbroker: "), ran.err)
                self.assertEqual(ran.out, "")

    def seed(self, family: str) -> str:
        return str(self.sim.seed("webroot", family=family)["refresh_token"]) + "\n"

    def add(self, family: str, account: str = "shop/main") -> None:
        ran = self.cli("account", "add", account, stdin=self.seed(family))
        self.assertEqual(ran.code, 0, ran.err)

    def test_done(self) -> None:
        self.expect("all is well", "account add", 0, stdin=self.seed("exit-ok"))
        self.expect("all is well", "client set-secret", 0, account="stored/x", stdin="cs_test_webroot_1\n")
        for command in ("get", "exec", "status", "account list", "account show", "client list", "renew", "reload", "explain"):
            self.expect("all is well", command, 0)
        static = self.sim.seed("threekit", name="exit-static")
        ran = self.cli("account", "add", "models/cdn", stdin=static["token"])
        self.assertEqual(ran.code, 0, ran.err)
        self.assertEqual(self.cli("get", "models/cdn").out, static["token"] + "\n")
        watch = subprocess.run(["timeout", "-s", "INT", "2", binary("tokenbroker"), "--socket", self.daemon.tokens_socket, "watch",
                                "shop/main"], capture_output=True, text=True, timeout=20)
        self.assertRegex(watch.stdout, r"^shop/main new_token generation \d+, ")
        self.expect("all is well", "account pause", 0)
        self.expect("all is well", "account resume", 0)
        self.expect("all is well", "account remove", 0)

    def test_paused(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=3)
        self.add("exit-paused")
        self.assertEqual(self.cli("account", "pause", "shop/main").code, 0)
        self.until("expired", lambda: self.cli("get", "shop/main").code != 0)
        self.expect("paused", "get", 1)
        self.expect("paused", "exec", 125)

    def test_no_such_account(self) -> None:
        for command in COMMANDS:
            if command in ("exec", "get", "watch", "status", "account remove", "account show", "account pause", "account resume", "renew"):
                self.expect("no such account", command, 125 if command == "exec" else 3, account="shop/nosuch")
        self.expect("no such client", "account add", 3, account="nosuch/main", stdin="rt_test_1")
        self.expect("no such client", "client set-secret", 3, account="nosuch/main", stdin="cs_test_1")

    def test_not_yours(self) -> None:
        if os.getuid() != 0:
            self.skipTest("needs root to become somebody else")
        self.add("exit-others")
        folder = tempfile.mkdtemp(prefix="tokenbroker-exit-", dir="/tmp")  # the build folder may be closed to others
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "bin/tokenbroker")
        for part in ("bin/tokenbroker", "libexec/tokenbroker/tokenbroker-full"):
            os.makedirs(os.path.dirname(os.path.join(folder, part)))
            shutil.copy(os.path.join(os.path.dirname(binary("tokenbroker")), "..", part), os.path.join(folder, part))
        for command, code in (("get", 3), ("exec", 125), ("watch", 3), ("account list", 0), ("status", 1), ("renew", 1),
                              ("account remove", 1)):
            done = subprocess.run([path, "--socket", self.daemon.tokens_socket, *words(command, "shop/main")], capture_output=True,
                                  text=True, timeout=30, user=1, group=1, extra_groups=[])
            self.judge("another user", command, code, Ran(done.returncode, done.stdout, done.stderr))

    def test_login_required(self) -> None:
        self.expect("refused grant", "account add", 4, account="shop/typo", stdin="0123456789abcdef0123456789abcdef\n")
        self.sim.switch("webroot", access_lifetime_s=3)
        self.add("exit-revoked")
        self.sim.post("/revoke", persona="webroot", account="exit-revoked")
        self.expect("refused grant", "renew", 4)
        self.until("expired", lambda: self.cli("get", "shop/main").code != 0)
        self.expect("refused grant", "get", 4)
        self.expect("refused grant", "exec", 125)

    def test_provider_unavailable(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=3)
        self.add("exit-down")
        self.sim.arm("status", status=503, count=0)
        self.expect("provider down", "renew", 5)
        self.expect("provider down", "account add", 5, account="shop/late", stdin=self.seed("exit-late"))
        self.until("expired", lambda: self.cli("get", "shop/main", "--timeout", "100ms").code != 0)
        self.expect("provider down", "get", 5)
        self.expect("provider down", "exec", 125)

    def test_what_an_operator_must_change(self) -> None:
        self.assertEqual(self.cli("client", "set-secret", "stored", stdin="cs_test_wrong").code, 0)
        self.expect("wrong client secret", "account add", 1, account="stored/main", stdin=self.seed("exit-wrong"))
        self.expect("wrong client secret", "get", 1, account="stored/main")
        self.expect("wrong client secret", "renew", 1, account="stored/main")
        self.add("exit-config")
        self.expect("exists already", "account add", 1, stdin=self.seed("exit-again"))
        self.expect("wants more than L", "get", 1, "--min-remaining", "1h")
        self.expect("empty secret", "account add", 1, account="shop/empty", stdin="\n")
        self.expect("empty secret", "client set-secret", 1, account="stored/x", stdin="")
        self.daemon.write_config(self.clients + "\n[clients.bad]\nprovider = \"nosuch\"\n")
        ran = self.expect("bad configuration", "reload", 1)
        self.assertRegex(ran.err, r"tokenbroker\.toml:\d+: ")

    def test_usage(self) -> None:
        for command in COMMANDS:
            self.expect("unknown option", command, 125 if command == "exec" else 2, "--no-such-option")
        for command in ("get", "watch", "renew", "account show", "account add"):
            self.expect("not CLIENT/NAME", command, {"account add": 3}.get(command, 3), account="noslash", stdin="x")

    def test_no_daemon(self) -> None:
        self.daemon.stop()
        for command in COMMANDS:
            self.expect("no daemon", command, 125 if command == "exec" else 6, stdin="rt_test_1")

    def test_nobody_reads(self) -> None:
        self.add("exit-full")
        for command in COMMANDS:
            if command in ("account add", "account remove", "client set-secret", "exec", "watch"):
                continue
            with open("/dev/full", "w") as full:
                done = subprocess.run([binary("tokenbroker"), "--socket", self.daemon.tokens_socket, *words(command, "shop/main")],
                                      stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
            self.judge("standard output full", command, 1, Ran(done.returncode, "", done.stderr))


if __name__ == "__main__":
    unittest.main()
