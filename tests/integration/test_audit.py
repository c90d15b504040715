"""The audit of the real daemon: who was handed what, who was refused and why, what operators did; what a clean stop, a kill and a full
disk leave of it. And doctor, with and without a daemon."""
import json
import os
import subprocess
import time
import unittest
from typing import Any

from harness.case import BrokerCase, DaemonCase, webroot_client
from harness.cli import run
from harness.daemon import Daemon
from harness.paths import binary
from harness.varlink import Varlink

TOKEN = "static_test_audit_0123456789"
CLIENTS = '[clients.models]\nprovider = "threekit"\nbase_url = "https://127.0.0.1:9"\n'
RULE = '[[access]]\naccounts = ["models/cdn"]\nallow = ["uid:4242"]\n'
BATCH_S = 0.2  # limits::audit_batch_ms: what a kill may lose


class AuditCase(DaemonCase):
    def enrolled(self, more: str = "", **options: Any) -> Any:
        daemon = self.begin(CLIENTS + RULE + more, **options)
        self.folder.chmod(0o755)
        with daemon.admin() as admin:
            admin.call("AddAccount", account="models/cdn", secrets={"token": TOKEN})
        return daemon

    def get_as(self, uid: int, account: str = "models/cdn", times: int = 1) -> int:
        """Calls as another user, over one connection; how many were answered with a token."""
        assert self.daemon is not None
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                with Varlink(self.daemon.tokens_socket, "io.tokenbroker.tokens") as tokens:
                    code = 0
                    for _ in range(times):
                        tokens.send("GetToken", {"account": account})
                        try:
                            tokens.receive()
                            code += 1
                        except Exception as refused:  # pylint: disable=broad-except
                            assert "UnknownAccount" in str(refused)
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def rows(self, *words: str) -> list[dict[str, Any]]:
        ran = self.cli("audit", "--json", *words)
        self.assertEqual(ran.code, 0, ran.err)
        return [json.loads(line) for line in ran.out.splitlines()]


