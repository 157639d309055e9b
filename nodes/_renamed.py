"""Names of before the first release, which saved prompts may still have, and what each is called now.

The one place for them, but for the settings of the fit, which the library has. The host drops an input that it does
not know without a word, so each node with a row here looks for its old names and refuses a prompt that has one; see
`refuse_old_names`. Imports nothing of the host.
"""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["RENAMED_INPUTS", "RENAMED_NODES", "RENAMED_OPTIONS", "refuse_old_names", "renamed_inputs"]

RENAMED_NODES = {"PanoCanonicalise": "PanoCanonicalize"}
"""Old and new node ids. The host puts the new one in the place of the old one."""

_BACKEND = {"engine": "backend"}
RENAMED_INPUTS: dict[str, dict[str, str]] = {
    "DatasetExport": {"picture_format": "image_format"},
    "GSOptimize": {**_BACKEND, "depth_kind": "depth_type"},
    "LRMDecode": {"thinning": "decimation", "poses": "pose_normalization"},
    "LoopError": {"first_path": "first_trajectory", "last_path": "last_trajectory"},
    "MeshGuidanceRender": _BACKEND,
    "NextBestPath": {**_BACKEND, "start": "start_pose"},
    "PanoCanonicalize": {"face_interest": "recenter", "least_confidence": "min_confidence"},
    "PanoComposite": {"border": "blend_region"},
    "PanoDepth": {"depth_image_kind": "depth_image_type"},
    "PanoFill": _BACKEND,
    "PanoLoRA": {
        "seam": "latent_roll",
        "seam_seed": "roll_seed",
        "seam_start": "roll_start",
        "seam_multiple": "roll_multiple",
    },
    "PanoProject": {"mask_grow": "grow_mask_by"},
    "PanoVAEDecode": {"border": "seam_mode"},
    "PanoVAEEncode": {"border": "seam_mode"},
    "PanoVideoConditioning": {"encode": "encode_seam_mode", "start": "start_image"},
    "PanoVideoSampler": {
        "seam": "latent_roll",
        "encode": "encode_seam_mode",
        "decode": "decode_seam_mode",
        "start": "start_image",
    },
    "SplatClean": {"neighbours": "neighbors"},
    "SplatLOD": _BACKEND,
    "SplatMerge": {"voxel": "voxel_size", "colour_tolerance": "color_tolerance"},
    "SplatMesh": {**_BACKEND, "reach": "max_depth"},
    "SplatPreview": {"pace": "resample_by"},
    "SplatPrune": _BACKEND,
    "SplatRender": {**_BACKEND, "colour": "color"},
    "SplatSave": {"licence": "license"},
    "TrajectoryClearance": {"radius": "clearance"},
    "TrajectoryFromCamera": {"pace": "speed_profile"},
    "TrajectoryFromKeyframes": {"pace": "speed_profile"},
    "TrajectoryLoad": {"pose": "pose_convention", "time_base": "time_unit"},
    "TrajectoryPlace": {"path": "trajectory", "start": "start_pose"},
    "TrajectoryPreset": {"stay_clear": "avoid_collisions"},
    "WorldExtend": {**_BACKEND, "only_seen": "only_observed", "max_splat": "max_splat_size"},
}
"""Old and new names of inputs, by node id, but for the fit's settings: see `renamed_inputs`."""

_VIDEO = {"upstream tiles": "upstream", "plain": "none"}
_SPEED = {"distance": "constant", "even": "per segment"}
RENAMED_OPTIONS: dict[str, dict[str, dict[str, str]]] = {
    "LRMDecode": {"pose_normalization": {"as they are": "none"}},
    "PanoDepth": {"depth_image_type": {"distance": "depth", "inverse distance": "inverse depth"}},
    "PanoVAEDecode": {"seam_mode": {"exact": "circular", "upstream 16 px": "upstream"}},
    "PanoVAEEncode": {"seam_mode": {"exact": "circular"}},
    "PanoVideoConditioning": {"encode_seam_mode": _VIDEO},
    "PanoVideoSampler": {"encode_seam_mode": _VIDEO, "decode_seam_mode": _VIDEO},
    "SplatMesh": {"texture": {"vertex colours": "vertex colors"}},
    "TrajectoryFromCamera": {"speed_profile": _SPEED},
    "TrajectoryFromKeyframes": {"speed_profile": _SPEED},
}
"""Old and new values of choices, by node id and (new) input."""


def renamed_inputs(settings: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return all old and new names of inputs; ``settings`` are the library's ``RENAMED_SETTINGS``."""
    own = {old: new for old, new in settings.items() if old not in RENAMED_INPUTS["GSOptimize"]}
    return {**RENAMED_INPUTS, "GSOptimizeSettings": own}


def refuse_old_names(node: type[Any], renamed: dict[str, dict[str, str]]) -> type[Any]:
    """Return the node as one that refuses its old names and names the new ones; a node without any as it is."""
    inputs, choices = renamed.get(node.__name__, {}), RENAMED_OPTIONS.get(node.__name__, {})
    if not inputs and not choices:
        return node
    own_check = vars(node).get("validate_inputs")
    own_names = [] if own_check is None else list(inspect.signature(own_check.__func__).parameters)[1:]

    def define_schema(cls: type[Any]) -> Any:
        schema = node.define_schema.__func__(cls)
        schema.accept_all_inputs = True  # so that the host shows what it does not know
        return schema

    def validate_inputs(cls: type[Any], **given: Any) -> bool | str:
        for old, new in inputs.items():
            if old in given:
                return f"{old} is called {new} now; got the old name."
        for name, values in choices.items():
            problem = _choice_problem(cls, name, values, given.get(name))
            if problem is not None:
                return problem
        if own_check is None:
            return True
        result: bool | str = own_check.__func__(
            cls, **{name: given[name] for name in own_names if name in given}
        )
        return result

    # The host passes what the signature names, and leaves out its own checks of those.
    names = ("cls", *dict.fromkeys((*own_names, *inputs, *choices)))
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    validate_inputs.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]

    def execute(cls: type[Any], *values: Any, **given: Any) -> Any:
        known = {one.id for one in cls.define_schema().inputs}
        return node.execute.__func__(
            cls, *values, **{name: one for name, one in given.items() if name in known}
        )

    methods = {"define_schema": define_schema, "validate_inputs": validate_inputs, "execute": execute}
    members = {name: classmethod(method) for name, method in methods.items()}
    return type(node.__name__, (node,), {"__module__": node.__module__, "__doc__": node.__doc__, **members})


def _choice_problem(cls: type[Any], name: str, renamed: dict[str, str], value: Any) -> str | None:
    """Say what is wrong with a choice, as the host would, or what an old value is called now."""
    options = next(one.options for one in cls.define_schema().inputs if one.id == name)
    if value is None or value in options:  # None: it comes by a link, or was left out
        return None
    if value in renamed:
        return f"{name}: {value!r} is called {renamed[value]!r} now; got the old name."
    return f"{name}: {value!r} not in {options}"
