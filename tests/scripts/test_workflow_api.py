"""The converter from saved workflows to prompts, on small graphs with a made-up host."""

from __future__ import annotations

import copy

import pytest
from workflow_api import WorkflowError, check_prompt, set_widget, to_prompt

INFO = {
    "Load": {
        "input": {"required": {"image": [["a.png", "b.png"], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"],
    },
    "Work": {
        "input": {
            "required": {
                "image": ["IMAGE", {}],
                "seed": ["INT", {"default": 0, "min": 0, "max": 99, "control_after_generate": True}],
                "mode": ["COMBO", {"options": ["fast", "fine"]}],
                "noise_seed": ["INT", {}],
                "amount": ["FLOAT", {"min": 0.0, "max": 1.0}],
                "only_socket": ["STRING", {"forceInput": True}],
            },
            "optional": {"mask": ["MASK", {}], "note": ["STRING", {}]},
        },
        "input_order": {
            "required": ["image", "seed", "mode", "noise_seed", "amount", "only_socket"],
            "optional": ["mask", "note"],
        },
        "output": ["IMAGE"],
        "display_name": "Do Work",
    },
    "Text": {"input": {"required": {"text": ["STRING", {}]}}, "output": ["STRING"]},
    "Flip": {"input": {"required": {"mask": ["MASK", {}], "image": ["IMAGE", {}]}}, "output": ["IMAGE"]},
    "Save": {
        "input": {
            "required": {
                "image": ["IMAGE", {}],
                "codec": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "auto", "inputs": {"required": {}}},
                            {
                                "key": "h264",
                                "inputs": {"required": {"crf": ["FLOAT", {"min": 0, "max": 51}]}},
                            },
                        ]
                    },
                ],
                "last": ["BOOLEAN", {}],
            }
        },
        "output": [],
    },
}


def node(number, kind, inputs=(), outputs=(), values=(), mode=0):
    return {
        "id": number,
        "type": kind,
        "mode": mode,
        "inputs": [{"name": name, "type": type_, "link": link} for name, type_, link in inputs],
        "outputs": [{"name": type_, "type": type_} for type_ in outputs],
        "widgets_values": list(values),
    }


def graph():
    work_inputs = [("image", "IMAGE", 1), ("only_socket", "STRING", 2), ("mask", "MASK", 3)]
    values = [7, "randomize", "fine", 5, "fixed", 0.5, "hello"]
    return {
        "nodes": [
            node(1, "Load", outputs=["IMAGE", "MASK"], values=["b.png", "image"]),
            node(2, "Text", outputs=["STRING"], values=["words"]),
            node(3, "Work", work_inputs, ["IMAGE"], values),
            node(4, "Save", [("image", "IMAGE", 4)], values=["h264", 20.0, True]),
            node(5, "MarkdownNote", values=["read me"]),
        ],
        "links": [
            [1, 1, 0, 3, 0, "IMAGE"],
            [2, 2, 0, 3, 1, "STRING"],
            [3, 1, 1, 3, 2, "MASK"],
            [4, 3, 0, 4, 0, "*"],
        ],
    }


def test_whole_graph():
    prompt = to_prompt(graph(), INFO)

    assert {key: value["inputs"] for key, value in prompt.items()} == {
        "1": {"image": "b.png"},
        "2": {"text": "words"},
        "3": {
            "image": ["1", 0],
            "seed": 7,
            "mode": "fine",
            "noise_seed": 5,
            "amount": 0.5,
            "only_socket": ["2", 0],
            "mask": ["1", 1],
            "note": "hello",
        },
        "4": {"image": ["3", 0], "codec": "h264", "codec.crf": 20.0, "last": True},
    }
    assert prompt["3"]["_meta"]["title"] == "Do Work"
    assert check_prompt(prompt, INFO) == []


def test_links_as_objects():
    workflow = graph()
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    workflow["links"] = [dict(zip(names, link, strict=True)) for link in workflow["links"]]
    assert to_prompt(workflow, INFO) == to_prompt(graph(), INFO)


def test_a_muted_source_leaves_the_input_open():
    workflow = graph()
    workflow["nodes"][0]["mode"] = 2
    prompt = to_prompt(workflow, INFO)
    assert "1" not in prompt
    assert "mask" not in prompt["3"]["inputs"]
    assert "Work (node 3): required input 'image' is missing" in check_prompt(prompt, INFO)


def test_a_bypassed_node_passes_on_the_input_of_the_same_type():
    workflow = graph()
    workflow["nodes"].append(node(6, "Flip", [("mask", "MASK", 6), ("image", "IMAGE", 5)], ["IMAGE"], mode=4))
    workflow["links"][0] = [1, 6, 0, 3, 0, "IMAGE"]
    workflow["links"] += [[5, 1, 0, 6, 1, "IMAGE"], [6, 1, 1, 6, 0, "MASK"]]
    prompt = to_prompt(workflow, INFO)
    assert "6" not in prompt
    assert prompt["3"]["inputs"]["image"] == ["1", 0]


def test_reroutes_and_primitives_vanish():
    workflow = graph()
    workflow["nodes"] += [
        node(6, "Reroute", [("", "*", 5)], ["IMAGE"]),
        node(7, "PrimitiveNode", outputs=["STRING"], values=["typed", "fixed"]),
    ]
    workflow["links"][0] = [1, 6, 0, 3, 0, "IMAGE"]
    workflow["links"][1] = [2, 7, 0, 3, 1, "STRING"]
    workflow["links"].append([5, 1, 0, 6, 0, "IMAGE"])
    inputs = to_prompt(workflow, INFO)["3"]["inputs"]
    assert inputs["image"] == ["1", 0]
    assert inputs["only_socket"] == "typed"


