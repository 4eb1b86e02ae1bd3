"""The drawing page: its server, its preparation of drawings, and the page itself in a browser."""

import json
import socket

import draw_digit
import numpy as np
import pytest
from draw_digit import Server, by_maps, by_units, prepared
from hypothesis import given
from hypothesis import strategies as st
from real_data import mnist_on_disk
from web_pages import SIZES, ask, check_layout, opened, serving

import tinyframe as tf
from tinyframe.datasets import digits


@pytest.fixture(scope="module")
def server():
    """A server with the document's network, trained on the digits that are there."""
    real = mnist_on_disk()
    (X, y), (X_test, y_test) = real or digits(size=28)
    if not real:
        X, X_test = (
            np.stack([prepared(image) for image in x]).astype(np.uint8) for x in (X, X_test)
        )
    model = tf.Sequential([
        tf.Rescale(1 / 255), tf.Flatten(), tf.Dense(784, 10), tf.ReLU(), tf.Dense(10), tf.Softmax(),
    ]).fit(X, y, epochs=8 if real else 50, rng=0, verbose=0)  # fmt: skip
    with serving(Server(model, X_test, y_test)) as server:
        server.train_lenet(X[:3000], y[:3000], 3, 0, None)
        yield server


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
    found = by_units(server.model, image)
    expected = server.model.predict(prepared(image)[np.newaxis])[0]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert found["digit"] == expected.argmax()
    assert by_units(server.model, np.zeros((5, 5), np.uint8))["digit"] is None


def test_what_units_add_is_the_score(server):
    """Hidden units times output weights and the bias, through Softmax, are the answer."""
    weights = server.weights()
    found = by_units(server.model, server.images[3])
    scores = np.array(found["hidden"]) @ np.array(weights["output"]) + weights["bias"]
    e = np.exp(scores - scores.max())
    np.testing.assert_allclose(e / e.sum(), found["probabilities"], atol=2e-3)


def test_lenets_answer_and_its_maps(server):
    found = by_maps(server.lenet, server.images[3])
    expected = server.lenet.predict(prepared(server.images[3])[np.newaxis])[0]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert [(m["side"], len(m["pixels"])) for m in found["maps"]] == [(28, 6), (10, 16)]
    for maps in found["maps"]:
        assert 0 <= np.min(maps["pixels"]) <= np.max(maps["pixels"]) == 255


def test_lenet_that_is_not_ready_says_so(server):
    with Server(server.model, server.images, server.labels) as other:
        assert other.ready() == {"ready": False, "progress": "LeNet is not trained"}
        with pytest.raises(ValueError, match="LeNet is not trained"):
            other.answer_of_lenet(bytes(100))


def test_a_page_that_is_closed_ends_what_trains_behind_it(server):
    with Server(server.model, server.images, server.labels) as other:
        other.closed = True
        other.train_lenet(server.images, server.labels, 50, 0, None)  # ends with its first batch
        assert other.lenet is None
        assert "still learning" in other.progress


def test_lenet_is_kept_and_found_again(server, tmp_path):
    file = tmp_path / "digits.lenet.npz"
    images, labels = server.images[:64], server.labels[:64]
    with Server(server.model, images, labels) as one, Server(server.model, images, labels) as other:
        one.train_lenet(images, labels, 1, 0, file)
        other.train_lenet(images, labels, 99, 1, file)
        assert (one.lenet.predict(images) == other.lenet.predict(images)).all()


# ------------------------------------------------------------------------ the server


def test_the_page_comes_whole_and_asks_nobody_else(server):
    response, page = ask(server, "GET", "/")
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "connect-src 'self'" in response.getheader("Content-Security-Policy")
    assert b"http:" not in page
    assert b"https:" not in page
    assert server.server_address[0] == "127.0.0.1"


def test_weights_and_examples(server):
    weights = json.loads(ask(server, "GET", "/weights")[1])
    assert np.shape(weights["hidden"]) == (10, 784)
    assert np.shape(weights["output"]) == (10, 10)
    assert np.shape(weights["bias"]) == (10,)
    found = json.loads(ask(server, "GET", "/example")[1])
    same = (server.images.reshape(-1, 784) == found["pixels"]).all(axis=1)
    assert found["label"] in server.labels[same]


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
    response, content = ask(server, method, path, body, **headers)
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


@pytest.fixture(params=[(390, 844), (1280, 900)], ids=["phone", "desktop"])
def page(request, browser, server):
    with opened(browser, server.url, request.param) as page:
        page.wait_for_selector("#label:not(:empty)")
        yield page


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


def test_a_digit_is_drawn_when_the_page_opens(page):
    label = page.inner_text("#label")
    assert label.startswith("It is a")
    assert settled(page) != ""


