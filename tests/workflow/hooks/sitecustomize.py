"""For the tests only: the folder lies on PYTHONPATH, so that each job writes down which functions
of the library it ran."""

import atexit
import json
import os
import sys
import threading
from pathlib import Path

started = next((word for word in sys.orig_argv if ".snakemake/scripts/" in word), None)

if started and os.environ.get("VIPANN_TRACES"):
    codes = set()

    def note(frame, event, _):
        if event == "call":
            codes.add(frame.f_code)

    def write():
        sys.setprofile(None)
        ran = {(c.co_filename, c.co_qualname) for c in codes if "/src/vipann/" in c.co_filename}
        name = f"{Path(started).name}.{os.getpid()}.json"
        (Path(os.environ["VIPANN_TRACES"]) / name).write_text(json.dumps(sorted(ran)))

    threading.setprofile(note)
    sys.setprofile(note)
    atexit.register(write)
