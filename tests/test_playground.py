"""The playground: its code and its pictures are of the same network; its page is for everybody."""

import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from experiment import (
    ACTIVATIONS,
    DATA,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    UNIT_MAP,
    Experiment,
    Experiments,
    Settings,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from playground import FIRST, Playground
from web_pages import SIZES, ask, check_layout, opened, serving

POINTS = [[k / 10 - 0.4, (k * k % 7) / 7 - 0.5, k % 2] for k in range(9)]


@pytest.fixture(scope="module")
def server():
    with serving(Playground()) as server:
        yield server


@pytest.fixture
def experiment():
    """Makes experiments, and ends them."""
    made = []

    def make(**changes):
        made.append(Experiment(Settings(FIRST | changes)))
        return made[-1]

    yield make
    for one in made:
        one.stop()


# ------------------------------------------------------------------------ code and picture

layers = st.lists(
    st.fixed_dictionaries({
        "units": st.integers(1, 8),
        "activation": st.sampled_from(ACTIVATIONS),
    }),
    max_size=6,
)  # fmt: skip
all_settings = st.fixed_dictionaries({
    "data": st.sampled_from([*DATA, "points"]),
    "rows": st.integers(20, 60),
    "noise": st.sampled_from([0, 0.1]),
    "points": st.just(POINTS),
    "layers": layers,
    "initializer": st.sampled_from(INITIALIZERS),
    "loss": st.sampled_from(LOSSES),
    "optimizer": st.sampled_from(list(OPTIMIZERS)),
    "rate": st.sampled_from([0.001, 0.03, 1]),
    "batch_size": st.sampled_from([1, 7, 1000]),
    "seed": st.integers(0, 10**6),
})  # fmt: skip


@settings(max_examples=40)
@given(all_settings, st.integers(0, 4))
def test_the_code_leads_to_the_same_network(given, epochs):
    """Bit for bit, and so to the same picture."""
    chosen = Settings(given)
    experiment = Experiment(chosen)
    try:
        experiment.advance(epochs + 2, seconds=60)  # the page goes on, and then back
        if experiment.problem:  # it diverged: so does the code
            return
        shown = experiment.at(epochs)
        run = {}
        exec(chosen.code(epochs), run)  # noqa: S102 - the test is about this code
        for ours, theirs in zip(shown.parameters, run["model"].parameters, strict=True):
            np.testing.assert_array_equal(ours.value, theirs.value)
        grid = np.random.default_rng(0).uniform(-1, 1, (50, 2))
        np.testing.assert_array_equal(shown.predict(grid), run["model"].predict(grid))
        figures = run["model"].history[-1] if epochs else {}
        for name, value in experiment.epochs[epochs].figures.items():
            assert name == "seconds" or figures[name] == value
    finally:
        experiment.stop()


def test_the_code_runs_elsewhere_as_it_is(tmp_path):
    script = tmp_path / "network.py"
    script.write_text(Settings(FIRST).code(3))
    command = [sys.executable, "-W", "error", str(script)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "'accuracy'" in output


def test_a_frame_is_of_its_epoch(experiment):
    one = experiment()
    one.advance(5, seconds=60)
    first, last = one.frame(0, (0.1, 0.2)), one.frame(99, (0.1, 0.2))
    assert (first["epoch"], last["epoch"], last["latest"]) == (0, 5, 5)
    found = one.at(0).evaluate(one.X[one.test], one.y[one.test], loss=one.loss)
    assert first["figures"]["val_loss"] == pytest.approx(found["loss"], rel=1e-5)
    assert first["weights"] != last["weights"]
    assert one.frame(0, (0.1, 0.2)) == first
    model = one.at(5)
    np.testing.assert_allclose(
        last["probe"][-1], model.predict(np.array([[0.1, 0.2]]))[0], atol=1e-6
    )
    hidden = model[:2].predict(np.array([[0.1, 0.2]]))[0]
    np.testing.assert_allclose(last["probe"][0], hidden, atol=1e-6)
    assert [len(layer) for layer in last["units"]] == [8, 6]
    assert np.shape(last["weights"][0]) == (2, 8)


def test_gradients_are_those_of_the_loss(experiment):
    one = experiment(loss="MSELoss")
    one.advance(2, seconds=60)
    frame, model = one.frame(2, (0, 0)), one.at(2)
    X, y = one.X[one.train], one.y[one.train]
    weight, step = model[0].weight, 1e-2
    for i, u in ((0, 0), (1, 5)):
        around = []
        for move in (step, -2 * step):
            weight.value[i, u] += move
            around.append(model.evaluate(X, y, loss=one.loss)["loss"])
        weight.value[i, u] += step
        slope = (around[0] - around[1]) / (2 * step)
        assert frame["gradients"][0][i][u] == pytest.approx(slope, rel=0.02, abs=1e-4)


# ------------------------------------------------------------------------ remarks


def hidden(count, activation):
    return [{"units": 8, "activation": activation}] * count


@pytest.mark.parametrize(
    ("changes", "epochs", "said"),
    [
        ({"layers": hidden(3, "none")}, 1, "boundary is straight"),
        ({"initializer": "zeros"}, 5, "same weights"),
        ({"layers": hidden(6, "Sigmoid")}, 1, "times smaller"),
        ({"optimizer": "SGD", "rate": 3, "layers": hidden(2, "ReLU")}, 30, "dead"),
        ({"data": "clouds", "rows": 60, "noise": 0.3}, 200, "by heart"),
        ({"optimizer": "SGD", "rate": 100, "layers": hidden(2, "Tanh")}, 10, "too high"),
        ({"optimizer": "SGD", "rate": 30, "layers": hidden(2, "ReLU")}, 1, "too high"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told(experiment, changes, epochs, said):
    one = experiment(**changes)
    one.advance(epochs, seconds=60)
    assert any(said in remark for remark in one.frame(10_000, (0, 0))["remarks"])


def test_nothing_is_told_where_all_is_well(experiment):
    one = experiment()
    one.advance(30, seconds=60)
    assert one.frame(30, (0, 0))["remarks"] == []


# ------------------------------------------------------------------------ training when asked


def test_it_trains_when_it_is_asked_to_alone(experiment):
    one = experiment()
    one.advance(3, seconds=60)
    before = time.process_time()
    time.sleep(0.3)
    assert len(one.epochs) == 4
    assert time.process_time() - before < 0.1


def test_what_goes_wrong_in_the_thread_is_told_and_blocks_nobody(monkeypatch):
    chosen = Settings(FIRST)
    code = "model = Sequential([Dense(3, 2), Softmax()])"  # X has two columns
    monkeypatch.setattr(Settings, "model_code", lambda self: code)
    with pytest.raises(ValueError, match="expected"):
        Experiment(chosen)


def test_an_end_is_an_end(experiment):
    one = experiment()
    one.stop()
    assert not one._thread.is_alive()
    one.advance(3)
    assert one.frame(0, (0, 0))["ended"]


def test_only_the_latest_few_stay_open():
    experiments = Experiments()
    before = threading.active_count()
    names = [experiments.begin(Settings(FIRST)) for _ in range(Experiments.MOST + 3)]
    assert threading.active_count() - before == Experiments.MOST
    with pytest.raises(ValueError, match="no longer open"):
        experiments.named(names[0])
    assert experiments.named(names[-1]).epochs
    experiments.close()
    assert threading.active_count() == before


def test_two_that_ask_at_once_get_whole_frames(experiment):
    one, frames = experiment(), []

    def look():
        for _ in range(10):
            one.advance(1)
            frames.append(one.frame(10_000, (0, 0)))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(f["epoch"] for f in frames) == 30
    assert len({json.dumps(f["weights"]) for f in frames}) == len({f["epoch"] for f in frames})


# ------------------------------------------------------------------------ the server


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "moons"}, "data expected one of spirals"),
        ({"data": ["spirals"]}, "data expected one of"),
        ({"rows": 10**9}, "rows expected a number from 20 to 1000"),
        ({"rows": 30.5}, "whole number"),
        ({"rate": 0}, "rate expected a number"),
        ({"rate": "0.1); import os"}, "rate expected a number"),
        ({"rate": True}, "rate expected a number"),
        ({"optimizer": "__import__"}, "optimizer expected one of"),
        ({"loss": "Dense"}, "loss expected one of"),
        ({"layers": [{"units": 9, "activation": "Tanh"}]}, "units expected"),
        ({"layers": [{"units": 2, "activation": "eval"}]}, "activation expected one of"),
        ({"layers": [{"units": 2, "activation": "Tanh"}] * 7}, "up to 6"),
        ({"layers": "many"}, "up to 6"),
        ({"layers": [[8, "Tanh"]]}, "units and activation"),
        ({"data": "points", "points": []}, "8 to 1000 of them"),
        ({"data": "points", "points": [[0, 0, 0]] * 9}, "two classes at least"),
        ({"data": "points", "points": [[0, 0, 9]] * 9}, "class expected"),
        ({"data": "points", "points": [[0, "1", 0]] * 9}, "y expected"),
        ({"data": "points", "points": [[0, 0]] * 9}, "\\[x, y, class\\]"),
    ],
)
def test_settings_that_are_none(server, changes, message):
    with pytest.raises(ValueError, match=message):
        Settings(FIRST | changes)
    response, content = ask(server, "POST", "/begin", json.dumps(FIRST | changes))
    assert response.status == 400
    assert "expected" in json.loads(content)["error"]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(FIRST)), anything))
