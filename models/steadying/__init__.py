"""A shaking camera: how it moved, the clip as if it had stood still, and how far apart its places are."""

from models.steadying.camera import PLACE_SHARES, CameraMotion, camera_motion, picture_size

__all__ = ["PLACE_SHARES", "CameraMotion", "camera_motion", "picture_size"]
