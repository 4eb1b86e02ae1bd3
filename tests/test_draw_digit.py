"""The drawing page: its server, its preparation of drawings, and the page itself in a browser."""

import http.client
import json
import shutil
import socket
import threading

import draw_digit
import numpy as np
import pytest
from draw_digit import Server, answer, prepared
from hypothesis import given
from hypothesis import strategies as st
from real_data import mnist_on_disk

import tinyframe as tf
from tinyframe.datasets import digits


@pytest.fixture(scope="module")
def server():
    """A server with the document's network, trained on the digits that are there."""
    real = mnist_on_disk()
    (X, y), (X_test, _) = real or digits(size=28)
    if not real:
        X, X_test = (
            np.stack([prepared(image) for image in x]).astype(np.uint8) for x in (X, X_test)
        )
    model = tf.Sequential([
        tf.Rescale(1 / 255), tf.Flatten(), tf.Dense(784, 10), tf.ReLU(), tf.Dense(10), tf.Softmax(),
    ]).fit(X, y, epochs=8 if real else 50, rng=0, verbose=0)  # fmt: skip
    with Server(model, X_test) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def request(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


# ------------------------------------------------------------------------ preparation


def test_digits_of_mnist_are_prepared_as_they_are(server):
    """What was prepared like this once stays as it is, however large it is drawn."""
    same = 0
    for image in server.images[:200]:
        large = np.kron(image, np.ones((10, 10), np.uint8))
        again = prepared(large)
        assert abs(again - prepared(image)).max() < 1e-9
        same += np.average(abs(again - image)) < 1
    assert same >= 180


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n * n - 1), max_size=6))
    )
)
def test_any_drawing_becomes_an_image(drawing):
    side, places = drawing
    pixels = np.zeros(side * side, np.uint8)
    pixels[places] = 255
    image = prepared(pixels.reshape(side, side))
    assert image.shape == (28, 28)
    assert image.min() >= 0
    assert image.max() <= 255 + 1e-9
    assert bool(places) == bool(image.any())
    ys, xs = np.nonzero(image > 1e-9)
    if places:
        assert max(np.ptp(ys), np.ptp(xs)) == 19  # the longer side is 20


def test_drawings_are_centred_by_mass():
    heavy = np.zeros((50, 50), np.uint8)
    heavy[10:40, 20:30] = 255
    heavy[10:14, 20:45] = 255
    image = prepared(heavy)
    for axis in (0, 1):
        mass = image.sum(axis=1 - axis)
        assert abs(np.average(np.arange(28), weights=mass) - 14) <= 0.5


def test_the_answer_is_that_of_predict(server):
    image = server.images[3]
    found = answer(server.model, image)
    expected = server.model.predict(prepared(image)[np.newaxis])[0]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert found["digit"] == expected.argmax()
    assert answer(server.model, np.zeros((5, 5), np.uint8))["digit"] is None


# ------------------------------------------------------------------------ the server


def test_the_page_comes_whole_and_asks_nobody_else(server):
    response, page = request(server, "GET", "/")
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "connect-src 'self'" in response.getheader("Content-Security-Policy")
    assert b"http:" not in page
    assert b"https:" not in page
    assert server.server_address[0] == "127.0.0.1"


def test_weights_and_examples(server):
    weights = json.loads(request(server, "GET", "/weights")[1])
    assert np.shape(weights) == (10, 784)
    assert np.shape(json.loads(request(server, "GET", "/example")[1])) == (784,)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "message"),
    [
        ("GET", "/nothing", None, {}, 404, "expected /, /weights"),
        ("GET", "/../../etc/passwd", None, {}, 404, "expected /, /weights"),
        ("POST", "/", b"1234", {}, 404, "a POST to /answer"),
        ("POST", "/answer", b"", {}, 400, "a square image as bytes, got 0 bytes"),
        ("POST", "/answer", bytes(10), {}, 400, "a square image as bytes, got 10 bytes"),
        ("POST", "/answer", None, {"Content-Length": "-4"}, 411, "a Content-Length"),
        ("POST", "/answer", None, {"Content-Length": "many"}, 411, "a Content-Length"),
        ("POST", "/answer", None, {"Content-Length": "9" * 30}, 413, "at most 1048576 bytes"),
        ("PUT", "/answer", b"1234", {}, 405, "GET or POST"),
        ("GET", "/", None, {"Host": "evil.example:80"}, 403, "127.0.0.1 or localhost"),
        ("POST", "/answer", b"1234", {"Host": "evil.example"}, 403, "127.0.0.1 or localhost"),
    ],
)
def test_what_is_no_drawing_gets_a_clear_answer(
    server, method, path, body, headers, status, message
):
    response, content = request(server, method, path, body, **headers)
    assert response.status == status
    assert message in json.loads(content)["error"]


def test_less_than_was_promised(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(
            b"POST /answer HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 100\r\n\r\nfew"
            % server.server_port
        )
        client.shutdown(socket.SHUT_WR)
        assert b"100 bytes promised, 3 came" in client.makefile("rb").read()


def test_no_request_at_all(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(b"what?\r\n\r\n")
        assert b'"error"' in client.makefile("rb").read()


# ------------------------------------------------------------------------ the page


@pytest.fixture(scope="module")
def browser():
    driver = pytest.importorskip("playwright.sync_api", reason='needs pip install -e ".[browser]"')
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("there is no Chromium to look at the page with")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(390, 844), (1280, 900)], ids=["phone", "desktop"])
def page(request, browser, server):
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=width < 500, is_mobile=width < 500
    )
    page = context.new_page()
    page.trouble, asked = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: asked.append(r.url))
    page.goto(server.url)
    yield page
    assert not page.trouble
    assert all(url.startswith(server.url) for url in asked), asked
    context.close()


def settled(page):
    """Wait until the newest drawing has been answered, and return the digit."""
    page.evaluate("ask()")
    return page.inner_text("#digit")


def stroke(page, *points):
    box = page.locator("#drawing").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_a_stroke_is_answered_and_cleared(page):
    assert settled(page) == ""
    stroke(page, (0.5, 0.15), (0.5, 0.85))
    assert settled(page) == "1"
    shown = [float(p.split()[0]) for p in page.locator(".number").all_inner_texts()]
    assert sum(shown) == pytest.approx(100, abs=1)
    assert shown[1] == max(shown)
    page.get_by_role("button", name="Clear").click()
    assert settled(page) == ""


def test_a_drawing_by_keys_alone(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "drawing"
    for _ in range(14):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(28):
        page.keyboard.press("ArrowDown")
    assert settled(page) == "1"
    page.keyboard.press("Delete")
    assert settled(page) == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # "Show a digit"
    page.wait_for_selector("#digit:not(:empty)")


def test_digits_put_into_the_page_are_answered_as_predict_answers(page, server):
    images = server.images[:40]
    expected = server.model.predict(images).argmax(axis=1)
    found = []
    for image in images:
        page.evaluate("pixels => inject(pixels)", image.ravel().tolist())
        found.append(int(settled(page)))
    assert np.mean(found == expected) >= 0.9


def test_nothing_sticks_out_of_the_page(page):
    stroke(page, (0.3, 0.2), (0.7, 0.2), (0.45, 0.85))
    settled(page)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44


def test_a_server_that_is_gone_is_told(browser, server):
    page = browser.new_page()
    page.goto(server.url)
    page.route("**/answer", lambda route: route.abort())
    page.evaluate("ask()")
    assert "is the script still running" in page.inner_text("#trouble")
    page.close()


def test_the_example_is_the_one_that_is_tested():
    assert draw_digit.PAGE.is_file()
