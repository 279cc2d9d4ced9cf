"""YAML files that hold what they seem to: no key twice in a mapping, no number as an octal one.

YAML's own readers keep the last of two equal keys, and read 012 as ten.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from vipann.errors import UserError

_ZERO_FIRST = re.compile(r"[-+]?0[0-9_]+")


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key.value!r} stands twice, in lines {lines[key.value]} and "
                    f"{line}, and only one of the two would count"
                )
            lines[key.value] = line
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        as_written = _ZERO_FIRST.fullmatch(node.value)
        return node.value if as_written else super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def read_yaml(path: Path | str, called: str = "") -> Any:
    """What a YAML file holds; `called` is what a message calls the file besides its path.

    A number with a zero before it is the text that was written.

    Raises:
        UserError: the file is missing or no YAML, or a mapping has a key twice; names the file, the
            key and its lines.
    """
    name = f"{called} {path}".lstrip()
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not text in UTF-8") from error
    except yaml.YAMLError as error:
        problem = error if getattr(error, "problem_mark", 1) else error.problem
        raise UserError(f"{name} is not valid YAML: {problem}") from error
