"""Long names of columns, which may go on in the next line after an underscore.

Knows HTML. Never knows pages.
"""

from __future__ import annotations

from markupsafe import Markup, escape


def breakable(name: object) -> Markup:
    """Return `name` as HTML that a browser may break after each underscore, and that reads as before."""
    return Markup("_<wbr>").join(escape(part) for part in str(name).split("_"))
