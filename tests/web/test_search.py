"""Nodes are found by the words that people type, in the front end's own node search."""

from __future__ import annotations

import contextlib

import pytest
from chromium import open_front_end, open_page
from playwright.sync_api import TimeoutError as Late

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

SEARCH = """([queries, limit]) => {
    const stores = document.querySelector("#vue-app").__vue_app__.config.globalProperties.$pinia._s;
    const search = (query) => stores.get("nodeDef").nodeSearchService.searchNode(query, [], { limit });
    return Object.fromEntries(queries.map(query => [query, search(query).map(found => found.name)]));
}"""
"""What the search finds for queries, at most so many each."""
LISTED = 64
"""So many the search box lists. The pack has more nodes, so that its name alone lists only the best of them."""

FLAT = (  # of panoramas alone: nothing in them is three-dimensional
    *("CubemapToPano", "PanoCanonicalize", "PanoClipImage", "PanoComposite", "PanoCrops", "PanoLoRA"),
    *("MiniTextEncode", "MiniVisionEncode"),
    *("PanoPreview", "PanoPrompt", "PanoSeamMetric", "PanoTexelComposite", "PanoToCubemap", "PanoUpscale"),
    *("PanoVAEDecode", "PanoVAEEncode", "PanoView", "PhotoLoad", "VideoMetrics", "VideoSave360"),
)

TYPED = {
    "text to 3d": {"PanoPrompt", "PanoLoRA", "GSOptimize", "MiniTextEncode"},
    "text to world": {"PanoPrompt", "PanoLoRA", "GSOptimize", "MiniTextEncode"},
    "image to 3d": {"PanoLoad", "PanoDepth", "PanoProject", "GSOptimize", "LRMDecode"},
    "image to world": {"PanoLoad", "PanoDepth", "PanoProject", "GSOptimize", "WorldExtend"},
    "photo to 3d": {"PanoProject"},
    "video to 3d": {"GSOptimize", "LRMDecode"},
    "panorama to 3d": {"PanoDepth"},
    "vr video": {"VideoSave360", "SplatRender", "PanoPreview", "PanoVideoSampler"},
    "360 video": {"VideoSave360", "SplatRender", "PanoVideoSampler"},
    "text to 360": {"PanoPrompt", "PanoLoRA"},
    "gaussian splatting": {"GSOptimize", "GSOptimizeSettings"},
    "3dgs": {"GSOptimize", "SplatLoad", "SplatPreview"},
    "open ply": {"SplatLoad"},
    "save ply": {"SplatSave"},
    "splat to mesh": {"SplatMesh"},
    "3d viewer": {"SplatPreview"},
    "skybox": {"PanoToCubemap", "CubemapToPano", "PanoLoad"},
    "hdri": {"PanoLoad"},
    "equirectangular": {"PanoLoad", "PanoProject", "PanoView", "PanoLoRA"},
    "camera path": {"TrajectoryPreset", "TrajectoryStudio", "TrajectoryLoad", "TrajectorySave"},
    "camera control": {"TrajectoryPreset", "MeshGuidanceRender"},
    "colmap": {"DatasetExport"},
    "nerf": {"DatasetExport"},
    "depth to 3d": {"PanoDepth"},
    "360 viewer": {"PanoPreview"},
}


