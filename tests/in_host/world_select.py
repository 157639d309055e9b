"""WorldSelect in the host's interpreter: what it gives, shows, and answers its view."""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

import folder_paths
import pack
import splat_scenes
import torch

from matrix3d_core.scene.trajectory import Trajectory


def text(*operations) -> str:
    """Return operations as the view stores them."""
    return json.dumps({"version": 1, "operations": operations})


def click(x, y, z, **rest) -> dict[str, Any]:
    """Return a click from the origin."""
    return {"op": "click", "origin": [0, 0, 0], "direction": [x, y, z], **rest}


BLUE, RED = click(0, 0, 4), click(2, 0, 4)


def selections() -> dict[str, Any]:
    """Select in the world of blobs; return what the tests look at."""
    nodes, adapters = pack.nodes("7"), pack.module("nodes._adapters")
    node, answer = nodes["WorldSelect"], pack.module("nodes.world_select")._select
    world = splat_scenes.blob_world()
    splat = adapters.splat_to_host(world)

    def run(unique_id="7", **inputs):
        pack.stand_in_graph(node, unique_id)
        return node.execute(**{**pack.defaults(node), "splat": splat, **inputs})

    def counts(made):
        """Count the blobs' splats in each output."""
        out = []
        for part in made.result[:3]:
            if not hasattr(part, "positions"):
                out.append(type(part).__name__)
                continue
            held = adapters.gaussians_from_host(part)
            out.append([len(held), dict(held.instance_names), int((held.label("instances") > 0).sum())])
        return out

    def ask(token, operations):
        return list(gzip.decompress(answer({"token": token, "operations": operations})))

    made = run(name="chair", operations=text(BLUE))
    shown = pack.ui(made)
    token = shown["matrix3d_select"][0]["token"]
    out = {"blue": counts(made), "report": json.loads(made.result[3]), "shown": shown}
    file = shown["matrix3d_splat"][0]
    out["kept"] = os.path.isfile(
        os.path.join(folder_paths.get_temp_directory(), file["subfolder"], file["filename"])
    )
    out["answers"] = [sum(ask(token, text(*ops))) for ops in ((), (BLUE,), (BLUE, RED), ({"op": "all"},))]
    out["places"] = [n for n, is_in in enumerate(ask(token, text(RED))) if is_in]
    again = pack.ui(run(name="chair", operations=text(BLUE, RED)))
    out["same_token"] = again["matrix3d_select"][0]["token"] == token
    out["empty"] = counts(run())
    out["all"] = counts(run(operations=text({"op": "all"})))
    out["grown"] = json.loads(run(operations=text(BLUE), grow=2.0).result[3])["chosen"]
    masks = torch.zeros(1, 64, 128)
    masks[:, :, 60:68] = 1  # ahead: blue and green
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None])
    masked = run(masks=masks, trajectory=path)
    out["masked"] = json.loads(masked.result[3])["chosen"]
    token_masked = pack.ui(masked)["matrix3d_select"][0]["token"]
    out["masked_answer"] = sum(ask(token_masked, ""))
    out["gone"] = pack.error(lambda: answer({"token": token, "operations": ""}))
    out["foreign"] = [
        pack.error(lambda value=value: answer({"token": value, "operations": ""}))
        for value in ("0" * 32, None, ["x"], "../world", 7)
    ]
    out["others"] = [pack.ui(run(unique_id=str(n)))["matrix3d_select"][0]["token"] for n in range(20, 23)]
    out["oldest"] = pack.error(lambda: answer({"token": token_masked, "operations": ""}))
    newest = out["others"][-1]
    out["errors"] = [
        pack.error(lambda: answer({"token": newest, "operations": 7})),
        pack.error(lambda: answer({"token": newest, "operations": " " * 400_001})),
        pack.error(lambda: answer({"token": newest, "operations": text({"op": "wand"})})),
        pack.error(lambda: run(operations="{")),
        pack.error(lambda: run(operations=text(BLUE), name="  ")),
        pack.error(lambda: run(masks=masks)),
    ]
    return out
