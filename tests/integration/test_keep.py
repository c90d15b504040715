"""rekey, backup and restore with the real programs: what an administrator does, and what a crash does to it."""
import json
import os
import random
import shutil
import sqlite3
import stat
import threading
import time
import unittest
from pathlib import Path

from harness.case import BrokerCase, threekit_client, webroot_client
from harness.cli import Ran
from harness.daemon import Daemon
from harness.varlink import Closed, VarlinkError

PASSPHRASE = "pp_test correct horse battery"
ACCOUNTS = 150  # more than two turns of a change of the key


class KeepCase(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="reject", access_lifetime_s=299, latency_ms=0)
        self.sim.post("/forget")
        self.clients = webroot_client(self.sim, self.folder) + threekit_client(self.sim)
        self.backup_file = self.folder / "tokens.backup"

    def backup(self, *more: str, passphrase: str = PASSPHRASE) -> Ran:
        return self.cli("backup", str(self.backup_file), *more, stdin=passphrase + "\n")

    def restore(self, *more: str, passphrase: str = PASSPHRASE) -> Ran:
        return self.cli("restore", str(self.backup_file), *more, stdin=passphrase + "\n")

    def forget_everything(self, daemon: Daemon) -> None:
        """The host is gone; another one, with the same configuration, starts."""
        if daemon.process is not None:
            daemon.stop()
        shutil.rmtree(daemon.state_dir)
        daemon.state_dir.mkdir(mode=0o700)
        daemon.start()

    def master_key(self, daemon: Daemon) -> dict[str, str]:
        with daemon.admin() as admin:
            return dict(admin.call("GetStatus", limit=1)["daemon"])

    def add_static(self, daemon: Daemon, name: str) -> str:
        token = str(self.sim.seed("threekit", name=name.replace("/", "-"))["token"])
        with daemon.admin() as admin:
            admin.call("AddAccount", account=name, secrets={"token": token})
        return token


