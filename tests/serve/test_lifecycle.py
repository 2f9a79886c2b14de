"""Servers that are pushed: crashes, hangs, overload, signals, taken ports."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tiny_models

import taeda_serve

from .conftest import TRUST_OPTIONS
from .test_http import ask, get_json, metric

CRASH, SLEEP = tiny_models.Doubler.CRASH, tiny_models.Doubler.SLEEP


def double(client: taeda_serve.Client, value: float) -> float:
    return float(client.infer("double", {"x": np.array([[value]], np.float32)})["output"][0, 0])


def worker_pids(server: taeda_serve.RunningServer) -> list[int]:
    return [worker["pid"] for worker in get_json(server, "/models/double")[0]["workers"]]


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_a_killed_worker_is_replaced_and_no_request_is_lost(start):
    server = start("double")
    with server.client() as client:
        assert double(client, 1) == 2
        (pid,) = worker_pids(server)
        os.kill(pid, signal.SIGKILL)
        assert double(client, 3) == 6
        assert worker_pids(server) != [pid]
        assert metric(server, 'taeda_worker_restarts_total{model="double",version="1"}') == 1


def test_a_request_that_kills_its_worker_fails_alone(start):
    server = start("double", "--workers", "1", "--max-delay-ms", "50")
    gate = threading.Barrier(9)

    def one(value: float) -> float | str:
        with server.client() as client:
            client.ready()
            gate.wait()
            try:
                return double(client, value)
            except taeda_serve.RequestError as error:
                return f"{error.status} {error}"

    with ThreadPoolExecutor(9) as pool:
        results = list(pool.map(one, [*range(4), CRASH, *range(4, 8)]))
    assert results[:4] + results[5:] == [2.0 * value for value in range(8)]
    assert str(results[4]).startswith("500 the worker ended twice on this request (worker ")
    with server.client() as client:
        assert double(client, 21) == 42


def test_a_hanging_model_gives_504_and_comes_back(start):
    server = start("double", "--request-timeout", "0.5")
    with server.client() as client:
        begun = time.monotonic()
        with pytest.raises(
            taeda_serve.RequestError, match=r"gave no answer in 0\.5 s; send smaller batches"
        ) as caught:
            double(client, SLEEP)
        assert caught.value.status == 504
        assert time.monotonic() - begun < 2
        wait_until(lambda: answers(client))


def answers(client: taeda_serve.Client) -> bool:
    try:
        return double(client, 5) == 10
    except taeda_serve.RequestError:
        return False


def test_a_full_queue_answers_503_with_retry_after(start):
    server = start("double", "--queue-rows", "4", "--max-batch", "1", "--request-timeout", "2")
    body = '{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [%d]}]}'
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, server, "POST", "/v2/models/double/infer", body % SLEEP)
        wait_until(lambda: metric(server, "taeda_requests_in_flight") == 2)
        wait_until(lambda: metric(server, 'taeda_queue_rows{model="double",version="1"}') == 0)
        rest = [pool.submit(ask, server, "POST", "/v2/models/double/infer", body % 1) for _ in range(7)]
        answers = [each.result() for each in rest]
        assert first.result()[0] == 504
    refused = [(headers["retry-after"], text) for status, headers, text in answers if status == 503]
    assert len(refused) == 3
    assert refused[0][0] == "1"
    assert b"model 'double' is overloaded: 4 rows wait and at most 4 may; retry later" in refused[0][1]
    assert metric(server, 'taeda_rejected_requests_total{model="double",version="1"}') == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_server_and_workers(start, number):
    server = start("double", "--workers", "2")
    pids = worker_pids(server)
    assert len(pids) == 2
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    assert not any(is_running(pid) for pid in pids)


def test_a_signal_lets_running_requests_finish(start):
    server = start("double")
    with server.client() as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(double, client, tiny_models.Doubler.NAP)
        second = pool.submit(double, client, 4)  # waits in the queue behind the first
        wait_until(lambda: metric(server, "taeda_requests_in_flight") == 3)  # this one counts itself
        server.process.send_signal(signal.SIGTERM)
        assert (first.result(), second.result()) == (2 * tiny_models.Doubler.NAP, 8)
    assert server.process.wait(20) == 0


def test_a_signal_while_models_still_load(store):
    command = [
        sys.executable,
        "-m",
        "taeda_serve",
        "serve",
        str(store / "double.taeda"),
        "--port",
        "0",
        *TRUST_OPTIONS,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: children(process.pid))
    workers = children(process.pid)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    wait_until(lambda: not any(is_running(pid) for pid in workers), 5)
    assert out == "" or out.startswith("serving")


def test_a_killed_server_leaves_no_workers(start):
    server = start("double", "--workers", "2")
    pids = worker_pids(server)
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "taeda_serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_taken_port_is_one_clear_line_and_exit_code_2(store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", str(store / "double.taeda"), "--port", str(port), *TRUST_OPTIONS)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"taeda serve: port {port} on 127.0.0.1: expected a free port, got one that another program "
        "listens on; stop that program, or choose another with --port (0 takes any free one)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing.taeda"], "missing.taeda: expected a .taeda archive, got nothing there; check the path"),
        (["double.taeda"], "pass --trust tiny_models:Doubler"),
        (["double.taeda", "double.taeda", *TRUST_OPTIONS], "'double' version '1' again; unregister it first"),
        (["double.taeda", "--port", "99999"], "--port: expected 0 to 65535, got 99999"),
        (
            ["double.taeda", "--host", "no.such.host.invalid"],
            "address no.such.host.invalid:0: expected one to listen on",
        ),
        (["double.taeda", "--workers", "0"], "--workers: expected more than 0, got 0"),
        (["double.taeda", "--max-batch", "0"], "BatchPolicy: expected max_rows >= 1"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(store, monkeypatch, arguments, text):
    monkeypatch.chdir(store)
    options = [] if "--port" in arguments else ["--port", "0"]
    result = run("serve", *arguments, *options)
    assert result.returncode == 2
    assert text in result.stderr, result.stderr
    assert result.stderr.startswith("taeda serve: ")
    assert result.stderr.count("\n") == 1


def test_an_address_that_others_reach_is_warned_about(store):
    command = [
        sys.executable,
        "-m",
        "taeda_serve",
        "serve",
        str(store / "double.taeda"),
        "--port",
        "0",
        *TRUST_OPTIONS,
    ]
    process = subprocess.Popen(
        [*command, "--host", "0.0.0.0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("serving http://0.0.0.0:")
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert "warning: 0.0.0.0 is reachable from other machines" in err
