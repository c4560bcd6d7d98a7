"""Callers that are hostile, slow or gone meet the limits that HTTP has, and the rest is served beside them."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from starlette.types import Receive, Scope, Send

from app.grpc.messages import SERVICE, message
from app.grpc.server import GrpcServer
from app.grpc.translate import infer, model_path
from app.settings import Settings
from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually, failed_start, free_port, half_a_request

LIMIT = 1_048_576


@contextmanager
def channel(port: int) -> Generator[grpc.Channel]:
    """A channel to the service of this machine."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened


def ask(opened: grpc.Channel, method: str, sent: Any) -> Any:
    """What the service answers to ``sent``, a message or octets."""
    call = opened.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=lambda whole: whole if isinstance(whole, bytes) else whole.SerializeToString(),
        response_deserializer=message(f"{method}Response").FromString,
    )
    return call(sent, timeout=30)


def refused(opened: grpc.Channel, method: str, sent: Any) -> tuple[str, str]:
    """The code and the message of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        ask(opened, method, sent)
    return caught.value.code().name, caught.value.details()  # pyright: ignore[reportAttributeAccessIssue]


def half_a_call(opened: grpc.Channel) -> Any:
    """A call whose message does not come, until it is cancelled."""

    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(60)
        yield from ()

    call = opened.stream_unary(f"/{SERVICE}/ModelInfer").future(nothing())
    call.add_done_callback(lambda _: over.set())
    return call


def flower() -> Any:
    """A request for the prediction of one flower."""
    request = message("ModelInferRequest")(model_name="flowers")
    for name, value in FLOWER.items():
        request.inputs.add(name=name, datatype="FP64", shape=[1]).contents.fp64_contents.append(value)
    return request


@pytest.fixture(scope="module")
def port(start_service: Start, flowers: Path) -> int:
    chosen = free_port()
    start_service(flowers, GRPC_PORT=chosen)
    return chosen


def test_a_name_with_a_slash_leads_to_no_other_path(port: int) -> None:
    assert model_path("a/b", "1/c", "/infer") == "/v2/models/a%2Fb/versions/1%2Fc/infer"
    with channel(port) as opened:
        code, said = refused(opened, "ModelMetadata", message("ModelMetadataRequest")(name="flowers/ready"))
    assert (code, "this service has the model flowers" in said) == ("NOT_FOUND", True)


def test_outputs_go_raw_whatever_their_parameters_ask(port: int) -> None:
    request = flower()
    request.outputs.add(name="probabilities").parameters["binary_data"].bool_param = False
    with channel(port) as opened:
        (raw,) = ask(opened, "ModelInfer", request).raw_output_contents
    assert len(raw) == 8 * 3


def test_a_refusal_longer_than_clients_read_is_cut(port: int) -> None:
    request = message("ModelInferRequest")(model_name="flowers")
    for place in range(100):
        request.inputs.add(name=f"é{place}" * 15, datatype="FP64", shape=[1]).contents.fp64_contents.append(1)
    with channel(port) as opened:
        code, said = refused(opened, "ModelInfer", request)
    assert code == "INVALID_ARGUMENT"
    assert said.startswith("The input does not fit the model")
    assert said.endswith("…")


@pytest.mark.parametrize("field", ["inputs", "outputs"])
def test_a_message_of_more_tensors_than_a_body_has_room_for_is_refused_untranslated(port: int, field: str) -> None:
    request = message("ModelInferRequest")(model_name="flowers")
    for _ in range(100_000):
        getattr(request, field).add()
    call = infer(request, LIMIT)
    assert call.body == b""
    assert int(dict(call.headers)[b"content-length"]) > LIMIT
    with channel(port) as opened:
        assert refused(opened, "ModelInfer", request)[0] == "RESOURCE_EXHAUSTED"


def test_what_is_no_message_is_the_callers_fault(port: int) -> None:
    with channel(port) as opened:
        assert refused(opened, "ModelInfer", b"\xff")[0] == "INVALID_ARGUMENT"
        empty = opened.stream_unary(f"/{SERVICE}/ModelInfer").future(iter(()))
        assert empty.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_calls_that_do_not_arrive_are_few_and_end(start_service: Start, flowers: Path) -> None:
    port = free_port()
    start_service(flowers, GRPC_PORT=port, MAX_CONNECTIONS=2, REQUEST_SECONDS=4)
    with channel(port) as opened:
        ask(opened, "ModelInfer", flower())
        slow = [half_a_call(opened) for _ in range(2)]
        live = message("ServerLiveRequest")()
        eventually(lambda: not answered(opened, live))
        assert refused(opened, "ServerLive", live)[0] == "RESOURCE_EXHAUSTED"
        assert [call.code() for call in slow] == [grpc.StatusCode.DEADLINE_EXCEEDED] * 2
        assert slow[0].details() == "the message took longer than 4 s"
        ask(opened, "ModelInfer", flower())


def answered(opened: grpc.Channel, live: Any) -> bool:
    """Whether the service takes another call."""
    try:
        return ask(opened, "ServerLive", live).live
    except grpc.RpcError:
        return False


def test_work_outlives_a_caller_that_gives_up_and_ends_before_the_server(flowers: Path) -> None:
    done: list[str] = []

    async def check() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, _: Receive, send: Send) -> None:
            begun.set()
            await go_on.wait()
            done.append(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        port = free_port()
        server = GrpcServer(app, Settings(model_path=str(flowers), host="127.0.0.1", grpc_port=port))
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
            call = opened.unary_unary(f"/{SERVICE}/ServerLive")(b"")
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        stopping = asyncio.create_task(server.stop(30))
        await asyncio.sleep(0.3)
        assert not stopping.done()
        go_on.set()
        await stopping

    asyncio.run(check())
    assert done == ["/v2/health/live"]


def test_calls_and_requests_end_in_the_same_time(start_service: Start, flowers: Path) -> None:
    port = free_port()
    service = start_service(flowers, GRPC_PORT=port, SHUTDOWN_SECONDS=8)
    with channel(port) as opened, half_a_request(service):
        call = begun_call(opened)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 14  # one after the other it would be sixteen
        assert call.code() != grpc.StatusCode.OK


def test_the_third_signal_waits_for_no_call(start_service: Start, flowers: Path) -> None:
    port = free_port()
    service: Service = start_service(flowers, GRPC_PORT=port, SHUTDOWN_SECONDS=60)
    with channel(port) as opened:
        begun_call(opened)
        for _ in range(3):
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        assert service.process.wait(timeout=30) == 0


def begun_call(opened: grpc.Channel) -> Any:
    """Half a call that has reached the service."""
    call = half_a_call(opened)
    assert ask(opened, "ServerLive", message("ServerLiveRequest")()).live  # on the same connection, so after it
    return call


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_has_another_use_is_refused(flowers: Path, workers: int) -> None:
    port = free_port()
    assert failed_start(flowers, PORT=port, GRPC_PORT=port, WORKERS=workers).startswith(f"GRPC_PORT={port} is PORT too")
    told = failed_start(flowers, METRICS_PORT=port, GRPC_PORT=port, WORKERS=workers)
    assert told.startswith(f"GRPC_PORT={port} is METRICS_PORT too")
