"""A character Transformer: it reads a text, learns which character comes next, and writes on.

    python examples/character_transformer.py                  learn, write 500 characters
    python examples/character_transformer.py --text FILE      from a text of your own
    python examples/character_transformer.py --plot FILE      and draw where it looks

Two blocks of causal self-attention and dense layers, 128,000 parameters (Vaswani et al., "Attention
Is All You Need", 2017, with the layer norms first). Without --text it reads Tiny Shakespeare, where
the folder TINYFRAME_DATA has it in tinyshakespeare/, else a text that is built in: so short that
it is learnt by heart.
"""

import gzip
import math
import os
from pathlib import Path

import numpy as np
from common import options_parser, parse, saved_figure

from tinyframe import (
    GELU,
    AdamW,
    CosineDecay,
    CrossEntropyLoss,
    Dense,
    Embedding,
    LayerNorm,
    MultiHeadAttention,
    PositionalEmbedding,
    Residual,
    Sequential,
)
from tinyframe.plots import SHARES
from tinyframe.types import Array

CONTEXT = 64
BUILT_IN = """\
A layer is a function that knows its derivative. It takes what came before and gives what comes
next; and when the error returns, it says how much of it was its own, and passes on the rest.
A network is a chain of layers. It guesses, it is told how wrong it was, and each weight moves a
little downhill. That is all. The rest is patience: many small steps, each in the direction in
which the error falls fastest, until there is no lower place nearby.
"""


def read(path: Path | None) -> str:
    """Return the text to learn from."""
    if path is None:
        shelf = Path(os.environ.get("TINYFRAME_DATA", "")) / "tinyshakespeare"
        found = [file for file in (shelf / "input.txt", shelf / "input.txt.gz") if file.is_file()]
        if not found:
            print("Text: a built-in paragraph, twenty times over; --text FILE names a better one")
            return BUILT_IN * 20
        path = found[0]
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    print(f"Text: {path}, {len(text):,} characters")
    return text


def transformer(vocabulary: int, width: int = 64, heads: int = 4, blocks: int = 2) -> Sequential:
    """Return the network: from (batch, CONTEXT) characters to scores of the next, at each place."""
    layers = [Embedding(vocabulary, width), PositionalEmbedding()]
    for _ in range(blocks):
        layers += [
            Residual(LayerNorm(), MultiHeadAttention(heads, causal=True)),
            Residual(LayerNorm(), Dense(4 * width), GELU(), Dense(width)),
        ]
    return Sequential([*layers, LayerNorm(), Dense(vocabulary)])


def windows(tokens: Array, rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return stretches of the text, (rows, CONTEXT), and the same one character further on."""
    starts = rng.integers(0, len(tokens) - CONTEXT, rows)
    places = starts[:, np.newaxis] + np.arange(CONTEXT)
    return tokens[places], tokens[places + 1]


def write(model: Sequential, prompt: list[int], length: int, rng: np.random.Generator) -> list[int]:
    """Return so many characters more, each drawn with the probability that the model gives it."""
    written = list(prompt)
    for _ in range(length):
        seen = written[-CONTEXT:]
        x = np.zeros((1, CONTEXT), int)
        x[0, : len(seen)] = seen  # what stands behind does not matter: attention is causal
        scores = model.predict(x)[0, len(seen) - 1].astype(float)
        p = np.exp(scores - scores.max())
        written.append(int(rng.choice(len(p), p=p / p.sum())))
    return written


def plot(model: Sequential, x: Array, characters: str, path: Path) -> None:
    """Save a figure: how the loss fell, and what the four heads of the first block look at."""
    residual = model[2]
    norm, attention = residual.layers
    attention.forward(norm.forward(model[:2].predict(x[:1])), training=True)
    _, _, blocks, _ = attention._saved  # noqa: SLF001 - to look inside, at the one block of one row
    shares = blocks[0]  # (batch, heads, key, query)
    shown = 20
    ticks = [characters[token].replace("\n", "⏎") for token in x[0, :shown]]
    with saved_figure(path, 13, 3.6) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=[3.3, 9.7], squeeze=False)[0]
        axes = left.subplots()
        model.history.plot("loss", ax=axes)
        axes.legend(["text it learns from", "new text"])
        axes.set(ylabel="surprise by character (nats)")
        right.suptitle("What each head of the first block looks at, row by row")
        panels = right.subplots(1, 4)
        for head, panel in enumerate(panels):
            image = panel.imshow(shares[0, head, :shown, :shown].T, cmap=SHARES, vmin=0, vmax=1)
            panel.set_xticks(range(shown), ticks, fontsize="xx-small")
            panel.set_yticks(range(shown), ticks, fontsize="xx-small")
            panel.tick_params(length=0, pad=2)
            panel.set_title(f"head {head + 1}")
        right.colorbar(image, ax=panels, label="share of the look", pad=0.01)


def main() -> None:
    """Learn, write, and draw if asked."""
    parser = options_parser(__doc__)
    parser.add_argument("--text", type=Path, help="a text file, also .gz")
    parser.add_argument("--steps", type=int, default=3000, help="of 32 stretches each")
    options = parse(parser)
    text = read(options.text)
    characters = "".join(sorted(set(text)))
    if len(text) < 20 * CONTEXT:
        parser.error(f"--text expected at least {20 * CONTEXT} characters, got {len(text)}")
    tokens = np.array([characters.index(character) for character in text])
    rng = np.random.default_rng(options.seed)
    split = len(tokens) * 9 // 10
    steps = 60 if options.quick else options.steps
    epochs = max(1, steps // 300)
    X, y = windows(tokens[:split], 32 * (steps // epochs), rng)
    validation = windows(tokens[split:], 32 * (4 if options.quick else 50), rng)

    model = transformer(len(characters))
    optimizer = AdamW(CosineDecay(0.003, epochs, warmup=0.1), clip_norm=1.0, decay_biases=False)
    for epoch in range(epochs):
        model.fit(
            X,
            y,
            loss=CrossEntropyLoss(from_logits=True),
            optimizer=optimizer,
            epochs=1,
            batch_size=32,
            validation_data=validation,
            rng=options.seed + epoch,
        )
        X, y = windows(tokens[:split], len(X), rng)  # new stretches each time
    seconds = sum(model.history["seconds"])
    loss = model.history["val_loss"][-1]
    print(f"\n{1000 * seconds / steps:.1f} ms a step; surprise on new text {loss:.3f} nats")
    print(f"(that is as if choosing among {math.exp(loss):.1f} characters of {len(characters)})\n")
    length = 100 if options.quick else 500
    written = write(model, list(tokens[split : split + 20]), length, rng)
    print("".join(characters[token] for token in written))
    if options.plot:
        plot(model, validation[0], characters, options.plot)


if __name__ == "__main__":
    main()
