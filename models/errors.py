"""The one exception of `models`."""


class FitError(ValueError):
    """What was given cannot be fitted on; the message says what, got, expected, and the mend."""
