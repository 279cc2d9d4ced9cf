"""Report notebooks: executed with the run's parameters, and written as HTML too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.errors import UserError
from vipann.files import replacing

OFFLINE = "offline.html.j2"
# What Jupyter's page loads from the network, and a report without formulas does without.
_REMOTE_BLOCKS = ("html_head_js", "html_head_js_mathjax", "html_head_js_mermaidjs")


def execute_notebook(
    source: Path | str,
    parameters: Mapping[str, Any],
    executed_out: Path | str,
    html_out: Path | str,
) -> None:
    """Execute the notebook `source` with `parameters`; write it and a self-contained HTML page.

    Raises:
        UserError: a cell fails; the message names the notebook and the cell's own error.
    """
    import nbformat
    import papermill
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from papermill.exceptions import PapermillExecutionError

    with replacing(executed_out) as beside:
        try:
            papermill.execute_notebook(
                str(source),
                str(beside),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
            )
        except PapermillExecutionError as error:
            raise UserError(
                f"{source}, cell {error.exec_count}: {error.ename}: {error.evalue}"
            ) from None
        exporter = HTMLExporter(
            embed_images=True,
            extra_loaders=[DictLoader({OFFLINE: _offline_template()})],
            template_file=OFFLINE,
        )
        page, _ = exporter.from_notebook_node(nbformat.read(beside, as_version=4))
    with replacing(html_out) as beside:
        beside.write_text(page, encoding="utf-8")


def _offline_template() -> str:
    emptied = "".join(f"{{% block {name} %}}{{% endblock %}}" for name in _REMOTE_BLOCKS)
    return "{% extends 'lab/index.html.j2' %}" + emptied
