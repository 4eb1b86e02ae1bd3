"""Play with a small network: see every unit, weight and gradient while it trains, and its code.

    python examples/playground.py

The page lets you choose points, layers, loss and optimizer, train step by step, go back, and break
things on purpose. It always shows the tinyframe code of what is on the screen: run elsewhere, the
code trains the same network. It is served from this machine to this machine alone, and trains only
while the page asks for it. Its idea is that of TensorFlow's Playground (Smilkov et al., 2017).
"""

import argparse
import math
import webbrowser
from pathlib import Path
from typing import Any

from common import options_parser, parse
from experiment import (
    ACTIVATIONS,
    DATA,
    INITIALIZERS,
    LOSSES,
    MAP,
    MOST_EPOCHS,
    MOST_LAYERS,
    MOST_UNITS,
    OPTIMIZERS,
    SPAN,
    UNIT_MAP,
    Experiments,
    Settings,
)
from local_page import LocalPage, posted_object

PAGE = Path(__file__).with_suffix(".html")
MOST_AT_ONCE = 100  # epochs for a frame


class Playground(LocalPage):
    """The page's server: GET /choices, POST /begin with settings, POST /frame for what to show.

    Parameters
    ----------
    port
        Where; 0 for any that is free.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(
            PAGE, {"/choices": self.choices}, {"/begin": self.begin, "/frame": self.frame}, port
        )
        self.experiments = Experiments()

    @staticmethod
    def choices() -> dict[str, Any]:
        """Return what may be chosen, and how large pictures are."""
        return {
            "data": [*DATA, "points"],
            "activations": ACTIVATIONS,
            "losses": LOSSES,
            "optimizers": list(OPTIMIZERS),
            "initializers": INITIALIZERS,
            "map": MAP,
            "unit_map": UNIT_MAP,
            "span": SPAN,
            "layers": MOST_LAYERS,
            "units": MOST_UNITS,
            "epochs": MOST_EPOCHS,
        }

    def begin(self, body: bytes) -> dict[str, Any]:
        """Return a new experiment's name, its points and its code."""
        settings = Settings(posted_object(body))
        name = self.experiments.begin(settings)
        experiment = self.experiments.named(name)
        return {
            "name": name,
            "classes": settings.classes,
            "code": settings.code(1),
            "untrained": settings.code(0),
            "points": [
                [round(float(a), 4), round(float(b), 4), int(label), bool(held_back)]
                for (a, b), label, held_back in zip(
                    experiment.X, experiment.y, experiment.test, strict=True
                )
            ],
        }

    def frame(self, body: bytes) -> dict[str, Any]:
        """Train as many epochs as are asked for, and return what the page shows of one."""
        asked = posted_object(body)
        experiment = self.experiments.named(asked.get("name"))
        epochs, epoch, probe = asked.get("advance", 0), asked.get("epoch"), asked.get("probe")
        if type(epochs) is not int or not 0 <= epochs <= MOST_AT_ONCE:
            raise ValueError(f"advance expected 0 to {MOST_AT_ONCE}, got {epochs!r:.60}")
        if epoch is not None and (type(epoch) is not int or not 0 <= epoch <= MOST_EPOCHS):
            raise ValueError(f"epoch expected 0 to {MOST_EPOCHS}, got {epoch!r:.60}")
        if not (
            isinstance(probe, list)
            and len(probe) == 2
            and all(type(v) in (int, float) and math.isfinite(v) and abs(v) <= 10 for v in probe)
        ):
            raise ValueError(f"probe expected [x, y], got {probe!r:.60}")
        if epochs:
            experiment.advance(epochs)
        return experiment.frame(MOST_EPOCHS if epoch is None else epoch, (probe[0], probe[1]))

    def server_close(self) -> None:
        """Close it, and end what trains."""
        super().server_close()
        self.experiments.close()


FIRST = {
    "data": "spirals",
    "rows": 300,
    "noise": 0.02,
    "layers": [{"units": 8, "activation": "Tanh"}, {"units": 6, "activation": "Tanh"}],
    "initializer": "he_normal",
    "loss": "CrossEntropyLoss",
    "optimizer": "Adam",
    "rate": 0.03,
    "batch_size": 16,
    "seed": 0,
}
"""What a quick look trains."""


def options() -> argparse.Namespace:
    """Return the options."""
    parser = options_parser(__doc__, figure=False)
    parser.add_argument("--port", type=int, default=0, help="by default one that is free")
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    return parse(parser)


def quick_look(playground: Playground, seed: int) -> None:
    """Train a little without a page, and print how it went and the code."""
    settings = Settings(FIRST | {"seed": seed})
    experiment = playground.experiments.named(playground.experiments.begin(settings))
    experiment.advance(60, seconds=60)
    frame = experiment.frame(60, (0.0, 0.0))
    print(f"Epoch {frame['epoch']}: loss {frame['figures']['loss']:.3f}\n")
    print(settings.code(frame["epoch"]))


def main() -> None:
    """Serve the page until Ctrl-C."""
    chosen = options()
    with Playground(chosen.port) as playground:
        print(f"Play at {playground.url} (Ctrl-C ends it)", flush=True)
        if chosen.quick:
            quick_look(playground, chosen.seed)
            return
        if not chosen.no_browser:
            webbrowser.open(playground.url)
        try:
            playground.serve_forever()
        except KeyboardInterrupt:
            print("\nBye.")


if __name__ == "__main__":
    main()
