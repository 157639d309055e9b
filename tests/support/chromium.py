"""Headless Chromium for tests, driven by the package ``playwright`` with the system's own browser."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

__all__ = [
    "FLAGS",
    "ONE_RENDERER",
    "RENDERERS",
    "BrowserPage",
    "open_front_end",
    "open_page",
    "run_graph",
    "wait_for_world",
]

RENDERERS = {"classic": False, "vue": True}
"""Name of a node renderer -> the editor's setting for it."""

ONE_RENDERER = list(RENDERERS) if os.environ.get("MATRIX3D_LONG") else ["vue"]
"""For long tests of what hardly depends on the renderer: both with MATRIX3D_LONG=1 only."""

FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL 2 without a graphics card
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)


@dataclass
class BrowserPage:
    """A page and what it complained about.

    Attributes:
        page: of playwright's synchronous API.
        problems: console errors, uncaught exceptions and failed requests, in order.
    """

    page: Any
    problems: list[str] = field(default_factory=list)


_running: list[Any] = []  # the one driver of this process; a second one cannot be started beside it


@contextmanager
def _driver() -> Iterator[Any]:
    if _running:
        yield _running[0]
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        _running.append(driver)
        try:
            yield driver
        finally:
            _running.clear()


@contextmanager
def open_page(
    executable: str, *, width: int = 960, height: int = 540, touch: bool = False, flags: tuple[str, ...] = ()
) -> Iterator[BrowserPage]:
    """Open an empty page in a fresh profile; skips the test when playwright is not installed.

    Pages may be open at the same time when they are closed in reverse order.
    """
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs the package playwright (pip install playwright; no browser download)")
    with _driver() as driver:
        browser = driver.chromium.launch(executable_path=executable, headless=True, args=[*FLAGS, *flags])
        try:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                has_touch=touch,
                accept_downloads=True,
                locale="en-US",  # wherever the tests run
            )
            context.set_default_timeout(120_000)  # ends a hung page; busy machines are slow
            opened = BrowserPage(context.new_page())
            _listen(opened)
            yield opened
        finally:
            browser.close()


def _listen(opened: BrowserPage) -> None:
    def on_console(message: Any) -> None:
        if message.type == "error":
            where = message.location or {}
            opened.problems.append(f"{message.text} ({where.get('url', '')}:{where.get('lineNumber', '')})")

    opened.page.on("console", on_console)
    opened.page.on("pageerror", lambda error: opened.problems.append(f"uncaught: {error}"))

    def on_failed(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # given up by the page itself, for a newer file
            opened.problems.append(f"failed: {request.url} {request.failure}")

    opened.page.on("requestfailed", on_failed)


def wait_for_world(page: Any, timeout_s: float = 120, *, index: int = -1) -> dict[str, Any]:
    """Return what a viewer's ``ready`` says, the newest one's by default: ``{"count": n}`` or ``{"error": text}``."""
    page.wait_for_function("k => window.matrix3d?.viewers.at(k)?.file", arg=index, timeout=timeout_s * 1000)
    return page.evaluate(
        """([index, seconds]) => Promise.race([
            window.matrix3d.viewers.at(index).ready,
            new Promise(resolve => setTimeout(() => resolve({ error: "timeout" }), seconds * 1000)),
        ])""",
        [index, timeout_s],
    )


def run_graph(page: Any, timeout_s: float = 120) -> dict[str, Any]:
    """Press Run in the graph editor and wait for the end of that run; return what its nodes showed, by id.

    The outputs are those of this run, of nodes that the host took from its cache too; a picture on
    the page may be an older one still. Nothing else may be running or queued. Raises AssertionError
    when the run failed, was refused or did not end in time.
    """
    report = page.evaluate(
        """async seconds => {
            const outputs = {};
            let finish;
            const finished = new Promise(resolve => { finish = resolve; });
            const listeners = {
                executed: ({ detail }) => { outputs[detail.node] = detail.output; },
                execution_success: () => finish(null),
                execution_error: ({ detail }) => finish(`${detail.node_type}: ${detail.exception_message}`),
                execution_interrupted: () => finish("interrupted"),
            };
            for (const [name, listener] of Object.entries(listeners)) app.api.addEventListener(name, listener);
            const timer = setTimeout(() => finish(`not finished after ${seconds} s`), seconds * 1000);
            try {
                app.queuePrompt(0).then(
                    isQueued => isQueued === false && finish("the host refused the graph"),
                    error => finish(String(error)),
                );
                return { failure: await finished, outputs };
            } finally {
                clearTimeout(timer);
                for (const [name, listener] of Object.entries(listeners)) app.api.removeEventListener(name, listener);
            }
        }""",
        timeout_s,
    )
    assert report["failure"] is None, report["failure"]
    return report["outputs"]


def open_front_end(page: Any, address: str, renderer: str, *, locale: str = "en") -> None:
    """Open the graph editor with one of its two node renderers, in a language, without its welcome dialogs."""
    settings = {
        "Comfy.TutorialCompleted": True,
        "Comfy.Locale": locale,
        "Comfy.VueNodes.Enabled": RENDERERS[renderer],
        "Comfy.Minimap.Visible": False,
        "Comfy.Workflow.Persist": False,
    }
    assert page.request.post(f"{address}/api/settings", data=settings).ok
    page.goto(address, timeout=90_000)
    # The editor's app is there before the empty workflow that it starts with, which would replace a graph of ours.
    page.wait_for_function(
        """() => {
            const { app } = window;
            const manager = app?.extensionManager;
            return app?.graph && manager?.setting && manager.spinner === false && manager.workflow?.activeWorkflow;
        }""",
        timeout=90_000,
    )
    page.wait_for_timeout(1500)
