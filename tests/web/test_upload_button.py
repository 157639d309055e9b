"""Buttons and drops of the loader nodes, and the picture they show, in the real front end with both renderers."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from chromium import RENDERERS, open_front_end, open_page, run_graph
from comfy_server import HostError
from pano_files import quarter_xmp
from PIL import Image
from workflow_api import options_of

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "PanoLoad", "inputs": {}, "_meta": {"title": "Load"}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "See"}},
}
LISTS = {
    ("PhotoLoad", "image"): "photo",
    ("PanoLoad", "image"): "panorama",
    ("PanoLoad", "depth_file"): "depth",
    ("PanoDepth", "depth_file"): "depth",
    ("SplatLoad", "file"): "splat",
    ("ObjectLoad", "file"): "object",
    ("TrajectoryLoad", "file"): "trajectory",
}
LOAD = "app.graph.nodes.find(n => n.type === 'PanoLoad')"


def uploads(info):
    inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
    return {
        name: spec[1]["matrix3d_upload"]
        for name, spec in inputs.items()
        if len(spec) > 1 and "matrix3d_upload" in spec[1]
    }


def test_every_list_of_files_says_what_it_takes(comfy):
    """A list of the input folder's files without an upload would show here: a new file is in each that fits."""
    names = [f"probe{s}" for s in (".png", ".exr", ".ply", ".sog", ".json")]
    for name in names:
        (comfy.input_dir / name).write_bytes(b"")
    try:
        found, listing = {}, set()
        for node, info in comfy.own_nodes().items():
            found |= {(node, name): spec["what"] for name, spec in uploads(info).items()}
            inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
            for name, spec in inputs.items():
                choices = options_of(spec).get("options") or []
                if set(names) & set(map(str, choices)):
                    listing.add((node, name))
    finally:
        for name in names:
            (comfy.input_dir / name).unlink()
    assert found == LISTS
    assert listing == set(LISTS)


def test_the_suffixes_are_those_of_the_readers(comfy):
    from matrix3d_core.io.depth_files import DEPTH_SUFFIXES
    from matrix3d_core.io.images import IMAGE_SUFFIXES
    from matrix3d_core.io.splats import SPLAT_FORMATS

    taken = {
        what: uploads(comfy.object_info(node)[node])[name]["suffixes"]
        for (node, name), what in LISTS.items()
        if node != "PanoDepth"
    }
    assert taken["panorama"] == list(IMAGE_SUFFIXES)
    assert taken["depth"] == list(DEPTH_SUFFIXES)
    assert taken["splat"] == [f".{kind}" for kind in SPLAT_FORMATS]
    assert {".ply", ".spz", ".splat", ".ksplat", ".sog", ".glb"} <= set(taken["splat"])
    assert {".json", ".glb", ".gltf"} <= set(taken["trajectory"])


def test_the_preview_stays_inside_the_input_folder(comfy):
    route = "/matrix3d/panorama/preview"
    with pytest.raises(HostError, match="400") as caught:
        comfy.client.send(route, {"image": "../user/secret.png"})
    assert "must stay inside the host's input folder" in caught.value.details["error"]
    with pytest.raises(HostError, match="400") as caught:
        comfy.client.send(route, {})
    assert "must be a name inside the host's input folder" in caught.value.details["error"]


