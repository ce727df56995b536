"""What goes wrong in this package, said to the person who can mend it."""


class ServerError(Exception):
    """The server cannot start or go on. The message names the mend."""


class NoPortError(ServerError):
    """No UDP port is left for another viewer."""


class SdpError(ServerError):
    """A session description, or a fragment of one, that cannot be worked with. The message names the line."""


class PublishError(ServerError):
    """A WHIP server cannot be published to now. The message says why; it is tried again."""


class TargetError(ServerError):
    """A target cannot be sent to. The message shows no stream key."""


class NoTextureError(ServerError):
    """There is no texture of that name."""


class BusyError(ServerError):
    """It cannot be done just now, and can in a moment."""
