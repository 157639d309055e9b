"""Diffusers pipelines of the console: loading, requirements, and release of memory."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..variables import variable

__all__ = [
    "DTYPES",
    "OFFLOADS",
    "PipelineSource",
    "choose_device",
    "opened_pipeline",
    "place",
    "require_packages",
]

logger = logging.getLogger(__name__)

NEEDED = {
    "diffusers": (0, 42),
    "peft": (0, 17),
    "transformers": (4, 51),
    "accelerate": (1, 0),
    "ftfy": (6, 0),
}
"""Packages of the extra ``generate`` and the oldest versions whose calls are used here."""

OFFLOADS = ("auto", "none", "model", "sequential")
"""``model`` keeps one component at a time on the device, ``sequential`` one layer (slow, least memory);
``auto`` is ``model`` on a GPU and ``none`` on the CPU."""

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
"""Number types by name, as users give them."""

_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".gguf", ".ckpt", ".pt", ".pth", ".sft")
_GATED = ("black-forest-labs/FLUX.1-dev", "black-forest-labs/FLUX.1-Fill-dev")


@dataclass(frozen=True)
class PipelineSource:
    """Where a pipeline's weights are and how they are loaded.

    Attributes:
        model: folder of a diffusers pipeline (with ``model_index.json``), or a hub id (``owner/name``).
        transformer: single-file checkpoint of the diffusion model with native names, instead of the folder's own;
            its configuration still comes from ``model``.
        dtype: a name of `DTYPES`.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
        offload: one of `OFFLOADS`.
        download: fetch a hub id that is not in the local cache; off, nothing uses the network.
    """

    model: str
    transformer: str = ""
    dtype: str = "bfloat16"
    device: str = "auto"
    offload: str = "auto"
    download: bool = False


def require_packages(what: str) -> None:
    """Raise unless the packages of the extra ``generate`` are here.

    Args:
        what: what needs them, for the message (``"making panoramas with FLUX"``).

    Raises:
        BackendUnavailable: naming what is missing or too old, and how to get it.
    """
    wrong = []
    for name, least in NEEDED.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed")
            continue
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < least:
            wrong.append(f"{name} is {version}, needs {'.'.join(map(str, least))} or newer")
    if not wrong:
        try:
            import accelerate  # noqa: F401
            import diffusers  # noqa: F401
            import ftfy  # noqa: F401
            import peft  # noqa: F401
            import transformers  # noqa: F401
        except ImportError as error:
            wrong.append(f"{error.name or 'a package'} cannot be imported ({error})")
    if wrong:
        raise BackendUnavailable(
            f"{what} needs the packages of the extra 'generate'; {'; '.join(wrong)}. "
            "Install them: pip install 'matrix3d[generate]'."
        )


def choose_device(name: str) -> torch.device:
    """Return the device of that name; ``"auto"`` is CUDA, else Apple's GPU, else the CPU.

    Under torchrun, ``auto`` and ``cuda`` give each process its own GPU.

    Raises:
        InvalidInput: for a name that torch does not know.
        BackendUnavailable: when there is no such device here.
    """
    if name == "auto":
        has_mps = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidInput(f"device must be auto, cpu, cuda, cuda:N or mps; got {name!r}.") from error
    if device.type == "cuda":
        if device.index is None:
            device = torch.device("cuda", int(variable("LOCAL_RANK", "0")))
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device.index is None or device.index >= count:
            raise BackendUnavailable(f"device {device} is not here; torch sees {count} CUDA devices.")
    return device


@contextlib.contextmanager
def opened_pipeline(kind: str, source: PipelineSource, what: str) -> Iterator[Any]:
    """Load a pipeline, and free all it holds at the end, also when the body raises.

    The pipeline is in evaluation mode, silent, and still on the CPU: adapters go on first, then `place`.

    Args:
        kind: its class in diffusers, such as ``"FluxPipeline"``.
        source: where it is.
        what: what it is for, for the messages.

    Raises:
        BackendUnavailable: when packages are missing, or weights are neither here nor to be had.
        InvalidInput: when the folder is missing or holds another kind of pipeline.
        FormatError: when a part of the folder is missing or damaged.
    """
    require_packages(what)
    pipeline = _load(kind, source)
    try:
        yield pipeline
    finally:
        _release(pipeline)


def place(pipeline: Any, source: PipelineSource) -> torch.device:
    """Move the pipeline to its device, or set up offloading to it; return the device."""
    device = choose_device(source.device)
    if source.offload not in OFFLOADS:
        raise InvalidInput(f"offload must be one of {', '.join(OFFLOADS)}; got {source.offload!r}.")
    offload = source.offload
    if offload == "auto":
        offload = "none" if device.type == "cpu" else "model"
    if device.type == "cpu" and offload != "none":
        raise InvalidInput(f"offload {offload} needs a GPU to load onto; the device is cpu. Use none.")
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return device


def _load(kind: str, source: PipelineSource) -> Any:
    import diffusers

    if source.dtype not in DTYPES:
        raise InvalidInput(f"dtype must be one of {', '.join(DTYPES)}; got {source.dtype!r}.")
    dtype = DTYPES[source.dtype]
    folder = _local_folder(source.model)
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": folder is not None or not source.download}
    if folder is not None:
        _check_folder(folder, kind)
    with _quiet():
        try:
            if source.transformer:
                options["transformer"] = _load_transformer(kind, source, dtype)
            pipeline = getattr(diffusers, kind).from_pretrained(str(folder or source.model), **options)
        except (FormatError, InvalidInput, BackendUnavailable):
            raise
        except Exception as error:  # the hub, transformers and diffusers each have kinds of their own
            raise _explain(error, kind, source, folder) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _local_folder(model: str) -> Path | None:
    """Return the folder that ``model`` names, or None for a hub id."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise InvalidInput(
            f"model must be a folder or a hub id; {path.name} is a file. Give the folder of the diffusers "
            "pipeline as model, and this file as transformer."
        )
    is_id = model.count("/") == 1 and "\\" not in model and not model.startswith((".", "/", "~"))
    if not is_id:
        raise InvalidInput(
            f"model must be the folder of a diffusers pipeline or a hub id (owner/name); there is no folder "
            f"{model}."
        )
    return None


