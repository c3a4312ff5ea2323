"""Jobs: a stage over a corpus, in parts that are finished one by one.

A part is a run of consecutive rows. What is made of it depends on the part and on what the stage
prepared for the whole corpus, never on the process that makes it, so that interrupted, local and
distributed jobs give the same bytes.
"""

from xner.jobs.engines import Engine, Local
from xner.jobs.output import FORMATS, Output
from xner.jobs.run import Finished, run_job

__all__ = ["FORMATS", "Engine", "Finished", "Local", "Output", "run_job"]
