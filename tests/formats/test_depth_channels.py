"""Names of channels as renderers write them: which one is a distance, and when to ask."""

from __future__ import annotations

import pytest

from matrix3d_core.errors import FormatError
from matrix3d_core.io.depth_channels import choose_depth_channel
from matrix3d_core.io.exr import ExrChannel

BEAUTY = ("R", "G", "B", "A")
BLENDER = tuple(f"ViewLayer.Combined.{c}" for c in BEAUTY)
CRYPTOMATTE = tuple(f"ViewLayer.CryptoObject00.{c}" for c in "rgba")


def xyz(layer):
    return tuple(f"{layer}.{c}" for c in "XYZ")


def choose(names, wanted=""):
    return [c.full_name for c in choose_depth_channel("d.exr", [ExrChannel(0, n, n) for n in names], wanted)]


@pytest.mark.parametrize(
    ("names", "right"),
    [
        ((*BLENDER, "ViewLayer.Depth.Z", *xyz("ViewLayer.Normal")), "ViewLayer.Depth.Z"),
        ((*BLENDER, "ViewLayer.Depth.V", "ViewLayer.Mist.Z", "ViewLayer.IndexOB.X"), "ViewLayer.Depth.V"),
        ((*BLENDER, "ViewLayer.Depth.Z", "ViewLayer.Denoising Depth.Z", *CRYPTOMATTE), "ViewLayer.Depth.Z"),
        (
            (*BLENDER, "ViewLayer.Denoising Depth.Z", *xyz("ViewLayer.Denoising Normal")),
            "ViewLayer.Denoising Depth.Z",
        ),
        (
            (
                *BLENDER,
                "ViewLayer.Depth.Z",
                *xyz("ViewLayer.Position"),
                *(f"ViewLayer.Vector.{c}" for c in "XYZW"),
            ),
            "ViewLayer.Depth.Z",
        ),
        ((*BEAUTY, "Z", *xyz("N"), *xyz("P")), "Z"),
        ((*BEAUTY, "depth.Z"), "depth.Z"),
        ((*BEAUTY, "zDepth.R", "zDepth.G", "zDepth.B"), "zDepth.R"),
        ((*BEAUTY, "Z-Depth.V"), "Z-Depth.V"),
        ((*BEAUTY, "VRayZDepth.V"), "VRayZDepth.V"),
        ((*BEAUTY, "Pz"), "Pz"),
        ((*BEAUTY, "rgba.depth"), "rgba.depth"),
        (("RenderLayer.Z", "RenderLayer.R"), "RenderLayer.Z"),
        (("Y", "A"), "Y"),
        (("FinalImageWorldDepth.R", *BEAUTY), "FinalImageWorldDepth.R"),
    ],
)
def test_depth_passes_of_renderers_are_found(names, right):
    assert choose(names) == [right]
    assert choose(tuple(reversed(names))) == [right]


@pytest.mark.parametrize(
    "names",
    [
        (*BLENDER, *xyz("ViewLayer.Normal")),
        (*BLENDER, "ViewLayer.Mist.Z"),
        (*BLENDER, "ViewLayer.DepthOfField.Z"),
        (*BLENDER, "ViewLayer.IndexOB.X"),
        (*BLENDER, "ViewLayer.RenderTime.X"),
        (*BLENDER, *CRYPTOMATTE),
        xyz("P"),
        ("X", "Y", "Z"),
        ("Mist.Z",),
        ("ViewLayer.Shadow Catcher.Z",),
        ("disparity.V",),
        ("A",),
    ],
)
def test_what_is_no_distance_is_refused_with_the_names(names):
    with pytest.raises(FormatError, match=r"^d\.exr: has no channel that is certainly a distance") as caught:
        choose(names)
    assert all(name in str(caught.value) for name in names)
    assert choose(names, names[-1]) == [names[-1]]


def test_several_view_layers_are_asked_about():
    names = ("Front.Depth.Z", "Back.Depth.Z", "Front.Combined.R", "Back.Combined.R")
    with pytest.raises(
        FormatError, match=r"several channels may hold the distances: Back\.Depth\.Z, Front\.Depth\.Z\. Name"
    ):
        choose(names)
    assert choose(names, "Back") == ["Back.Depth.Z"]
    assert choose(names, "front.depth.z") == ["Front.Depth.Z"]
    with pytest.raises(
        FormatError, match=r"several channels are called 'depth'; found Back\.Depth\.Z, Front"
    ):
        choose(names, "depth")
    with pytest.raises(FormatError, match=r"has no channel called 'middle'; found Back\.Combined\.R"):
        choose(names, "middle")


def test_color_alone_is_returned_for_comparison():
    assert choose(BEAUTY) == ["R", "G", "B"]


def test_long_lists_are_cut():
    with pytest.raises(FormatError, match=r"light00\.X, .* and 16 more\. Name"):
        choose(tuple(f"light{k:02}.X" for k in range(40)))
