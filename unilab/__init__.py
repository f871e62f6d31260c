"""The command ``unilab``: plan, run, watch and resume campaigns with the project's playbooks."""
