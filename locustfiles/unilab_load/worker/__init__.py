"""One process that makes load, and the messages by which it reports."""
