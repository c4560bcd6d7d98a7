"""The harness itself: nothing passes because it was never looked at."""

from __future__ import annotations

import pulumi
import pulumi_random as random
import pytest

from tests.components.harness import UNKNOWN, Secret, run


def one_pet() -> dict[str, pulumi.Input[str]]:
    pet = random.RandomPet("pet", opts=pulumi.ResourceOptions(protect=True))
    return {"id": pet.id, "separator": pet.separator.apply(str)}


def test_a_selection_that_finds_nothing_fails() -> None:
    with pytest.raises(AssertionError, match=r"no RandomString among \['random:index/randomPet:RandomPet'\]"):
        run(one_pet).of("RandomString")


def test_a_program_that_registers_nothing_fails() -> None:
    with pytest.raises(AssertionError, match="registered no resource"):
        run(dict)


def test_an_assertion_within_an_output_fails_the_run() -> None:
    def check(value: str) -> None:
        assert value == "another"

    with pytest.raises(AssertionError):
        run(lambda: random.RandomPet("pet").id.apply(check) and None)


def test_a_failed_run_leaves_nothing_for_the_next() -> None:
    def failing() -> None:
        random.RandomPet("pet")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        run(failing)
    assert run(one_pet).outputs["id"] == "pet-id"


def test_what_only_creation_tells_is_unknown_in_a_preview_and_known_after_an_update() -> None:
    assert run(one_pet, preview=True).outputs["id"] is UNKNOWN
    assert run(one_pet).outputs["id"] == "pet-id"


def test_options_and_secrets_are_recorded() -> None:
    def program() -> None:
        keeper = pulumi.Output.secret("hidden")
        first = random.RandomPet("first", keepers={"k": keeper}, opts=pulumi.ResourceOptions(protect=True))
        opts = pulumi.ResourceOptions(depends_on=[first], ignore_changes=["length"], aliases=[pulumi.Alias(name="old")])
        random.RandomPet("second", opts=opts)

    found = run(program)
    first, second = found.one("RandomPet", "first"), found.one("RandomPet", "second")
    assert first.protect
    assert first.inputs["keepers"] == Secret({"k": "hidden"})
    assert second.dependencies == (first.urn,)
    assert second.ignore_changes == ("length",)
    assert "old" in second.aliases[0]


def test_configuration_reaches_the_program_and_does_not_outlive_it() -> None:
    def program() -> dict[str, object]:
        random.RandomPet("pet")
        return {"key": pulumi.Config("mlplatform").get("key") or "none"}

    assert run(program, config={"mlplatform:key": "value"}).outputs["key"] == "value"
    assert run(program).outputs["key"] == "none"
