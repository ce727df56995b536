"""What goes wrong in this package, said to the person who can mend it."""


class ServerError(Exception):
    """The server cannot start or go on. The message names the mend."""
