"""A manifest becomes one tree of files that every runtime packs. Runs on the controller only."""

from __future__ import annotations

from ansible.module_utils.unilab.staging.build_command import BuildError, build, is_built
from ansible.module_utils.unilab.staging.staged_tree import Staged, stage

__all__ = ["BuildError", "Staged", "build", "is_built", "stage"]
