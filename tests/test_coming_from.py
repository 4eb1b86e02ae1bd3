"""What hands type that know Keras, PyTorch or scikit-learn: it works as there, or says how here.

Each line runs in a namespace of its own, with digits of eight features in `X` and `y`, a model that
has been trained on them, and the names of `tinyframe`.
"""

import copy
import dataclasses
import inspect

import numpy as np
import pytest
from needs import needs

import tinyframe
from tinyframe import (
    Adam,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    Dense,
    Dropout,
    History,
    KLDivergenceLoss,
    LogSoftmax,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
)
from tinyframe.storage import registry
from tinyframe.utils.vocabulary import NAMES, WORDS

RNG = np.random.default_rng(0)
X = RNG.random((40, 8)).astype(np.float32)
Y = RNG.integers(0, 3, 40)
TRAINED = Sequential([Dense(8, 6), ReLU(), Dense(6, 3), Softmax()]).fit(
    X, Y, epochs=3, validation_data=(X, Y), rng=0, verbose=0
)

WORKS = {
    # Keras
    'model.fit(X, y, loss="sparse_categorical_crossentropy", verbose=0)':
        "isinstance(model.loss, CrossEntropyLoss)",
    'model.fit(X, one_hot(y, 3), loss="categorical_crossentropy", verbose=0)':
        "isinstance(model.loss, CrossEntropyLoss)",
    'model.fit(X, y, optimizer="adam", verbose=0)': "isinstance(model.optimizer, Adam)",
    'model.fit(X, y, optimizer="rmsprop", loss="mse", verbose=0)':
        "isinstance(model.optimizer, RMSprop) and isinstance(model.loss, MSELoss)",
    'model.fit(X, y, loss="mean_squared_error", verbose=0)': "isinstance(model.loss, MSELoss)",
    "model.fit(X, y, optimizer=Adam, loss=CrossEntropyLoss, verbose=0)":
        "isinstance(model.optimizer, Adam)",
    "result = model(X)": "result.shape == (40, 3)",
    "result = model(X[:1].tolist())": "result.shape == (1, 3)",
    "result = model.layers[0]": "result is model[0]",
    "model = Sequential(); model.add(Dense(16)); model.add(ReLU()); model.add(Dense(3)); "
    "result = model(X)": "result.shape == (40, 3)",
    "model = Sequential(); model.add(Dense(8, 16)); model.add(Dense(3))":
        "model.output_shape == (3,)",
    "result = [w.shape for w in model.weights.values()]":
        "result == [(8, 6), (6,), (6, 3), (3,)]",
    'result = model.history["loss"]': "len(result) == 3",
    'result = model.history.history["val_accuracy"]': "len(result) == 3",
    'result = model.fit(X, y, epochs=2, verbose=0).history.history["loss"]': "len(result) == 5",
    'result = model.evaluate(X, y, verbose=0)["accuracy"]': "0 <= result <= 1",
    "print(model.summary())": "True",
    "result = model.summary().splitlines()": "len(result) > 5",
    "result = Reshape((2, 4))(X)": "result.shape == (40, 2, 4)",
    "result = Permute((2, 1))(X.reshape(40, 2, 4))": "result.shape == (40, 4, 2)",
    "result = Dense(3)(X)": "result.shape == (40, 3)",
    "result = Embedding(10, 4)([[1, 2], [3, 4]])": "result.shape == (2, 2, 4)",
    "model = Sequential([Dense(3, initializer='glorot_uniform')])":
        "model[0].initializer.__name__ == 'glorot_uniform'",
    "model = Sequential([Dense(1), Sigmoid()]).fit(X, y == 1, loss='binary_crossentropy', "
    "verbose=0)": "'accuracy' in model.history",
    "model = Sequential([Dense(8), Dense(3)]).with_input(8)": "model.output_shape == (3,)",
    "result = MSELoss()([[0.5, 0.5]], [[0.0, 1.0]])": "result == 0.5",
    # PyTorch
    "model = Sequential(Dense(8, 6), ReLU(), Dense(6, 3))": "model(X).shape == (40, 3)",
    "result = Residual([Dense(8), ReLU()])(X)": "result.shape == (40, 8)",
    "result = Add(Dense(4), Dense(4))(X)": "result.shape == (40, 4)",
    "result = Concatenate([Dense(4), Dense(2)])(X)": "result.shape == (40, 6)",
    "result = Concatenate(Dense(4), Dense(2))(X)": "result.shape == (40, 6)",
    "result = Concatenate(LSTM(4), Sequential([Reverse(), LSTM(4)]))(X.reshape(40, 4, 2))":
        "result.shape == (40, 8)",
    "result = Select([0, 2])(X)": "(result == X[:, [0, 2]]).all()",
    "loss = CrossEntropyLoss(from_logits=True); result = loss(X[:, :3], y)": "result > 0",
    "loss = MSELoss(); result = loss(model(X), one_hot(y, 3)).real": "result > 0",
    "result = [p.shape for p in model.parameters]": "len(result) == 4",
    "result = sum(p.size for p in model.parameters)": "result == 75",
    "result = np.asarray(model[0].weight)": "result.shape == (8, 6)",
    "model[0].trainable = False": "len(model.trainable_parameters) == 2",
    "for layer in model: layer.trainable = False": "not model.trainable_parameters",
    "model = model[:-1]": "len(model) == 3",
    # scikit-learn
    "result = model.fit(X, y, verbose=0)": "result is model",
    "from tinyframe import NetworkClassifier": "NetworkClassifier.__name__ == 'NetworkClassifier'",
    "from tinyframe import NetworkRegressor": "NetworkRegressor.__name__ == 'NetworkRegressor'",
    "from tinyframe import NetworkClassifier; "
    "result = NetworkClassifier(optimizer='sgd', loss='cross_entropy', epochs=3).fit(X, y)":
        "result.score(X, y) > 0",
    "from tinyframe import mnist, check_layer": "callable(check_layer)",
    "import pandas; model.fit(X, pandas.Series(list('abc') * 13 + ['a']).astype('category'), "
    "verbose=0)": "True",
    "import pandas; model.fit(X, pandas.DataFrame({'c': list('abc') * 13 + ['a']}, "
    "dtype='category'), verbose=0)": "True",
    "import pandas; result = pandas.DataFrame(model.history)":
        "list(result) == model.history.keys() and len(result) == 3",
    "import pandas; result = pandas.DataFrame(dict(model.history))":
        "list(result) == model.history.keys() and len(result) == 3",
    "result = model.history[-1]": "result['loss'] == model.history['loss'][-1]",
    "result = [epoch['loss'] for epoch in model.history]": "result == model.history['loss']",
    "result = len(model.history)": "result == 3 == len(list(model.history))",
    "model.partial_fit(X, y)": "len(model.history) == 4",
}  # fmt: skip
"""Lines that work, and what is true then."""

