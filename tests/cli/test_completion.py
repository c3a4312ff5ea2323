"""`xner completion`: scripts that shells can run."""

import shutil
import subprocess

import pytest

from xner.cli import COMMANDS, completion, main

TAB = """
source {script}
tab() {{
  COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
  _shtab_xner
  echo "${{COMPREPLY[@]}}"
}}
tab xner al
tab xner project --merge-d
tab xner project --method ""
"""


def script(shell, capsys, folder):
    pytest.importorskip("shtab", reason="needs xner[completion]")
    assert main(["completion", shell]) == 0
    path = folder / f"xner.{shell}"
    path.write_text(capsys.readouterr().out, "utf-8")
    return path


def test_bash_completes_commands_rare_flags_and_choices(capsys, tmp_path):
    path = script("bash", capsys, tmp_path)
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    found = subprocess.run(["bash", "-c", TAB.format(script=path)], capture_output=True, text=True)
    assert found.stdout.splitlines() == [
        "align align-target", "--merge-distance", "heuristic greedy exact ilp",
    ], found.stderr  # fmt: skip


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_scripts_are_well_formed(shell, capsys, tmp_path):
    path = script(shell, capsys, tmp_path)
    text = path.read_text("utf-8")
    assert all(name in text for name in COMMANDS)
    assert "==SUPPRESS==" not in text
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(path)], check=True)


def test_the_missing_package_is_named(capsys, monkeypatch):
    monkeypatch.setattr(completion, "find_spec", lambda package: None)
    assert main(["completion", "bash"]) == 1
    assert "run: pip install 'xner[completion]'" in capsys.readouterr().err
