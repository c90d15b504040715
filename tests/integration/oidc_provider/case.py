"""A test case with the real authorization server for its class: client sections for it, logins, and a search for secrets at the end."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from harness.case import DaemonCase
from harness.cli import Ran
from harness.daemon import Daemon
from harness.paths import SOURCE_DIR
from oidc_provider.browser import Browser, LoginCommand, visit
from oidc_provider.server import OidcServer

# With characters that Basic must escape (RFC 6749 section 2.3.1).
SECRETS = {"basic": "cs_test basic+/%:&=~", "post": "cs_test post+/%:&="}
KEYS = {"es256": ("ES256", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]), "rs256": ("RS256", ["RSA"]), "eddsa": ("EdDSA", ["ED25519"])}
# What this server wants before it gives a refresh token (OpenID Connect Core, section 11).
OFFLINE = 'scopes = ["openid", "offline_access"]\nauth_params = { prompt = "consent" }'


class OidcCase(DaemonCase):
    server: OidcServer
    shared: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = Path(tempfile.mkdtemp(prefix="tb-oidc-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        packages = Path(os.environ.get("TB_NODE_DIR") or SOURCE_DIR / "build" / "oidc_provider")
        if not (packages / "node_modules").exists():
            raise AssertionError(f"no npm packages in {packages}; run: python3 {Path(__file__).with_name('install.py')} {packages}")
        cls.server = OidcServer(cls.shared, packages, cls.clients())
        cls.addClassCleanup(cls.server.stop)
        print(f"\noidc-provider {cls.server.version} on node {cls.server.node}", flush=True)

    @classmethod
    def clients(cls) -> list[dict[str, Any]]:
        registered: list[dict[str, Any]] = [
            {"client_id": name, "client_secret": secret, "token_endpoint_auth_method": f"client_secret_{name}"}
            for name, secret in SECRETS.items()]
        registered.append({"client_id": "none", "token_endpoint_auth_method": "none"})
        for name, (algorithm, kind) in KEYS.items():
            key = cls.shared / f"{name}.key"
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", *kind, "-out", str(key)], check=True, timeout=30)
            public = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout"], check=True, timeout=30, capture_output=True, text=True)
            registered.append({"client_id": name, "token_endpoint_auth_method": "private_key_jwt",
                               "token_endpoint_auth_signing_alg": algorithm, "public_key": public.stdout})
        return registered

    def setUp(self) -> None:
        super().setUp()
        self.server.clear()
        self.said: list[tuple[str, str]] = []
        self.addCleanup(self.look_for_secrets)

    # -- the daemon --
    def section(self, client: str = "basic", more: str = "") -> str:
        """A client section with the issuer alone; its secret is in a file; the private key of es256 is set later."""
        lines = [f"[clients.{client}]", 'provider = "oauth2"', f'issuer = "{self.server.issuer}"', f'client_id = "{client}"',
                 f'ca_file = "{self.server.ca_file}"', OFFLINE, more]
        lines.append(f'client_auth = "{"private_key_jwt" if client in KEYS else client}"')
        if client in KEYS:  # both ways that a key can come
            key = self.shared / f"{client}.key"
            lines.append("private_key = " + ("{ stored = true }" if client == "es256" else f'{{ file = "{key}" }}'))
        if client in SECRETS:
            file = self.folder / f"{client}.secret"
            file.write_text(SECRETS[client] + "\n")
            file.chmod(0o600)
            lines.append(f'client_secret = {{ file = "{file}" }}')
        return "\n".join(lines) + "\n"

    def broker(self, *sections: str) -> Daemon:
        return self.begin("\n".join(sections or [self.section()]), top='log_level = "debug"')

    def tokenbroker(self, *arguments: str, stdin: str = "") -> Ran:
        """The command; what it says is searched for secrets, unless it is `get`."""
        ran = self.cli(*arguments, stdin=stdin)
        self.said.append((arguments[0], (ran.out if arguments[0] != "get" else "") + ran.err))
        return ran

    # -- logins --
    def start_login(self, account: str, flow: str = "code") -> LoginCommand:
        assert self.daemon is not None
        command = LoginCommand(self.daemon.tokens_socket, account, flow, self.folder)
        self.addCleanup(command.give_up)
        return command

    def browser(self) -> Browser:
        return Browser(self.server.ca_file)

    def ended(self, command: LoginCommand) -> Ran:
        ran = command.end()
        self.said.append(("login", ran.out + ran.err))
        return ran

    def log_in(self, account: str) -> None:
        """By authorization code, all the way."""
        command = self.start_login(account)
        self.assertEqual(visit(self.browser().consent(command.address())), 200)
        ran = self.ended(command)
        self.assertEqual(ran.code, 0, ran.err)

    # -- what must hold --
    def newest(self) -> str:
        """The refresh token that the server gave last."""
        return str([one.reply["refresh_token"] for one in self.server.seen("/token") if one.status == 200 and one.reply][-1])

    def token(self, account: str) -> str:
        """A token handed out, which the server accepts."""
        ran = self.tokenbroker("get", account)
        self.assertEqual(ran.code, 0, ran.err)
        token = ran.out.strip()
        self.assertTrue(self.server.accepts(token), f"the server does not accept the token of {account}")
        return token

    def assert_login_required(self, account: str, *words: str) -> None:
        """Every command that needs the grant ends with 4 and says what to run; so does status."""
        assert self.daemon is not None
        status = self.status(self.daemon, account)
        self.assertEqual(status["state"], "login_required", status)
        for text in (account, f"run: tokenbroker login {account}", *words):
            self.assertIn(text, status["reason"])
        ran = self.tokenbroker("renew", account)
        self.assertEqual(ran.code, 4, ran)
        self.assertIn(f"run: tokenbroker login {account}", ran.err)

    def look_for_secrets(self) -> None:
        if self.daemon is None:
            return
        log = self.daemon.log()
        self.assertIn("/", log, "a log that says nothing holds no secret either")
        self.assertGreater(len(self.server.wire.secrets), 0)
        for where, text in [("the daemon's log", log), *self.said]:
            self.assertEqual(self.server.secrets_in(text), [], f"in {where}:\n{text}")
        for file in self.daemon.state_dir.rglob("*"):
            if file.is_file():
                self.assertEqual(self.server.secrets_in(file.read_bytes().decode("latin-1")), [], f"in {file.name}")
