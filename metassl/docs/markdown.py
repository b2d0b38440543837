"""Words in Markdown, beside the tables of metassl.reports.markdown."""


def prose(text: str) -> str:
    """Text whose angle brackets stay what they are and become no HTML."""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Text in the type of code."""
    return f"`{text}`"
