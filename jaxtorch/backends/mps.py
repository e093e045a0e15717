"""``torch.backends.mps``: Apple's GPUs, where JAX has the Metal plugin."""

from jaxtorch import devices

__all__ = ["is_available", "is_built", "is_macos_or_newer"]


def is_available() -> bool:
    return bool(devices.platform_devices("mps"))


def is_built() -> bool:
    return is_available()


def is_macos_or_newer(major: int, minor: int) -> bool:
    import platform

    version = platform.mac_ver()[0]
    return bool(version) and tuple(map(int, version.split(".")[:2])) >= (major, minor)
