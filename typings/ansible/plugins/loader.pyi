class _Loader:
    def get(self, name: str, *, class_only: bool = ...) -> object: ...

connection_loader: _Loader
