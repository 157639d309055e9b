"""Where pipelines come from: what is missing is named, nothing uses the network unasked, and memory is freed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import programs
import pytest
import torch

from matrix3d_core import cli
from matrix3d_core.errors import BackendUnavailable, FormatError, InvalidInput
from matrix3d_core.standalone.pano import PanoConfig, make_panorama
from matrix3d_core.standalone.pipelines import (
    PipelineSource,
    choose_device,
    opened_pipeline,
    place,
    require_packages,
)

ROOT = Path(__file__).resolve().parents[3]


def open_flux(model, **options):
    source = PipelineSource(str(model), dtype="float32", device="cpu", **options)
    with opened_pipeline("FluxPipeline", source, "a test"):
        pass


@pytest.fixture
def copied(flux_folder, tmp_path):
    return shutil.copytree(flux_folder, tmp_path / "pipeline")


# Packages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["diffusers", "peft", "transformers", "accelerate", "ftfy"])
def test_a_missing_package_is_named_with_the_extra(missing, monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == missing:
            raise importlib.metadata.PackageNotFoundError(name)
        return "99.0" if name == "diffusers" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(BackendUnavailable) as caught:
        require_packages("making panoramas with FLUX")
    assert str(caught.value) == (
        f"making panoramas with FLUX needs the packages of the extra 'generate'; {missing} is not installed. "
        "Install them: pip install 'matrix3d[generate]'."
    )


def test_an_old_package_is_named(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda n: "0.35.2" if n == "diffusers" else real(n))
    with pytest.raises(BackendUnavailable, match=r"diffusers is 0\.35\.2, needs 0\.42 or newer"):
        require_packages("a test")


def test_the_command_says_so_and_loads_nothing(monkeypatch, tmp_path, capsys):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert cli.main(["pano", "a room", "--out", str(tmp_path / "out")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("matrix3d:")]
    assert "diffusers is not installed; peft is not installed" in line
    assert "pip install 'matrix3d[generate]'" in line


def test_help_and_the_rooms_modules_need_no_diffusers():
    code = (
        "import sys, matrix3d_core.cli as c, matrix3d_core.standalone.pano, matrix3d_core.standalone.video\n"
    )
    code += "for name in ('pano', 'video'):\n    try: c.main([name, '--help'])\n    except SystemExit: pass\n"
    code += (
        "sys.exit(any(name in sys.modules for name in ('diffusers', 'transformers', 'peft', 'accelerate')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for word in ("--photo FILE", "latents.safetensors", "torchrun", "hf auth login", "prompt.txt"):
        assert word in done.stdout


# Folders ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["./nothing", "/nowhere/flux", "flux", "a/b/c", "~/nothing_here"])
def test_a_missing_folder_is_named(model):
    with pytest.raises(InvalidInput, match="there is no folder") as caught:
        open_flux(model)
    assert model in str(caught.value)


def test_a_file_as_model_is_sent_to_transformer(tmp_path):
    (tmp_path / "flux1-dev.safetensors").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"flux1-dev.safetensors is a file.* and this file as transformer"):
        open_flux(tmp_path / "flux1-dev.safetensors")


def test_a_folder_without_index_is_no_pipeline(tmp_path):
    with pytest.raises(InvalidInput, match=r"it has no model_index.json.* go to transformer"):
        open_flux(tmp_path)


def test_another_kind_of_pipeline_is_refused(fill_folder, wan_folder):
    with pytest.raises(InvalidInput, match=r"must hold a FluxPipeline; it holds a FluxFillPipeline.*--photo"):
        open_flux(fill_folder)
    with pytest.raises(InvalidInput, match="must hold a FluxPipeline; it holds a WanImageToVideoPipeline"):
        open_flux(wan_folder)


@pytest.mark.parametrize("part", ["vae", "transformer", "text_encoder_2", "tokenizer", "scheduler"])
def test_a_missing_part_is_named_with_its_place(part, copied):
    shutil.rmtree(copied / part)
    with pytest.raises(FormatError, match=f"the part {part} is missing; looked for .*{part}"):
        open_flux(copied)


def test_a_part_without_weights_is_named(copied):
    (copied / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(FormatError, match=r"the part transformer has no weights; .* holds only config.json"):
        open_flux(copied)


def test_damaged_weights_are_named(copied):
    file = copied / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(FormatError, match="could not be loaded as FluxPipeline"):
        open_flux(copied)


def test_a_damaged_index_is_named(copied):
    (copied / "model_index.json").write_text("{")
    with pytest.raises(FormatError, match=r"model_index.json: not valid JSON"):
        open_flux(copied)


def test_a_missing_transformer_file_is_named(copied):
    with pytest.raises(InvalidInput, match=r"transformer must be a file; there is no .*none.safetensors"):
        open_flux(copied, transformer=str(copied / "none.safetensors"))


# The hub ---------------------------------------------------------------------------------------------


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_hub_id_is_only_looked_up_in_the_cache(empty_cache):
    """The ``offline`` fixture fails any connection."""
    with pytest.raises(BackendUnavailable) as caught:
        open_flux("someone/pano-model")
    assert str(caught.value) == (
        f"someone/pano-model is not complete in the hub's cache {empty_cache}. Run `hf download "
        "someone/pano-model`, or add --download, or give the folder of the pipeline."
    )


def test_a_gated_model_is_explained(empty_cache):
    with pytest.raises(
        BackendUnavailable, match="It is gated: accept its license on its page and `hf auth login`"
    ):
        open_flux("black-forest-labs/FLUX.1-dev")


def test_offline_mode_is_respected(empty_cache, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendUnavailable, match=r"HF_HUB_OFFLINE is set\. On a machine with network run"):
        open_flux("someone/pano-model", download=True)


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        (
            "black-forest-labs/FLUX.1-dev",
            "GatedRepoError",
            "gated: .* Accept it at https://huggingface.co/black",
        ),
        ("black-forest-labs/FLUX.1-dev", "RepositoryNotFoundError", "gated: .* log in with `hf auth login`"),
        ("someone/nothing", "RepositoryNotFoundError", "the hub has no someone/nothing, or it is private"),
        ("someone/nothing", "OSError", "could not be fetched; no route to host"),
    ],
)
def test_what_the_hub_answers_is_explained(model, error, says, empty_cache, monkeypatch):
    """As its client raises it: without a login the hub says 401 to gated and to missing models alike."""
    import diffusers
    from huggingface_hub import errors

    def refuse(*arguments, **options):
        assert options["local_files_only"] is False
        if error == "OSError":
            raise OSError("no route to host")
        kind = getattr(errors, error)
        answer = kind.__new__(kind)  # its constructor wants a response of the client's HTTP library
        Exception.__init__(answer, "401 Client Error")
        raise OSError("could not get model_index.json") from answer

    monkeypatch.setattr(diffusers.FluxPipeline, "from_pretrained", refuse)
    with pytest.raises((BackendUnavailable, InvalidInput), match=says):
        open_flux(model, download=True)


def test_a_pipeline_in_the_cache_is_found(flux_folder, empty_cache):
    """Laid out as the hub's client does it."""
    cached = empty_cache / "models--someone--tiny-flux"
    shutil.copytree(flux_folder, cached / "snapshots" / "abc123")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc123")
    open_flux("someone/tiny-flux")