def test_any_settings_are_taken_or_refused(changes):
    try:
        chosen = Settings(FIRST | changes)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017 - most are refused, not all
    else:
        compile(chosen.code(3), "code", "exec")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "none"}, "no longer open"),
        ({"name": {}}, "no longer open"),
        ({"advance": 1000}, "advance expected 0 to 100"),
        ({"advance": "1"}, "advance expected"),
        ({"epoch": -1}, "epoch expected"),
        ({"epoch": 1.5}, "epoch expected"),
        ({"probe": [0]}, "probe expected"),
        ({"probe": [0, 1e400]}, "probe expected"),
        ({"probe": None}, "probe expected"),
    ],
)
def test_frames_that_are_none(server, asked, message):
    name = json.loads(ask(server, "POST", "/begin", json.dumps(FIRST))[1])["name"]
    usual = {"name": name, "advance": 1, "epoch": None, "probe": [0, 0]}
    assert ask(server, "POST", "/frame", json.dumps(usual))[0].status == 200
    response, content = ask(server, "POST", "/frame", json.dumps(usual | asked))
    assert response.status == 400
    assert message in json.loads(content)["error"]


# ------------------------------------------------------------------------ the page


def ready(page):
    page.wait_for_selector("#code:not(:empty)")
    return page


def figures(page, epoch):
    page.wait_for_selector(f"#figures:has-text('Epoch {epoch}:')")
    return page.inner_text("#figures")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_page_fits_and_can_be_read(browser, server, size, scheme):
    with opened(browser, server.url, size, scheme) as page:
        ready(page)
        check_layout(page)
        for name in ("Six sigmoids", "No activation"):
            page.get_by_role("button", name=name).click()
            page.wait_for_selector("#remarks p:has-text('layer'), #remarks p:has-text('boundary')")
            page.evaluate("play(false)")
            page.locator(".unit").nth(3).click()
            check_layout(page)
        page.select_option("#data", "points")
        check_layout(page)


