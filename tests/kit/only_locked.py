"""Run the kit where nothing can be imported but the standard library, the kit, and what its lock names.

    python tests/kit/only_locked.py FOLDER ARGUMENTS

FOLDER holds the kit's modules: its unpacked wheel, or the repository. The last line of standard error tells the most
memory that the process ever held, where the system says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "kit" / "requirements.lock"


def locked() -> frozenset[str]:
    """The distributions of the kit's lock."""
    names = re.findall(r"^([a-zA-Z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return frozenset(_canonical(name) for name in names)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Refuser:
    """Refuses to find any other module."""

    def __init__(self) -> None:
        allowed = locked()
        tops = {
            top
            for top, distributions in packages_distributions().items()
            if any(_canonical(one) in allowed for one in distributions)
        }
        self._allowed = tops | set(sys.stdlib_module_names) | {"pipeline"}

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        top = name.partition(".")[0]
        if top not in self._allowed and not top.startswith("_sysconfigdata"):  # of the interpreter, named by platform
            raise ModuleNotFoundError(f"{name} is not in the kit's lock", name=name)


def main() -> None:
    folder = sys.argv[1]
    sys.argv = ["wholefamily-partner", *sys.argv[2:]]
    sys.path[:] = [folder, *(entry for entry in sys.path if Path(entry).resolve() != LOCK.parents[1])]
    sys.meta_path.insert(0, Refuser())  # type: ignore[arg-type]
    from pipeline.kit import main as kit

    if not str(Path(sys.modules["pipeline"].__file__ or "")).startswith(str(Path(folder))):
        raise SystemExit("the kit was not loaded from the folder given")
    try:
        kit()
    finally:
        status = Path("/proc/self/status")
        if status.exists():
            peak = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
            sys.stderr.write(f"PEAK {peak.split()[1]}\n")


if __name__ == "__main__":
    main()
