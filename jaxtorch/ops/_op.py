"""placeholder while the engine is written: bodies can be tested as plain functions"""
class Array: ...
class Arrays: ...
class Operand: ...
class Scalar: ...

def check(out, ok, value, message):
    return out

def index_dtype():
    import jax, jax.numpy as jnp
    return jnp.int64 if jax.config.jax_enable_x64 else jnp.int32

def _decorate(f, kw):
    def call(*a, **k):
        raise NotImplementedError("the engine is not there yet: use .body")
    call.body = f; call.inplace = None; call.vjp = kw.get("vjp"); call.put = kw.get("put")
    call.__name__ = f.__name__; call.__doc__ = f.__doc__
    return call

def op(f=None, **kw):
    if f is None:
        return lambda g: _decorate(g, kw)
    return _decorate(f, kw)
view = op