ANSWERED = {
    # Keras
    'model.compile("adam", "mse")': "model.fit(X, y, loss=…, optimizer=…",
    "Dense(10, activation='relu')": "an activation is a layer of its own",
    "Dense(10, 'relu')": "an activation is a layer of its own",
    "Dense(units=10)": "Dense(10)",
    "Dense(10, input_shape=(8,))": "model.with_input(shape)",
    "Dense(10, input_dim=8)": "it takes sizes",
    "Dense(10, kernel_initializer='he_normal')": "'initializer'",
    "Dense(10, initializer='he')": "he_normal",
    "Dense(10, kernel_regularizer='l2')": "weight_decay",
    "Dense(10, bias=False)": "'use_bias'",
    "Dense(10, name='hidden')": "model[0]",
    "Dense(10, dtype='float64')": "Sequential([…], dtype=",
    "Conv2D(32, 3, strides=2)": "'stride'",
    "Conv2D(32, 3, activation='relu')": "an activation is a layer of its own",
    "Conv2D(32, 3, 'same')": "stride=1, padding=2",
    "Conv2D(32, 3, data_format='channels_last')": "Permute(3, 1, 2)",
    "Conv2D(32, kernel=3)": "'kernel_size'",
    "Conv2D(32, 3, dilation_rate=2)": "'dilation'",
    "MaxPool2D(strides=2)": "'stride'",
    "BatchNorm(axis=1)": "axis 1",
    "BatchNorm(eps=1e-3)": "'epsilon'",
    "LSTM(8, return_state=True)": "return_sequences=True",
    "LSTM(8, dropout=0.1)": "Dropout(0.5) is a layer",
    "LSTM(8, mask_value=0)": "'padding'",
    "Embedding(input_dim=10, output_dim=4)": "'vocabulary'",
    "Embedding(10, 4, mask_zero=True)": "padding=0",
    "Flatten(data_format='channels_last')": "Permute(3, 1, 2)",
    "Sequential([Dense(3)]).build((None, 8))": "leave it out: 8",
    "model.get_weights()": "model.weights",
    "model.set_weights([])": "model.weights",
    "model.weights[0]": "0.weight",
    "model.get_layer('dense')": "model[0]",
    "model.pop()": "model[:-1]",
    "model.count_params()": "model.summary()",
    "model.predict_classes(X)": ".argmax(axis=1)",
    "model.save_weights('w.h5')": "model.save(",
    "model.load_weights('w.h5')": "Sequential.load(",
    "model.save('model.h5')": ".npz",
    "model.save('model.keras')": ".npz",
    "model.trainable_weights": "trainable_parameters",
    "model.variables": "parameters",
    "model.stop_training = True": "run.stop(",
    "model.name": "model[0]",
    "model[0].kernel": "'weight'",
    "model[0].get_config()": "repr(layer)",
    "model.fit(X, y, lr=0.1)": "optimizer=SGD(0.1)",
    "model.fit(X, y, learning_rate=0.1)": "optimizer=SGD(0.1)",
    "model.fit(X, y, epoch=3)": "'epochs'",
    "model.fit(X, y, nb_epoch=3)": "'epochs'",
    "model.fit(X, y, seed=0)": "'rng'",
    "model.fit(X, y, 32, 10)": "epochs=10, batch_size=32",
    "model.fit(X, y, steps_per_epoch=3)": "fit(batches)",
    "model.fit(X, y, initial_epoch=3)": "goes on",
    "model.fit(X, y, validation_set=(X, y))": "'validation_data'",
    "model.fit(X, y, metrics='accuracy')": '["accuracy"]',
    "model.fit(X, y, metrics=['acc'])": "'accuracy'",
    "model.fit(X, y, metrics=['auc'])": "'roc_auc'",
    "model.fit(X, y, callbacks=EarlyStopping())": "callbacks=[EarlyStopping",
    "model.fit(X, y, callbacks=[EarlyStopping])": "EarlyStopping(…)",
    "model.fit(X, y, loss='crossentropi')": "'cross_entropy'",
    "model.fit(X, y, loss='ctc')": "mse",
    "model.fit(X, y, optimizer='adamm')": "'adam'",
    "model.evaluate(X, y, verbose=0)[1]": "accuracy",
    "model.evaluate(X, y, batch_size=32)": "leave it out",
    "model.predict(X, batch_size=32)": "leave it out",
    "model.predict(X, 32)": "X",
    "model.history['acc']": "'accuracy'",
    "model.history['val_acc']": "'val_accuracy'",
    "model.history[7]": "3 epochs",
    "model.history.epoch": "len(history)",
    "Adam(lr=1e-3)": "'learning_rate'",
    "Adam(1e-3, clipnorm=1.0)": "'clip_norm'",
    "Adam(1e-3, use_ema=True)": "WeightAverage",
    "Adam(1e-3, decay=0.1)": "ExponentialDecay",
    "Adam(1e-3).lr": "'learning_rate'",
    "EarlyStopping(restore_best_weights=True)": "'restore_best'",
    "EarlyStopping('val_acc')": "'val_accuracy'",
    "ModelCheckpoint(filepath='m.npz')": "'path'",
    "ModelCheckpoint('m.npz', save_best_only=True)": "leave it out",
    "CSVLogger(filename='log.csv')": "'path'",
    "CrossEntropyLoss(reduction='sum')": "means over the rows",
    "from tinyframe import BatchNormalization": "'BatchNorm'",
    "from tinyframe import Input": "model.with_input(784)",
    "from tinyframe import Activation": "ReLU()",
    "from tinyframe import MaxPooling2D": "'MaxPool2D'",
    "from tinyframe import Bidirectional": "Reverse()",
    "from tinyframe import to_categorical": "'one_hot'",
    "from tinyframe import load_model": "Sequential.load(",
    "from tinyframe import ReduceLROnPlateau": "'ReduceOnPlateau'",
    "from tinyframe import SparseCategoricalCrossentropy": "'CrossEntropyLoss'",
    "tinyframe.models": "from tinyframe import Sequential",
    # PyTorch
    "from tinyframe import Linear": "'Dense'",
    "from tinyframe import nn": "from tinyframe import Dense",
    "from tinyframe import optim": "from tinyframe import SGD, Adam",
    "from tinyframe import Conv2d": "'Conv2D'",
    "from tinyframe import BCEWithLogitsLoss": "from_logits=True",
    "from tinyframe import DataLoader": "batch_size=32",
    "tinyframe.no_grad()": "model.predict",
    "tinyframe.manual_seed(0)": "rng=0",
    "tinyframe.tensor([1.0])": "NumPy",
    "Dense(in_features=8, out_features=3)": "inferred",
    "Dense(8, 3, bias=False)": "'use_bias'",
    "Dense(8, 6, 3)": "(inputs, units)",
    "Conv2D(1, 32, 3)": "channels are inferred",
    "Conv2D(in_channels=1, out_channels=32, kernel_size=3)": "inferred",
    "LSTM(8, 16)": "LSTM(16)",
    "LSTM(8, batch_first=True)": "(batch, time, features)",
    "LSTM(8, num_layers=2)": "return_sequences=True",
    "LSTM(8, bidirectional=True)": "Reverse()",
    "LSTM(hidden_size=8)": "'units'",
    "Dropout(p=0.5)": "'rate'",
    "Softmax(dim=1)": "'axis'",
    "ReLU(inplace=True)": "leave it out",
    "LeakyReLU(negative_slope=0.1)": "'slope'",
    "LayerNorm(16)": "LayerNorm()",
    "BatchNorm(num_features=8)": "inferred",
    "MultiHeadAttention(16, 4)": "MultiHeadAttention(4)",
    "MultiHeadAttention(num_heads=4)": "'heads'",
    "Embedding(num_embeddings=10, embedding_dim=4)": "'vocabulary'",
    "Flatten(start_dim=1)": "leave it out",
    "Parameter(np.ones(3))": "its shape is (3,)",
    "model[0].weight.data": "parameter.value",
    "model[0].weight.requires_grad = False": "layer.trainable",
    "model[0].weight.numpy()": "parameter.value",
    "model.parameters()": "without brackets",
    "Adam(model.parameters(), lr=1e-3)": "without brackets",
    "Adam(model.parameters, lr=1e-3)": "'learning_rate'",
    "Adam(model.parameters)": "model.fit(X, y, optimizer=",
    "Adam(1e-3, betas=(0.9, 0.999))": "beta_1=0.9, beta_2=0.999",
    "SGD(0.1, 0.9, 0, 0.01)": "momentum=0.9",
    "Adam(1e-3).zero_grad()": "overwrites",
    "model.zero_grad()": "overwrites",
    "model.train()": "training=True",
    "model.eval()": "model.predict",
    "model.to('cuda')": "on the CPU",
    "model.state_dict()": "to_torch_state_dict",
    "model.load_state_dict({})": "from_torch_state_dict",
    "model.double()": 'dtype="float64"',
    "model.modules()": "model.walk()",
    "CrossEntropyLoss()(model(X), y).backward()": "model.backward(loss.backward())",
    "CrossEntropyLoss(weight=[1, 2, 3])": "'class_weights'",
    "model(X, training=True)": "forward(x, training=True)",
    # scikit-learn
    "model.score(X, y)": "model.evaluate(X, y)",
    "model.predict_proba(X)": "model.predict(X)",
    "model.coefs_": "model.weights",
    "model.loss_curve_": 'model.history["loss"]',
    "model.n_iter_": "len(model.history)",
    "model.get_params()": "NetworkClassifier",
    "model.fit_transform(X, y)": "[:2].predict(X)",
    "model.classes_": "NetworkClassifier",
    "model.fit(X, y, random_state=0)": "'rng'",
    "model.fit(X, y, max_iter=100)": "'epochs'",
    "model.fit(X, y, early_stopping=True)": "EarlyStopping(",
    "model.fit(X, y, solver='adam')": "'optimizer'",
    "model.fit(X, y, np.ones(40))": "epochs=10",
    "model.fit(X, ['a', 'b', 'c', 'a'] * 10)": "np.unique(y, return_inverse=True)",
    "from tinyframe import MLPClassifier": "'NetworkClassifier'",
    "from tinyframe import Networkclassifier": "'NetworkClassifier'",
}  # fmt: skip
"""Lines that do not work, and words of the answer."""

