import textwrap

import pytest

from vipann import registry
from vipann.errors import UserError


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_SOURCE", tmp_path)
    folder = tmp_path / "house" / "rooms"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "_walls.py").write_text("")
    (folder / "kitchen.py").write_text(
        textwrap.dedent('''
            import a_library_that_is_not_installed

            LABEL = {"number": 3, "datasets": ["a", "b"]}
            SIZE = len("abc")


            @dataclass(frozen=True)
            class Settings:
                """Docs."""

                chairs: Annotated[int, {"minimum": 1}]
                height: float = 2.5
                name: str | None = None
                widths: list[int] = field(default_factory=lambda: [1, 2])
        ''')
    )
    return "house.rooms"


def test_choices_are_the_public_modules(package):
    assert registry.choices(package) == ["kitchen"]


def test_an_unknown_choice_names_the_key_and_the_known_ones(package):
    assert registry.module_of(package, "kitchen", "model.room") == "house.rooms.kitchen"
    with pytest.raises(UserError, match=r"model\.room is 'attic'; it is one of: kitchen"):
        registry.module_of(package, "attic", "model.room")


def test_declarations_are_read_without_running_the_module(package):
    assert registry.declared(f"{package}.kitchen", "LABEL") == {"number": 3, "datasets": ["a", "b"]}
    with pytest.raises(LookupError, match="no COLOUR"):
        registry.declared(f"{package}.kitchen", "COLOUR")
    with pytest.raises(ValueError, match="malformed"):
        registry.declared(f"{package}.kitchen", "SIZE")


def test_settings_have_schemas_and_defaults(package):
    fields = registry.settings_fields(f"{package}.kitchen")
    assert fields["chairs"] == registry.Field({"type": "integer", "minimum": 1})
    assert fields["height"] == registry.Field({"type": "number"}, 2.5, is_required=False)
    assert fields["name"].schema == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert fields["widths"].default == [1, 2]
    assert registry.settings_fields(package) == {}


@pytest.fixture
def tools(package, tmp_path):
    """A module whose functions and classes are choices, beside a package of files."""
    (tmp_path / "house" / "tools.py").write_text(
        textwrap.dedent("""
            import a_library_that_is_not_installed
            from house.rooms.kitchen import Settings as _Other


            def hammer(nail: Nail, *, force: Annotated[float, "In newtons.", {"minimum": 0}] = 2.0):
                return nail


            class PowerDrill(Machine):
                def __init__(self, size: int, *, kind: Literal["wood", "steel"] = "wood"):
                    self.size = size


            def _private(): ...


            def least(weight: float, settings: Mapping) -> int:
                return max(1, int(weight) // settings["chairs"])
        """)
    )
    return "house.tools"


def test_definitions_of_a_module_are_choices_too(tools):
    assert registry.choices(tools) == ["hammer", "least", "power_drill"]
    place = registry.module_of(tools, "power_drill", "model.tool")
    assert place == "house.tools:PowerDrill"
    assert registry.settings_fields(place)["kind"].schema == {"enum": ["wood", "steel"]}
    force = registry.settings_fields("house.tools:hammer")["force"]
    assert force.schema == {"type": "number", "description": "In newtons.", "minimum": 0}
    assert force.default == 2.0


def test_a_function_can_run_without_its_module(tools):
    assert registry.standalone(tools, "least")(9.5, {"chairs": 2}) == 4


def test_settings_of_a_base_class_come_first(package, tmp_path):
    (tmp_path / "house" / "rooms" / "parlour.py").write_text(
        textwrap.dedent("""
            from house.furniture import Furnished


            class Settings(Furnished):
                height: float = 3.5
        """)
    )
    (tmp_path / "house" / "furniture.py").write_text("class Furnished:\n    chairs: int = 4\n")
    fields = registry.settings_fields(f"{package}.parlour")
    assert {name: field.default for name, field in fields.items()} == {"chairs": 4, "height": 3.5}
