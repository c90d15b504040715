"""Where things are: the binaries under test (TB_BIN_DIR, set by CTest), the sources, the simulator's modules."""
import importlib.util
import os
import sys
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[3]
SIMULATOR_DIR = SOURCE_DIR / "tests" / "simulator"


def binary(name: str) -> str:
    """The path of tokenbrokerd or tokenbroker; a clear end of the run when it isn't there."""
    folder = os.environ.get("TB_BIN_DIR")
    if not folder:
        sys.exit("set TB_BIN_DIR to the folder of the binaries, as in: TB_BIN_DIR=build/dev/bin")
    path = Path(folder).resolve() / name
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there; build it first: cmake --build --preset dev")
    return str(path)


def simulator_module(which: str):  # type: ignore[no-untyped-def]
    """A module of tests/simulator that needs none of its neighbours, without these on the import path."""
    name = f"tokenbroker_simulator_{which}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SIMULATOR_DIR / f"{which}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
