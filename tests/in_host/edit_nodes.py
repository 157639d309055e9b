"""The nodes after the fit, with core's own nodes around them."""

from __future__ import annotations

import json
import os
import shutil
import types
from typing import Any

import comfy.model_management as mm
import comfy_extras.nodes_gaussian_splat as core_splat
import comfy_extras.nodes_save_3d as core_3d
import folder_paths
import pack
import small_worlds
import torch
from comfy_api.latest import Types

from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.scene.gaussians import Gaussians


def labels_of_edits(run, adapters, splat, path, fast) -> dict[str, Any]:
    """Label an instance by a shape and a class by masks, and follow both through nodes and files."""
    right = torch.zeros(3, 32, 64)
    right[:, :, 40:56] = 1
    labeled = run(
        "SplatLabel", splat=splat, instance="pillar", label="object", shape="sphere", z=3.0, radius=0.8
    )
    labeled = run("SplatLabel", splat=labeled.result[0], label="wall", masks=right, trajectory=path)
    known = labeled.result[0]

    def found(splat):
        world = adapters.gaussians_from_host(splat)
        names = world.instance_names.get
        pillars = {name: int((world.instances == n).sum()) for n, name in world.instance_names.items()}
        return [
            pillars,
            int((world.classes == 2).sum()),
            sorted({names(n, "") for n in world.instances.tolist()}),
        ]

    out = {"report": json.loads(labeled.result[1]), "labeled": found(known)}
    edited = {
        "clean": run("SplatClean", splat=known),
        "crop": run("SplatCrop", splat=known, shape="box", size_x=99.0, size_y=99.0, size_z=99.0),
        "moved": run("SplatTransform", splat=known, x=0.5, yaw=20.0),
        "lod": run("SplatLOD", splat=known, levels=1, refit_steps=1, trajectory=path),
        "prune": run("SplatPrune", splat=known, budget=700, trajectory=path, **fast),
        "merge": run("SplatMerge", splat_a=known, splat_b=known, fuse="none"),
    }
    out |= {name: found(done.result[0]) for name, done in edited.items()}
    stored = run("SplatSave", splat=known, filename_prefix="labels/world").result[0].get_source()
    folder = folder_paths.get_input_directory()
    os.makedirs(folder, exist_ok=True)
    shutil.copy(stored, os.path.join(folder, "labeled.ply"))
    out["load"] = found(run("SplatLoad", file="labeled.ply").result[0])
    with open(stored[: -len(".ply")] + ".world.json", encoding="utf-8") as file:
        out["world_json"] = json.load(file)["instances"]
    look = dict(splat=known, trajectory=path, width=64, height=32, projection="panorama", stride=3)
    out["colors"] = [
        run("SplatRender", color=color, **look).result[0][0, 16, 32].tolist()
        for color in ("class", "instance")
    ]
    out["errors"] = [
        pack.error(lambda: run("SplatLabel", splat=splat, shape="sphere", x=90.0, instance="x")),
        pack.error(lambda: run("SplatLabel", splat=splat, masks=right)),
        pack.error(lambda: run("SplatLabel", splat=splat, masks=right[:2], trajectory=path)),
        pack.error(lambda: run("SplatRender", splat=splat, trajectory=path, color="instance")),
    ]
    return out


