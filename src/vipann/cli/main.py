"""From the command line to a command, and from what goes wrong to one line and an exit status."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from vipann.cli import collect, export, info, results, survey, tag
from vipann.errors import ShownWarning, UserError

COMMANDS: dict[str, ModuleType] = {
    "survey": survey,
    "results": results,
    "collect": collect,
    "tag": tag,
    "info": info,
    "export": export,
}
_EXAMPLES = """\
examples:
  vipann export results/mine whales/ --strategy det_flip --phase fixed
  vipann survey whales/ /data/hydrophone --out season --time-zone Europe/Oslo
  vipann COMMAND --help
"""
_STATUS = """\
exit status: 0 done (recordings that could not be read are listed), 1 an error
that one line says, 2 arguments that are not understood, 130 interrupted; what
was scored is kept.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (those of the process) name; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ShownWarning)
            warnings.showwarning = _show
            COMMANDS[options.command].run(options)
            sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output, `head` say, has enough; nothing is left to flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    made = argparse.ArgumentParser(
        prog="vipann",
        description="Sounds in recordings, and how sure a network is of them.",
        epilog=f"{_EXAMPLES}\n{_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.DESCRIPTION.split(". ")[0].rstrip("."),
            description=command.DESCRIPTION,
            epilog=f"examples:\n{command.EXAMPLES}\n\n{_STATUS}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(one)
    return made


def _show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    if issubclass(category, ShownWarning):
        print(f"warning: {message}", file=sys.stderr)
