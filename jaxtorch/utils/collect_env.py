"""``python -m jaxtorch.utils.collect_env``: what a report of a bug should say of the machine."""

from __future__ import annotations

import platform
import sys

__all__ = ["get_pretty_env_info", "main"]


def get_pretty_env_info() -> str:
    """Versions, devices and settings, a line each."""
    import jax

    from jaxtorch import __config__, settings

    devices = ", ".join(f"{d.platform}:{d.id} {d.device_kind}" for d in jax.local_devices())
    return __config__.show() + "\n".join(
        [
            f"  - Python {sys.version.split()[0]}",
            f"  - {platform.platform()}",
            f"  - devices: {devices}",
            f"  - threads: {settings.get_num_threads()}",
            f"  - precision of float32 products: {settings.get_float32_matmul_precision()}",
        ]
    )


def main() -> None:
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
