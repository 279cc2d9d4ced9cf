"""Text as LaTeX sets it."""


def escaped(text: str) -> str:
    """The text with LaTeX's own characters escaped and others in its words for them."""
    for character in "&%$#_":
        text = text.replace(character, f"\\{character}")
    # LaTeX's first font encoding has other letters in the places of < and >.
    for character in "<>":
        text = text.replace(character, f"${character}$")
    text = text.replace("±", r"$\pm$").replace("≤", r"$\le$").replace("–", "--")
    # A signed number alone in its cell: a minus sign, not a hyphen.
    sign, digits = text[:1], text[1:]
    return f"${sign}${digits}" if sign in ("+", "-") and digits[:1].isdigit() else text