def test_forth_and_back(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.get_by_role("button", name="One epoch on").click()
        figures(page, 1)
        page.get_by_role("button", name="One epoch on").click()
        second = figures(page, 2)
        assert "epochs=2," in page.inner_text("#code")
        page.get_by_role("button", name="One epoch back").click()
        figures(page, 1)
        assert "epochs=1," in page.inner_text("#code")
        page.get_by_role("button", name="One epoch on").click()
        assert figures(page, 2) == second
        page.get_by_role("button", name="Reset").click()
        figures(page, 0)


def test_what_is_set_is_in_the_code_and_in_the_link(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.select_option("#optimizer", "SGD with momentum")
        page.select_option("#rate", "0.3")
        page.get_by_role("button", name="Add a layer").click()
        page.get_by_label("Activation of layer 3").select_option("GELU")
        page.get_by_role("button", name="One unit more in layer 3").click()
        page.wait_for_selector("#code:has-text('Dense(6, 5)')")
        code = page.inner_text("#code")
        assert "SGD(0.3, momentum=0.9)" in code
        assert "GELU()" in code
        with opened(browser, page.url) as again:
            ready(again)
            assert again.inner_text("#code") == code


def test_what_was_set_last_counts_whichever_answer_comes_last(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        slow = []

        def late(route):
            if not slow:
                slow.append(route)  # answered after the next one
            else:
                route.continue_()

        page.route("**/begin", late)
        page.evaluate("void change({ seed: 7 })")
        page.evaluate("void change({ seed: 8 })")
        page.wait_for_selector("#code:has-text('default_rng(8)')")
        slow[0].continue_()
        page.wait_for_timeout(300)
        assert "default_rng(8)" in page.inner_text("#code")
        assert page.evaluate("begun.code").count("default_rng(8)") == 1


FOCUS = """() => { const e = document.activeElement;
  return [e.id || e.getAttribute('aria-label') || e.textContent,
    e === document.body || e.matches(':focus-visible')]; }"""


def test_by_keys_alone(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "play"
        page.keyboard.press("Enter")
        page.wait_for_selector("#play:has-text('Pause')")
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
        page.wait_for_selector("#play:has-text('Play')")
        reached = set()
        for _ in range(80):
            page.keyboard.press("Tab")
            name, visible = page.evaluate(FOCUS)
            assert visible
            reached.add(name)
        assert {"step", "reset", "epoch", "data", "csv", "add", "loss"} <= reached
        assert {"rate", "points", "copy", "code"} <= reached
        assert "Unit 1 of hidden layer 1" in reached
        page.focus("#points")
        before = page.evaluate("probe")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("probe")[0] > before[0]


def test_a_unit_and_a_weight_tell_their_numbers(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.locator(".unit").nth(2).click()
        equation = page.inner_text("#equation")
        told = [
            float(v)
            for v in (
                equation.partition("h = Tanh(z) = ")[2].split()[0],
                equation.partition(" = ")[2].partition(" = ")[2].split(";")[0],
            )
        ]
        assert told[0] == pytest.approx(np.tanh(told[1]), abs=2e-3)
        page.evaluate("choose({ kind: 'weight', k: 1, i: 0, u: 0 })")
        assert "∂L/∂W" in page.inner_text("#equation")
        page.locator("line.catch").nth(3).dispatch_event("pointerenter")
        assert "W1[" in page.inner_text("#what")


def test_own_points_and_files(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.select_option("#data", "points")
        page.wait_for_selector("#code:has-text('points = np.array')")
        page.get_by_role("button", name="Remove all points").click()
        page.wait_for_selector("#figures:has-text('0 points so far')")
        assert page.locator("#play").is_disabled()
        assert page.inner_text("#code") == ""
        for k in range(10):
            page.select_option("#label", str(k % 2))
            page.locator("#points").click(position={"x": 40 + 15 * k, "y": 60 + 80 * (k % 2)})
        arrived = "begun.points.length === 10"
        assert any(page.evaluate(arrived) or page.wait_for_timeout(20) for _ in range(500))
        assert page.evaluate("begun.points.map(p => p.slice(0, 2))") == page.evaluate(
            "settings.points.map(p => p.slice(0, 2))"
        )  # where they were put
        assert [k for k, p in enumerate(page.evaluate("begun.points")) if p[3]] == [3, 7]
        text = "a;b;kind\n" + "\n".join(
            f"{k};{k * k};{'cat' if k % 2 else 'dog'}" for k in range(12)
        )
        page.set_input_files(
            "#csv", {"name": "pets.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.wait_for_selector("#code:has-text('[1.0, 1.0, 0]')")
        page.set_input_files(
            "#csv", {"name": "odd.csv", "mimeType": "text/csv", "buffer": b"1,2,3\n1,x,2\n"}
        )
        page.wait_for_selector("#trouble:has-text('odd.csv: expected x, y, class in line 2')")
        commas = "\n".join(f"{k},5;{-k},25;{k % 3}" for k in range(9)).encode()
        file = {"name": "excel.csv", "mimeType": "text/csv", "buffer": commas}
        page.set_input_files("#csv", file)
        page.wait_for_selector("#code:has-text('[-1.0, 1.0, 0]')")


@pytest.mark.parametrize(
    "name",
    [
        "No activation",
        "Rate too high",
        "All weights zero",
        "Six sigmoids",
        "Learn by heart",
        "Dead ReLUs",
    ],
)
def test_breaking_it_says_what_happens(browser, server, name):
    with opened(browser, server.url) as page:
        ready(page)
        page.select_option("#speed", "10")
        page.get_by_role("button", name=name).click()
        page.wait_for_selector("#remarks p:not(:has-text('Nothing unusual'))", timeout=20_000)


def test_copying_the_code(browser, server):
    with opened(browser, server.url) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ready(page).get_by_role("button", name="Copy").click()
        page.wait_for_selector("#copy:has-text('Copied')")
        assert (
            page.evaluate("navigator.clipboard.readText()").strip()
            == page.inner_text("#code").strip()
        )


def test_a_closed_tab_stops_its_training(browser, server):
    with opened(browser, server.url) as page:
        ready(page).get_by_role("button", name="Play").click()
        page.wait_for_selector("#figures:not(:has-text('Epoch 0:'))")
        name = page.evaluate("begun.name")
    one = server.experiments.named(name)
    time.sleep(0.1)
    epochs = len(one.epochs)
    time.sleep(0.3)
    assert len(one.epochs) == epochs


def test_thirty_frames_a_second(browser, server):
    """The best of a few seconds, as other tests may run beside it."""
    with opened(browser, server.url) as page:
        ready(page).get_by_role("button", name="Play").click()
        rates = []
        for _ in range(5):
            before = page.evaluate("frame.epoch")
            page.wait_for_timeout(1000)
            rates.append(page.evaluate("frame.epoch") - before)
        assert max(rates) >= 30, rates


def test_a_server_that_is_gone_is_told(browser, server):
    with opened(browser, server.url) as page:
        ready(page)
        page.route("**/frame", lambda route: route.abort())
        page.get_by_role("button", name="One epoch on").click()
        page.wait_for_selector("#trouble:has-text('is the script still running')")
        page.trouble.clear()


def test_pictures_of_units_are_as_large_as_the_page_thinks(experiment):
    frame = experiment().frame(0, (0, 0))
    assert len(frame["units"][0][0]["pixels"]) == 4 * -(-(UNIT_MAP**2) // 3)
