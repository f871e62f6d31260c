"""Counting a guest's instructions under TCG: the plugin, its mapped file, and the series of a trial."""
