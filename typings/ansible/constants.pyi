CONFIG_FILE: str | None

class _Config:
    def get_config_value(self, config: str, *, plugin_type: str, plugin_name: str) -> str: ...

config: _Config