HINTED = (TypeError, ValueError, AttributeError, ImportError, KeyError, IndexError, OSError)


def namespace():
    names = {name: getattr(tinyframe, name) for name in tinyframe.__all__}
    return names | {
        "tinyframe": tinyframe, "np": np, "X": X, "y": Y, "model": copy.deepcopy(TRAINED),
    }  # fmt: skip


def skip_without_its_library(line):
    if "pandas" in line:
        needs("pandas")
    if "NetworkClassifier" in line or "NetworkRegressor" in line:
        needs("sklearn")


@pytest.mark.parametrize("line", WORKS)
def test_it_works_as_there(line, monkeypatch, tmp_path):
    skip_without_its_library(line)
    monkeypatch.chdir(tmp_path)
    names = namespace()
    exec(line, names)  # noqa: S102 - what people type
    assert eval(WORKS[line], names)  # noqa: S307 - a table of this file's


@pytest.mark.parametrize("line", ANSWERED)
def test_it_says_how_it_is_done_here(line, monkeypatch, tmp_path):
    if "import" not in line:
        skip_without_its_library(line)
    monkeypatch.chdir(tmp_path)
    names = namespace()
    before = {name: array.tobytes() for name, array in names["model"].weights.items()}
    with pytest.raises(HINTED) as caught:
        exec(line, names)  # noqa: S102 - as above
    assert ANSWERED[line] in str(caught.value), str(caught.value)
    assert {name: array.tobytes() for name, array in names["model"].weights.items()} == before
    assert len(names["model"].history) == 3


