"""Report notebooks: executed with the run's parameters, and written as HTML too."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vipann.errors import UserError
from vipann.files import replacing

OFFLINE = "offline.html.j2"
_KERNEL = "python3"
# What Jupyter's page loads from the network, and a report without formulas does without.
_OFFLINE = "{% extends 'lab/index.html.j2' %}" + "".join(
    f"{{% block {name} %}}{{% endblock %}}"
    for name in ("html_head_js", "html_head_js_mathjax", "html_head_js_mermaidjs")
)
_FOLDED = (
    "{% block input_group %}<details><summary>code</summary>{{ super() }}</details>"
    "{% endblock %}"
    "{% block html_head_css %}{{ super() }}<style>details > summary { color: #767676; "
    "cursor: pointer; font-size: 12px; } .jp-InputPrompt, .jp-OutputPrompt { display: none; }"
    "</style>{% endblock %}"
)


def execute_notebook(
    source: Path | str,
    parameters: Mapping[str, Any],
    executed_out: Path | str,
    html_out: Path | str,
) -> None:
    """Execute the notebook `source` with `parameters`; write it and a self-contained HTML page.

    It is executed where `executed_out` lies, so that paths among the parameters hold for a reader
    who opens it there. In the page, code is folded away.

    Raises:
        UserError: a cell fails; the message names the notebook and the cell's own error.
    """
    import nbformat
    import papermill
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from papermill.exceptions import PapermillExecutionError

    with replacing(executed_out) as beside, _own_kernel():
        try:
            papermill.execute_notebook(
                str(source),
                str(beside),
                parameters=dict(parameters),
                kernel_name=_KERNEL,
                progress_bar=False,
                cwd=str(beside.parent),
            )
        except PapermillExecutionError as error:
            raise UserError(
                f"{source}, cell {error.exec_count}: {error.ename}: {error.evalue}"
            ) from None
        notebook = nbformat.read(beside, as_version=4)
        for name in ("input_path", "output_path"):  # of this machine
            notebook.metadata.get("papermill", {}).pop(name, None)
        nbformat.write(notebook, beside)
        exporter = HTMLExporter(
            embed_images=True,
            extra_loaders=[DictLoader({OFFLINE: _OFFLINE + _FOLDED})],
            template_file=OFFLINE,
        )
        named = {"metadata": {"name": Path(executed_out).stem.replace("_", " ")}}
        page, _ = exporter.from_notebook_node(notebook, resources=named)
    with replacing(html_out) as beside:
        beside.write_text(page, encoding="utf-8")


@contextmanager
def _own_kernel() -> Iterator[None]:
    """Have notebooks run by this Python, with nothing of the user's own Jupyter.

    Clusters set JUPYTER_PATH, and a kernel of the same name there is another Python's; a home may
    be one that cannot be written to.
    """
    usual = dict(os.environ)
    with TemporaryDirectory(prefix="vipann-jupyter-") as folder:
        spec = Path(folder, "kernels", _KERNEL, "kernel.json")
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3"}))
        own = {f"JUPYTER_{name}_DIR": f"{folder}/{name}" for name in ("CONFIG", "DATA", "RUNTIME")}
        os.environ.update(own, JUPYTER_PATH=folder, IPYTHONDIR=f"{folder}/ipython")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(usual)