def wait_for_picture(page, columns):
    """Wait until the node shows a picture of so many columns; return its mean color."""
    page.wait_for_function(
        "columns => [...document.querySelectorAll('img.m3d-picture')].some(i => i.naturalWidth === columns)",
        arg=columns,
    )
    return page.evaluate(
        """() => {
            const picture = document.querySelector("img.m3d-picture");
            const canvas = new OffscreenCanvas(1, 1);
            const context = canvas.getContext("2d");
            context.imageSmoothingQuality = "high";
            context.drawImage(picture, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )


@pytest.fixture(scope="module", params=list(RENDERERS))
def editor(request, browser, comfy):
    """The graph editor, and its renderer."""
    with open_page(browser, width=1500, height=900) as opened:
        open_front_end(opened.page, comfy.address, request.param)
        yield opened.page, request.param
        problems = [text for text in opened.problems if "matrix3d" in text.lower()]
        assert all("status of 400" in text for text in problems)  # the browser's own note of the refusal


def test_a_chosen_file_is_uploaded_picked_shown_and_run(editor, tmp_path):
    page, renderer = editor
    file = tmp_path / f"my street {renderer}.png"
    Image.new("RGB", (64, 32), (200, 40, 90)).save(file)
    page.evaluate("graph => app.loadApiJson(graph, 'upload')", GRAPH)
    page.wait_for_function("() => app.graph.nodes.length === 2")
    wait_for_picture(page, 1024)  # of the sample, before anything ran
    widgets = page.evaluate(f"() => {LOAD}.widgets.map(w => [w.type, w.name])")
    assert ["button", "choose panorama to upload"] in widgets
    page.screenshot(path=tmp_path / "sample.png")
    with page.expect_file_chooser() as chooser:
        page.evaluate(f"() => {LOAD}.widgets.find(w => w.name === 'choose panorama to upload').callback()")
    chooser.value.set_files(file)
    page.wait_for_function(f"name => {LOAD}.widgets[0].value === name", arg=file.name)
    assert wait_for_picture(page, 64) == pytest.approx([200, 40, 90], abs=3)  # as a JPEG
    saved = page.evaluate("() => app.graph.serialize().nodes.find(n => n.type === 'PanoLoad').widgets_values")
    assert saved[0] == file.name
    assert "choose panorama to upload" not in saved
    page.screenshot(path=tmp_path / "upload.png")
    run_graph(page)
    page.wait_for_function(
        "() => app.graph.nodes.find(n => n.type === 'PreviewImage').imgs?.[0]?.naturalWidth === 64",
        timeout=30_000,
    )
    # What is chosen again is shown again; what cannot be read is said where the picture would be.
    page.evaluate(
        f"() => {{ const w = {LOAD}.widgets[0]; w.value = 'sample: terrace'; w.callback(w.value); }}"
    )
    wait_for_picture(page, 1024)
    page.evaluate(f"() => {{ const w = {LOAD}.widgets[0]; w.value = 'gone.png'; w.callback(w.value); }}")
    page.get_by_text("input file 'gone.png' does not exist").wait_for()
    assert page.locator("img.m3d-picture").count() == 0


def test_the_picture_is_what_the_node_will_give(editor, comfy, tmp_path):
    """Every widget that changes the panorama changes its picture: the eye, the place of a crop, the light's exposure."""
    page, _ = editor
    above, below = (200, 40, 90), (30, 160, 60)
    both = Image.new("RGB", (64, 64), above)
    both.paste(below, (0, 32, 64, 64))
    both.save(comfy.input_dir / "two eyes.png")
    Image.new("RGB", (64, 32), below).save(
        comfy.input_dir / "quarter.jpg", xmp=quarter_xmp(64, 32), quality=98
    )
    page.evaluate("graph => app.loadApiJson(graph, 'eyes')", GRAPH)
    page.wait_for_function("() => app.graph.nodes.length === 2")

    def choose(name, value):
        page.evaluate(
            f"""([name, value]) => {{
                const widget = {LOAD}.widgets.find(w => w.name === name);
                widget.value = value;
                widget.callback(value);
            }}""",
            [name, value],
        )

    def shows(left, right):
        """The node comes to show those colors in the middles of its picture's upper quarters, within 12 of 255."""
        page.wait_for_function(
            """([left, right]) => {
                const picture = document.querySelector("img.m3d-picture");
                if (!picture?.complete || picture.naturalWidth !== 2 * picture.naturalHeight) return false;
                const context = new OffscreenCanvas(64, 32).getContext("2d");
                context.drawImage(picture, 0, 0, 64, 32);
                return [[16, left], [48, right]].every(([x, wanted]) =>
                    [...context.getImageData(x, 8, 1, 1).data].slice(0, 3)
                        .every((part, i) => Math.abs(part - wanted[i]) <= 12));
            }""",
            arg=[left, right],
        )

    choose("image", "two eyes.png")
    page.get_by_text("choose one eye").wait_for()  # as the run would say
    choose("eye", "left eye")
    shows(above, above)
    choose("eye", "right eye")
    shows(below, below)
    page.screenshot(path=tmp_path / "right_eye.png")
    choose("eye", "whole picture")
    choose("image", "quarter.jpg")
    shows((0, 0, 0), below)
    page.screenshot(path=tmp_path / "placed.png")
    choose("use_tags", False)
    shows(below, below)


def test_a_photo_is_shown_too(editor, comfy):
    page, _ = editor
    Image.new("RGB", (48, 64), (200, 40, 90)).save(comfy.input_dir / "upright.png")
    page.evaluate(
        "graph => app.loadApiJson(graph, 'photo')",
        {"1": {"class_type": "PhotoLoad", "inputs": {"image": "upright.png"}}},
    )
    assert wait_for_picture(page, 48) == pytest.approx([200, 40, 90], abs=3)
    box = page.locator("img.m3d-picture").bounding_box()
    assert box["height"] < box["width"]  # it stretches no node


PLACE = """kind => {
    const node = app.graph.nodes.find(n => n.type === kind);
    const { ds, canvas } = app.canvas;
    const box = canvas.getBoundingClientRect();
    const x = (node.pos[0] + 40 + ds.offset[0]) * ds.scale + box.left;
    const y = (node.pos[1] - 12 + ds.offset[1]) * ds.scale + box.top;
    const target = document.elementFromPoint(x, y);
    const isDrawn = target === canvas && !LiteGraph.vueNodesMode && app.canvas.visible_nodes.includes(node);
    return { x, y, target, isNode: isDrawn || target.closest("[data-node-id]") !== null };
}"""


def drop(page, kind, name, content):
    """Drop a file on the title of a node: on the canvas, or on the node's element."""
    page.wait_for_function(f"kind => ({PLACE})(kind).isNode", arg=kind)  # drawn, and not covered
    page.evaluate(
        f"""([kind, name, bytes]) => {{
            const {{ x: clientX, y: clientY, target }} = ({PLACE})(kind);
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            const options = {{ dataTransfer, clientX, clientY, bubbles: true, cancelable: true }};
            for (const type of ["dragenter", "dragover", "drop"]) target.dispatchEvent(new DragEvent(type, options));
        }}""",
        [kind, name, list(content)],
    )


def png(size):
    buffer = io.BytesIO()
    Image.new("RGB", size, (30, 160, 60)).save(buffer, "PNG")
    return buffer.getvalue()


def test_files_are_dropped_on_nodes(editor, comfy):
    page, renderer = editor
    depth = io.BytesIO()
    np.savez(depth, depth=np.ones((8, 16), np.float32))
    drops = [
        ("PanoLoad", "image", f"{renderer} a.png", png((32, 16))),
        ("PanoLoad", "depth_file", f"{renderer} a_depth.png", png((32, 16))),
        ("PanoDepth", "depth_file", f"{renderer} b.npz", depth.getvalue()),
        ("TrajectoryLoad", "file", f"{renderer} path.json", json.dumps([np.eye(4).tolist()]).encode()),
        *(("SplatLoad", "file", f"{renderer} w.{kind}", b"x") for kind in uploaded_splats(comfy)),
    ]
    page.evaluate(
        """() => {
            app.graph.clear();
            ["PanoLoad", "PanoDepth", "SplatLoad", "TrajectoryLoad"].forEach((kind, k) => {
                const node = LiteGraph.createNode(kind);
                app.graph.add(node);
                node.pos = [40 + 340 * k, 140];
            });
            app.canvas.ds.offset = [60, 60];
            app.canvas.ds.scale = 1;
            app.graph.setDirtyCanvas(true, true);
        }"""
    )
    for kind, widget, name, content in drops:
        drop(page, kind, name, content)
        page.wait_for_function(
            "([kind, widget, name]) => app.graph.nodes.find(n => n.type === kind)"
            ".widgets.find(w => w.name === widget).value === name",
            arg=[kind, widget, name],
            timeout=20_000,
        )
        assert (comfy.input_dir / name).read_bytes() == content
        (comfy.input_dir / name).unlink()
    assert page.evaluate("() => app.graph.nodes.length") == 4, "no file was taken for a workflow"


def uploaded_splats(comfy):
    return [s.lstrip(".") for s in uploads(comfy.object_info("SplatLoad")["SplatLoad"])["file"]["suffixes"]]
