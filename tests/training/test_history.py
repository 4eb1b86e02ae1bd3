"""History: a sequence of epochs that can be asked by name, as a table, and in a notebook."""

import copy
import html.parser
import json
import math
import pickle
import re

import pytest
from needs import needs

from tinyframe import History

EPOCHS = [
    {"loss": 0.5, "accuracy": 0.25, "seconds": 0.5},
    {"loss": 0.25, "accuracy": 0.75, "seconds": 0.5},
    {"loss": 0.375, "accuracy": 0.5, "val_<b>": math.nan, "seconds": 0.25},
]


@pytest.fixture
def history():
    found = History()
    for epoch in EPOCHS:
        found.record(dict(epoch))
    return found


def test_it_is_a_sequence_of_epochs(history):
    assert len(history) == history.epochs == 3
    assert list(history) == [history.at(i) for i in range(3)]
    assert history[0] == history[-3] == EPOCHS[0]
    assert history[1:] == list(history)[1:]
    assert history[-1]["loss"] == 0.375
    with pytest.raises(KeyError, match=r"there is no 'los' among loss, .*did you mean 'loss'"):
        history[-1]["los"]
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="history has 3 epochs"):
            history[wrong]
    for wrong in (1.0, None, True, ("loss",)):
        with pytest.raises(TypeError, match="a figure or the number of an epoch"):
            history[wrong]


def test_an_epoch_that_was_given_out_changes_nothing(history):
    history[0]["loss"] = 7.0
    history["loss"].append(7.0)
    assert history["loss"] == [0.5, 0.25, 0.375]


def test_it_has_a_list_for_each_figure(history):
    assert history.keys() == ["loss", "accuracy", "seconds", "val_<b>"]
    assert dict(history).keys() == history.history.keys() == set(history.keys())
    assert history["accuracy"] == history.get("accuracy") == [0.25, 0.75, 0.5]
    assert all(map(math.isnan, history["val_<b>"]))
    assert history.get("f1") is None
    assert [name for name, _ in history.items()] == history.keys()
    assert history.values()[0] == history["loss"]
    assert "loss" in history
    assert "f1" not in history
    assert 0 not in history


def test_equal_histories(history):
    again = copy.deepcopy(history)
    assert pickle.loads(pickle.dumps(history))["loss"] == history["loss"]
    del history._epochs[2], again._epochs[2]
    assert history == again == history.history
    again.record({"loss": 1.0})
    assert history != again
    assert history != 3


def test_it_is_a_table_for_pandas(history):
    pandas = needs("pandas")
    for table in (pandas.DataFrame(history), pandas.DataFrame(dict(history))):
        assert list(table.columns) == history.keys()
        assert table["loss"].tolist() == history["loss"]
        assert table["val_<b>"].isna().all()


class Cells(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.open = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("polyline", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("polyline", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_notebook_gets_a_row_and_a_curve_a_figure(history):
    shown = history._repr_html_()
    cells = Cells()
    cells.feed(shown)
    assert not cells.open
    text = " ".join(cells.text)
    assert "3 epochs, 1.2 s of training" in text
    assert "val_<b>" in text
    assert "<b>" not in shown.replace("&lt;b&gt;", "")
    assert shown.count("<polyline") == 2  # nothing is drawn of what never was a number
    assert re.search(r"loss 0\.25 \(2\) 0\.375", re.sub(r"\s+", " ", text))
    assert re.search(r"accuracy 0\.75 \(2\) 0\.5", re.sub(r"\s+", " ", text))
    assert "http" not in shown
    assert "script" not in shown


def test_curves_keep_within_their_frame(history):
    history.record({"loss": math.inf, "accuracy": 1.0, "seconds": 0.1})
    points = re.findall(r'points="([^"]+)"', history._repr_html_())
    for line in points:
        xs, ys = zip(*(map(float, point.split(",")) for point in line.split()), strict=True)
        assert 0 <= min(xs) < max(xs) <= 120
        assert 0 <= min(ys) <= max(ys) <= 28
    loss = [float(point.split(",")[1]) for point in points[0].split()]
    assert loss[0] < loss[2] < loss[1]  # down is small; of the infinite one there is no point


def test_a_long_history_shows_its_ends():
    history = History()
    for number in range(1000):
        history.record({"loss": float(number)})
    lines = repr(history).splitlines()
    assert len(lines) == 1 + 10 + 1 + 20
    assert lines[1].split() == ["1", "0.0000"]
    assert lines[11].split() == ["…", "…"]
    assert lines[-1].split() == ["1000", "999.0000"]


def test_a_file_has_all(history, tmp_path):
    history.to_json(tmp_path / "h.json")
    found = json.loads((tmp_path / "h.json").read_text())
    assert found["epoch"] == [1, 2, 3]
    assert found["loss"] == history["loss"]
    assert found["val_<b>"] == [None] * 3
    history.to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text().splitlines()[0] == "epoch,loss,accuracy,seconds,val_<b>"
