"""Run the examples in the docstrings of public functions, in the folder of the pages' files."""

import doctest
import inspect
import types

import pytest

import xner

FUNCTIONS = [name for name in xner.__all__ if isinstance(getattr(xner, name), types.FunctionType)]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples(thing, name):
    found = doctest.DocTestParser().get_doctest(
        inspect.getdoc(thing) or "", {"xner": xner}, name, None, None
    )
    return found if found.examples else None


def run(test):
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    said = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, working_folder):
    test = examples(getattr(xner, name), name)
    assert test, f"xner.{name} has no example"
    run(test)


def test_methods_of_a_corpus(working_folder):
    for name, method in vars(xner.Corpus).items():
        if test := examples(method, f"Corpus.{name}"):
            run(test)
