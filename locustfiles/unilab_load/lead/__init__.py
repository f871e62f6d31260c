"""The process in charge: reads options, checks the target, leads the workers, writes load.json."""
