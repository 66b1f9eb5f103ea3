"""How docstrings are read for the site: one example is what the format calls examples."""

from __future__ import annotations

from typing import Any

import griffe


class OneExample(griffe.Extension):
    """Makes the section ``Example`` one of code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Of each object that is documented."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
