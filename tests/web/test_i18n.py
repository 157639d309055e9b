"""The views in Chinese, in the real front end: the editor's language is the views' language."""

from __future__ import annotations

import re

import pytest
from chromium import open_front_end, open_page

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

NODES = {
    "PanoLoad": [20, 40],
    "SplatPreview": [20, 340],
    "PanoPreview": [600, 660],
    "TrajectoryStudio": [600, 40],
}
LATIN = re.compile(r"[A-Za-z]{2,}")


@pytest.fixture(scope="module")
def chinese(browser, comfy):
    """The graph editor in Chinese in an English browser, with one node of each kind that has a view."""
    with open_page(browser, width=1500, height=1160) as opened:
        page = opened.page
        open_front_end(page, comfy.address, "vue", locale="zh")
        page.evaluate(
            """places => {
                app.graph.clear();
                for (const [kind, place] of Object.entries(places)) {
                    const node = LiteGraph.createNode(kind);
                    app.graph.add(node);
                    node.pos = place;
                    if (kind === "TrajectoryStudio") node.setSize([820, 560]);
                }
                app.canvas.ds.offset = [60, 40];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
            }""",
            NODES,
        )
        page.wait_for_function(
            "() => [matrix3d.viewers, matrix3d.panoramas, matrix3d.studios].every(views => views?.length === 1)"
        )
        page.wait_for_timeout(800)
        assert page.evaluate("navigator.language").startswith("en")
        yield page


def texts(page, views, selector):
    """Text, or else tooltip, of the elements of a view, in order."""
    return page.evaluate(
        "([views, selector]) => [...window.matrix3d[views][0].element.querySelectorAll(selector)]"
        ".map(one => one.textContent.trim() || one.title)",
        [views, selector],
    )


def test_placeholders_and_buttons(chinese, tmp_path):
    page = chinese
    page.screenshot(path=tmp_path / "placeholders.png")
    assert texts(page, "viewers", ".m3d-message p") == ["运行工作流后即可看到世界。"]
    assert texts(page, "panoramas", ".m3d-message p") == ["运行工作流后即可看到全景图。"]
    assert texts(page, "studios", ".m3d-message p") == ["运行工作流后即可在此绘制轨迹。"]
    buttons = texts(page, "studios", ".m3d-studio-tools button, .m3d-studio-tools label")
    assert buttons == ["+ 关键帧", "删除", "右", "高", "前", "偏航", "俯仰", "使用输入", "清空"]
    load = "app.graph.nodes.find(n => n.type === 'PanoLoad')"
    upload = page.evaluate(f"() => {load}.widgets.find(w => w.type === 'button').label")
    assert upload == "选择要上传的全景图"
    page.get_by_text(upload).first.wait_for()
    assert page.get_by_text(upload).count() == 1
    # Its text is asked for before the page's `app` is there, from which the setting is read elsewhere.
    assert texts(page, "viewers", "[data-action=extend]") == ["扩展"]
    title = "() => matrix3d.viewers[0].element.querySelector('[data-action=extend]').title"
    assert page.evaluate(title) == "从此处扩展 (X)"
    assert page.evaluate("() => matrix3d.viewers[0].element.lang") == "zh"


def test_nothing_is_left_in_english_or_runs_over(chinese, tmp_path):
    page = chinese
    page.evaluate(
        """() => {
            const [viewer, pano, studio] = [matrix3d.viewers[0], matrix3d.panoramas[0], matrix3d.studios[0]];
            viewer.overlay.hideMessage();
            viewer.overlay.hint.hidden = false;
            viewer.recorder.open(true);
            viewer.recorder.change({ keys: [viewer.pose(), viewer.pose()], walk: [{ ...viewer.pose(), time: 0 }] });
            viewer.count = 1600;
            viewer.hud.update(performance.now(), false);
            pano.message.hidden = true;
            pano.brush.toggle(true);
            studio.showMessage("");
            studio.tools.given.hidden = false;
            studio.showStatus();
        }"""
    )
    page.wait_for_timeout(900)  # the hint fades in
    page.screenshot(path=tmp_path / "buttons.png")
    shown = [
        *texts(page, "viewers", ".m3d-path button, .m3d-path span, .m3d-hud, .m3d-bar button, .m3d-hint"),
        *texts(page, "viewers", ".m3d-help dd"),
        *texts(page, "panoramas", "button"),
        *texts(page, "studios", ".m3d-hud, .m3d-studio-status"),
    ]
    assert len(shown) > 50
    keys = {"Esc", "Shift", "Enter", "Insert", "Delete"}
    assert [text for text in shown if set(LATIN.findall(text)) - keys] == []
    too_wide = page.evaluate(
        """() => [...document.querySelectorAll(".m3d-viewer button, .m3d-studio-tools, .m3d-tools, .m3d-hud")]
            .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""
    )
    assert too_wide == []
    page.evaluate("() => matrix3d.viewers[0].overlay.toggleHelp(true)")
    page.wait_for_timeout(200)
    page.screenshot(path=tmp_path / "help.png")