def test_a_ring_of_reroutes_is_refused():
    workflow = graph()
    workflow["nodes"] += [
        node(6, "Reroute", [("", "*", 5)], ["*"]),
        node(7, "Reroute", [("", "*", 6)], ["*"]),
    ]
    workflow["links"][0] = [1, 6, 0, 3, 0, "IMAGE"]
    workflow["links"] += [[5, 7, 0, 6, 0, "*"], [6, 6, 0, 7, 0, "*"]]
    with pytest.raises(WorkflowError, match="form a cycle"):
        to_prompt(workflow, INFO)


def test_a_widget_turned_into_a_socket_keeps_its_place():
    workflow = graph()
    workflow["nodes"][2]["inputs"].append(
        {"name": "amount", "type": "FLOAT", "widget": {"name": "amount"}, "link": 9}
    )
    workflow["links"].append([9, 2, 0, 3, 3, "FLOAT"])
    inputs = to_prompt(workflow, INFO)["3"]["inputs"]
    assert inputs["amount"] == ["2", 0]
    assert inputs["note"] == "hello"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w["nodes"][2]["widgets_values"].append(1), r"node 3 \(Work\) has 8 widget values, 1 more"),
        (lambda w: w["nodes"][2]["widgets_values"].pop(), r"node 3 \(Work\) has no widget value for 'note'"),
        (lambda w: w["nodes"][1].update(type="Gone"), "node 2: the host has no node 'Gone'"),
    ],
)
def test_misfits_are_named(change, message):
    workflow = graph()
    change(workflow)
    with pytest.raises(WorkflowError, match=message):
        to_prompt(workflow, INFO)


def folded():
    """`graph` with Work (3) in a subgraph inside another one, and a second Load that feeds the outer one's mask."""
    workflow = graph()
    work = workflow["nodes"].pop(2)
    work["inputs"][2]["link"] = None  # the mask ends at the outer subgraph, which has no way in for it
    inner = {
        "id": "inner",
        "inputs": [{"name": "picture"}, {"name": "words"}],
        "nodes": [work],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 3, "target_slot": 0},
            {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 3, "target_slot": 1},
            {"id": 9, "origin_id": 3, "origin_slot": 0, "target_id": -20, "target_slot": 0},
        ],
    }
    outer = {
        "id": "outer",
        "inputs": [{"name": "words"}, {"name": "picture"}],
        "nodes": [node(7, "inner", [("picture", "IMAGE", 1), ("words", "STRING", 2)], ["IMAGE"])],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 1, "target_id": 7, "target_slot": 0},
            {"id": 2, "origin_id": -10, "origin_slot": 0, "target_id": 7, "target_slot": 1},
            {"id": 3, "origin_id": 7, "origin_slot": 0, "target_id": -20, "target_slot": 0},
        ],
    }
    holder = node(8, "outer", [("words", "STRING", 2), ("picture", "IMAGE", 1)], ["IMAGE"])
    workflow["nodes"].insert(2, holder)
    workflow["links"] = [
        [1, 1, 0, 8, 1, "IMAGE"],
        [2, 2, 0, 8, 0, "STRING"],
        [4, 8, 0, 4, 0, "IMAGE"],
    ]
    workflow["definitions"] = {"subgraphs": [outer, inner]}
    return workflow


def test_subgraphs_unfold():
    plain = to_prompt(graph(), INFO)
    prompt = to_prompt(folded(), INFO)
    assert list(prompt) == ["1", "2", "8:7:3", "4"]
    expected = dict(plain["3"]["inputs"])
    del expected["mask"]
    assert prompt["8:7:3"]["inputs"] == expected
    assert prompt["4"]["inputs"]["image"] == ["8:7:3", 0]
    assert check_prompt(prompt, INFO) == []


def test_a_muted_subgraph_is_left_out_and_a_bypassed_one_hands_on():
    muted = folded()
    muted["nodes"][2]["mode"] = 2
    assert list(to_prompt(muted, INFO)) == ["1", "2", "4"]
    bypassed = folded()
    bypassed["nodes"][2]["mode"] = 4
    prompt = to_prompt(bypassed, INFO)
    assert list(prompt) == ["1", "2", "4"]
    assert prompt["4"]["inputs"]["image"] == ["1", 0]


def test_set_widget_changes_only_that_value():
    workflow = graph()
    before = copy.deepcopy(workflow)
    set_widget(workflow["nodes"][2], INFO["Work"], "amount", 0.25)
    before["nodes"][2]["widgets_values"][5] = 0.25
    assert workflow == before
    with pytest.raises(WorkflowError, match="no widget 'color'"):
        set_widget(workflow["nodes"][2], INFO["Work"], "color", 1)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("mode", "slow", "'slow' is not one of"),
        ("amount", 2.0, "2.0 is outside 0.0..1.0"),
        ("amount", "x", "'x' is not a number"),
        ("image", ["2", 0], "takes IMAGE and is wired to STRING"),
        ("image", ["1", 5], "output 5 of Load, which has 2"),
        ("image", ["77", 0], "wired to node 77, which is not there"),
        ("extra", 1, "has no input 'extra'"),
    ],
)
def test_check_prompt_names_what_the_host_would_refuse(key, value, message):
    prompt = to_prompt(graph(), INFO)
    prompt["3"]["inputs"][key] = value
    (found,) = check_prompt(prompt, INFO)
    assert message in found