class Backups(KeepCase):
    def test_the_host_is_gone(self) -> None:
        daemon = self.begin(self.clients)
        self.enrol(daemon, "shop/main", "keep-main")
        self.enrol(daemon, "shop/other", "keep-other")
        before = self.get(daemon, "shop/main")
        made = self.backup()
        self.assertEqual(made.code, 0, made.err)
        self.assertIn("2 account(s)", made.out)
        self.assertEqual(stat.S_IMODE(self.backup_file.stat().st_mode), 0o600)
        self.assertFalse(self.backup_file.with_suffix(".backup.part").exists())
        self.assert_no_secrets("the backup", self.backup_file.read_bytes().decode("latin-1"))
        self.assertNotIn("shop/main", self.backup_file.read_bytes().decode("latin-1"), "names are sealed too")
        daemon.stop()  # the check needs no daemon
        checked = self.backup("--verify", "--json")
        self.assertEqual(checked.code, 0, checked.err)
        self.assertEqual(json.loads(checked.out)["accounts"], 2)

        self.forget_everything(daemon)
        put_back = self.restore()
        self.assertEqual(put_back.code, 0, put_back.err + put_back.out)
        self.assertIn("2 restored", put_back.out)
        self.assertIn("0 need a login", put_back.out)
        for account in ("shop/main", "shop/other"):
            self.assertEqual(self.status(daemon, account)["state"], "fresh", "its grant proved itself: " + put_back.out)
        after = self.get(daemon, "shop/main")
        self.assertGreater(after["generation"], before["generation"], "no generation is given twice")
        self.assertEqual(self.family("keep-main")["counters"]["rejected"], 0)
        again = self.restore()
        self.assertEqual((again.code, "0 restored" in again.out), (0, True), again.out)
        daemon.restart()
        self.assertEqual(self.get(daemon, "shop/main")["token"], after["token"])
        self.assertEqual(self.sim.check(), [])
        self.assert_no_secrets("the log", daemon.log())
        self.assertNotIn(PASSPHRASE, daemon.log())

    def test_an_older_grant_never_goes_over_a_newer(self) -> None:
        daemon = self.begin(self.clients)
        self.enrol(daemon, "shop/main", "keep-older")
        self.assertEqual(self.backup().code, 0)
        for _ in range(3):
            self.assertEqual(self.cli("renew", "shop/main").code, 0)
        token = self.get(daemon, "shop/main")
        put_back = self.restore()
        self.assertEqual(put_back.code, 0, put_back.err)
        self.assertIn("shop/main: not restored: the grant that is here is newer", put_back.out)
        self.assertEqual(self.get(daemon, "shop/main")["token"], token["token"])
        self.assertEqual(self.cli("renew", "shop/main").code, 0, "the newer one is in use")
        self.assertEqual(self.family("keep-older")["counters"]["rejected"], 0)
        # And on a host that has lost the newer one: the spent grant is tried once, and a login is asked for.
        self.forget_everything(daemon)
        put_back = self.restore("--json")
        self.assertEqual(put_back.code, 4, put_back.out + put_back.err)
        self.assertEqual(json.loads(put_back.out)["login_required"], ["shop/main"])
        again = self.restore("--json")  # changes nothing, and says what is still to be done
        self.assertEqual((again.code, json.loads(again.out)["login_required"]), (4, ["shop/main"]), again.out + again.err)
        status = self.status(daemon, "shop/main")
        self.assertEqual(status["state"], "login_required")
        self.assertIn("backup", status["reason"])
        self.assertIn("run: tokenbroker", status["reason"])

    def test_over_an_older_store_only_what_is_newer(self) -> None:
        """The state folder itself was put back from an older copy; the backup is of a later day."""
        daemon = self.begin(self.clients)
        self.enrol(daemon, "shop/main", "keep-newer")
        self.enrol(daemon, "shop/same", "keep-same")
        daemon.stop()
        shutil.copytree(daemon.state_dir, self.folder / "older")
        daemon.start()
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        self.assertEqual(self.backup().code, 0)
        daemon.stop()
        shutil.rmtree(daemon.state_dir)
        shutil.copytree(self.folder / "older", daemon.state_dir)
        daemon.start()
        put_back = self.restore("--json")
        self.assertEqual(put_back.code, 0, put_back.err)
        counts = json.loads(put_back.out)
        self.assertEqual((counts["replaced"], counts["same"], counts["kept"]), (1, 1, 0), counts)
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        self.assertEqual(self.family("keep-newer")["counters"]["rejected"], 0)

    def test_many_in_doubt_are_all_told(self) -> None:
        """More than the daemon tells in one page: who was not on the first one is in doubt all the same."""
        daemon = self.begin(self.clients)
        for i in range(ACCOUNTS):
            self.enrol(daemon, f"shop/{i}", f"keep-many-{i}", wait_ms=0)
        self.until("all renewed", lambda: all(self.status(daemon, f"shop/{i}")["state"] == "fresh" for i in range(ACCOUNTS)))
        self.assertEqual(self.backup().code, 0)
        self.sim.switch("webroot", latency_ms=60_000)  # nobody answers
        self.forget_everything(daemon)
        put_back = self.restore("--json", "--wait", "500ms")
        self.assertEqual(put_back.code, 0, put_back.err)
        self.assertEqual(sorted(json.loads(put_back.out)["may_need_login"]), sorted(f"shop/{i}" for i in range(ACCOUNTS)))

    def test_a_grant_that_could_not_be_tried_is_not_called_good(self) -> None:
        """The new host has not got the client secret yet."""
        daemon = self.begin(self.clients)
        self.enrol(daemon, "shop/main", "keep-untried")
        self.assertEqual(self.backup().code, 0)
        secret = self.folder / "shop.secret"
        right = secret.read_text()
        secret.write_text("cs_test_another\n")
        self.forget_everything(daemon)
        put_back = self.restore("--json")
        self.assertEqual(put_back.code, 0, put_back.out + put_back.err)
        self.assertEqual(json.loads(put_back.out)["may_need_login"], ["shop/main"])
        self.assertEqual(self.status(daemon, "shop/main")["state"], "misconfigured")
        self.assertEqual(self.backup().code, 0)  # and a backup of it knows no more
        self.forget_everything(daemon)
        put_back = self.restore("--json")
        self.assertEqual(json.loads(put_back.out)["may_need_login"], ["shop/main"], put_back.err)
        secret.write_text(right)
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        again = self.restore("--json")
        self.assertEqual((again.code, json.loads(again.out)["may_need_login"]), (0, []), again.out + again.err)

    def test_static_tokens_paused_accounts_and_unknown_clients(self) -> None:
        daemon = self.begin(self.clients)
        token = self.add_static(daemon, "models/cdn")
        self.enrol(daemon, "shop/main", "keep-paused")
        self.assertEqual(self.cli("account", "pause", "shop/main").code, 0)
        self.assertEqual(self.backup().code, 0)
        daemon.write_config(threekit_client(self.sim))  # no shop any more
        self.forget_everything(daemon)
        put_back = self.restore("--wait", "0s")
        self.assertEqual(put_back.code, 0, put_back.err)
        self.assertIn("shop/main: restored, but the configuration has no such client", put_back.out)
        self.assertEqual(self.get(daemon, "models/cdn")["token"], token)
        self.assertEqual(self.status(daemon, "shop/main")["state"], "paused")

    def test_what_is_no_backup_says_so(self) -> None:
        daemon = self.begin(self.clients)
        self.enrol(daemon, "shop/main", "keep-wrong")
        self.assertEqual(self.backup().code, 0)
        whole = self.backup_file.read_bytes()
        other = self.backup("--verify", passphrase="pp_test another passphrase")
        self.assertEqual(other.code, 1)
        self.assertIn("the passphrase is not the one", other.err)
        newer = whole[:20] + (9).to_bytes(4, "little") + whole[24:]
        changed = bytearray(whole)
        changed[200] ^= 1
        for name, content, says in (("newer", newer, "newer version"), ("changed", bytes(changed), "damaged"),
                                    ("cut", whole[:-5], "cut off"), ("short", whole[:50], "cut off"),
                                    ("longer", whole + b"x", "something follows"), ("text", b"hello", "not a backup")):
            with self.subTest(name):
                self.backup_file.write_bytes(content)
                for command in (self.backup("--verify"), self.restore()):
                    self.assertEqual(command.code, 1, command.out)
                    self.assertIn(says, command.err)
        # A file that is no backup is not overwritten; one that is, is replaced as a whole.
        refused = self.backup()
        self.assertEqual(refused.code, 1)
        self.assertIn("no backup; it is not overwritten", refused.err)
        self.assertEqual(self.backup_file.read_bytes(), b"hello")
        self.backup_file.write_bytes(whole)
        self.assertEqual(self.backup().code, 0)
        self.assertNotEqual(self.backup_file.read_bytes(), whole)
        short = self.backup(passphrase="short")
        self.assertEqual(short.code, 1)
        self.assertIn("at least 12", short.err)  # limits::backup_passphrase_bytes_min
        with daemon.admin() as admin, self.assertRaises(VarlinkError) as refusal:
            admin.call("RestoreData", restore="none", data="AAAA")
        self.assertEqual(refusal.exception.short, "Refused")


