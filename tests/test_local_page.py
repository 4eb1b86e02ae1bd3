"""What both local pages' servers refuse, and survive."""

import contextlib
import json
import random
import socket
import threading

import pytest
from local_page import LocalPage, posted_object
from web_pages import ask, serving


def fails(body):
    raise RuntimeError("a fault of ours")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text("<!doctype html><title>Page</title>")
    echo = {"/echo": posted_object, "/fails": fails, "/nan": lambda _: float("nan")}
    with serving(LocalPage(page, {"/what": lambda: [1, 2]}, echo, largest=1000)) as server:
        yield server


def test_it_answers(server):
    response, page = ask(server, "GET", "/")
    assert response.status == 200
    assert page.startswith(b"<!doctype html>")
    assert json.loads(ask(server, "GET", "/what")[1]) == [1, 2]
    assert json.loads(ask(server, "POST", "/echo", b'{"a": 1}')[1]) == {"a": 1}
    assert server.server_address[0] == "127.0.0.1"
    policy = response.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


HERE = "http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/", "/what"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "127.0.0.1:{port}", "Origin": HERE}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:{port}"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": "127.0.0.1:{port}.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
    ],
)
def test_it_answers_its_own_page_alone(server, path, headers, status):
    headers = {k: v.format(port=server.server_port) for k, v in headers.items()}
    assert ask(server, "GET", path, **headers)[0].status == status


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_script_of_another_site_is_refused_but_a_link_is_not(server, site):
    assert ask(server, "GET", "/what", **{"Sec-Fetch-Site": site})[0].status == 403
    assert ask(server, "POST", "/echo", b"{}", **{"Sec-Fetch-Site": site})[0].status == 403
    assert ask(server, "GET", "/", **{"Sec-Fetch-Site": site})[0].status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "message"),
    [
        ("GET", "/nothing", None, {}, 404, "expected /, /what"),
        ("GET", "/../../etc/passwd", None, {}, 404, "expected /, /what"),
        ("POST", "/what", b"{}", {}, 404, "a POST to /echo"),
        ("POST", "/echo", b"[1]", {}, 400, "a JSON object, got list"),
        ("POST", "/echo", b"{", {}, 400, "expected JSON"),
        ("POST", "/echo", b"\xff\xfe\x00", {}, 400, "expected JSON"),
        ("POST", "/echo", b"[" * 900, {}, 400, "expected JSON"),
        ("POST", "/echo", bytes(1001), {}, 413, "at most 1000 bytes"),
        ("POST", "/echo", None, {"Content-Length": "-4"}, 411, "a Content-Length"),
        ("POST", "/echo", None, {"Content-Length": "²"}, 411, "a Content-Length"),
        ("POST", "/echo", None, {"Content-Length": "9" * 5000}, 413, "at most 1000 bytes"),
        ("PUT", "/echo", b"{}", {}, 405, "GET or POST"),
        ("OPTIONS", "/echo", None, {}, 405, "GET or POST"),
        ("POST", "/fails", b"{}", {}, 500, "a fault of ours"),
        ("POST", "/nan", b"{}", {}, 400, "not JSON compliant"),
    ],
)
def test_what_it_does_not_understand(server, method, path, body, headers, status, message):
    headers = {k: v.encode("latin-1") for k, v in headers.items()}
    response, content = ask(server, method, path, body, **headers)
    assert response.status == status
    assert message in json.loads(content)["error"]


def nonsense(rng, port):
    """A request that nobody should send."""
    head = rng.choice([
        b"GET / HTTP/1.1\r\n", b"POST /echo HTTP/1.1\r\n", b"\x16\x03\x01", b"GET", b"\r\n" * 9,
        b"GET /" + b"a" * rng.randrange(70_000) + b" HTTP/1.1\r\n", b"POST /echo HTTP/9.9\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * rng.randrange(200), rng.randbytes(40),
    ])  # fmt: skip
    host = rng.choice([b"", b"Host: evil.example\r\n", b"Host: 127.0.0.1:%d\r\n" % port])
    length = rng.choice([b"", b"Content-Length: 50\r\n", b"Content-Length: x\r\n"])
    return head + host + length + rng.choice([b"", b"\r\n", b"\r\n{}", rng.randbytes(30)])


def test_it_survives_bad_requests(server, pytestconfig):
    """They come at once and one after the other, and hang up when they like."""
    each = 2500 if pytestconfig.getoption("--long") else 100
    rngs = [random.Random(k) for k in range(4)]  # noqa: S311 - nothing is secret

    def attack(rng):
        for _ in range(each):
            with contextlib.suppress(OSError):
                client = socket.create_connection(("127.0.0.1", server.server_port), timeout=5)
                with client:
                    client.sendall(nonsense(rng, server.server_port))
                    if rng.random() < 0.5:
                        client.shutdown(socket.SHUT_WR)
                        client.recv(100)

    threads = [threading.Thread(target=attack, args=(rng,)) for rng in rngs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(ask(server, "GET", "/what")[1]) == [1, 2]


def test_many_that_say_nothing_do_not_lock_others_out_for_good(server):
    silent = [
        socket.create_connection(("127.0.0.1", server.server_port), timeout=5) for _ in range(80)
    ]
    for client in silent:
        client.close()
    assert json.loads(ask(server, "GET", "/what")[1]) == [1, 2]


def test_it_says_nothing_of_clients_that_hang_up(server, capfd):
    for _ in range(5):
        socket.create_connection(("127.0.0.1", server.server_port)).close()
    ask(server, "GET", "/what")
    assert capfd.readouterr() == ("", "")
