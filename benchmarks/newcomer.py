"""The path of a newcomer, timed: `python -m benchmarks.newcomer`, about two minutes.

From `git clone` to a file of one's own that is projected, a report that is opened, and a correction
that is applied. Every step is a command that a person types; the report opens in headless Chromium
if there is one, and the correction is the line that the report would download.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.common import ROOT, made_by, markdown, parser, save

ENGLISH = """\
Wanjiru\tB-PER
Mwangi\tI-PER
opened\tO
a\tO
bakery\tO
in\tO
Leipzig\tB-LOC
.\tO

Leipzig\tB-LOC
has\tO
many\tO
bakeries\tO
.\tO

The\tO
bakery\tO
of\tO
Wanjiru\tB-PER
Mwangi\tI-PER
bakes\tO
for\tO
Radio\tB-ORG
Nordwind\tI-ORG
.\tO

Radio\tB-ORG
Nordwind\tI-ORG
has\tO
its\tO
office\tO
in\tO
Leipzig\tB-LOC
.\tO
"""
GERMAN = """\
Wanjiru Mwangi eröffnete eine Bäckerei in Leipzig .
Leipzig hat viele Bäckereien .
Die Bäckerei von Wanjiru Mwangi backt für Radio Nordwind .
Radio Nordwind hat sein Büro in Leipzig .
"""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ABOUT = """\
Command: `python -m benchmarks.newcomer`. Each step runs in a new process, in a new virtual
environment and with an empty cache of compiled kernels. The clone is of a local repository, and pip
reads this machine's index and cache: over a network, the first and third step take longer. The own
file has four sentences; the aligner learns from them and from the text of the demo.
"""


def steps(folder: Path) -> list[tuple[str, str]]:
    """What a person does, and the commands."""
    own = "--fit-on demo/en.txt demo/de.txt"
    found = [
        ("get the code", f"git clone --quiet --depth 1 file://{ROOT} xner"),
        ("make an environment", f"{sys.executable} -m venv venv"),
        ("install", "venv/bin/pip install --quiet -c xner/constraints.txt ./xner"),
        ("write the demo's text", "venv/bin/xner demo --files demo"),
        ("project an own file", f"venv/bin/xner project en.conll de.txt {own} -o de.parquet"),
        ("project it again", f"venv/bin/xner project en.conll de.txt {own} -o again.parquet"),
        ("write a report", "venv/bin/xner report de.parquet -o report.html"),
    ]
    if browser := next(filter(None, map(shutil.which, CHROMIUM)), None):
        page = f"--dump-dom file://{folder}/report.html"
        flags = "--headless --no-sandbox --virtual-time-budget=2000"
        found.append(("open the report", f"{browser} {flags} {page}"))
    return [
        *found,
        ("apply a correction", "venv/bin/xner apply changes.jsonl de.parquet -o corrected.parquet"),
        ("export it", "venv/bin/xner convert corrected.parquet corrected.conll"),
    ]


def correct(folder: Path) -> None:
    """Write the change that a person makes in the report: another label for one entity."""
    read = "import sys, xner, json; print(json.dumps(xner.read('de.parquet').table.to_pylist()))"
    rows = json.loads(_run(f'venv/bin/python -c "{read}"', folder))
    row = next(row for row in rows if row["target_entities"])
    keep = ("start", "end", "label", "source")
    before = [{name: entity[name] for name in keep} for entity in row["target_entities"]]
    after = [{**before[0], "label": "ORG"}, *before[1:]]
    change = {
        "id": row["id"],
        "target_tokens": row["target_tokens"],
        "before": before,
        "after": after,
        "checked": True,
    }
    (folder / "changes.jsonl").write_text(json.dumps(change) + "\n", "utf-8")


def _shown(command: str, folder: str) -> str:
    """The command without the paths of this machine."""
    for path in (str(ROOT), folder):
        command = command.replace(path, "…")
    return command.replace(sys.executable, "python")


def _run(command: str, folder: Path) -> str:
    cache = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "numba")}
    cache.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, shell=True, cwd=folder, env=cache, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Time every step and write the page."""
    options = parser(__doc__.partition("\n")[0]).parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        folder = Path(name)
        (folder / "en.conll").write_text(ENGLISH, "utf-8")
        (folder / "de.txt").write_text(GERMAN, "utf-8")
        for step, command in steps(folder):
            if step == "apply a correction":
                correct(folder)
            begin = perf_counter()
            printed = _run(command, folder)
            rows.append((step, _shown(command, name), perf_counter() - begin))
            if step == "open the report":
                assert "Mwangi" in printed, "the report does not show the text"
            print(f"{step}: {rows[-1][2]:.1f} s", flush=True)
    rows.append(("all", "", sum(seconds for *_, seconds in rows)))
    shown = [[f"{step}: `{c}`" if c else step, f"{s:.1f}"] for step, c, s in rows]
    table = markdown(["step", "seconds"], shown)
    load = f"Load average over five minutes, other processes included: {os.getloadavg()[1]:.1f}."
    body = f"{ABOUT}\n{table}\n\n{load}\n\n{made_by()}"
    save(options.results, "newcomer.md", "The path of a newcomer", body)


if __name__ == "__main__":
    main()
