"""Names that come from a workflow or a request never lead out of the host's folders."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def answers(in_host, tmp_path_factory):
    return in_host.call("path_safety.names", base=tmp_path_factory.mktemp("paths"))


@pytest.mark.parametrize("name", ["sub/fine.png", "inner/fine.png", "sub/./fine.png"])
def test_names_inside_are_resolved(answers, name):
    assert answers["inside"][name] == ["ok", answers["root"] + "/sub/fine.png"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../secret/file.txt",
            "sub/../../secret/file.txt",
            "..",
            "/etc/passwd",
            "dirlink/file.txt",
            "filelink",
        ),
        *("a\0b", "C:/x", "C:\\x", "c:x", "", "../input-evil/x"),
    ],
)
def test_names_that_lead_out_are_refused(answers, name):
    kind, message = answers["inside"][name]
    assert kind == "InvalidInput"
    assert message.startswith("file must ")
    assert "input folder" in message


def test_input_files_must_exist_inside(answers):
    found = answers["input"]
    assert found["sub/fine.png"][0] == "ok"
    assert found["dirlink/file.txt"][0] == "InvalidInput"
    assert found["none.png"] == [
        "InvalidInput",
        "input file 'none.png' does not exist; put it into the host's input folder.",
    ]
    assert found["sub"][0] == "InvalidInput"


def test_saving_stays_inside_the_output_folder(answers):
    found = answers["save"]
    assert found["matrix3d/world"][0] == "ok"
    assert found[""][0] == "ok"
    for name in ("../x", "/tmp/x", "a/../../x", "\0"):
        assert found[name][0] == "InvalidInput", name


def test_names_that_the_disk_cannot_hold_are_refused_before_folders_are_made(answers):
    found = answers["odd"]
    for kind in ("long", "long folder", "long in bytes", "deep", "long in all", "long date"):
        assert found[kind][0] == "InvalidInput", kind
        assert found[kind][1].startswith("filename_prefix must be names of at most 200 bytes, 800 in all"), (
            kind
        )
    for kind, why in (("surrogate", "cannot be encoded"), ("loop", "circle"), ("round", "circle")):
        name, text = found[kind]
        assert name == "InvalidInput", kind
        assert text.startswith("filename_prefix must be a name that the disk can hold; got '"), kind
        assert why in text or "symbolic links" in text, kind
    assert found["in a file"][0] == "DiskError"
    assert found["in a file"][1].startswith("x could not be written: its folder is a file (")
    assert set(answers["folders"]) == {"loop", "round", "about", "a file"}


def test_the_list_of_input_files_shows_nothing_from_outside(answers):
    assert "sub/fine.png" in answers["listed"]
    assert not [name for name in answers["listed"] if "secret" in name or "link" in name]
