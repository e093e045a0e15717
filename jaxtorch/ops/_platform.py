"""Which form of an op to lower: on a CPU the obvious one is often not the fast one."""

import jax


def on_cpu() -> bool:
    """Is what is traced now meant for a CPU?"""
    device = jax.config.jax_default_device
    if device is None:
        return jax.default_backend() == "cpu"
    return (device if isinstance(device, str) else device.platform) == "cpu"