def test_the_trial_is_long_enough():
    assert len(WORKS) + len(ANSWERED) >= 120


# ------------------------------------------------------------------ names for objects


HEADS = {
    "probabilities": ([Dense(3), Softmax()], False),
    "scores": ([Dense(3)], True),
    "logarithms": ([Dense(3), LogSoftmax()], True),
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["cross_entropy", "CrossEntropyLoss", CrossEntropyLoss])
def test_a_named_loss_takes_what_the_model_makes(head, name):
    layers, scores = HEADS[head]
    model = Sequential(copy.deepcopy(layers)).fit(X, Y, loss=name, rng=0, verbose=0)
    assert repr(model.loss) == repr(CrossEntropyLoss(from_logits=scores))
    twin = Sequential(copy.deepcopy(layers))
    twin.fit(X, Y, loss=CrossEntropyLoss(from_logits=scores), rng=0, verbose=0)
    assert model.history["loss"] == twin.history["loss"]


def test_other_losses_that_take_either():
    target = (Y == 1).astype(np.float32)
    for head, scores in (([Dense(1), Sigmoid()], False), ([Dense(1)], True)):
        model = Sequential(head).fit(X, target, loss="bce", verbose=0)
        assert repr(model.loss) == repr(BinaryCrossEntropyLoss(from_logits=scores))
        assert ("accuracy" in model.history) is not scores  # of scores, ½ is no threshold
    for head, logarithms in ((Softmax(), False), (LogSoftmax(), True)):
        model = Sequential([Dense(3), head]).fit(X, Y, loss="kl_divergence", verbose=0)
        assert repr(model.loss) == repr(KLDivergenceLoss(from_logits=logarithms))


