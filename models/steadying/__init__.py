"""A shaking camera: how it moved, the clip as if it had stood still, and how far apart its places are."""

from models.steadying.camera import CameraMotion, camera_motion, picture_size

__all__ = ["CameraMotion", "camera_motion", "picture_size"]
