"""Commands, run in this process."""

import json

from xner.cli import main


def run(capsys, *arguments):
    """Exit code, output and errors of a command."""
    code = main(tuple(map(str, arguments)))
    out, err = capsys.readouterr()
    return code, out, err


def run_json(capsys, *arguments):
    """Exit code, what --json prints, and errors of a command."""
    code, out, err = run(capsys, *arguments, "--quiet", "--json")
    return code, json.loads(out) if out else {}, err