CALLED_BEFORE = {
    "DatasetExport": "Dataset Export",
    "GSOptimize": "GS Optimize",
    "GSOptimizeSettings": "GS Optimize Settings",
    "LRMDecode": "LRM Decode",
    "LRMLoader": "LRM Loader",
    "LoopError": "Loop Error",
    "MeshGuidanceRender": "Mesh Guidance Render",
    "PanoCanonicalize": "Pano Canonicalize",
    "PanoClipImage": "Pano CLIP Image",
    "PanoComposite": "Pano Composite",
    "PanoCrops": "Pano Crops (12)",
    "PanoFill": "Pano Fill (no model)",
    "PanoLoRA": "Pano LoRA",
    "PanoPreview": "Pano Preview (look around)",
    "PanoPrompt": "Pano Prompt",
    "PanoSeamMetric": "Pano Seam Metric",
    "PanoTexelComposite": "Pano Texel Composite",
    "PanoVAEDecode": "Pano VAE Decode",
    "PanoVAEEncode": "Pano VAE Encode",
    "PanoVideoConditioning": "Pano Video Conditioning",
    "PanoVideoSampler": "Pano Video Sampler",
    "PanoView": "Pano View",
    "SplatClean": "Splat Clean",
    "SplatCrop": "Splat Crop",
    "SplatLOD": "Splat LOD",
    "SplatLoad": "Splat Load",
    "SplatMerge": "Splat Merge",
    "SplatMesh": "Splat Mesh",
    "SplatPreview": "Splat Preview (walk)",
    "SplatPrune": "Splat Prune",
    "SplatRender": "Splat Render",
    "SplatSave": "Splat Save",
    "SplatTransform": "Splat Transform",
    "TrajectoryPlace": "Trajectory Place",
    "VideoSave360": "Video Save 360",
    "WorldExtend": "World Extend",
}
"""Display names of before the first release: tutorials and memories have them."""


@pytest.fixture(scope="module")
def page(browser, comfy):
    """The graph editor, empty."""
    with open_page(browser, width=1280, height=860) as opened:
        open_front_end(opened.page, comfy.address, "vue")
        opened.page.evaluate("() => { app.graph.clear(); app.graph.setDirtyCanvas(true, true); }")
        yield opened.page


def uses(info, kind):
    """Whether a node has a socket or a list of files of that kind."""
    inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
    return kind in info["output"] or any(spec[0] == kind for spec in inputs.values())


def lacking(wanted, found):
    """The nodes that a query should have found, by query."""
    missed = {query: sorted(nodes - set(found[query])) for query, nodes in wanted.items()}
    return {query: nodes for query, nodes in missed.items() if nodes}


def test_every_node_is_found_by_the_words_of_its_family(page, comfy):
    nodes = comfy.own_nodes()
    solid = nodes.keys() - set(FLAT)
    splats = {name for name, info in nodes.items() if uses(info, "SPLAT") or name.startswith("Splat")}
    panoramas = {name for name in nodes if name.startswith(("Pano", "Cubemap")) or name == "VideoSave360"}
    wanted = {
        "matrix3d": set(nodes),
        "world": set(nodes),
        "3d": solid,
        **dict.fromkeys(("splat", "ply", "gaussian"), splats - {"LoopError", "WorldExtend", "NextBestPath"}),
        **dict.fromkeys(("panorama", "360", "vr"), panoramas),
    }
    assert min(len(splats) - 14, len(panoramas) - 20, len(solid) - 35) >= 0
    broad = {"matrix3d", "world", "3d"}  # more nodes than the box lists
    for queries, limit in ((broad, 4 * LISTED), (wanted.keys() - broad, LISTED)):
        asked = {query: wanted[query] for query in queries}
        assert lacking(asked, page.evaluate(SEARCH, [list(asked), limit])) == {}


def test_nodes_are_found_by_the_names_they_had(page):
    wanted = {name.split(" (")[0]: {node} for node, name in CALLED_BEFORE.items()}
    assert lacking(wanted, page.evaluate(SEARCH, [list(wanted), LISTED])) == {}


def test_the_words_people_type_find_what_they_look_for(page):
    found = page.evaluate(SEARCH, [list(TYPED), LISTED])
    assert lacking(TYPED, found) == {}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("text to 3d", "Panorama Prompt"), ("image to world", "Load Panorama"), ("vr video", "Save 360 Video")],
)
def test_they_are_found_in_the_search_box(page, tmp_path, typed, shown):
    place = page.evaluate(
        """() => {
            const box = app.canvas.canvas.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }"""
    )
    box = page.locator("[role=dialog] input, .p-autocomplete-input").last
    for _ in range(8):  # on a busy machine the editor takes the two clicks of one for two single ones
        page.mouse.dblclick(*place)
        with contextlib.suppress(Late):
            box.wait_for(timeout=15_000)
            break
    box.wait_for(timeout=15_000)
    box.fill(typed)
    page.get_by_text(shown, exact=True).first.wait_for(timeout=30_000)
    page.screenshot(path=tmp_path / "search.png")
    page.keyboard.press("Escape")
    box.wait_for(state="hidden")
