"""Installs the packages of package-lock.json into a folder under build/: python3 install.py FOLDER. Nothing, if they are there.

From whatever registry npm is configured for; the lock holds their hashes. Without them there is no test: it fails, it isn't skipped.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ("package.json", "package-lock.json", ".npmrc")
# npm's own retries would wait for minutes.
COMMAND = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund",
           "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
TRIES, TRY_LIMIT_S, PAUSE_S = 3, 80, 5


def wanted() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()


def attempt(folder: Path) -> str:
    """Empty, or what npm said."""
    environment = dict(os.environ)
    if not os.access(os.path.expanduser("~"), os.W_OK):
        environment["npm_config_cache"] = str(folder / "cache")
    try:
        done = subprocess.run(COMMAND, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TRY_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {TRY_LIMIT_S} s"
    return "" if done.returncode == 0 else f"exit code {done.returncode}\n{done.stdout[-2000:]}"


def install(folder: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing; run: scripts/setup --tests")
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted():
        return
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    said = ""
    for number in range(TRIES):
        time.sleep(PAUSE_S if number else 0)
        said = attempt(folder)
        if not said:
            stamp.write_text(wanted())
            return
        print(f"try {number + 1} of {TRIES}: npm ci: {said}", file=sys.stderr, flush=True)
    sys.exit("the npm package oidc-provider could not be installed, so the broker can't be tested against it. npm needs the network, "
             "or its own cache from an earlier run; see what it said above")


if __name__ == "__main__":
    install(Path(sys.argv[1]))
