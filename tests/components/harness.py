"""Runs a whole Pulumi program against mocks and hands back what it registered, as plain values.

Every assertion stands outside the program, where it cannot be skipped by an output that never resolves: a selection
that finds nothing raises, and so does an unknown value in update mode. In preview mode what a provider would only know
after creation is UNKNOWN, as in the real engine.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pulumi
from pulumi.output import Unknown
from pulumi.runtime import mocks, rpc, settings, stack

from tests.components.record import UNKNOWN, Registered, Run, Secret

PROJECT = "mlplatform"
RUN_SECONDS = 60
"""A program that waits longer waits for an output that nothing will resolve."""


Outputs = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""(type, name, inputs) → the outputs that this cloud gives and that the defaults do not resemble enough."""
Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(function token, arguments) → its result."""


class _Mocks(mocks.Mocks):
    """Answers creations with plausible outputs (update) or with the inputs alone (preview)."""

    def __init__(
        self,
        run: Run,
        classes: dict[str, type[pulumi.Resource]],
        outputs: Outputs,
        call: Call,
        previous: Mapping[str, Any],
    ) -> None:
        self.run, self.classes, self.outputs, self.answer, self.previous = run, classes, outputs, call, previous

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return "", {}
        answered = self.outputs(args.typ, args.name, args.inputs)
        if self.run.preview:
            return None, args.inputs | {key: value for key, value in answered.items() if key in args.inputs}
        defaults = _default_outputs(self.classes.get(args.typ), args.name)
        return f"{args.name}-id", {**defaults, **args.inputs, **answered}

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token == "pulumi:pulumi:readStackOutputs":
            return {"name": args.args["name"], "outputs": dict(self.previous), "secretOutputNames": []}
        self.run.calls.append((args.token, args.args))
        return dict(self.answer(args.token, args.args))


def _default_outputs(resource_class: type[pulumi.Resource] | None, name: str) -> dict[str, str]:
    """``<name>-<property>`` for each property of the class that is a text."""
    found: dict[str, str] = {}
    for key, member in inspect.getmembers(resource_class, lambda member: isinstance(member, property)):
        getter = cast(property, member).fget
        if getter and "str" in str(getter.__annotations__.get("return")).partition("Output[")[2][:15]:
            found[getattr(getter, "_pulumi_name", key)] = f"{name}-{key}"
    return found


class _Monitor(mocks.MockMonitor):
    """A mock monitor that keeps what the request says beyond type, name and inputs."""

    def __init__(self, mock: _Mocks) -> None:
        super().__init__(mock)
        self.run, self.classes = mock.run, mock.classes

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.run.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    urn=response.urn,
                    parent=request.parent,
                    custom=request.custom,
                    inputs=_plain(rpc.deserialize_properties(request.object, keep_unknowns=True)),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    delete_before_replace=request.deleteBeforeReplace,
                    dependencies=tuple(request.dependencies),
                    ignore_changes=tuple(request.ignoreChanges),
                    aliases=tuple(str(alias) for alias in request.aliases),
                    resource_class=self.classes.get(request.type),
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        found = _plain(rpc.deserialize_properties(request.outputs, keep_unknowns=True))
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.run.outputs.update(found)
        else:
            self.run.component_outputs[request.urn] = found
        return super().RegisterResourceOutputs(request)


def _plain(value: Any) -> Any:
    """Pulumi's wire values as Python's: unknowns as UNKNOWN, secrets as Secret."""
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        mapping = cast(dict[str, Any], value)
        if rpc.is_rpc_secret(mapping):
            return Secret(_plain(rpc.unwrap_rpc_secret(mapping)))
        return {key: _plain(entry) for key, entry in mapping.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in cast(list[Any], value)]
    return value


class _Messages(logging.Handler):
    """Keeps what the program told the user."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def run(
    program: Callable[[], Any],
    *,
    config: Mapping[str, Any] | None = None,
    secrets: frozenset[str] = frozenset(),
    stack_name: str = "test",
    preview: bool = False,
    outputs: Outputs = lambda _type, _name, _inputs: {},
    call: Call = lambda _token, _arguments: {},
    previous: Mapping[str, Any] | None = None,
) -> Run:
    """Run ``program`` with the given configuration (keys with their project) and return what happened.

    A mapping returned by the program is exported; ``previous`` is what a reference to the stack itself finds.
    Raises what the program raises.
    """
    result = Run(preview=preview)
    classes: dict[str, type[pulumi.Resource]] = {}
    mock = _Mocks(result, classes, outputs, call, previous or {})
    contextvars.copy_context().run(_run, program, result, config or {}, secrets, stack_name, mock)
    assert result.resources, "the program registered no resource"
    if not preview:
        unknown = [resource.urn for resource in result.resources if _contains_unknown(resource.inputs)]
        assert not unknown, f"unknown inputs in update mode: {unknown}"
        assert not _contains_unknown(result.outputs)
    return result


