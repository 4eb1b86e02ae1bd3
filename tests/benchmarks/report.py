"""Tables in Markdown, and a bar chart, of the figures that a run of the benchmark wrote.

python tests/benchmarks --json run.json
python tests/benchmarks/report.py run.json                     tables
python tests/benchmarks/report.py run.json --chart chart.png   and a chart (extra `plot`)
"""

import argparse
import json
import statistics
from pathlib import Path

from tinyframe.plots import INK, PALETTE, STYLE

SYSTEMS = (
    "NumPy by hand", "PyTorch", "JAX", "JAX scan", "scikit-learn", "Keras on JAX", "ONNX Runtime",
)  # fmt: skip
COLOURS = dict(zip(SYSTEMS, PALETTE, strict=True))
CHARTED = (
    "mini32", "mini128", "full", "wide128", "predict1", "cnn64", "transformer", "lstm", "tiny32",
    "adam32", "stream", "lstm16", "rows10", "rows512", "images", "estimator64", "estimator784",
)  # fmt: skip


def ratios(seconds):
    """Return (seconds of tinyframe, how many times as long each other system takes)."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    own = medians.pop("tinyframe")
    return own, {name: median / own for name, median in medians.items()}


def table(results):
    """Return a table: a line a workload, a column a system."""
    found = {workload: ratios(seconds) for workload, seconds in results.items()}
    names = [n for n in (*COLOURS, "floor") if any(n in others for _, others in found.values())]
    lines = [f"| | tinyframe | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for workload, (own, others) in found.items():
        cells = [f"{others[name]:.2f}" if name in others else "" for name in names]
        lines.append(f"| `{workload}` | {own:.3g} s | {' | '.join(cells)} |")
    return "\n".join(lines)


def chart(results, path):
    """Draw how many times as long as tinyframe each system takes."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(STYLE)
    import matplotlib.pyplot as plt

    workloads = [workload for workload in CHARTED if workload in results]
    figure, axes = plt.subplots(figsize=(9, 0.62 * len(workloads) + 1.2), layout="constrained")
    ticks, shown, at = [], set(), 0.0
    for workload in workloads:
        others = {n: r for n, r in ratios(results[workload])[1].items() if n in COLOURS}
        begins = at
        for name, ratio in others.items():
            label = None if name in shown else name
            shown.add(name)
            axes.barh(at, ratio - 1, left=1, height=0.85, color=COLOURS[name], label=label)
            side = 1 if ratio >= 1 else -1
            axes.annotate(
                f"{ratio:.2g}", (ratio, at), (3 * side, 0), textcoords="offset points",
                fontsize="x-small", va="center", ha="left" if side > 0 else "right",
            )  # fmt: skip
            at += 1
        ticks.append((begins + at - 1) / 2)
        at += 0.8
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.2, 80)
    axes.set_xticks([0.25, 0.5, 1, 2, 5, 10, 20, 50], ["¼", "½", "1", "2", "5", "10", "20", "50"])
    axes.set_yticks(ticks, workloads)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_title("How many times as long as tinyframe it takes: right of 1, tinyframe is ahead")
    axes.spines["left"].set_visible(False)
    axes.tick_params("y", length=0)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def main():
    """Print the tables of a file, and draw its chart if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("json", type=Path, help="what `--json` wrote")
    parser.add_argument("--chart", type=Path, help="a PNG to draw")
    options = parser.parse_args()
    record = json.loads(options.json.read_text())
    print(record["about"], record["figures"], sep="\n")
    print(table(record["seconds"]))
    if options.chart:
        chart(record["seconds"], options.chart)


if __name__ == "__main__":
    main()