class Rekey(KeepCase):
    def fill(self, daemon: Daemon) -> None:
        for i in range(ACCOUNTS):
            with daemon.admin() as admin:
                admin.call("AddAccount", account=f"models/{i}", secrets={"token": f"tk_test_{i:04}_{'x' * 200}"}, wait_ms=0)

    def sealed(self, daemon: Daemon) -> list[bytes]:
        """The nonces of all that is sealed; the daemon is stopped."""
        with sqlite3.connect(daemon.state_dir / "tokenbroker.db") as database:
            rows = database.execute("SELECT grant_sealed FROM account UNION ALL SELECT token_sealed FROM account "
                                    "WHERE token_sealed IS NOT NULL").fetchall()
        return [row[0][1:13] for row in rows]

    def test_without_a_gap(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=2)
        daemon = self.begin(webroot_client(self.sim, self.folder, more='policy = "ahead"') + threekit_client(self.sim))
        self.fill(daemon)
        self.enrol(daemon, "shop/main", "keep-rekey")
        daemon.restart()
        daemon.stop()
        old = self.sealed(daemon)
        old_key = (daemon.state_dir / "master.key").read_bytes()
        daemon.start()
        failures: list[str] = []
        waits: list[float] = []
        ended = threading.Event()

        def read() -> None:
            with daemon.tokens() as tokens:
                while not ended.is_set():
                    start = time.monotonic()
                    try:
                        tokens.call("GetToken", account="shop/main")
                        tokens.call("GetToken", account=f"models/{random.randrange(ACCOUNTS)}")
                    except (VarlinkError, Closed, OSError) as error:
                        failures.append(str(error))
                    waits.append(time.monotonic() - start)

        reader = threading.Thread(target=read)
        reader.start()
        before = self.master_key(daemon)
        try:
            for _ in range(3):
                ran = self.cli("rekey")
                self.assertEqual(ran.code, 0, ran.err)
                self.assertIn("the master key was changed", ran.out)
                time.sleep(0.7)  # renewals go on in between
        finally:
            ended.set()
            reader.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(waits), 100)
        after = self.master_key(daemon)
        self.assertNotEqual(after["master_key_id"], before["master_key_id"])
        self.assertNotIn("rekey", after)
        self.assertGreater(self.get(daemon, "shop/main")["generation"], 2)
        daemon.stop()
        self.assertEqual([path.name for path in daemon.state_dir.glob("master.key*")], ["master.key"])
        self.assertEqual(stat.S_IMODE((daemon.state_dir / "master.key").stat().st_mode), 0o600)
        files = b"".join(path.read_bytes() for path in daemon.state_dir.glob("tokenbroker.db*"))
        self.assertEqual([nonce for nonce in old if nonce in files], [], "something is still there under the old key")
        new_key = (daemon.state_dir / "master.key").read_bytes()
        (daemon.state_dir / "master.key").write_bytes(old_key)
        self.assertIn("is not the one", daemon.run_with().stderr)
        (daemon.state_dir / "master.key").write_bytes(new_key)
        daemon.start()
        self.assertEqual(self.get(daemon, "models/7")["token"], f"tk_test_0007_{'x' * 200}")
        self.assertEqual(self.sim.check(), [])

    def test_killed_while_it_goes_on(self) -> None:
        """kill -9 of the daemon at random moments of a change of the key under renewals. (At each system call:
        tests/unit/storage/rekey_kill_test.cpp.)"""
        daemon = self.begin(self.clients)
        self.fill(daemon)
        self.enrol(daemon, "shop/main", "keep-kill")
        left: set[str] = set()
        for round_ in range(int(os.environ.get("TB_REKEY_KILLS", "8"))):
            with daemon.admin() as admin:
                admin.send("Rekey", {})
                time.sleep(random.random() * 0.03)
                daemon.kill()
            left.add(" ".join(sorted(path.name for path in daemon.state_dir.glob("master.key*"))))
            daemon.start()
            self.assertEqual(self.get(daemon, f"models/{round_}")["token"], f"tk_test_{round_:04}_{'x' * 200}")
            self.assertEqual(self.cli("renew", "shop/main").code, 0, daemon.log()[-2000:])
            self.until("the change comes to its end", lambda: "rekey" not in self.master_key(daemon))
        daemon.restart()
        for i in range(ACCOUNTS):
            self.assertEqual(self.get(daemon, f"models/{i}")["token"], f"tk_test_{i:04}_{'x' * 200}")
        self.assertEqual(self.family("keep-kill")["counters"]["rejected"], 0)
        print(f"key files found after the kills: {sorted(left)}", flush=True)