# Devices ---------------------------------------------------------------------------------------------


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(InvalidInput, match="device must be auto, cpu, cuda, cuda:N or mps; got 'gpu'"):
        choose_device("gpu")
    with pytest.raises(BackendUnavailable, match="device cuda:99 is not here; torch sees"):
        choose_device("cuda:99")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": "fp8"}, "dtype must be one of bfloat16, float16, float32; got 'fp8'"),
        ({"offload": "disk"}, "offload must be one of auto, none, model, sequential; got 'disk'"),
        ({"offload": "model"}, "offload model needs a GPU to load onto; the device is cpu"),
    ],
)
def test_wrong_holding_is_refused(options, says, flux_folder):
    source = PipelineSource(str(flux_folder), **{"dtype": "float32", "device": "cpu", **options})
    with pytest.raises(InvalidInput, match=says), opened_pipeline("FluxPipeline", source, "x") as pipeline:
        place(pipeline, source)


def test_dtype_is_that_of_the_loaded_weights(flux_folder):
    source = PipelineSource(str(flux_folder), dtype="bfloat16", device="cpu")
    with opened_pipeline("FluxPipeline", source, "x") as pipeline:
        assert {pipeline.transformer.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype} == {
            torch.bfloat16
        }


# Stopping --------------------------------------------------------------------------------------------


class Stop(Exception):
    pass


def test_an_interrupted_run_frees_the_model_and_writes_nothing(flux_folder, tmp_path, monkeypatch):
    from matrix3d_core.standalone import pano

    held = []
    monkeypatch.setattr(pano, "place", lambda pipeline, source: held.append(pipeline.transformer))

    def stop(event):
        if event.phase == "sample panorama" and event.done == 2:
            assert next(held[0].parameters()).device.type == "cpu"
            raise Stop

    source = PipelineSource(str(flux_folder), dtype="float32", device="cpu")
    with pytest.raises(Stop):
        make_panorama("x", out_dir=tmp_path, source=source, config=PanoConfig(32, 64, 4), progress=stop)
    # Still held here (a traceback holds modules likewise), but its weights are gone.
    assert {parameter.device.type for parameter in held[0].parameters()} == {"meta"}
    assert not held[0]._forward_hooks
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_clean(number, flux_folder, tmp_path):
    out = tmp_path / "out"
    words = ["pano", "x", "--model", str(flux_folder), "--out", str(out), "--steps", "1", "--height", "32"]
    command = programs.command("slow_pano", *words, "--dtype", "float32", "--device", "cpu")
    with subprocess.Popen(
        command, env=programs.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "STARTED\n"
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("matrix3d: stopped\n")
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_no_partial_one(tmp_path):
    from matrix3d_core.io.tensors import write_tensors

    class Broken(torch.Tensor):
        def detach(self):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(2).as_subclass(Broken)})
    assert list(tmp_path.iterdir()) == []
    write_tensors(tmp_path / "x.safetensors", {"a": torch.arange(3)}, {"space": "a test"})
    from safetensors import safe_open

    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert file.metadata() == {"space": "a test"}
        assert torch.equal(file.get_tensor("a"), torch.arange(3))


def test_the_report_of_a_run_is_json(flux_folder, tmp_path):
    source = PipelineSource(str(flux_folder), dtype="float32", device="cpu")
    files = make_panorama("x", out_dir=tmp_path, source=source, config=PanoConfig(32, 64, 1))
    assert json.loads(files["report.json"].read_text())["model"] == str(flux_folder)
