"""What root can see of a process from outside: every readable byte of its memory, and what /proc says of it and its threads."""
import os
import re
from pathlib import Path
from typing import Iterator

MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (r...) \S+ \S+ (\d+)\s*(.*)")
PIECE_BYTES = 16 * 1024 * 1024
OVERLAP_BYTES = 4096  # what lies across two pieces is in the second one
NOT_MEMORY = ("[vvar]", "[vsyscall]", "[vvar_vclock]")


def memory(pid: int) -> Iterator[tuple[str, bytes]]:
    """Every readable mapping with its name, in pieces. Pages of files that were never touched are read as well."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as image:
        for line in maps.readlines():
            mapping = MAPPING.match(line)
            if mapping is None or mapping.group(5) in NOT_MEMORY:
                continue
            start, end = int(mapping.group(1), 16), int(mapping.group(2), 16)
            for at in range(start, end, PIECE_BYTES):
                first = max(start, at - OVERLAP_BYTES)
                yield f"{mapping.group(5) or 'anonymous'} {mapping.group(3)}", read_piece(image, first, min(end, at + PIECE_BYTES))


def read_piece(image, start: int, end: int) -> bytes:  # type: ignore[no-untyped-def]
    image.seek(start)
    pieces = []
    while start < end:
        try:
            piece = image.read(end - start)
        except OSError:  # a page behind the end of its file: nothing is there
            piece = bytes(min(4096, end - start))
            image.seek(start + len(piece))
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def proc_texts(pid: int) -> Iterator[tuple[str, bytes]]:
    """Every regular file under /proc/PID that is text, and the targets of its descriptors."""
    root = Path(f"/proc/{pid}")
    for name in ("environ", "cmdline", "comm", "status", "stat", "maps", "limits", "cgroup", "mountinfo", "io", "auxv", "wchan", "stack",
                 "syscall", "net/unix", "task"):
        path = root / name
        if name == "task":
            for task in path.iterdir():
                for inner in ("comm", "status", "environ", "cmdline", "syscall", "stack"):
                    yield f"task/{inner}", read(task / inner)
        else:
            yield name, read(path)
    for descriptor in (root / "fd").iterdir():
        try:
            yield "fd", os.fsencode(os.readlink(descriptor))
            yield "fdinfo", read(root / "fdinfo" / descriptor.name)
        except FileNotFoundError:
            continue


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
