"""The build half's exception; the run half's is `export.spec.EngineError`."""


class ExportError(RuntimeError):
    """A network cannot be exported, or what was exported does not give what PyTorch gives."""