@unittest.skipUnless(os.geteuid() == 0, "calls as other users: needs root")
class Audit(AuditCase):
    def test_who_got_what_and_who_was_refused(self) -> None:
        daemon = self.enrolled()
        self.assertEqual(self.get_as(4242, times=3), 3)
        self.assertEqual(self.get_as(4242), 1)
        self.assertEqual(self.get_as(4243), 0)
        self.assertEqual(self.get_as(4243, "models/nobody"), 0)
        got = [row for row in self.rows("models/cdn") if row["kind"] == "hand_out"]
        self.assertEqual([(row["uid"], row["gid"], row["verdict"], row["generation"]) for row in got], [(4242, 4242, "handed_out", 1)])
        self.assertGreater(got[0]["pid"], 1)
        self.assertLess(abs(got[0]["at_ms"] / 1000 - time.time()), 60)
        refused = self.rows("--refused", "--since", "1m")
        self.assertEqual([(row["uid"], row["account"]) for row in refused], [(4243, "models/cdn"), (4243, "models/nobody")])
        self.assertRegex(refused[0]["detail"], r"tokenbroker\.toml:\d+ allows uid:4242")
        self.assertEqual(self.rows("--uid", "4242"), got)
        self.assertEqual(self.rows("--since", "2099-01-01"), [])
        done = [(row["method"], row["verdict"]) for row in self.rows() if row["kind"] == "admin"]
        self.assertEqual(done, [("start", "done"), ("AddAccount", "done")])
        people = self.cli("audit", "--refused")
        self.assertRegex(people.out, r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  refused +models/cdn +uid 4243 pid \d+  GetToken  \(.*allows uid:4242\)$")
        self.assertEqual(self.cli("audit", "--since", "yesterday").code, 2)
        daemon.stop()
        for file in daemon.state_dir.glob("audit.db*"):
            self.assertNotIn(TOKEN.encode(), file.read_bytes())
            self.assertEqual(file.stat().st_mode & 0o077, 0)

    def test_what_a_rule_had_read_is_in_the_row(self) -> None:
        exe = os.path.realpath("/proc/self/exe")
        daemon = Daemon(self.folder, CLIENTS + f'[[access]]\naccounts = ["models/*"]\nallow = [{{ uid = 4242, exe = "{exe}" }}]\n')
        if "CAP_SYS_PTRACE" in daemon.run_with("--check").stderr:
            self.skipTest("this place has no CAP_SYS_PTRACE: no rule on exe")
        self.addCleanup(daemon.close)
        daemon.start()
        self.daemon = daemon
        self.folder.chmod(0o755)
        with daemon.admin() as admin:
            admin.call("AddAccount", account="models/cdn", secrets={"token": TOKEN})
        self.assertEqual(self.get_as(4242), 1)
        self.assertEqual(self.get_as(4243), 0)  # no rule had its executable read
        got, refused = [row for row in self.rows() if row["kind"] in ("hand_out", "refusal")]
        self.assertEqual(got["exe"], exe)
        self.assertNotIn("exe", refused)

    def test_follow_sees_new_rows_and_the_end(self) -> None:
        daemon = self.enrolled()
        command = [binary("tokenbroker"), "--socket", daemon.tokens_socket, "audit", "--refused", "--follow", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            for uid in (4243, 4244):
                self.assertEqual(self.get_as(uid), 0)
                begun = time.monotonic()
                self.assertEqual(json.loads(follower.stdout.readline())["uid"], uid)
                self.assertLess(time.monotonic() - begun, 5)
            daemon.stop()
            self.assertEqual(follower.wait(10), 0)

    def test_a_flood_is_a_count_and_a_clean_stop_loses_nothing(self) -> None:
        daemon = self.enrolled()
        for _ in range(3):
            self.get_as(4243, times=40)
        for uid in range(5000, 5040):
            self.assertEqual(self.get_as(uid), 0)
        daemon.stop()  # at once: nothing of this is on the disk yet but by the stop itself
        daemon.start()
        refused = self.rows("--refused", "--newest", "1000")
        of_flood = [row for row in refused if row["uid"] == 4243]
        self.assertEqual([row["verdict"] for row in of_flood], ["refused"] * 60 + ["more"])
        self.assertEqual(of_flood[-1]["count"], 60)
        self.assertEqual({row["uid"] for row in refused}, {4243, *range(5000, 5040)})
        life = [row["method"] for row in self.rows() if row["kind"] == "admin"]
        self.assertEqual(life, ["start", "AddAccount", "stop", "start"])

    def test_a_kill_loses_only_the_last_moment(self) -> None:
        daemon = self.enrolled()
        kept = []
        for turn in range(4):
            begun = time.monotonic()
            for uid in range(6000 + 100 * turn, 6010 + 100 * turn):
                self.get_as(uid)
                kept.append((uid, time.monotonic()))
            time.sleep(0.15)
            self.assertLess(time.monotonic() - begun, 30)
        killed = time.monotonic()
        daemon.kill()
        daemon.start()
        there = {row.get("uid") for row in self.rows("--refused", "--newest", "1000")}
        # Twice what is promised: this machine may be busy.
        missing = [uid for uid, at in kept if uid not in there and at < killed - 2 * BATCH_S]
        self.assertEqual(missing, [])
        ids = [row["id"] for row in self.rows("--newest", "1000")]
        self.assertEqual(ids, sorted(set(ids)))


@unittest.skipUnless(os.geteuid() == 0, "mounts a small disk: needs root")
class FullDisk(BrokerCase):
    def test_the_last_room_is_for_grants(self) -> None:
        """On a disk of 15 MiB, less than the audit leaves alone: renewals are stored, the audit is only counted and says so."""
        small = self.folder / "state"
        small.mkdir(mode=0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=15m,mode=0700", "tmpfs", str(small)], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("this place allows no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)], check=False)
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.addCleanup(daemon.close)
        self.enrol(daemon, "shop/main", "audit-full")
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        time.sleep(2 * BATCH_S)
        shown = self.cli("audit", "--json")
        self.assertEqual((shown.code, shown.out), (0, ""))
        self.assertIn("could not keep", shown.err)
        self.assertIn("the audit can't be written", daemon.log())
        found = self.cli("doctor", "--no-probe", "--json")
        self.assertEqual(found.code, 1)
        checks = {one["check"] for one in map(json.loads, found.out.splitlines()) if one["level"] == "problem"}
        self.assertLessEqual({"disk", "audit"}, checks)


