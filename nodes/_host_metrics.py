"""The host's folder for the networks that metrics use."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from ..matrix3d_core.metrics.networks import MetricNetworks, open_networks

__all__ = ["FOLDER_KIND", "networks_of_host"]

FOLDER_KIND = "matrix3d_metrics"
"""Kind of model folder: ``models/matrix3d_metrics``, or what ``extra_model_paths.yaml`` says."""


def register_folder() -> None:
    """Make the host know ``models/matrix3d_metrics`` and its kind of files."""
    folder_paths.add_model_folder_path(FOLDER_KIND, str(Path(folder_paths.models_dir) / FOLDER_KIND))
    folder_paths.folder_names_and_paths[FOLDER_KIND][1].update(folder_paths.supported_pt_extensions)


def networks_of_host() -> MetricNetworks:
    """Open what the first of the host's folders of that kind that exists holds, on the CPU."""
    places = [Path(place) for place in folder_paths.get_folder_paths(FOLDER_KIND)]
    return open_networks(next((place for place in places if place.is_dir()), places[0]))


register_folder()
