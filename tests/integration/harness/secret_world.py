"""A daemon with accounts of every provider, worked hard: renewals, readers, a watcher, reporters, logins, faults, refused grants.

`grants` has, by label, every long-lived secret that the daemon was given or was sent: what the simulator issued, spent or not, and
what this module made up. `said` is everything that the daemon's sockets answered but tokens.
"""
import base64
import contextlib
import http.client
import json
import secrets
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

from harness.clients import Clients
from harness.daemon import Daemon
from harness.secret_kinds import PrivateKey, made_up
from harness.varlink import Closed, VarlinkError

ISSUED = ("rt:", "client_secret:", "secret_key:", "api_key:", "password:", "code", "device:", "ticket:")  # labels of the simulator
TICKET_DIGITS = 48  # a session ticket's own; in front of them stand ids that are no secret
USER_IDS = [f"64943d471dc01e086ac887{number:02x}" for number in range(8)]
PASSWORD = "pw_test " + secrets.token_hex(12) + "/\"&+%"
DEVICE_FLOW = {"auth_url": "/oauth2/authorize", "device_url": "/oauth2/device", "revoke_url": "/oauth2/revoke"}


class World:
    def __init__(self, sim: Any, folder: Path) -> None:
        self.sim, self.folder = sim, folder
        self.key = PrivateKey()
        self.mine = {name: made_up(name) for name in ("webroot", "stored", "oauth2", "later")}
        self.mine |= {name: f"sk_test_{secrets.token_hex(20)}" for name in ("playfab", "readyplayerme")}
        self.said: list[str] = []
        self.stop, self.failures = threading.Event(), list[str]()
        self.prepare_simulator()
        self.daemon = Daemon(folder, self.sections(), top='log_level = "debug"')

    # -- what there is --
    def prepare_simulator(self) -> None:
        for persona in ("webroot", "immersve", "oauth2"):
            self.sim.switch(persona, old_rt="grace", grace_s=3600, access_lifetime_s=4)
        self.sim.switch("playfab", access_lifetime_s=6)
        self.sim.switch("oauth2", token_chars="odd", device_interval_s=1)
        for name in ("webroot", "stored"):
            self.sim.seed("webroot", client_id=f"{name}@example.com", client_secret=self.mine[name], password=PASSWORD, first=False)
        self.sim.seed("oauth2", client_secret=self.mine["oauth2"], first=False)
        self.sim.seed("oauth2", client_id="signer", auth_method="private_key_jwt", public_key=self.key.public, first=False)
        for user in USER_IDS:
            self.sim.seed("readyplayerme", api_key=self.mine["readyplayerme"], user=user)
        self.ticket = self.sim.seed("playfab", secret_key=self.mine["playfab"])["session_ticket"]

    def sections(self) -> str:
        clients = Clients(self.sim, self.folder)
        ahead = {"policy": "ahead"}
        return "".join((
            clients.webroot(client_id="webroot@example.com", password_grant=True,
                            client_secret=clients.secret("my-shop", self.mine["webroot"]), **ahead),
            clients.webroot("stored", client_id="stored@example.com", client_secret={"stored": True}, **ahead),
            clients.immersve(**ahead), clients.threekit(),
            clients.oauth2(client_secret=clients.secret("my-chat", self.mine["oauth2"]), scopes=["read"], **DEVICE_FLOW, **ahead),
            clients.oauth2("signed", client_id="signer", client_secret=None, client_auth="private_key_jwt",
                           private_key=clients.secret("my-signed", self.key.pem.strip()), **ahead),
            clients.playfab(secret_key=clients.secret("my-title", self.mine["playfab"]), **ahead),
            clients.playfab("players", mode="ticket", **ahead),
            clients.readyplayerme(api_key=clients.secret("my-avatars", self.mine["readyplayerme"]))))

    def enrol(self) -> None:
        with self.daemon.admin() as admin:
            admin.call("SetClientSecret", client="stored", name="client_secret", value=self.mine["later"])
            admin.call("SetClientSecret", client="stored", name="client_secret", value=self.mine["stored"])
            self.accounts: list[str] = []
            shop = {"client_id": "webroot@example.com", "client_secret": self.mine["webroot"]}
            for account, persona, seed in (
                    ("shop/a", "webroot", shop), ("shop/refused", "webroot", shop),
                    ("stored/a", "webroot", {"client_id": "stored@example.com", "client_secret": self.mine["stored"]}),
                    ("cards/a", "immersve", {}), ("cards/b", "immersve", {}),
                    ("chat/a", "oauth2", {"client_secret": self.mine["oauth2"]}),
                    ("signed/a", "oauth2", {"client_id": "signer", "auth_method": "private_key_jwt", "public_key": self.key.public})):
                wish = {**seed, "password": PASSWORD} if persona == "webroot" else seed
                grant = self.sim.seed(persona, family=account.replace("/", "-"), **wish)["refresh_token"]
                self.add(admin, account, {"refresh_token": grant})
            self.add(admin, "title/a", {})
            self.add(admin, "players/a", {"session_ticket": self.ticket})
            self.add(admin, "models/a", {"token": self.sim.seed("threekit")["token"]})
            self.add(admin, "avatars/a", {})

    def add(self, admin: Any, account: str, grant: dict[str, str], **more: Any) -> None:
        self.said.append(json.dumps(admin.call("AddAccount", account=account, secrets=grant, **more)))
        self.accounts += [account] if account not in self.accounts else []

    def grants(self) -> dict[str, str]:
        found = {f"mine:{name}": value for name, value in self.mine.items()} | {"password:mine": PASSWORD}
        for number, one in enumerate(self.sim.ask("GET", "/secrets")):
            if one["label"].startswith(ISSUED):
                found[f"{one['label']} ({number})"] = one["value"][-TICKET_DIGITS if one["label"].startswith("ticket:") else 0:]
        return found | {f"private key, letters {part}": letters for part, letters in enumerate(self.key.letters)}

    def tokens(self) -> dict[str, str]:
        """The access tokens in hand."""
        with self.daemon.tokens() as tokens:
            return {account: tokens.call("GetToken", account=account)["token"]["token"]
                    for account in self.accounts if account != "avatars/a"}

    # -- work --
    def renewals(self) -> int:
        """Tokens that were stored, which is a renewal each; what was minted for single readers comes on top."""
        return sum(account["generation"] for account in self.daemon.statuses())

    def work(self, renewals: int, limit_s: float) -> int:
        """Everybody at once until so many renewals have succeeded; how many there were."""
        self.arm_faults()
        jobs: list[tuple[Callable[..., None], Any]] = [(self.renew, account) for account in self.accounts if account != "models/a"]
        jobs += [(self.read, 0), (self.read, 1), (self.watch, 0), (self.report, 0), (self.complain, 0)]
        threads = [threading.Thread(target=self.guarded, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        end, done = time.monotonic() + limit_s, 0
        try:
            self.refuse_and_replace()
            self.log_in()
            while (done := self.renewals()) < renewals and time.monotonic() < end:
                time.sleep(0.2)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        return done

    def guarded(self, job: Callable[[Any], None], subject: Any) -> None:
        try:
            job(subject)
        except (Closed, VarlinkError, OSError, AssertionError, KeyError) as problem:
            self.failures.append(f"{job.__name__} {subject}: {type(problem).__name__} {problem}")
        finally:
            self.sim.leave()

    def told(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except VarlinkError as error:
            self.said.append(str(error))

    def renew(self, account: str) -> None:
        with self.daemon.admin() as admin, self.daemon.tokens() as tokens:
            user = 0
            while not self.stop.is_set():
                if account == "avatars/a":
                    user += 1
                    self.told(lambda: tokens.call("GetToken", account=account, timeout_ms=3000, min_remaining_ms=14_900,
                                                  parameters={"user_id": USER_IDS[user % len(USER_IDS)]}))
                    time.sleep(0.02)
                else:
                    self.told(lambda: admin.call("RenewAccount", account=account, timeout_ms=3000))
                    time.sleep(0.5 if account == "shop/refused" else 0.001)

    def read(self, which: int) -> None:
        next_status = 0.0
        with self.daemon.tokens() as tokens, self.daemon.admin() as admin:
            while not self.stop.is_set():
                for account in self.accounts[which::2]:
                    self.told(lambda name=account: tokens.call("GetToken", account=name, timeout_ms=500))  # type: ignore[misc]
                if time.monotonic() > next_status:
                    next_status = time.monotonic() + 0.5
                    self.said.append(json.dumps([admin.call("GetStatus", limit=1), self.daemon.statuses()]))
                time.sleep(0.05)

    def watch(self, _: int) -> None:
        with self.daemon.tokens(timeout_s=0.5) as watcher:
            watcher.send("WatchTokens", {"accounts": self.accounts[:-1]}, more=True)
            while not self.stop.is_set():
                with contextlib.suppress(TimeoutError):
                    watcher.receive()

    def report(self, _: int) -> None:
        with self.daemon.tokens() as tokens:
            while not self.stop.wait(0.3):
                for account in ("shop/a", "chat/a", "models/a"):
                    self.told(lambda name=account: tokens.call("ReportRejected", account=name, generation=tokens.call(  # type: ignore[misc]
                        "GetToken", account=name)["token"]["generation"]))

    def complain(self, _: int) -> None:
        """Calls that are refused, with secrets in them where one could be repeated."""
        with self.daemon.admin() as admin, self.daemon.tokens() as tokens:
            while not self.stop.wait(0.3):
                secret = self.mine["later"]
                for call in (lambda: admin.call("AddAccount", account="shop/a", secrets={"refresh_token": secret}),
                             lambda: admin.call("AddAccount", account="shop/bad", secrets={"refresh_tokem": secret}),
                             lambda: admin.call("AddAccount", account="shop/bad", secrets={"refresh_token": secret + "\r\n"}),
                             lambda: admin.call("AddAccount", account="shop/bad", secrets=secret),
                             lambda: admin.call("SetClientSecret", client="nobody", name="client_secret", value=secret),
                             lambda: admin.call("SetClientSecret", client="stored", name="no_such", value=secret),
                             lambda: tokens.call("GetToken", account="shop/a", min_remaining_ms=3_600_000, timeout_ms=100),
                             lambda: tokens.call("GetToken", account="shop/none")):
                    self.told(call)
                with self.daemon.admin() as other:  # half a call, and gone
                    other.sock.sendall(json.dumps({"method": "io.tokenbroker.admin.AddAccount", "parameters": {
                        "account": "shop/half", "secrets": {"refresh_token": secret}}}).encode()[:-9])

    def arm_faults(self) -> None:
        for persona in ("webroot", "immersve", "oauth2", "playfab", "readyplayerme"):
            for nth, (kind, wish) in enumerate((
                    ("status", {"status": 503}), ("html", {}), ("truncate", {}), ("shape", {"shape": "invalid_utf8"}),
                    ("shape", {"shape": "nested"}), ("chunked", {"mode": "one_byte"}),
                    ("reset_after", {}), ("garbage_after", {}), ("connection_close", {}), ("huge_header", {}))):
                self.sim.arm(kind, match={"persona": persona}, nth=8 * (nth + 1), **wish)

        for persona, account in (("webroot", "shop-a"), ("oauth2", "chat-a")):  # a provider can only repeat what it was sent
            mine = self.mine[persona]
            echo = {"error": "invalid_request", "error_description": f"{mine} {base64.b64encode(mine.encode()).decode()}"}
            self.sim.arm("status", match={"persona": persona, "account": account}, nth=6, status=400, json=echo)

    def refuse_and_replace(self) -> None:
        self.sim.post("/revoke", persona="webroot", account="shop-refused")
        end = time.monotonic() + 10
        with self.daemon.admin() as admin:
            while time.monotonic() < end:
                self.told(lambda: admin.call("RenewAccount", account="shop/refused", timeout_ms=3000))
                if admin.call("GetStatus", accounts=["shop/refused"])["accounts"][0]["state"] == "login_required":
                    break
            else:
                self.failures.append("shop/refused was never refused")
            self.told(lambda: admin.call("ResumeAccount", account="shop/refused", try_retired=True))
            grant = self.sim.seed("webroot", family="again", client_id="webroot@example.com", password=PASSWORD,
                                  client_secret=self.mine["webroot"])["refresh_token"]
            for _ in range(5):  # a fault may strike the proof
                try:
                    self.add(admin, "shop/refused", {"refresh_token": grant}, replace=True)
                    return
                except VarlinkError as error:
                    self.said.append(str(error))
        self.failures.append(f"shop/refused got no new grant: {self.said[-1]}")

    # -- people --
    def log_in(self) -> None:
        """A device, a browser, a password. A login that a fault struck is done again."""
        for account, wish, act in (
                ("chat/device", {"flows": ["device"]}, self.approve),
                ("chat/code", {"flows": ["code"], "redirect_uri": "http://127.0.0.1:1/callback"}, self.browse),
                ("shop/person", {"flows": ["password"], "secrets": {"username": "ops@example.com", "password": PASSWORD}}, None)):
            for _ in range(5):
                try:
                    self.one_login(account, wish, act)
                    self.accounts.append(account)
                    break
                except (VarlinkError, OSError) as error:
                    self.said.append(str(error))
            else:
                self.failures.append(f"no login of {account}: {self.said[-1]}")

    def one_login(self, account: str, wish: dict[str, Any], act: Callable[[dict[str, Any]], None] | None) -> None:
        with self.daemon.admin() as admin:
            for reply in admin.call_more("Login", account=account, **wish):
                self.said.append(json.dumps({name: value for name, value in reply.items() if name not in ("url", "complete_url")}))
                if act is not None and not reply.get("account"):
                    act(reply)

    def approve(self, shown: dict[str, Any]) -> None:
        self.sim.post("/device", persona="oauth2", do="approve", user_code=shown["user_code"])

    def browse(self, shown: dict[str, Any]) -> None:
        place = urlsplit(shown["url"])
        page = http.client.HTTPSConnection(place.netloc, context=ssl.create_default_context(cafile=self.sim.ca_file), timeout=10)
        page.request("GET", f"{place.path}?{place.query}")
        target = urlsplit(str(page.getresponse().headers["Location"]))
        page.close()
        with self.daemon.admin() as admin:
            admin.call("FinishLogin", login=shown["login"], query=target.query)

    def settle(self) -> None:
        """Long-lived tokens everywhere, no faults: then nothing is due and nothing in flight."""
        self.sim.post("/clear")
        for persona in ("webroot", "immersve", "oauth2", "playfab"):
            self.sim.switch(persona, access_lifetime_s=86_400)
        with self.daemon.admin() as admin:
            for account in self.accounts:
                if account != "avatars/a":
                    self.renew_surely(admin, account)
        time.sleep(0.3)

    def sign_once_more(self) -> None:
        """So that little has been allocated since the private key was last in use."""
        with self.daemon.admin() as admin:
            self.renew_surely(admin, "signed/a")
        time.sleep(0.3)

    def renew_surely(self, admin: Any, account: str) -> None:
        """Until it has a token of the long life: an earlier renewal may still have been in flight."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                if admin.call("RenewAccount", account=account, timeout_ms=5000)["account"].get("lifetime_ms", 86_400_000) > 86_000_000:
                    return
            except VarlinkError as error:
                self.said.append(str(error))
                time.sleep(0.2)
        raise AssertionError(f"{account} was not renewed: {self.said[-1]}")
