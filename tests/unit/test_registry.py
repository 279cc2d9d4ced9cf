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
