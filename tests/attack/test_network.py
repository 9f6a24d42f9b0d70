"""The guard of all tests: nothing beyond this machine is spoken to, and a server here still is."""

from __future__ import annotations

import socket

import pytest
from conftest import NetworkUsed


@pytest.mark.parametrize("host", ["192.0.2.1", "huggingface.co", "2001:db8::1"])
def test_another_machine_is_out_of_reach(host: str) -> None:
    with pytest.raises(NetworkUsed, match=f"a test connects to {host}"):
        socket.create_connection((host, 443), timeout=1)
    with socket.socket() as tried, pytest.raises(NetworkUsed):
        tried.connect((host if host[0] == "1" else "192.0.2.7", 443))


def test_a_server_of_this_machine_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
