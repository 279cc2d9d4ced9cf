"""For the tests alone: the folder lies on PYTHONPATH, so each Python of a run starts with this."""

import os
import sys
import time
from pathlib import Path

arguments = sys.orig_argv[1:]

if "--profile" in arguments:
    # After each look at the queue that found nothing new, the executor waits ten seconds more.
    from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

    waits = RemoteExecutor.next_seconds_between_status_checks
    RemoteExecutor.next_seconds_between_status_checks = property(
        lambda self: min(1, waits.fget(self)), waits.fset
    )

# A file named as a rule's script lets the next job with that script hang, once.
if os.environ.get("HANG_ONCE") and arguments and ".snakemake/scripts/" in arguments[0]:
    script = Path(arguments[0]).name.partition(".")[2]
    try:
        (Path(os.environ["HANG_ONCE"]) / script).unlink()
    except FileNotFoundError:
        pass
    else:
        time.sleep(600)