def _check_folder(folder: Path, kind: str) -> None:
    """Raise when the folder is no such pipeline or a part of it is not there."""
    index = folder / "model_index.json"
    if not index.is_file():
        raise InvalidInput(
            f"{folder} must be a diffusers pipeline; it has no model_index.json. Weights in their "
            "own layout (one file, or shards with native names) go to transformer."
        )
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{index}: not valid JSON ({error}).") from error
    found = str(parts.get("_class_name"))
    if found != kind:
        raise InvalidInput(
            f"{folder} must hold a {kind}; it holds a {found}. {_OTHER.get((kind, found), '')}"
        )
    for name, entry in parts.items():
        if name.startswith("_") or not isinstance(entry, list) or not entry or entry[0] is None:
            continue
        part = folder / name
        files = [file.name for file in part.iterdir()] if part.is_dir() else []
        if not files:
            raise FormatError(
                f"{folder}: the part {name} is missing; looked for {part}. Download the folder again, or "
                "fetch this part of it."
            )
        if (part / "config.json").is_file() and not any(file.endswith(_WEIGHT_SUFFIXES) for file in files):
            raise FormatError(
                f"{folder}: the part {name} has no weights; {part} holds only {', '.join(sorted(files))}. "
                "Download it again."
            )


_OTHER = {
    ("FluxPipeline", "FluxFillPipeline"): "FLUX.1 Fill is for photos (--photo).",
    ("FluxFillPipeline", "FluxPipeline"): "A photo needs FLUX.1 Fill; FLUX.1 dev is for text alone.",
    ("WanImageToVideoPipeline", "WanPipeline"): "Guided video needs an image-to-video model (I2V).",
}


def _load_transformer(kind: str, source: PipelineSource, dtype: torch.dtype) -> Any:
    """Load the diffusion model from one file in its makers' names."""
    import diffusers

    file = Path(source.transformer).expanduser()
    if not file.is_file():
        raise InvalidInput(f"transformer must be a file; there is no {file}.")
    name = "WanTransformer3DModel" if kind.startswith("Wan") else "FluxTransformer2DModel"
    folder = _local_folder(source.model)
    return getattr(diffusers, name).from_single_file(
        str(file),
        config=str(folder) if folder else source.model,
        subfolder="transformer",
        dtype=dtype,
        local_files_only=folder is not None or not source.download,
    )


def _explain(error: Exception, kind: str, source: PipelineSource, folder: Path | None) -> Exception:
    """Return the error to show instead: what is missing, where it was looked for, how to get it."""
    from huggingface_hub import constants, errors

    lines = str(error).strip().splitlines()
    reason = (lines[0] if lines else type(error).__name__)[:300]
    if folder is not None:
        where = source.transformer if source.transformer else str(folder)
        return FormatError(f"{where}: could not be loaded as {kind}; {reason}")
    chain = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)  # type: ignore[arg-type]
    get = f"hf download {source.model}"
    if any(isinstance(link, errors.GatedRepoError) for link in chain) or (
        source.download and source.model in _GATED and any("401" in str(link) for link in chain)
    ):
        return BackendUnavailable(
            f"{source.model} is gated: its makers want its license accepted first. Accept it at "
            f"https://huggingface.co/{source.model}, log in with `hf auth login`, and run again."
        )
    gated = " It is gated: accept its license on its page and `hf auth login` first." * (
        source.model in _GATED
    )
    cache = constants.HF_HUB_CACHE
    if constants.HF_HUB_OFFLINE:
        return BackendUnavailable(
            f"{source.model} is not complete in the hub's cache {cache}, and HF_HUB_OFFLINE is set. On a "
            f"machine with network run `{get}` and copy the folder here, or unset HF_HUB_OFFLINE.{gated}"
        )
    if not source.download:
        return BackendUnavailable(
            f"{source.model} is not complete in the hub's cache {cache}. Run `{get}`, or add --download, or "
            f"give the folder of the pipeline.{gated}"
        )
    if any(isinstance(link, errors.RepositoryNotFoundError) for link in chain):
        return InvalidInput(f"the hub has no {source.model}, or it is private. Check the name.{gated}")
    return BackendUnavailable(
        f"{source.model} could not be fetched; {reason} Looked in {cache} first. Without network: run `{get}` "
        f"elsewhere and give the folder.{gated}"
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep loading bars of diffusers and transformers off the terminal, as they would break ours."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.enable_progress_bar()
        transformers_logging.enable_progress_bar()


def _release(pipeline: Any) -> None:
    """Drop a pipeline's weights now, even where a traceback still holds its modules."""
    with contextlib.suppress(Exception):  # hooks of an interrupted move may be half way
        pipeline.remove_all_hooks()
    for name, part in list(pipeline.components.items()):
        if isinstance(part, torch.nn.Module):
            with contextlib.suppress(Exception):
                part.to("meta")
            setattr(pipeline, name, None)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
