from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as messages

from engine.standin.cloud import Cloud
from engine.standin.server import Server, serving
from tests.engine.standin.client import Client

VPC = "aws:ec2/vpc:Vpc"
INPUTS = {"cidrBlock": "10.0.0.0/16"}
Connect = Callable[..., Client]


def _id(client: Client) -> str:
    return client.create(INPUTS)[0]


def _check(client: Client) -> messages.CheckResponse:
    return client.check({"name": "images"})


def test_the_engine_is_told_the_port_of_every_package(server: Server) -> None:
    told = server.environment["PULUMI_DEBUG_PROVIDERS"]
    assert dict(each.split(":") for each in told.split(",")) == {key: str(port) for key, port in server.ports.items()}
    assert len(set(server.ports.values())) == len(server.ports) == 5


def test_many_operations_at_once_each_find_their_own_answer(cloud: Cloud, client: Connect) -> None:
    clients = [client(VPC, f"network-{index}") for index in range(40)]
    with ThreadPoolExecutor(40) as threads:
        created = list(threads.map(_id, clients))
    assert len(set(created)) == len(cloud) == 40


def test_the_first_calls_of_a_package_may_come_at_once(client: Connect) -> None:
    clients = [client("aws:ecr/repository:Repository", f"images-{index}") for index in range(16)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(_check, clients))
    assert not any(answer.failures for answer in answers)


def test_no_thread_of_the_server_outlives_it() -> None:
    cloud = Cloud()
    hang = cloud.faults.hang("create")
    with serving(cloud, packages=("aws",)) as server:
        connection = Client(server.ports["aws"], VPC, "one")
        pending = connection.stub.Create.future(  # pyright: ignore[reportFunctionMemberAccess]
            messages.CreateRequest(urn=connection.urn)
        )
        assert hang.reached.wait(10)
    with pytest.raises(grpc.RpcError):
        pending.result(timeout=10)
    connection.close()
    assert len(cloud) == 0
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("stand-in")]


def test_a_held_create_of_an_engine_that_was_killed_has_no_effect(cloud: Cloud, client: Connect) -> None:
    hang = cloud.faults.hang("create", type="Vpc")
    killed, next_ = client(VPC), client(VPC)
    pending = killed.stub.Create.future(  # pyright: ignore[reportFunctionMemberAccess]
        messages.CreateRequest(urn=killed.urn)
    )
    assert hang.reached.wait(10)
    killed.close()
    with pytest.raises(grpc.RpcError):
        pending.result(timeout=10)
    next_.create(INPUTS)
    assert len(cloud) == 1


def test_a_cancellation_ends_what_is_held(cloud: Cloud, client: Connect) -> None:
    hang = cloud.faults.hang("create")
    one = client(VPC)
    pending = one.stub.Create.future(  # pyright: ignore[reportFunctionMemberAccess]
        messages.CreateRequest(urn=one.urn)
    )
    assert hang.reached.wait(10)
    one.stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError, match="the operation was cancelled"):
        pending.result(timeout=10)
    assert len(cloud) == 0
