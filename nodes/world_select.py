"""WorldSelect: select splats in the browser, and by masks on views."""

from __future__ import annotations

import gzip
import json
import threading
import uuid
from collections import OrderedDict
from typing import Any

import numpy as np
import torch

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.labeling import choose_gaussians, label_report
from ..matrix3d_core.splats.picking import grow_chosen
from ..matrix3d_core.splats.selection_operations import Selector, name_selection, parse_operations
from ._adapters import gaussians_from_host, masks_from_host, splat_to_host, world_info_of
from ._host import Types, io, progress_to_host
from ._host_block import block_output
from ._host_routes import Gone, answer_posts
from ._inputs import number_input, report_output, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS
from ._shown_splat import world_to_show

__all__ = ["NODES", "WorldSelect"]

_MOST_WORLDS = 3


class _Worlds:
    """The last world of each node that a view may ask about, the latest few, each under an unguessable token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[str, object, Selector, threading.Lock]] = OrderedDict()

    def keep(self, node: str | None, about: object, selector: Selector) -> str:
        """Keep a node's world in place of its last one; the same one keeps its token and what is known of it."""
        with self._lock:
            for token, (owner, known, _, _) in list(self._kept.items()):
                if owner == node and known == about:
                    self._kept.move_to_end(token)
                    return token
                if owner == node:
                    del self._kept[token]
            token = uuid.uuid4().hex
            self._kept[token] = (str(node), about, selector, threading.Lock())
            while len(self._kept) > _MOST_WORLDS:
                self._kept.popitem(last=False)
        return token

    def find(self, token: Any) -> tuple[Selector, threading.Lock]:
        with self._lock:
            found = self._kept.get(token) if isinstance(token, str) else None
        if found is None:
            raise Gone("The world is no longer in memory. Run the graph again.")
        return found[2], found[3]


_worlds = _Worlds()


def _select(question: dict[str, Any]) -> bytes:
    """Return one byte for each splat of the shown file, 1 where it is selected, gzipped."""
    selector, lock = _worlds.find(question.get("token"))
    operations = question.get("operations", "")
    if not isinstance(operations, str):
        raise InvalidInput("operations must be text.")
    with lock:  # a drag asks often; one answer at a time is computed for a world
        chosen = selector.resolve(parse_operations(operations))
    return gzip.compress(chosen.to(torch.uint8).numpy().tobytes(), 1, mtime=0)


answer_posts("/matrix3d/select", _select, kind="application/octet-stream")


class WorldSelect(io.ComfyNode):
    """Select splats by hand."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldSelect",
            display_name="Select in World",
            category="Matrix-3D/edit",
            description="Select an object or a part of a world in the view: click an object, draw a box, a sphere or "
            "a lasso, or brush; add, subtract, undo, redo. Masks on views (SAM 3 or any MASK) select as well. The "
            "selection becomes an instance that other nodes move, erase or animate.",
            search_aliases=[
                *SPLAT_WORDS,
                "select splats",
                "splat selection",
                "select object",
                "lasso",
                "brush",
                "segment object",
                "pick instance",
                "edit world",
                "supersplat",
            ],
            is_output_node=True,
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is taken."),
                io.String.Input(
                    "name",
                    default="selection",
                    tooltip="Name of the instance that the selection becomes, up to 40 characters. An instance of that "
                    "name that the world already has is replaced.",
                ),
                number_input(
                    "grow",
                    0.0,
                    "Also take what lies within this distance of the selection, world units; sky and ground by their "
                    "class are left out.",
                    low=0.0,
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Masks of what is selected, one for each pose of the trajectory: panoramas, or the size of "
                    "its cameras. What is drawn in the view adds to it or takes away from it.",
                ),
                trajectory_input("Poses of the masks.", optional=True),
                io.String.Input(
                    "operations",
                    default="",
                    optional=True,
                    socketless=True,
                    advanced=True,
                    tooltip="What was selected in the view; its tools write it. JSON: operations, applied.",
                ),
            ],
            outputs=[
                splat_output("The whole world; the selected splats are the instance of that name."),
                io.Splat.Output(
                    display_name="selected",
                    tooltip="The selected splats alone. Downstream nodes wait while nothing is selected.",
                ),
                io.Splat.Output(
                    display_name="rest",
                    tooltip="The world without the selected splats. Downstream nodes wait when nothing is left.",
                ),
                report_output(
                    "JSON: how many are selected, and how many there are of each class and instance."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        name: str,
        grow: float,
        masks: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
        operations: str = "",
    ) -> io.NodeOutput:
        node = cls.hidden.unique_id if cls.hidden else None
        progress = progress_to_host()  # its text would take half of the view's place
        world, listed = gaussians_from_host(splat), parse_operations(operations)
        start = None
        if masks is not None:
            start = choose_gaussians(
                world, masks=masks_from_host(masks, "masks"), trajectory=trajectory, progress=progress
            )
        selector = Selector(world, start)
        shown = world_to_show(node, splat)
        about = (
            shown.get("filename"),
            shown.get("stamp"),
            None if start is None else np.packbits(start.numpy()).tobytes(),
        )
        token = _worlds.keep(node, about, selector)
        drawn = _worlds.find(token)[0].resolve(listed, progress=progress)
        chosen = grow_chosen(world, drawn, grow)
        named = name_selection(world, chosen, name.strip())
        info = world_info_of(splat)
        parts = [
            splat_to_host(named.select(part), info=info) if bool(part.any()) else block_output()
            for part in (chosen, ~chosen)
        ]
        report = json.dumps(label_report(named, chosen), indent=2)
        return io.NodeOutput(
            splat_to_host(named, info=info),
            *parts,
            report,
            ui={
                "matrix3d_splat": [shown],
                "matrix3d_select": [{"token": token, "selected": int(chosen.sum())}],
            },
        )


NODES = [WorldSelect]
