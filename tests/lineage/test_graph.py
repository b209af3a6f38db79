"""The graph drawn from the events: boxes, arrows, and that it stands alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.lineage.graph import Box, boxes_of, draw, layers_of, read_graph

NAMES = ["a", "b", "c", "d", "e", "f"]


def event(
    job: str, reads: list[str], writes: list[str], rows: int = 3, at: str = "2026-01-01T00:00:00Z"
) -> dict[str, Any]:
    counted = {"outputStatistics": {"rowCount": rows}}
    return {
        "eventType": "COMPLETE", "eventTime": at, "run": {"runId": job, "facets": {}}, "job": {"name": job},
        "inputs": [{"name": name, "inputFacets": {}} for name in reads],
        "outputs": [{"name": name, "outputFacets": counted} for name in writes],
    }  # fmt: skip


def test_datasets_of_the_same_jobs_share_a_box() -> None:
    graph = read_graph([event("ingest", ["file"], ["x", "y"]), event("build", ["x", "y"], ["z"])])
    boxes, arrows = boxes_of(graph)
    data = {box.names for box in boxes if box.kind == "data"}
    assert data == {("file",), ("x", "y"), ("z",)}
    assert {(start.names, end.names) for start, end in arrows} == {
        (("file",), ("ingest",)), (("ingest",), ("x", "y")), (("x", "y"), ("build",)), (("build",), ("z",)),
    }  # fmt: skip
    layer = {box.names: place for box, place in layers_of(boxes, arrows).items()}
    assert layer == {("file",): 0, ("ingest",): 1, ("x", "y"): 2, ("build",): 3, ("z",): 4}


def test_the_latest_count_and_end_stand() -> None:
    graph = read_graph([event("j", [], ["x"], 3), event("j", [], ["x"], 5, "2026-01-02")])
    assert (graph.rows["x"], graph.last["j"][0]) == (5, "2026-01-02")


def test_it_is_one_picture_with_nothing_to_fetch() -> None:
    svg = draw(read_graph([event("<ingest>", ["a & b"], ["x" * 60])]), "title")
    picture = ET.fromstring(svg)
    assert picture.tag == "svg"
    assert "http" not in svg
    assert "<script" not in svg
    assert "<ingest>" in "".join(picture.itertext())


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))))
def test_any_events_can_be_drawn_circles_too(told: list[tuple[str, set[str], set[str]]]) -> None:
    graph = read_graph([event(f"job {job}", sorted(reads), sorted(writes)) for job, reads, writes in told])
    boxes, arrows = boxes_of(graph)
    layer = layers_of(boxes, arrows)
    assert set(layer) == set(boxes)
    drawn = ET.fromstring(draw(graph, "t"))
    assert len(drawn.findall(".//rect")) == len(boxes)
    assert len(drawn.findall(".//path")) == len(arrows)
    straight: dict[Box, set[Box]] = {}
    for start, end in arrows:
        if layer[start] >= layer[end]:
            continue
        straight.setdefault(start, set()).add(end)
    assert all(layer[start] < layer[end] for start, ends in straight.items() for end in ends)
