"""Splat files between this pack and core: the same bytes, the same values, the same folders."""

from __future__ import annotations

import re

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.spz import read_spz, write_spz

pytestmark = pytest.mark.host


def test_core_reads_what_we_write_and_writes_the_same(in_host, tmp_path):
    worlds = {bases: random_gaussians(300, bases) for bases in (1, 4, 16)}
    for bases, gaussians in worlds.items():
        folder = tmp_path / str(bases)
        folder.mkdir()
        write_ply(folder / "world.ply", gaussians)
        write_spz(folder / "world.spz", gaussians)
        ply, spz = read_ply(folder / "world.ply"), read_spz(folder / "world.spz")
        torch.save(
            {"exact": gaussians.tensors(), "ply": ply.tensors(), "spz": spz.tensors()}, folder / "values.pt"
        )

    folders = [str(tmp_path / str(bases)) for bases in worlds]
    report = in_host.call("splat_files.compare", folders=folders)

    for bases, gaussians in worlds.items():
        part = report[str(bases)]
        assert part["same_bytes"]
        for kind, kept in (("ply", bases), ("spz", 1)):  # core leaves the higher bands of SPZ out
            assert part[kind]["bases"] == kept
            # Both readers do the same arithmetic on the same stored numbers, in float32.
            assert part[kind]["means"] == 0
            assert max(part[kind][name] for name in ("quats", "opacities", "sh", "scales")) < 1e-5
        theirs = read_spz(tmp_path / str(bases) / "theirs.spz")  # version 2
        assert (theirs.means - gaussians.means).abs().max() <= 2**-13 + 1e-6
        assert (theirs.scales.log() - gaussians.scales.log()).abs().max() <= 0.5 / 16 + 1e-5


def test_nodes_preview_save_and_load(in_host, host_base, tmp_path):
    write_ply(tmp_path / "world.ply", random_gaussians(50, 4))
    report = in_host.call("splat_files.preview_save_and_load", base=host_base, ply=tmp_path / "world.ply")

    (shown,) = report["preview"]
    assert (shown["type"], shown["count"], shown["is_metric"]) == ("temp", 50, True)
    assert re.fullmatch(r"world_\d{5}_\.ply", shown["filename"])
    assert shown["subfolder"] == "matrix3d"
    assert shown["start_pose"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert report["preview_file"] == ["ply", shown["bytes"]]
    assert re.fullmatch(r"world_\d{5}_\.ply", report["passed_on"][0]["filename"])
    assert report["passed_on"][0]["filename"] > shown["filename"]
    assert report["passed_on"][0]["bytes"] == shown["bytes"]
    assert report["spz"][0]["filename"].endswith(".spz")
    assert report["spz"][0]["bytes"] < shown["bytes"] / 2

    assert report["saved"] == [{"filename": "world_00001_.spz", "subfolder": "deep", "type": "output"}]
    assert report["core_reads"] == 50
    assert [item["filename"] for item in report["batch"]] == ["pair_00001_.ply", "pair_00002_.ply"]
    assert report["batch_counts"] == [5, 2]

    assert set(report["formats"]) == {"ply", "spz", "splat", "ksplat", "sog", "glb"}
    for apart, axes, license, forward in report["formats"].values():
        assert apart < 0.02  # a SOG's step, the coarsest, at 40 units
        assert (axes, license, forward) == ("RFU", "CC0", [0, 1, 0])
    assert report["page"][0][0].endswith("page_00001_.html")
    assert report["page"][1] == "<!doctype html>"

    assert report["options"] == ["(no file)", "sub/turned.ply"]
    assert report["turned_back"] == 0
    assert report["turned"] == pytest.approx([1, -1, -1])
    assert (report["said"]["splats"], report["said"]["sh_degree"]) == (50, 1)
    assert report["said"]["opacity"] == "logit, as asked for."
    assert report["said"]["axes"].startswith("RDF (x right, y down, z forward): usual for PLY.")
    assert all(
        "(.ply, .spz, .splat, .ksplat, .sog, .glb) must be chosen" in text for text in report["no_file"]
    )
    assert report["valid"] is True
    assert all("input f" in text and "True" not in text for text in report["invalid"])
    assert report["fingerprints"]
    assert report["outside"].startswith("InvalidInput: filename_prefix must stay inside")
    assert report["nan"].startswith("InvalidInput: means must be finite")
    assert report["left"] == []
