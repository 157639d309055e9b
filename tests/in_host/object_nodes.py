"""Objects placed, erased and edited through the nodes, with values of the host's own types."""

from __future__ import annotations

from typing import Any

import pack
import torch
from small_worlds import room, walk

from matrix3d_core.errors import Matrix3DError


def _message(run: Any, **given: Any) -> str:
    try:
        run(**given)
    except Matrix3DError as error:
        return str(error)
    return "no error"


def places_and_erases() -> dict[str, Any]:
    nodes, adapters, host = pack.nodes("7"), pack.module("nodes._adapters"), pack.module("nodes._host")

    def runner(kind: str) -> Any:
        def run(**inputs: Any) -> Any:
            return nodes[kind].execute(**{**pack.defaults(nodes[kind]), **inputs}).result

        return run

    place, erase, edit, load = map(runner, ("WorldPlace", "WorldErase", "WorldEdit", "ObjectLoad"))
    world = adapters.splat_to_host(room(0.2))
    usual = {"name": "box", "z": 1.0, "height": 0.5}
    file = load()[0]
    corners = torch.cartesian_prod(*[torch.tensor((-0.5, 0.5))] * 3)[None]
    sides = (
        (0, 1, 3),
        (0, 3, 2),
        (4, 6, 7),
        (4, 7, 5),
        (0, 4, 5),
        (0, 5, 1),
        (2, 3, 7),
        (2, 7, 6),
        (0, 2, 6),
        (0, 6, 4),
    )
    faces = torch.tensor((*sides, (1, 5, 7), (1, 7, 3)))[None]
    mesh = host.Types.MESH(corners, faces, vertex_colors=torch.full((1, 8, 3), 0.2))
    found: dict[str, Any] = {}
    for kind, item in (("file", file), ("mesh", mesh), ("splat", adapters.splat_to_host(room(0.5)))):
        placed = place(splat=world, object=item, **usual)
        both = adapters.gaussians_from_host(placed[0])
        found[kind] = [len(both) > 600, both.instance_names, list(placed[2].faces.shape)[-1], placed[3]]
    # Wider below in glTF is wider below in the world: y is turned, once.
    cone = torch.tensor(((0.0, 1.0, 0.0), (-0.5, 0.0, -0.5), (0.5, 0.0, -0.5), (0.0, 0.0, 0.5)))[None]
    tip = torch.tensor(((0, 2, 1), (0, 3, 2), (0, 1, 3), (1, 2, 3)))[None]
    _, alone, _, _ = place(splat=world, object=host.Types.MESH(cone, tip), **usual)
    upright = adapters.gaussians_from_host(alone).means
    low = upright[:, 1] > upright[:, 1].median()
    found["upright"] = bool(upright[low, 0].std() > upright[~low, 0].std())
    hdri = torch.full((1, 16, 32, 3), 0.2)
    hdri[:, 4, 8] = 500.0
    found["sun"] = place(splat=world, object=mesh, hdri=hdri, **usual)[3]
    joined = place(splat=world, object=mesh, collider=mesh, **usual)[2]
    found["joined"] = list(joined.faces.shape)
    erased = erase(splat=placed[0], instance="box", refit_steps=2)
    found["erased"] = [list(erased[2].shape), list(erased[3].shape), len(erased[4]), erased[5]]
    views = {"images": erased[2], "masks": erased[3], "trajectory": erased[4], "refit_steps": 2}
    found["edited"] = edit(splat=erased[0], **views)[1]
    found["errors"] = [
        _message(place, splat=world, object=mesh, **{**usual, "height": 9000.0}),
        _message(place, splat=world, object=host.Types.MESH(corners, faces[:, :0]), **usual),
        _message(place, splat=world, object=mesh, **{**usual, "relation": "beside", "anchor": "tree"}),
        _message(erase, splat=world, instance="tree"),
        _message(edit, splat=world, **{**views, "masks": torch.zeros_like(erased[3])}),
        _message(edit, splat=world, **{**views, "trajectory": walk(3)}),
        _message(edit, splat=world, **{**views, "images": erased[2][:, :64, :64]}),
    ]
    return found
