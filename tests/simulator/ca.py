"""A throw-away certificate authority made with the `openssl` command, and the TLS contexts built on it.

The private keys live only in the simulator's own folder. Certificates for the TLS faults are made when a
fault first needs them, so a normal start costs two certificates. `renew()` replaces the CA while running.
"""
import os
import ssl
import subprocess
import time
from pathlib import Path

CONFIG = """[ca]
default_ca = sim
[sim]
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
DAY = 86_400


class CertificateError(Exception):
    pass


def openssl(*arguments: str) -> None:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "OPENSSL_CONF": "/dev/null"}
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, env=environment,
                          timeout=60, check=False)
    if done.returncode != 0:
        raise CertificateError(f"openssl {arguments[0]} failed: {done.stderr.strip()[-400:]}")


def stamp(at: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at))


def names_for(persona: str) -> str:
    return f"DNS:localhost,IP:127.0.0.1,DNS:{persona}.sim.test,DNS:*.{persona}.sim.test"


class Authority:
    """One CA: its key and certificate in `folder`, and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.key, self.cert = folder / "ca.key", folder / "ca.pem"
        if not (self.key.exists() and self.cert.exists()):
            self._make(name)

    def _make(self, name: str) -> None:
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text(os.urandom(8).hex() + "\n")
        conf = self.folder / "root.cnf"
        conf.write_text("[req]\ndistinguished_name=dn\nx509_extensions=root\nprompt=no\n"
                        f"[dn]\nCN={name}\n[root]\nbasicConstraints=critical,CA:true\n"
                        "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n")
        openssl("req", "-x509", *KEY, "-keyout", str(self.key), "-out", str(self.cert), "-days", "30",
                "-config", str(conf))

    def leaf(self, name: str, alternatives: str, start: float = -DAY, end: float = 30 * DAY) -> Path:
        """A chain file (key, leaf) signed by this CA; valid from now+start to now+end seconds."""
        chain = self.folder / f"{name}.pem"
        key, csr, crt = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        conf = self.folder / f"{name}.cnf"
        conf.write_text(CONFIG.format(dir=self.folder, names=alternatives) +
                        f"[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN={name}\n")
        openssl("req", "-new", *KEY, "-keyout", str(key), "-out", str(csr), "-config", str(conf))
        now = time.time()
        openssl("ca", "-batch", "-notext", "-config", str(conf), "-extensions", "leaf", "-keyfile",
                str(self.key), "-cert", str(self.cert), "-in", str(csr), "-out", str(crt),
                "-startdate", stamp(now + start), "-enddate", stamp(now + end))
        chain.write_text(key.read_text() + crt.read_text())
        chain.chmod(0o600)
        return chain

    def self_signed(self, name: str, alternatives: str) -> Path:
        chain = self.folder / f"{name}.pem"
        key, crt = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        openssl("req", "-x509", *KEY, "-keyout", str(key), "-out", str(crt), "-days", "30",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}")
        chain.write_text(key.read_text() + crt.read_text())
        chain.chmod(0o600)
        return chain


class Contexts:
    """TLS server contexts by persona and TLS fault. `ca_file` is what a client should trust."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.round = 0
        self.cache: dict[tuple[str, str], ssl.SSLContext] = {}
        self.authority = Authority(folder / "ca-0", "simulator CA 0")
        self._publish()

    def _publish(self) -> None:
        fresh = self.ca_file.with_suffix(".new")
        fresh.write_text(self.authority.cert.read_text())
        fresh.replace(self.ca_file)

    def renew(self) -> None:
        """A new CA signs everything from here on; ca_file is replaced. Open connections stay."""
        self.round += 1
        self.authority = Authority(self.folder / f"ca-{self.round}", f"simulator CA {self.round}")
        self.cache.clear()
        self._publish()

    def get(self, persona: str, fault: str = "") -> ssl.SSLContext:
        found = self.cache.get((persona, fault))
        if found is None:
            found = self.cache[(persona, fault)] = self._build(persona, fault)
        return found

    def _chain(self, persona: str, fault: str) -> Path:
        name, names = f"{persona}{'-' if fault else ''}{fault}", names_for(persona)
        if fault == "tls_expired":
            return self.authority.leaf(name, names, start=-3 * DAY, end=-DAY)
        if fault == "tls_not_yet_valid":
            return self.authority.leaf(name, names, start=DAY, end=3 * DAY)
        if fault == "tls_wrong_name":
            return self.authority.leaf(name, "DNS:elsewhere.sim.test")
        if fault == "tls_self_signed":
            return self.authority.self_signed(name, names)
        if fault == "tls_unknown_ca":
            stranger = Authority(self.folder / f"stranger-{self.round}", "nobody's CA")
            return stranger.leaf(name, names)
        return self.authority.leaf(name, names)

    def _build(self, persona: str, fault: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain(persona, fault))
        context.set_alpn_protocols(["http/1.1"])
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if fault == "tls_old_version":
            context.set_ciphers("ALL:@SECLEVEL=0")  # TLS 1.0 and 1.1 need SHA-1 signatures
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context