def test_a_name_goes_on_with_the_optimizer_of_the_last_fit():
    model = copy.deepcopy(TRAINED).fit(X, Y, optimizer="adam", verbose=0)
    optimizer = model.optimizer
    steps = optimizer.steps
    model.fit(X, Y, optimizer="adam", epochs=1, verbose=0)
    assert model.optimizer is optimizer
    assert optimizer.steps > steps
    model.fit(X, Y, optimizer="sgd", verbose=0).fit(X, Y, optimizer=Adam(0.1), verbose=0)
    own = model.optimizer
    model.fit(X, Y, optimizer="adam", verbose=0)
    assert model.optimizer is not own  # another rate
    for _ in range(3):
        model.train_on_batch(X, Y, loss="mse", optimizer="adam")
    assert model.optimizer.steps == 23  # ten epochs of two steps, and three
    assert type(model.loss) is MSELoss


def test_names_of_ones_own_classes(monkeypatch):
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))

    @tinyframe.register
    class TiltedLoss(MSELoss):
        pass

    model = copy.deepcopy(TRAINED).fit(X, Y, loss="tilted", verbose=0)
    assert type(model.loss) is TiltedLoss


# ------------------------------------------------------------------ the mechanism


def test_foreign_names_do_not_show():
    layer = Dense(3, 2)
    for name in ("kernel", "state_dict", "train", "numpy"):
        assert not hasattr(layer, name)
        assert not hasattr(Dense, name)
        assert name not in dir(layer)
    assert {"weight", "forward", "weights"} <= set(dir(layer))
    assert getattr(layer, "kernel", 7) == 7


