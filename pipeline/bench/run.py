"""The bench in one look: lay out each dataset, run every tool on it, measure, collect."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.bench.case import Case
from pipeline.bench.datasets import Sources, prepare
from pipeline.bench.environments import installed_as
from pipeline.bench.quality import measure
from pipeline.bench.tools import OURS, PEERS, Ran, run_ours, run_peer
from pipeline.partner.hashing import processors
from pipeline.progress import Progress, silent

QUICK = ("febrl4", "historical_50k", "borough_20k")
FULL = ("febrl1", "febrl2", "febrl3", *QUICK, "borough_100k")
TIME_LIMIT = 3600  # seconds for one tool on one dataset
# A million records: all against all is out of reach, and a string comparison takes 6 microseconds a pair.
TOO_LARGE = {"borough_1m": ("recordlinkage", "anonlink")}
# Splink's example for this dataset blocks more narrowly than our passes do; it is given both.
ALSO = {"historical_50k": {"splink": "splink wide"}}
# What to reach (clustered pairwise F1), and beside whom.
TARGETS = {"febrl4": (0.9998, None), "historical_50k": (0.86, "splink"), "borough_100k": (0.99, "splink")}


def bench_link(
    names: Iterable[str],
    sources: Sources,
    peers: Iterable[str] = PEERS,
    base_python: Path | None = None,
    time_limit: int = TIME_LIMIT,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Every tool on every dataset, as JSON: `machine`, and per dataset its tools with figures."""
    names, peers = list(names), list(peers)
    results = []
    for number, name in enumerate(names):
        progress(f"{name}: lay out", number / len(names))
        case = prepare(name, sources, progress)
        results.append(bench_case(case, sources.folder, peers, base_python, time_limit, progress, number / len(names)))
    return {"machine": machine(), "datasets": results}


def bench_case(
    case: Case,
    home: Path,
    peers: Iterable[str],
    base_python: Path | None = None,
    time_limit: int = TIME_LIMIT,
    progress: Progress = silent,
    done: float = 0.0,
) -> dict[str, Any]:
    """Every tool on one case. A peer that is missing or fails is in the result with the reason."""
    progress(f"{case.name}: {OURS}", done)
    ran = [run_ours(case, time_limit)]
    also = ALSO.get(case.name, {})
    for peer in [name for given in peers for name in (given, also.get(given)) if name]:
        progress(f"{case.name}: {peer}", done)
        if peer in TOO_LARGE.get(case.name, ()):
            ran.append(Ran(peer, case.folder / peer, missing="not tried at this size"))
        else:
            ran.append(run_peer(peer, case, home, base_python, time_limit))
    tools = [tool_result(case, each) for each in ran]
    return {
        "name": case.name,
        "title": case.title,
        "records": case.records,
        "sources": list(case.sources),
        "target": target_of(case.name, tools),
        "tools": tools,
    }


def tool_result(case: Case, ran: Ran) -> dict[str, Any]:
    """One tool's figures on one case."""
    result: dict[str, Any] = {"tool": ran.tool, "missing": ran.missing}
    if ran.missing is None:
        result |= {
            "quality": measure(case, ran.out),
            "blocking_recall": ran.blocking_recall,
            "taken": asdict(ran.taken) if ran.taken else None,
            "encode": asdict(ran.encode) if ran.encode else None,
            "identical_in_clear": ran.identical,
            "report": ran.report,
            "explained": ran.explained,
        }
    return result


def target_of(name: str, tools: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What was to be reached on this dataset and whether it was; None where nothing is set."""
    if name not in TARGETS:
        return None
    reach, beside = TARGETS[name]
    f1 = {tool["tool"]: tool.get("quality", {}).get("clustered", {}).get("f1") for tool in tools}
    ours = f1.get(OURS)
    others = [value for tool, value in f1.items() if installed_as(tool) == beside and value is not None]
    other = max(others, default=None)
    reached = ours is not None and ours >= reach and (other is None or ours >= other)
    return {"f1": reach, "ours": ours, "beside": beside, "besides_f1": other, "reached": reached}


def machine() -> dict[str, Any]:
    """What all this ran on, and when."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processors": processors(),
        "processor": _processor(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numba": metadata.version("numba"),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or "not known"


def _memory_gb() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1)
