from __future__ import annotations

from engine.standin.properties import Difference, decode, differences, encode, texts
from engine.standin.values import UNKNOWN


def test_values_come_back_as_they_were_and_whole_numbers_are_integers() -> None:
    values = {"port": 8000, "cpu": 0.25, "tags": ["a", None, {"on": True}], "empty": {}}
    assert decode(encode(values)) == values
    assert isinstance(decode(encode(values))["port"], int)


def test_differences_name_the_nested_property_and_the_entry_of_a_list() -> None:
    old = {"template": {"containers": [{"image": "a", "cpu": 1}]}, "size": 1, "gone": "x"}
    new = {"template": {"containers": [{"image": "b", "cpu": 1}, {"image": "c"}]}, "size": 1, "fresh": [1]}
    assert set(differences(old, new)) == {
        Difference("template.containers[0].image", "UPDATE"),
        Difference("template.containers[1]", "ADD"),
        Difference("gone", "DELETE"),
        Difference("fresh", "ADD"),
    }


def test_a_key_that_is_no_identifier_is_quoted_in_the_path() -> None:
    assert list(differences({"tags": {"a.b": 1}}, {"tags": {"a.b": 2}})) == [Difference('tags["a.b"]', "UPDATE")]


def test_an_absent_property_and_a_null_are_the_same() -> None:
    assert list(differences({"a": None}, {"b": None})) == []


def test_an_unknown_differs_from_what_was_known() -> None:
    assert list(differences({"a": [1]}, {"a": UNKNOWN})) == [Difference("a", "UPDATE")]


def test_a_difference_lies_within_its_own_path_its_parents_and_its_parts() -> None:
    difference = Difference("template.containers[0]", "ADD")
    assert difference.property == "template"
    assert difference.within("template")
    assert difference.within("template.containers[0].image")
    assert not difference.within("template.containers[1]")
    assert not difference.within("temp")


def test_texts_leave_out_what_is_unknown() -> None:
    assert dict(texts({"a": ["x", UNKNOWN, 1], "b": {"c": "y"}})) == {"a[0]": "x", "b.c": "y"}
