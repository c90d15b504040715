"""clang-tidy over every translation unit of ours, in parallel. A clean result is kept below build/tidy-cache under the hash of
all that goes into it (its text, our headers that it reaches, the command, the configuration, the tool), so only changed ones run."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

TOOL = "clang-tidy-19"
# The analyzer walks what parses what others wrote. In the rest it finds little and costs 20 to 30 s a unit, most of it in headers.
ANALYZED = re.compile(r"(base|proto|storage)/|providers/(json_|jwt_|dates|encoding|urls|scrub|token_rules|settings_check|"
                      r"\w+_(reply|discovery|import|lifetime))")
_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
_FINDING = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?P<what>(?:warning|error): .*)$", re.MULTILINE)


def our_headers(source, build, unit):
    """The unit and all quoted includes that it reaches, by path."""
    seen, left = set(), [unit]
    while left:
        path = left.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        for name in _INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
            left += [path.parent / name, source / name, build / "generated" / name]
    return sorted(seen)


def extra_of(path, text):
    """More arguments for a unit of ours, by its path below the source; None: nothing to look for in it."""
    if ANALYZED.match(path):
        return []
    if not path.startswith(("tests/", "bench/")):
        return ["--checks=-clang-analyzer-*"]
    # Tests: only what crashes there as well.
    return ["--checks=-*,*coroutine*,*no-suspend-with-lock"] if re.search(r"\bco_(await|return|yield)\b", text) else None


def key_of(source, build, command, unit, version):
    key = hashlib.sha256(version.encode())
    key.update((source / ".clang-tidy").read_bytes() + pathlib.Path(__file__).read_bytes())
    key.update(re.sub(r" -(o|MF|MT) \S+", "", command).encode())
    for path in our_headers(source, build, unit):
        key.update(str(path).encode() + b"\0" + path.read_bytes())
    return key.hexdigest()


def tool_version(tool):
    """The tool's, and those of the libraries whose headers it reads."""
    said = subprocess.run([tool, "--version"], text=True, capture_output=True, check=True).stdout
    if shutil.which("dpkg-query"):
        said += subprocess.run(["dpkg-query", "-W", "libboost1.81-dev", "libfmt-dev", "libssl-dev", "libstdc++-12-dev"],
                               text=True, capture_output=True, check=False).stdout
    return said


def run(source, build):
    tool = shutil.which(TOOL)
    if tool is None:
        return [(TOOL, 0, "is not installed; run: scripts/setup --tests")], 0
    source, build = source.resolve(), build.resolve()
    cache = build / "tidy-cache"
    cache.mkdir(exist_ok=True)
    version = tool_version(tool)
    jobs = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        unit = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if not unit.is_relative_to(source) or unit.is_relative_to(build) or unit.suffix != ".cpp" or not unit.is_file():
            continue
        extra = extra_of(str(unit.relative_to(source)), unit.read_text(encoding="utf-8", errors="replace"))
        if extra is None:
            continue
        command = entry.get("command") or shlex.join(entry["arguments"])
        jobs.append((unit, extra, cache / key_of(source, build, command, unit, version)))
    left = [job for job in jobs if not job[2].exists()]

    def one(job):
        unit, extra, mark = job
        done = subprocess.run([tool, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                               "--extra-arg=-Wno-error", *extra, str(unit)],
                              text=True, capture_output=True, check=False)
        found = [(os.path.relpath(hit["path"], source), int(hit["line"]), hit["what"])
                 for hit in _FINDING.finditer(done.stdout) if pathlib.Path(hit["path"]).is_relative_to(source)]
        if done.returncode == 0 and not found:
            mark.touch()
        elif not found:
            found.append((str(unit.relative_to(source)), 0, f"{TOOL} failed: {(done.stdout + done.stderr).strip()[-500:]}"))
        return found

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = sorted({hit for hits in pool.map(one, left) for hit in hits})
    print(f"{len(left)} of {len(jobs)} translation units were looked at, the others have not changed")
    for old in cache.iterdir():  # keep the cache as large as the project
        if old not in {mark for _, _, mark in jobs}:
            old.unlink()
    return found, len(jobs)