def edits() -> dict[str, Any]:
    nodes = pack.nodes()
    adapters = pack.module("nodes._adapters")
    for node in (core_3d.SaveGLB, core_splat.MergeSplat, core_splat.File3DToSplat):
        pack.stand_in_graph(node)

    world, path = small_worlds.room(0.25), small_worlds.walk(3)
    splat = adapters.splat_to_host(world)
    count = len(world)

    def run(name, **given):
        node = nodes[name]
        return node.execute(**{**pack.defaults(node), **given})

    def size(splat):
        return [
            list(t.shape) for t in (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)
        ]

    out = {"count": count}
    pair = adapters.splats_to_host([world, world.select(torch.arange(100))])
    crop = run("SplatCrop", splat=pair, shape="sphere", radius=2.2).result
    out["crop"] = [size(crop[0]), crop[0].counts.tolist(), json.loads(crop[1])]
    out["clean"] = json.loads(run("SplatClean", splat=splat).result[1])
    fast = dict(view_size=32, views=4, refit_steps=2)
    pruned = run("SplatPrune", splat=splat, budget=count // 2, trajectory=path, **fast).result
    out["prune"] = [size(pruned[0])[0], json.loads(pruned[1])]
    level = run("SplatLOD", splat=splat, levels=1, refit_steps=1, save_as="ply", trajectory=path)
    out["lod"] = [size(level.result[0])[0], json.loads(level.result[1]), level.ui]
    moved = run("SplatTransform", splat=splat, x=1.0, scale=2.0, trajectory=path).result
    out["moved"] = [
        moved[0].positions[0, 0].tolist(),
        world.means[0].tolist(),
        len(moved[1]),
        json.loads(moved[2]),
    ]
    out["alone"] = run("SplatTransform", splat=splat).result[1] is None
    merged = run("SplatMerge", splat_a=splat, splat_b=splat).result
    out["merge"] = [size(merged[0])[0], json.loads(merged[1])]
    mesh, collider, report = run(
        "SplatMesh",
        splat=splat,
        resolution=24,
        rows=48,
        views=2,
        collider_faces=200,
        min_faces=8,
        trajectory=path,
    ).result
    out["mesh"] = [
        list(mesh.vertices.shape),
        list(mesh.faces.shape),
        list(collider.faces.shape),
        json.loads(report),
    ]
    textured, _, report = run(
        "SplatMesh",
        splat=splat,
        resolution=24,
        rows=48,
        views=2,
        collider_faces=200,
        min_faces=8,
        trajectory=path,
        texture="512",
    ).result
    painted = core_3d.SaveGLB.execute(textured, "3d/painted")
    out["texture"] = [
        list(textured.vertices.shape),
        list(textured.faces.shape),
        textured.vertex_colors is None,
        json.loads(report)["texture"],
        pack.ui(painted),
    ]
    saved = core_3d.SaveGLB.execute(mesh, "3d/world")
    out["glb"] = pack.ui(saved)
    for projection in ("perspective", "panorama", "stereo", "vr180"):
        frames, alpha, depth = run(
            "SplatRender", splat=splat, trajectory=path, width=64, height=24, projection=projection
        ).result
        out[projection] = [list(frames.shape), list(alpha.shape), list(depth.shape)]
    film = run("VideoSave360", frames=frames, layout="vr180 side by side")
    out["film"] = [film.result[0], film.ui.as_dict()]
    empty = adapters.splat_to_host(Gaussians(*(t[:0] for t in world.tensors())))
    out["errors"] = [
        pack.error(lambda: run("SplatCrop", splat=splat, x=1e6)),
        pack.error(lambda: run("SplatClean", splat=splat, min_opacity=1.0)),
        pack.error(lambda: run("SplatPrune", splat=splat, frames=torch.zeros(3, 8, 16, 3))),
        pack.error(lambda: run("SplatLOD", splat=splat, levels=1, level=2)),
        pack.error(lambda: run("SplatTransform", splat=splat, scale=float("nan"))),
        pack.error(lambda: run("SplatMesh", splat=splat, max_depth=0.01, rows=32)),
        pack.error(lambda: run("SplatRender", splat=splat, trajectory=path, background="red")),
        pack.error(lambda: run("VideoSave360", frames=frames, filename_prefix="../out")),
        pack.error(lambda: run("SplatClean", splat=empty)),
        pack.error(lambda: run("SplatPrune", splat=empty)),
        pack.error(lambda: run("SplatMesh", splat=empty)),
    ]
    stops = []
    for name, given in (("SplatClean", {}), ("SplatPrune", fast), ("SplatMesh", {}), ("SplatLOD", {})):
        mm.interrupt_current_processing(True)
        stops.append(pack.error(lambda name=name, given=given: run(name, splat=splat, **given))[0])
    mm.interrupt_current_processing(False)
    out["stops"] = stops

    # origins: 1 behind the eye, 0 elsewhere, so that they can be read off the places
    def origins_of(splat, item=0):
        world = adapters.gaussians_from_host(splat, index=item)
        if world.origins is None:
            return None
        return [
            len(world),
            int((world.origins == 1).sum()),
            bool((world.origins == (world.means[:, 2] < 0)).all()),
        ]

    known = adapters.splat_to_host(world.with_labels(origins=world.means[:, 2] < 0))
    both = adapters.splats_to_host([adapters.gaussians_from_host(known), world.select(torch.arange(100))])
    cropped = run("SplatCrop", splat=both, shape="sphere", radius=2.2).result[0]
    out["origins"] = {
        "crop": origins_of(cropped),
        "other": origins_of(cropped, 1)[1],
        "clean": origins_of(run("SplatClean", splat=known).result[0]),
        "prune": origins_of(
            run("SplatPrune", splat=known, budget=500, method="remove", trajectory=path, **fast).result[0]
        ),
        "moved": origins_of(run("SplatTransform", splat=known, x=0.5).result[0]),
        "lod": origins_of(run("SplatLOD", splat=known, levels=1, refit_steps=1, trajectory=path).result[0])[
            0
        ],
        "merge": origins_of(run("SplatMerge", splat_a=known, splat_b=known).result[0]),
        "core": origins_of(
            core_splat.MergeSplat.execute(splats={"splat0": known, "splat1": known}).result[0]
        ),
    }
    stored = run("SplatSave", splat=known, filename_prefix="origins/world").result[0].get_source()
    os.makedirs(folder_paths.get_input_directory(), exist_ok=True)
    shutil.copy(stored, os.path.join(folder_paths.get_input_directory(), "known.ply"))
    out["origins"]["load"] = origins_of(run("SplatLoad", file="known.ply").result[0])
    out["origins"]["core_reads"] = origins_of(
        core_splat.File3DToSplat.execute(Types.File3D(stored)).result[0]
    )
    out["labels"] = labels_of_edits(run, adapters, splat, path, fast)
    words = []
    host = pack.module("nodes._host")
    host.PromptServer.instance = types.SimpleNamespace(
        send_progress_text=lambda text, node: words.append(text),
        last_node_id=None,
        client_id=None,
        send_sync=lambda *a, **k: None,
    )
    for name in ("SplatSave", "SplatRender"):
        nodes[name].hidden = types.SimpleNamespace(unique_id="7", prompt=None, extra_pnginfo=None)
    run("SplatSave", splat=known, format="spz")
    looks = {
        color: run(
            "SplatRender",
            splat=known,
            trajectory=path,
            width=64,
            height=32,
            projection="panorama",
            color=color,
        )
        for color in ("picture", "provenance")
    }
    middle = {color: look.result[0][0, 16] for color, look in looks.items()}
    out["hues"] = [middle["provenance"][column].tolist() for column in (32, 0)]
    out["differs"] = float((middle["picture"] - middle["provenance"]).abs().mean())
    out["ui"] = looks["picture"].ui
    failures = {**SPLAT_BACKENDS._failures, "gsplat": "failed to load: ImportError: no compiler"}
    with pack.replaced(SPLAT_BACKENDS, "_failures", failures):
        out["notice"] = run("SplatRender", splat=known, trajectory=path, width=32, height=16).ui
    out["words"] = [text for text in words if "origins" in text or "was used" in text]
    host.PromptServer.instance = None
    out["unknown"] = pack.error(lambda: run("SplatRender", splat=splat, trajectory=path, color="provenance"))
    return out