def test_a_stroke_is_answered_cleared_and_undone(page):
    page.get_by_role("button", name="Clear").click()
    assert settled(page) == ""
    assert page.inner_text("#label") == ""
    stroke(page, (0.5, 0.15), (0.5, 0.85))
    assert settled(page) == "1"
    shown = [float(p.split()[0]) for p in page.locator(".number").all_inner_texts()]
    assert sum(shown) == pytest.approx(100, abs=1)
    assert shown[1] == max(shown)
    stroke(page, (0.2, 0.5), (0.8, 0.5))
    crossed = page.evaluate("found.image")
    page.get_by_role("button", name="Undo").click()
    assert settled(page) == "1"
    assert page.evaluate("found.image") != crossed
    page.get_by_role("button", name="Undo").click()
    assert settled(page) == ""


def test_a_drawing_by_keys_alone(page):
    page.get_by_role("button", name="Clear").click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "drawing":
        page.keyboard.press("Tab")
    for _ in range(14):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(28):
        page.keyboard.press("ArrowDown")
    assert settled(page) == "1"
    page.keyboard.press("Control+z")
    assert settled(page) == ""
    page.keyboard.press("Control+z")  # the one before it was cleared
    assert settled(page) != ""
    page.keyboard.press("Delete")
    assert settled(page) == ""
    page.focus("#example")
    page.keyboard.press("Enter")
    page.wait_for_selector("#label:not(:empty)")


def test_digits_put_into_the_page_are_answered_as_predict_answers(page, server):
    images = server.images[:40]
    expected = server.model.predict(images).argmax(axis=1)
    found = []
    for image in images:
        page.evaluate("pixels => inject(pixels)", image.ravel().tolist())
        settled(page)
        found.append(page.evaluate("found.digit"))
    assert np.mean(found == expected) >= 0.9


def test_it_says_when_it_is_not_sure(page):
    even = "tell({...found, digit: 4, probabilities: [0, 0, 0, 0, .4, 0, 0, 0, 0, .35]})"
    page.evaluate(even)
    assert page.inner_text("#digit") == "not sure: 4 or 9"
    page.evaluate("tell({...found, probabilities: [0, 0, 0, 0, .8, 0, 0, 0, 0, .2]})")
    assert page.inner_text("#digit") == "4"


def test_what_a_unit_adds_is_told(page, server):
    page.focus("#parts")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    hidden = page.evaluate("found.hidden")
    weight = server.weights()["output"][3][1]
    told = page.inner_text("#told").replace("−", "-")
    assert told.startswith(f"Unit 4 says {hidden[3]:.2f}; times its weight {weight:.2f}")
    page.locator(".part").nth(57).hover()
    assert page.inner_text("#told").startswith("Unit 6 says")


def test_lenet_answers_too(page, server):
    page.select_option("#model", "lenet")
    page.wait_for_selector("#features:not([hidden])")
    settled(page)
    page.wait_for_selector("#maps1 canvas:nth-child(16)")
    assert page.locator("#maps0 canvas").count() == 6
    assert page.locator("#units").is_hidden()
    assert page.inner_text("#label").startswith("It is a")
    check_layout(page)
    page.select_option("#model", "answer")
    page.wait_for_selector("#units:not([hidden])")


def test_lenet_that_still_learns_is_waited_for(page, server):
    ready, server.lenet, server.progress = server.lenet, None, "LeNet is still learning: 40%"
    try:
        page.select_option("#model", "lenet")
        page.wait_for_selector("#label:has-text('still learning: 40%')")
    finally:
        server.lenet = ready
    page.wait_for_selector("#features:not([hidden])")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_fits_can_be_read_and_does_not_jump(browser, server, size, scheme):
    with opened(browser, server.url, size, scheme) as page:
        page.wait_for_selector("#label:not(:empty)")
        where = (
            "['drawing', 'parts', 'probabilities'].map(id => el(id).getBoundingClientRect().top)"
        )
        before = page.evaluate(where)
        check_layout(page)
        page.get_by_role("button", name="Clear").click()
        settled(page)
        assert page.evaluate(where) == before
        page.evaluate("tell({...found, digit: 4, probabilities: Array(10).fill(.1)})")
        assert page.evaluate(where) == before
        check_layout(page)
        for button in page.get_by_role("button").all():
            assert button.bounding_box()["height"] >= 44


def test_a_server_that_is_gone_is_told(browser, server):
    with opened(browser, server.url) as page:
        page.wait_for_selector("#label:not(:empty)")
        page.route("**/answer", lambda route: route.abort())
        page.evaluate("ask()")
        page.wait_for_selector("#trouble:has-text('is the script still running')")
        page.trouble.clear()


def test_the_example_is_the_one_that_is_tested():
    assert draw_digit.PAGE.is_file()
