"""Measure the neural stages on a GPU against other tools, with random models of realistic sizes.

    python -m benchmarks.gpu                    # every part, into benchmarks/results/gpu_*.md
    python -m benchmarks.gpu --parts align --encoder ./e5       # on a pretrained encoder as well
    python -m benchmarks.gpu --tiny --device cpu        # used by the tests

Nothing is downloaded: models, tokenizers and sentences are generated here. Tools that cannot be
imported are left out, and the page says so. Each part is a function from `Settings` to a `Part` and
has its own page. The models use up to 16 GB of disk space during the run.
"""

import gc
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import common
from benchmarks.gpu_align import align_part
from benchmarks.gpu_common import Part, Settings
from benchmarks.gpu_tag import tag_part
from benchmarks.gpu_train import train_part
from benchmarks.gpu_translate import translate_part
from xner.inference.hardware import find_hardware

PARTS: dict[str, Callable[[Settings], Part]] = {
    "align": align_part, "tag": tag_part, "translate": translate_part, "train": train_part,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Run the parts and write their pages."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="pages to write"
    )
    options.add_argument("--device", default="cuda", help="a single device (default: cuda)")
    options.add_argument("--precision", default="auto", help="precision of xner (default: auto)")
    options.add_argument(
        "--encoder", metavar="FOLDER", help="pretrained encoder to align with as well"
    )
    options.add_argument("--tiny", action="store_true", help="use small models, for a CPU")
    given = options.parse_args(arguments)
    hardware = find_hardware(given.device, given.precision)
    card = torch.cuda.get_device_name(given.device) if given.device.startswith("cuda") else "a CPU"
    flags = " ".join(sys.argv[1:] if arguments is None else arguments)
    begin = (
        f"Command: `python -m benchmarks.gpu {flags}` on {card}. Models without a name are random."
    )
    for name in given.parts:
        with tempfile.TemporaryDirectory() as scratch:
            part = PARTS[name](Settings(hardware, given.tiny, Path(scratch), given.encoder))
        gc.collect()
        body = [begin, part.notes, part.table, common.made_by("torch", "transformers")]
        common.save(given.results, f"gpu_{name}.md", f"{part.title} on a GPU", "\n\n".join(body))


if __name__ == "__main__":
    main()
