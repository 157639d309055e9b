"""The shipped templates at sizes that two cores and tiny random models finish in a minute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workflow_api import graphs_of, set_widget

__all__ = ["GENERATIVE", "WORKFLOWS_DIR", "small_template"]

WORKFLOWS_DIR = Path(__file__).resolve().parents[2] / "workflows"

GENERATIVE = (
    "text_to_panorama",
    "photo_to_panorama",
    "panorama_to_video",
    "panorama_video_to_world",
    "panorama_lrm_to_world",
    "text_to_world",
    "mini_text_to_world",
    "edit_world",
)
"""Templates that sample with FLUX or Wan."""

_SMALL: dict[str, dict[str, Any]] = {
    "EmptySD3LatentImage": {"width": 256, "height": 128},
    "ModelSamplingFlux": {"width": 256, "height": 128},
    "KSampler": {"steps": 2},
    "PanoProject": {"width": 256},
    "PanoLoad": {"max_width": 512},
    "MoGePanoramaInference": {"resolution_level": 0, "split_resolution": 256, "merge_resolution": 256},
    "TrajectoryPreset": {"frames": 5},
    "MeshGuidanceRender": {"width": 256, "mesh_width": 256},
    "PanoClipImage": {"size": "custom", "width": 128, "height": 64},
    "PanoVideoSampler": {"size": "custom", "width": 128, "height": 64, "steps": 2},
    "LayersToSplats": {"max_gaussians": 5000},
    "GSOptimize": {"preset": "draft", "iterations": 20, "max_gaussians": 5000, "crop_size": 64},
}


def small_template(name: str, info: dict[str, Any]) -> dict[str, Any]:
    """Return a shipped template with small sizes and few steps; nothing else of it is changed.

    Args:
        name: of the file in ``workflows/``, without suffix.
        info: the host's ``/object_info``.
    """
    workflow = json.loads((WORKFLOWS_DIR / f"{name}.json").read_text(encoding="utf-8"))
    for node in [node for graph in graphs_of(workflow) for node in graph["nodes"]]:
        for widget, value in _SMALL.get(node["type"], {}).items():
            set_widget(node, info[node["type"]], widget, value)
    return workflow
