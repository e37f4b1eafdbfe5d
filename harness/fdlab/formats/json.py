"""harness/fdlab/formats/json.py: the grade for programs; harness/README.md describes every key."""
from __future__ import annotations

import json

from ..result import Grade, to_dict


def render(grade: Grade) -> str:
    return json.dumps(to_dict(grade), indent=1, ensure_ascii=True) + "\n"
