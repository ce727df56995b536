"""What goes wrong in this package, said to the person who can mend it."""


class TextureError(Exception):
    """A texture folder, or the stream made of it, is not as it must be. The message names the mend."""


class ClipError(TextureError):
    """A clip cannot be made into a texture. The message names the clip and the mend."""


class InterpolatorError(TextureError):
    """Bridges cannot be made as asked. The message names the interpolator and the mend."""


class MicrophoneError(TextureError):
    """A live source of sound cannot be opened. The message names the source and the mend."""