class SealedRows(KeepCase):
    """What somebody does to the database with another program is refused, in words that say what it is."""

    def setUp(self) -> None:
        super().setUp()
        name = self.id().rsplit("_", 1)[-1]
        self.family_name = f"keep-rows-{name}"
        self.stopped = self.begin(self.clients)
        self.add_static(self.stopped, "models/a")
        self.enrol(self.stopped, "shop/main", self.family_name)
        self.enrol(self.stopped, "shop/other", self.family_name + "-2")
        self.stopped.stop()
        self.database = self.stopped.state_dir / "tokenbroker.db"
        self.older = self.folder / "older.db"
        shutil.copy(self.database, self.older)
        self.stopped.start()
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        self.stopped.stop()
        self.whole = self.database.read_bytes()

    def foreign(self) -> Path:
        """The same accounts in another store, under another key."""
        place = self.folder / "foreign"
        place.mkdir()
        other = Daemon(place, self.clients)
        self.addCleanup(other.close)
        other.start()
        self.enrol(other, "shop/main", self.family_name + "-3")
        other.stop()
        return other.state_dir / "tokenbroker.db"

    def change(self, *statements: str) -> None:
        database = sqlite3.connect(self.database, isolation_level=None)
        for statement in statements:
            database.execute(statement)
        database.close()

    def put_right(self) -> None:
        for path in self.stopped.state_dir.glob("tokenbroker.db*"):
            path.unlink()
        self.database.write_bytes(self.whole)
        self.database.chmod(0o600)

    def test_refused_at_the_start(self) -> None:
        main, other = ("(SELECT id FROM account WHERE name = 'shop/main')", "(SELECT id FROM account WHERE name = 'shop/other')")
        swap = ("CREATE TEMP TABLE t AS SELECT id, {0} AS x FROM account WHERE name LIKE 'shop/%'",
                "UPDATE account SET {0} = (SELECT x FROM t WHERE t.id <> account.id) WHERE name LIKE 'shop/%'")
        cases = {
            "two grants are swapped": ([line.format("grant_sealed") for line in swap], "account shop/main: its stored row was changed"),
            "two tokens are swapped": ([line.format("token_sealed") for line in swap], "account shop/main: its stored row was changed"),
            "a grant is cut off": ([f"UPDATE account SET grant_sealed = substr(grant_sealed, 1, 40) WHERE id = {main}"],
                                   "account shop/main: its stored row was changed"),
            "a grant is empty": ([f"UPDATE account SET grant_sealed = zeroblob(0) WHERE id = {other}"],
                                 "account shop/other: its stored row was changed"),
            "another version": ([f"UPDATE account SET grant_version = grant_version + 1 WHERE id = {main}"],
                                "account shop/main: its stored row was changed"),
            "an older row is replayed": ([f"ATTACH '{self.older}' AS old", "PRAGMA foreign_keys = OFF",
                                          f"DELETE FROM account WHERE id = {main}",
                                          "INSERT INTO account SELECT * FROM old.account WHERE name = 'shop/main'"],
                                         "an older row was put back"),
            "a row of another store": ([f"ATTACH '{self.foreign()}' AS theirs", "PRAGMA foreign_keys = OFF",
                                        f"DELETE FROM account WHERE id = {main}",
                                        "INSERT INTO account SELECT 900, name, candidate_for, provider, attributes, paused, state, "
                                        "reason, grant_version, grant_fingerprint, grant_obtained_at, grant_expires_at, generation, "
                                        "intent_fingerprint, intent_at, intent_attempts, hash, token_generation, grant_sealed, "
                                        "token_sealed FROM theirs.account"],
                                       "account shop/main: its stored row was changed"),
            "the head record of before": ([f"ATTACH '{self.older}' AS old", "UPDATE head SET head_sealed = (SELECT head_sealed FROM old.head)"],
                                          "an older row was put back, or one was removed"),
            "the other store's keyring": ([f"ATTACH '{self.folder / 'foreign/state/tokenbroker.db'}' AS theirs", "DELETE FROM keyring",
                                           "INSERT INTO keyring SELECT * FROM theirs.keyring"], "is not the one that"),
        }
        for name, (statements, says) in cases.items():
            with self.subTest(name):
                self.put_right()
                self.change(*statements)
                before = self.database.read_bytes()
                refused = self.stopped.run_with()
                self.assertEqual(refused.returncode, 1, refused.stderr)
                self.assertIn(says, refused.stderr)
                self.assertTrue("restore a backup" in refused.stderr.lower() or "right key back" in refused.stderr, refused.stderr)
                self.assertEqual(self.database.read_bytes(), before, "it is left as it was found")
        self.put_right()
        self.stopped.start()
        self.assertEqual(self.get(self.stopped, "shop/main")["generation"], 2)

    def test_a_broken_grant_is_one_accounts_trouble(self) -> None:
        """Only its ciphertext was changed: that shows when it is opened, and the others are served."""
        self.change("UPDATE account SET grant_sealed = CAST(substr(grant_sealed, 1, 13) || zeroblob(8) || "
                    "substr(grant_sealed, 22) AS BLOB) WHERE name = 'shop/main'")
        self.stopped.start()
        self.assertEqual(self.get(self.stopped, "shop/main")["generation"], 2, "its token is whole")
        ran = self.cli("renew", "shop/main")
        self.assertNotEqual(ran.code, 0)
        self.assertIn("the stored grant was not sealed for this row", ran.err)
        self.assertIn("shop/main", ran.err)
        self.assertEqual(self.cli("renew", "shop/other").code, 0)
        self.assertEqual(self.family(self.family_name)["counters"]["rejected"], 0, "nothing was sent")
        # A change of the key leaves it as it is, and the others well.
        self.assertEqual(self.cli("rekey").code, 0, self.stopped.log()[-2000:])
        self.stopped.restart()
        self.assertEqual(self.cli("renew", "shop/other").code, 0)
        self.assertIn("the stored grant was not sealed", self.cli("renew", "shop/main").err)


if __name__ == "__main__":
    unittest.main()
