"""harness/fdlab/formats: a grade in somebody's words. Each file here is a format: render(grade) gives the text.

A new format is a new file; `make grade FORMAT=` finds it by its name.
"""
from __future__ import annotations

import importlib
import os
from typing import Callable, List

from ..result import Grade


def names() -> List[str]:
    return sorted(name[:-3] for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py") and name[0] != "_")


def renderer(name: str) -> Callable[[Grade], str]:
    """Raises KeyError for a format that there is not."""
    if name not in names():
        raise KeyError(name)
    return importlib.import_module(__name__ + "." + name).render