def test_a_class_of_ones_own_may_use_foreign_names():
    class Own(Dense):
        def __init__(self, units, activation=None):
            super().__init__(units)
            self.kernel = self.weights = self.name = activation

    own = Own(3, activation="relu")
    assert own.kernel == own.weights == own.name == "relu"
    with pytest.raises(TypeError, match="unexpected keyword argument 'strides'"):
        Own(3, strides=2)  # its constructor is not ours


def test_an_error_within_a_constructor_keeps_its_words():
    with pytest.raises(ValueError, match="Dropout's rate expected a finite number"):
        Dropout(2)
    with pytest.raises(TypeError, match=r"^Dropout\(rate\): missing a required argument: 'rate'$"):
        Dropout()


def test_a_loss_that_is_called_saves_nothing():
    loss = MSELoss()
    assert loss(X, X) == 0
    with pytest.raises(RuntimeError, match="forward pass first"):
        loss.backward()


def test_a_called_layer_gives_an_array_of_its_own():
    x = X.copy()
    for layer in (Dropout(0.5), Sequential([Dropout(0.5)]), tinyframe.Flatten()):
        y = layer(x)
        assert not np.may_share_memory(x, y)
        np.testing.assert_array_equal(y, x)


def test_a_history_of_no_epochs():
    history = History()
    assert len(history) == 0
    assert list(history) == history.keys() == []
    assert history.history == {}
    with pytest.raises(KeyError, match="nothing yet"):
        history["loss"]
    with pytest.raises(IndexError, match="0 epochs"):
        history[-1]
    assert "no epochs yet" in history._repr_html_()


# ------------------------------------------------------------------ what a review found


