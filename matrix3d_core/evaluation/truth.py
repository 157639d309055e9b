"""What is really there: scenes that can be looked at from anywhere, as the truth of `navigable_range`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from torch import Tensor

from ..errors import InvalidInput
from ..io.camera_paths.raw import matrix_of
from ..scene.camera import Camera
from ..strict_json import parse_json
from ..synth.sample_scene import render_pinhole
from ..synth.scene import Scene
from .navigable import Truth

__all__ = ["SAMPLE", "scene_truth", "truth_of"]

SAMPLE = "sample"
"""The sample scene, whose origin is the sample panorama's camera."""

_SAMPLES = 2


def truth_of(scene: str) -> Truth:
    """Return the truth of a scene by its description, meters.

    Args:
        scene: ``sample``; ``FAMILY-SEED``, such as ``street-7``, for a world in the scene's own coordinates; or the
            text of the ``meta.json`` that the factory writes for a clip, for a world in the frame of the clip's first
            camera: a JSON object with ``scene`` and ``world_from_first``.

    Raises:
        InvalidInput: for another text or an unknown family.
        FormatError: for broken JSON.
    """
    name, pose = scene.strip(), None
    if name == SAMPLE:
        return _sample
    if name[:1] == "{":
        facts = parse_json(scene, source="scene")
        name = str(facts.get("scene")) if isinstance(facts, Mapping) else ""
        pose = matrix_of("scene", "world_from_first", facts.get("world_from_first"))
    match = re.fullmatch(r"(\w+)[ -](\d{1,12})", name)
    if match is None:
        raise InvalidInput(
            f"scene must be {SAMPLE}, FAMILY-SEED such as street-7, or a clip's meta.json; got {name[:80]!r}."
        )
    from ..synth.families import make_scene

    return scene_truth(make_scene(match[1], int(match[2])), pose)


def scene_truth(scene: Scene, scene_from_world: Tensor | None = None) -> Truth:
    """Return the truth of a traced scene, see `render_scene`.

    Args:
        scene: the scene.
        scene_from_world: ``[4, 4]`` rigid, where the world lies in the scene; None: in its coordinates.
    """
    return partial(_traced, scene, scene_from_world)


def _traced(
    scene: Scene, scene_from_world: Tensor | None, camera: Camera, camera_from_world: Tensor
) -> tuple[Tensor, Tensor]:
    from ..synth.render import render_scene

    pose = camera_from_world.double()
    if scene_from_world is not None:
        pose = pose @ scene_from_world.double().inverse()
    frame = render_scene(scene, camera, pose, samples=_SAMPLES)
    return frame.rgb, frame.depth_ray


def _sample(camera: Camera, camera_from_world: Tensor) -> tuple[Tensor, Tensor]:
    lens = camera.as_pinhole("the truth of the sample scene must be asked for through a Pinhole.")
    return render_pinhole(camera_from_world, lens.K_px, *lens.size_px, samples=_SAMPLES)
