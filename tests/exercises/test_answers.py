"""Exercises are graded as a class would hand them in: right answers pass, wrong ones are named."""

import importlib.util
import inspect
from pathlib import Path

import pytest

from tinyframe.exercises import EXERCISES, grade


def answers(name):
    """Return the classes of answers/NAME.py."""
    path = Path(__file__).parent / "answers" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"answers_to_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [
        found
        for found in vars(module).values()
        if inspect.isclass(found) and found.__module__ == module.__name__
    ]


def is_right(answer):
    return answer.__name__.startswith("Right")


ANSWERS = {name: answers(name) for name in EXERCISES}


def cases(wanted):
    """Return (exercise, class) of all answers that are wanted, with readable names."""
    return [
        pytest.param(name, answer, id=f"{name}-{answer.__name__}")
        for name, classes in ANSWERS.items()
        for answer in classes
        if wanted(answer)
    ]


@pytest.mark.parametrize(("name", "answer"), cases(is_right))
def test_right_answers_pass(name, answer):
    found = grade(name, answer)
    assert found.passed, found


@pytest.mark.parametrize(("name", "answer"), cases(lambda answer: not is_right(answer)))
def test_wrong_answers_do_not_pass(name, answer):
    assert not grade(name, answer).passed


@pytest.mark.parametrize(
    ("name", "answer"), cases(lambda answer: not is_right(answer) and answer.mistake)
)
def test_mistakes_are_named(name, answer):
    found = grade(name, answer)
    assert answer.mistake in found.mistakes, found


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_has_answers_enough(name):
    right = [answer for answer in ANSWERS[name] if is_right(answer)]
    own = {mistake.name for mistake in EXERCISES[name].mistakes}
    named = {answer.mistake for answer in ANSWERS[name] if not is_right(answer)}
    assert len(right) >= 3
    assert len(named & own) >= 5


def test_there_is_a_file_of_answers_for_each_exercise():
    files = (Path(__file__).parent / "answers").glob("*.py")
    assert {file.stem for file in files} == set(EXERCISES)


def test_every_wrong_answer_says_which_mistake_it_is():
    wrong = [a for classes in ANSWERS.values() for a in classes if not is_right(a)]
    assert all("mistake" in vars(answer) and answer.__doc__ for answer in wrong)