class Doctor(BrokerCase):
    def found(self, *words: str) -> tuple[int, list[dict[str, str]]]:
        ran = self.cli("doctor", "--json", *words)
        return ran.code, [json.loads(line) for line in ran.out.splitlines()]

    def problems(self, *words: str) -> list[str]:
        code, all_found = self.found(*words)
        wrong = [one for one in all_found if one["level"] == "problem"]
        self.assertEqual(code, 1 if wrong else 0, all_found)
        for one in wrong:
            self.assertTrue(one["why"] and one["run"], one)
        return [f'{one["check"]}: {one["what"]}' for one in wrong]

    def test_with_a_daemon(self) -> None:
        shop = webroot_client(self.sim, self.folder)
        rule = '[[access]]\naccounts = ["shop/*"]\nallow = ["uid:4242"]\n'
        daemon = self.begin(shop + rule)
        self.enrol(daemon, "shop/main", "doctor")
        self.assertEqual(self.problems(), [])
        said = {one["check"] for one in self.found()[1] if one["level"] == "ok"}
        self.assertLessEqual({"key", "permissions", "database", "disk", "sockets", "tls", "rules", "accounts", "process"}, said)
        self.assertIn("ok       tls", self.cli("doctor").out)
        # Each of these is one finding.
        (self.folder / "shop.secret").chmod(0o644)
        self.assertRegex(self.problems("--no-probe")[0], "permissions: .*shop.secret has mode 0644")
        (self.folder / "shop.secret").chmod(0o600)
        key = daemon.state_dir / "master.key"
        held = key.read_bytes()
        key.write_bytes(b"0" * 64 + b"\n")
        self.assertRegex(self.problems("--no-probe")[0], "key: .*not the key that the store was sealed with")
        key.write_bytes(held)
        wrong_rule = '[[access]]\naccounts = ["shop/mian"]\nallow = ["uid:4242"]\n'
        daemon.write_config(shop + rule + wrong_rule + '[clients.other]\nprovider = "threekit"\nbase_url = "https://127.0.0.1:9"\n')
        self.assertEqual(self.cli("reload").code, 0)
        found = "\n".join(self.problems())
        self.assertRegex(found, r'rules: \S*tokenbroker.toml:[0-9]+: "shop/mian" fits no account')
        self.assertRegex(found, "tls: https://127.0.0.1:9: ")
        self.sim.post("/revoke", persona="webroot", account="doctor")
        self.cli("renew", "shop/main")
        self.assertRegex("\n".join(self.problems("--no-probe")), "accounts: shop/main")
        self.assertEqual([row for row in self.cli("audit", "--json").out.splitlines() if "login_required" in row][0].count("shop/main") > 0,
                         True)

    def test_trust_is_the_daemons_own(self) -> None:
        """A certificate that the client section does not trust, and a name that it is not for."""
        shop = webroot_client(self.sim, self.folder).replace(f'ca_file = "{self.sim.ca_file}"\n', "")
        self.begin(shop)
        self.assertRegex("\n".join(self.problems()), "tls: .*certificate not trusted")

    def test_without_a_daemon(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        daemon.stop()
        config = ("--config", str(daemon.config))
        wrong = self.problems(*config)
        self.assertTrue(all(one.startswith("sockets: ") for one in wrong) and wrong, wrong)
        checks = {one["check"] for one in self.found(*config)[1] if one["level"] == "ok"}
        self.assertLessEqual({"config", "key", "database", "permissions"}, checks)
        database = daemon.state_dir / "tokenbroker.db"
        held = database.read_bytes()
        database.write_bytes(held[:4096] + b"\xff" * 4096 + held[8192:])
        self.assertTrue(any(one.startswith("database: damaged") for one in self.problems(*config)), self.problems(*config))
        database.write_bytes(held)
        os.rename(daemon.state_dir / "master.key", daemon.state_dir / "away")
        self.assertTrue(any(one.startswith("key: the master key is missing") for one in self.problems(*config)))
        os.rename(daemon.state_dir / "away", daemon.state_dir / "master.key")
        daemon.start()
        self.assertEqual(self.problems("--no-probe"), [])

    def test_somebody_else_is_told_what_is_missing(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("calls as another user: needs root")
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.folder.chmod(0o755)
        ran = subprocess.run([binary("tokenbroker"), "--socket", daemon.tokens_socket, "doctor", "--config", str(daemon.config)],
                             capture_output=True, text=True, user=4242, group=4242, extra_groups=[], timeout=60, check=False)
        self.assertIn("for administrators", ran.stdout + ran.stderr)
        self.assertEqual(run(daemon.tokens_socket, "doctor", "--no-probe").code, 0)


if __name__ == "__main__":
    unittest.main()
