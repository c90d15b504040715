"""The rules that need only the text. Each is a function of (path, text) that gives [(line, what)]; the tables are the policy."""
import re

import coroutines as coroutine_forms
from cpp import Source, tokens

# Who may include whom (design: layout). The only place where this is written down for machines.
ROOMS = {
    "base": set(),
    "proto": {"base"},
    "providers": {"base"},
    "storage": {"base"},
    "net": {"base"},
    "ipc": {"base", "proto"},
    "daemon": {"base", "proto", "providers", "storage", "net", "ipc"},
    "cli": {"base", "proto", "ipc"},
    "client": set(),
    "front": {"client"},
}
# A library's header, and the only places that may include it: (pattern, allowed paths, why).
CONFINED = [
    (r"boost/beast", r"net/.*", "Beast costs 10 s a translation unit: it stays in net's one"),
    (r"boost/asio/ssl", r"net/.*", "TLS stays in net's one translation unit"),
    (r"boost/asio/impl/src", r"base/asio_impl\.cpp", "Asio is compiled in base/asio_impl.cpp"),
    (r"toml\+\+", r"daemon/config_toml\.cpp", "the parser costs 3 s a translation unit"),
    (r"sqlite3\.h", r"storage/.*", "SQL stays in storage"),
    (r"CLI/", r"cli/.*", "CLI11 costs 8 s a translation unit"),
    (r"boost/asio", r"(base|storage|net|ipc|daemon|cli)/.*", "this room decides without I/O"),
]
LINE_COLUMNS_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX = 100, 300, 70


def room_of(path):
    room = path.split("/")[0]
    return room if room in ROOMS else None


def includes(path, text):
    found = []
    room = room_of(path)
    if room is None:
        return found
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not include:
            continue
        name = include.group(2)
        if include.group(1) == '"':
            other = name.split("/")[0] if "/" in name else ""
            if other not in ROOMS:
                found.append((number, f'"{name}": write our headers as "room/file.hpp"'))
            elif other != room and other not in ROOMS[room]:
                may = ", ".join(sorted(ROOMS[room])) or "nothing of ours"
                found.append((number, f'{room}/ may not include "{name}"; it may include {may}'))
        for pattern, allowed, why in CONFINED:
            if re.match(pattern, name) and not re.fullmatch(allowed, path):
                found.append((number, f"<{name}> does not belong here: {why}"))
    return found


def reach(path, files):
    """The file and all our headers that it includes, directly or not."""
    seen, left = set(), [path]
    while left:
        at = left.pop()
        if at not in seen and at in files:
            seen.add(at)
            left += re.findall(r'(?m)^\s*#\s*include\s*"([^"]+)"', files[at])
    return seen


def single_units(files):
    """Beast and TLS cost 10 s and 600 MB a translation unit: one may include them, through whatever header."""
    heavy = {path for path, text in files.items() if re.search(r"(?m)^\s*#\s*include\s*<boost/(beast|asio/ssl)", text)}
    using = sorted(path for path in files if room_of(path) and path.endswith(".cpp") and reach(path, files) & heavy)
    if len(using) <= 1:
        return []
    return [(path, 1, f"one of {len(using)} translation units that include Beast or TLS ({', '.join(using)}); one may")
            for path in using]


def coroutines(path, text):
    del path
    return coroutine_forms.check(text)


# (pattern over code without comments and strings, who may, what to do)
BANNED = [
    # simulate.cpp measures how long it may go on, not the simulated world.
    (r"\w*_clock\s*::\s*now\b", r"base/system_clock\.cpp|tests/simulation/simulate\.cpp|client/examples/.*", "reads a clock: use tb::Clock"),
    (r"\b(clock_gettime|gettimeofday|timespec_get|ftime)\b", r"base/system_clock\.cpp|client/(system|watch)\.c", "reads a clock: use tb::Clock"),
    (r"(?<![\w.>])(?:std\s*::\s*)?time\s*\(\s*(?:nullptr|NULL|0|&)", r"base/system_clock\.cpp", "reads a clock: use tb::Clock"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep|expires_after|expires_from_now)\s*\((?!\s*Clock)", r"base/async\.(cpp|hpp)|cli/.*|client/examples/.*",
     "waits by a clock of its own: use tb::Clock"),
    (r"\bdetached\b", r"", "swallows exceptions: use tb::spawn"),
    (r"\bco_spawn\b", r"base/async\.cpp", "use tb::spawn"),
    (r"\b(awaitable_operators|parallel_group|make_parallel_group)\b", r"", "waits for the wrong thing: close what must end"),
    (r"\bexperimental\s*::", r"", "not in a state to depend on in Boost 1.81"),
    (r"\b(rand|srand|strcpy|strcat|sprintf|gets|system|popen)\s*\(", r"", "not safe; there is a better one"),
]
# Tests measure time and sleep; simulated ones must not. sleep_until is also a coroutine of ours, with a Clock first.
BANNED_IN_TESTS = {"detached", "co_spawn"}


def bans(path, text):
    found = []
    test = path.startswith(("tests/", "bench/"))
    code = without_comments_and_strings(text)
    for number, line in enumerate(code.splitlines(), 1):
        for pattern, allowed, why in BANNED:
            hit = re.search(pattern, line)
            if not hit or re.fullmatch(allowed, path):
                continue
            word = hit.group().strip()
            simulated = path.startswith("tests/simulation/") and "Clock" in why
            if test and not simulated and hit.group() not in BANNED_IN_TESTS:
                continue
            if re.search(r"\bsleep_until\s*\($", word) and "co_await" in line:
                continue
            if re.search(r"include\s*<", line):
                continue
            found.append((number, f"{word}: {why}"))
    return found


def without_comments_and_strings(text):
    lines = {}
    for token in tokens(text):
        lines.setdefault(token.line, []).append('""' if token.kind == "string" else token.text)
    out = []
    for number in range(1, text.count("\n") + 2):
        line = " ".join(lines.get(number, []))
        out.append(re.sub(r" ?(::|\.|->|\() ?", r"\1", line))
    return "\n".join(out)


def lengths(path, text):
    del path
    found = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            found.append((number, f"{len(line)} columns; at most {LINE_COLUMNS_MAX}"))
    count = len(lines) - (lines[-1] == "")
    if count > FILE_LINES_MAX:
        found.append((FILE_LINES_MAX + 1, f"the file has {count} lines; at most {FILE_LINES_MAX}"))
    source = Source(text)
    for i, token in enumerate(source.tokens):
        if token.kind == "sign" and token.text == "{" and i in source.match and source.kind(i) in ("function", "lambda"):
            span = source.tokens[source.match[i]].line - token.line + 1
            if span > FUNCTION_LINES_MAX:
                found.append((token.line, f"a function of {span} lines; at most {FUNCTION_LINES_MAX}"))
    return found


def comments(path, text):
    del path
    if re.match(r"(//\s*\S|/\*)", text):
        return []
    return [(1, "open with a comment: what the file is for, and what must stay true in it")]


def limits(header, tests):
    """Each constant of base/limits.hpp is named by a test."""
    found = []
    named = "\n".join(tests.values())
    for number, line in enumerate(header.splitlines(), 1):
        constant = re.match(r"inline constexpr [\w:]+(?:<[^>]*>)? (\w+)", line)
        if constant and not re.search(rf"\b{constant.group(1)}\b", named):
            found.append((number, f"limits::{constant.group(1)} is exceeded by no test: none under tests/ names it"))
    return found