TAILS = {
    "flat": lambda head: [Dense(3), head, tinyframe.Flatten()],
    "shaped": lambda head: [Dense(3), head, tinyframe.Reshape(3)],
    "dropped": lambda head: [Dense(3), head, Dropout(0.0)],
    "nested": lambda head: [Sequential([Dense(3), Sequential([head])])],
    "joined": lambda head: [
        tinyframe.Concatenate(
            Sequential([Dense(1), head]),
            Sequential([Dense(2), copy.deepcopy(head)]),
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("tail", TAILS)
def test_a_named_loss_looks_through_layers_that_keep_probabilities(tail):
    for head, scores in ((Softmax(), False), (Sigmoid(), False), (ReLU(), True)):
        loss = "bce" if isinstance(head, Sigmoid) else "cross_entropy"
        model = Sequential(TAILS[tail](head)).with_input(8)
        target = np.eye(3)[Y] if loss == "bce" or tail == "joined" else Y
        model.fit(X, target, loss=loss, epochs=1, metrics=[], verbose=0)
        assert model.loss.from_logits is scores


def test_branches_that_end_differently_ask_for_an_object():
    model = Sequential([tinyframe.Concatenate(Sequential([Dense(1), Softmax()]), Dense(2))])
    with pytest.raises(ValueError, match="branches of the model end in different layers"):
        model.fit(X, Y, loss="cross_entropy", verbose=0)
    model.fit(X, np.eye(3)[Y], loss="mse", epochs=1, verbose=0)


def test_categories_are_the_same_ones_everywhere():
    pandas = needs("pandas")

    def column(order, labels=Y):
        names = np.array(list("abc"))[labels]
        return pandas.Series(pandas.Categorical(names, categories=list(order)))

    model = Sequential([Dense(8, 3), Softmax()])
    with pytest.raises(ValueError, match="validation_data: y expected the categories"):
        model.fit(X, column("abc"), validation_data=(X, column("cba")), verbose=0)
    model.fit(X, column("cba"), epochs=1, verbose=0)  # nothing of that was kept
    assert model.evaluate(X, column("cba"), verbose=0)["loss"] > 0
    for wrong in (column("abc"), column("ab", Y % 2)):
        with pytest.raises(ValueError, match="in this order, got"):
            model.evaluate(X, wrong, verbose=0)
        with pytest.raises(ValueError, match="in this order, got"):
            model.fit(X, wrong, verbose=0)
        with pytest.raises(ValueError, match="in this order, got"):
            model.train_on_batch(X, wrong)
    fresh = Sequential([Dense(8, 3), Softmax()]).fit(X, Y, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="are not known"):
        fresh.evaluate(X, column("abc"), verbose=0)


def test_categories_that_would_be_taken_for_others():
    pandas = needs("pandas")
    model = Sequential([Dense(8, 3), Softmax()])
    turned = pandas.Series(pandas.Categorical(Y, categories=[2, 1, 0]))
    with pytest.raises(ValueError, match="0 … n − 1 in this order, got"):
        model.fit(X, turned, verbose=0)
    model.fit(X, pandas.Series(Y).astype("category"), epochs=1, verbose=0)
    binary = pandas.Series(np.where(Y > 1, "yes", "no")).astype("category")
    with pytest.raises(ValueError, match=r"y expected numbers, which MSELoss\(\) is of"):
        Sequential([Dense(8, 1)]).fit(X, binary, verbose=0)
    fresh, missing = Sequential([Dense(8, 2)]), pandas.Series([None, *"ab" * 19, "b"])
    with pytest.raises(ValueError, match="a category in each row, got none in row 0"):
        fresh.fit(X, missing.astype("category"), verbose=0)


def test_a_class_beside_ours_keeps_its_attributes():
    class Mixin:
        name = "mix"

        def train(self):
            return "train"

    class Own(tinyframe.Layer, Mixin):
        def forward(self, x, training=False):
            return x

        def backward(self, dy):
            return dy

    assert Own().train() == "train"
    assert Own().name == "mix"


def test_layers_that_compare_by_value_are_refused():
    @dataclasses.dataclass
    class Scaled(tinyframe.Layer):
        factor: int = 3

        def forward(self, x, training=False):
            return x * self.factor

        def backward(self, dy):
            return dy * self.factor

    with pytest.raises(TypeError, match=r"@dataclass\(eq=False\)"):
        Sequential([Dense(2), Scaled()])
    by_itself = dataclasses.make_dataclass("ByItself", [], bases=(Scaled,), eq=False)
    by_itself.__eq__, by_itself.__hash__ = object.__eq__, object.__hash__
    assert Sequential([Dense(2), by_itself()])(X).shape == (40, 2)


def test_a_model_that_is_part_of_another_does_not_grow():
    inner = Sequential([Dense(4)])
    outer = Sequential([inner, Dense(2)])
    with pytest.raises(ValueError, match="one that is a layer of another"):
        inner.add(Dense(5))
    for around in (outer, Sequential([outer])):
        with pytest.raises(ValueError, match=r"one that this model is in|a layer of another"):
            outer.add(around)
    trained = copy.deepcopy(TRAINED)
    with pytest.raises(ValueError, match="has not been trained"):
        trained.add(Dense(2))
    with pytest.raises(TypeError, match="got None at 0"):
        Sequential(None, Dense(2))
    model = Sequential(Dense(8, 4))
    with pytest.raises(ValueError, match="expected"):
        model.add(Dense(5, 2))
    assert (len(model), model.output_shape) == (1, (4,))
    model.add(Dense(2))
    assert model(X).shape == (40, 2)
    with pytest.raises(ValueError, match="at least one layer, got none yet"):
        Sequential().predict(X)


@pytest.mark.parametrize(
    "scale", [1 / 255, -1 / 255, 1 / 3, 2 / 3, 123456789.0, 1e15 + 0.5, 1e300, 1e-300, 0.1, 5e-324]
)
def test_a_number_reads_as_one_that_it_is(scale):
    shown = repr(tinyframe.Rescale(scale))
    assert eval(shown, {"Rescale": tinyframe.Rescale}).scale == scale  # noqa: S307 - a repr
    assert len(shown) < 35


LITERALLY = {
    "parameter.item": "TRAINED[0].bias.value[0].item()",
    "betas of Adam": "Adam(0.001, beta_1=0.9, beta_2=0.999)",
    "betas of Lion": "tinyframe.Lion(0.001, beta_1=0.9, beta_2=0.99)",
    "min_lr": "tinyframe.ReduceOnPlateau(0.1, minimum=1e-4)",
    "tolerance_change": "tinyframe.LBFGS(least_change=1e-9)",
    "two directions": "tinyframe.Concatenate(tinyframe.LSTM(8), "
    "Sequential([tinyframe.Reverse(), tinyframe.LSTM(8)]))",
    "stacked": "Sequential([tinyframe.LSTM(8, return_sequences=True), tinyframe.LSTM(8)])",
    "a schedule": "tinyframe.SGD(tinyframe.ExponentialDecay(0.1, 0.9))",
    "steps": "tinyframe.SGD(tinyframe.StepDecay(0.1, 10))",
    "float64": 'Sequential([Dense(2)], dtype="float64")',
    "weight decay": "tinyframe.SGD(0.1, weight_decay=1e-4)",
    "same": 'tinyframe.Conv2D(6, 5, stride=1, padding="same")',
    "activations": "TRAINED[:2].predict(X)",
    "best": 'TRAINED.history.best("loss")',
    "average": "tinyframe.WeightAverage(0.99)",
    "vector": "tinyframe.ParameterVector(TRAINED.parameters)",
}
"""What advice tells people to type, by itself."""


@pytest.mark.parametrize("name", LITERALLY)
def test_advice_can_be_followed(name):
    eval(LITERALLY[name])  # noqa: S307 - a table of this file's


def test_every_word_of_ours_is_one_that_something_has():
    """The vocabulary leads to attributes and arguments that exist."""
    known = set()
    for value in map(tinyframe.__dict__.get, tinyframe.__all__):
        if isinstance(value, type) and not issubclass(value, Exception):
            known |= {*dir(value), *inspect.signature(value).parameters}
            for base in value.__mro__:
                known |= set(inspect.get_annotations(base))
        for method in (Sequential.fit, Sequential.evaluate, Sequential.predict):
            known |= set(inspect.signature(method).parameters)
    known |= {"gain", "weight", "recurrent_weight", "running_mean", "running_variance"}
    for name, words in WORDS.items():
        for word in words:
            assert word in known or "." in word, (name, word)
    for name in NAMES.values():
        assert name.startswith("Network") or hasattr(tinyframe, name), name  # of an extra
