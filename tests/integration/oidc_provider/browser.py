"""A person's side of a login: the command `tokenbroker login` in a terminal, and a browser with its cookies."""
import re
import ssl
import subprocess
import time
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, HTTPSHandler, build_opener, urlopen

from harness.cli import Ran
from harness.paths import binary
from harness.sanitizer import patient

SHOWN_LIMIT_S, END_LIMIT_S = patient(15.0), patient(40.0)


class LoginCommand:
    """`tokenbroker login` while it waits for the person."""

    def __init__(self, socket: str, account: str, flow: str, folder: Path) -> None:
        name = f"login-{time.monotonic_ns()}"
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([binary("tokenbroker"), "--socket", socket, "login", account, "--flow", flow,
                                             "--no-browser"], stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def _shown(self, pattern: str) -> re.Match[str]:
        end = time.monotonic() + SHOWN_LIMIT_S
        while time.monotonic() < end:
            if found := re.search(pattern, self.err.read_text()):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.give_up()
        raise AssertionError(f"tokenbroker login showed nothing to open: {self.err.read_text()}")

    def address(self) -> str:
        """Of flow code: the page to open."""
        return self._shown(r"(?m)^  (https://\S+)$")[1]

    def device(self) -> tuple[str, str]:
        """Of flow device: the page to open, and the code to enter there."""
        found = self._shown(r"open (https://\S+) on any device and enter the code:\s+(\S+)\n")
        return found[1], found[2]

    def end(self) -> Ran:
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.give_up()
        return Ran(self.process.returncode, self.out.read_text(), self.err.read_text())

    def give_up(self) -> None:
        self.process.kill()
        self.process.wait()


class Loopback(Exception):
    """The browser was sent to this host."""

    def __init__(self, address: str) -> None:
        super().__init__("to loopback")
        self.address = address


class Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if newurl.startswith("http://127.0.0.1:"):
            raise Loopback(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Browser:
    def __init__(self, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        self.opener = build_opener(HTTPSHandler(context=context), HTTPCookieProcessor(CookieJar()), Redirects)

    def consent(self, address: str) -> str:
        """Opens a login's page, logs in, consents; the address on this host that the answer is to be brought to."""
        try:
            with self.opener.open(address, timeout=10) as page:
                raise AssertionError(f"no redirect to this host, but {page.status}: {page.read()[:500]!r}")
        except Loopback as sent:
            return sent.address
        except HTTPError as refused:
            with refused:
                raise AssertionError(f"{refused.code}: {refused.read()[:2000]!r}") from None

    def enter(self, address: str, user_code: str) -> str:
        """Enters a device's code, confirms it, logs in, consents; the last page."""
        with self.opener.open(address, timeout=10) as page:
            action, form = self.form(page.read().decode())
        with self.opener.open(action, data=urlencode({**form, "user_code": user_code}).encode(), timeout=10) as page:
            action, form = self.form(page.read().decode())
        try:
            with self.opener.open(action, data=urlencode(form).encode(), timeout=10) as page:
                return str(page.read().decode())
        except HTTPError as refused:
            with refused:
                return str(refused.read().decode())

    @staticmethod
    def form(page: str) -> tuple[str, dict[str, str]]:
        action = re.search(r'<form [^>]*action="(https://[^"]+)"', page)
        assert action is not None, page
        return action[1], dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def visit(address: str) -> int:
    """What a redirect to loopback gets there: a status."""
    try:
        with urlopen(address, timeout=10) as page:
            return int(page.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def with_query(address: str, **changes: str) -> str:
    """The address with other values in its query."""
    return f"{address.split('?', 1)[0]}?{urlencode({**query(address), **changes})}"