def _run(
    program: Callable[[], Any],
    result: Run,
    config: Mapping[str, Any],
    secrets: frozenset[str],
    stack_name: str,
    mock: _Mocks,
) -> None:
    """The run itself, in a context of its own."""
    logger = logging.Logger("program")
    logger.addHandler(_Messages(result.messages))
    monitor = _Monitor(mock)
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    pulumi.runtime.set_all_config(text, list(secrets))
    # A run that failed leaves its unfinished work behind, on an event loop that is closed.
    ambient = cast(Any, settings.SETTINGS)
    ambient.rpc_manager.clear()
    ambient.outputs.clear()
    # set_mocks would otherwise register a stack on an event loop that never runs.
    settings.set_root_resource(cast(Any, object()))
    original = pulumi.CustomResource.__init__

    def remember(self: pulumi.CustomResource, t: str, *args: Any, **kwargs: Any) -> None:
        mock.classes[t] = type(self)
        for argument in (*args, *kwargs.values()):
            if isinstance(argument, pulumi.ResourceOptions):
                argument.aliases = [alias for alias in _listed(argument.aliases) if not _renames_the_type(alias)]
        original(self, t, *args, **kwargs)

    def export() -> None:
        for name, value in (program() or {}).items():
            pulumi.export(name, value)

    pulumi.CustomResource.__init__ = remember
    try:
        mocks.set_mocks(
            mock,
            project=PROJECT,
            stack=stack_name,
            preview=result.preview,
            logger=logger,
            monitor=monitor,
        )
        settings.set_root_resource(cast(Any, None))
        asyncio.run(_await(stack.run_in_stack(export)))
    finally:
        pulumi.CustomResource.__init__ = original


def _listed(aliases: Any) -> list[Any]:
    """The aliases that are known now."""
    return cast(list[Any], aliases) if isinstance(aliases, list) else []


def _renames_the_type(alias: Any) -> bool:
    """Whether an alias is one of the dozens that an SDK gives each resource for older API versions.

    They say nothing of our program and cost two thirds of a run.
    """
    given = [key for key, value in vars(alias).items() if value is not ...] if isinstance(alias, pulumi.Alias) else []
    return given == ["type_"]


async def _await(program: Coroutine[Any, Any, None]) -> None:
    """Await the program; the mocks want an event loop in each thread that they answer from, and close none."""
    loops: list[asyncio.AbstractEventLoop] = []

    def prepare() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    try:
        with ThreadPoolExecutor(max_workers=4, initializer=prepare) as executor:
            asyncio.get_running_loop().set_default_executor(executor)
            await asyncio.wait_for(program, RUN_SECONDS)
    finally:
        for loop in loops:
            loop.close()


def _contains_unknown(value: Any) -> bool:
    """Whether UNKNOWN stands anywhere in ``value``."""
    if isinstance(value, Secret):
        return _contains_unknown(value.value)
    if isinstance(value, dict):
        return any(map(_contains_unknown, cast(dict[str, Any], value).values()))
    if isinstance(value, list):
        return any(map(_contains_unknown, cast(list[Any], value)))
    return value is UNKNOWN
