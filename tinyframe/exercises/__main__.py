"""python -m tinyframe.exercises: list, start, hint and grade."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyframe.exercises import EXERCISES, hint, start
from tinyframe.exercises.submissions import PATIENCE, as_csv, grade_files, grade_here


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tinyframe.exercises", description="Exercises that grade themselves."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help="say what there is (the default)")
    begin = commands.add_parser("start", help="write exercises to be completed")
    begin.add_argument("names", nargs="+", metavar="NAME", help="such as softmax; or all")
    begin.add_argument("--notebook", action="store_true", help="as notebooks, not scripts")
    nudge = commands.add_parser("hint", help="give a hint")
    nudge.add_argument("name", metavar="NAME")
    nudge.add_argument("number", nargs="?", type=int, default=1, metavar="N", help="1, 2, …")
    marks = commands.add_parser("grade", help="grade files that were handed in: runs them")
    marks.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".py or .ipynb")
    marks.add_argument("--csv", action="store_true", help="as a table for a spreadsheet")
    marks.add_argument(
        "--patience", type=float, default=PATIENCE, metavar="SECONDS", help="for each file"
    )
    marks.add_argument("--as-json", action="store_true", help=argparse.SUPPRESS)
    return parser


def _list() -> None:
    for number, exercise in enumerate(EXERCISES.values(), start=1):
        print(f"{number:2}. {exercise.name:14} {exercise.title}")
    print("\npython -m tinyframe.exercises start relu writes relu.py; python relu.py grades it.")


def _grade(chosen: argparse.Namespace) -> bool:
    if chosen.as_json:
        lines = grade_here(chosen.files[0], list(EXERCISES.values()))
        print("\n" + json.dumps(lines))
        return True
    lines = grade_files(chosen.files, patience=chosen.patience)
    if chosen.csv:
        print(as_csv(lines), end="")
    else:
        for line in lines:
            mark, mistakes = "✓" if line["passed"] else "✗", "; ".join(line["mistakes"])
            print(f"{mark} {line['file']} {line['exercise']}" + f": {mistakes}" * bool(mistakes))
    return all(line["passed"] for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return what the process ends with."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "start":
            names = list(EXERCISES) if chosen.names == ["all"] else chosen.names
            for name in names:
                print(f"Wrote {start(name, notebook=chosen.notebook)}")
        elif chosen.command == "hint":
            print(hint(chosen.name, chosen.number))
        elif chosen.command == "grade":
            return 0 if _grade(chosen) else 1
        else:
            _list()
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
