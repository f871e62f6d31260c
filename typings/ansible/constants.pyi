CONFIG_FILE: str | None
