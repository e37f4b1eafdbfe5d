"""harness/fdlab/klass/shard.py: which part of a class is this machine's.

    shard.of("2/8", os.environ)     # Shard(2, 8), as GNU parallel or a person says it
    shard.of("", os.environ)        # from Slurm's array (SLURM_ARRAY_TASK_ID) or Kubernetes' indexed job, where there is one
    shard.of("/8", os.environ)      # the index from there, of eight: Kubernetes does not tell how many
"""
from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Optional


class ShardError(Exception):
    """The text says what to write."""


class Shard(NamedTuple):
    index: int     # from 1
    count: int

    def has(self, place: int) -> bool:
        """Whether the submission at that place of the list is in it. Each has as many as the others, give or take one."""
        return place % self.count == self.index - 1


def _number(environment: Mapping[str, str], name: str, otherwise: Optional[int] = None) -> int:
    value = environment.get(name, "")
    if not value and otherwise is not None:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ShardError("%s=%s: it is to be a number" % (name, value))
    return int(value)


def _from_slurm(environment: Mapping[str, str]) -> Shard:
    """An array may begin anywhere and go in steps (--array=10-40:10), but it must be a row without gaps."""
    task, least = _number(environment, "SLURM_ARRAY_TASK_ID"), _number(environment, "SLURM_ARRAY_TASK_MIN", 0)
    count, step = _number(environment, "SLURM_ARRAY_TASK_COUNT"), _number(environment, "SLURM_ARRAY_TASK_STEP", 1) or 1
    most = _number(environment, "SLURM_ARRAY_TASK_MAX", least + (count - 1) * step)
    if count < 1 or most - least != (count - 1) * step or (task - least) % step or not least <= task <= most:
        raise ShardError("Slurm's array is no row without gaps (task %d of %d, %d to %d, step %d): "
                         "use --array=1-8, or say SHARD=i/n" % (task, count, least, most, step))
    return Shard((task - least) // step + 1, count)


def of(text: str, environment: Mapping[str, str]) -> Optional[Shard]:
    """None: the whole class."""
    match = re.fullmatch(r"([0-9]{0,9})/([0-9]{1,9})", text)
    if text and match is None:
        raise ShardError("SHARD=%s: it is i/n, like 2/8: the second of eight" % text)
    if match is not None and match[1]:
        found = Shard(int(match[1]), int(match[2]))
    elif match is None and environment.get("SLURM_ARRAY_TASK_ID"):
        found = _from_slurm(environment)
    elif environment.get("JOB_COMPLETION_INDEX") or environment.get("SLURM_ARRAY_TASK_ID"):
        name = "SLURM_ARRAY_TASK_ID" if environment.get("SLURM_ARRAY_TASK_ID") else "JOB_COMPLETION_INDEX"
        least = _number(environment, "SLURM_ARRAY_TASK_MIN", 0) if name.startswith("SLURM") else 0
        if match is None and not environment.get("JOB_COMPLETIONS"):
            raise ShardError("JOB_COMPLETION_INDEX is set, but not how many there are: set JOB_COMPLETIONS, or SHARD=/8")
        count = int(match[2]) if match is not None else _number(environment, "JOB_COMPLETIONS")
        found = Shard(_number(environment, name) - least + 1, count)
    elif match is not None:
        raise ShardError("SHARD=%s: without a number in front it is taken from JOB_COMPLETION_INDEX, and that is not set" % text)
    else:
        return None
    if not 1 <= found.index <= found.count:
        raise ShardError("%d/%d: there is no such part; the first is 1/%d" % (found.index, found.count, found.count))
    return found
