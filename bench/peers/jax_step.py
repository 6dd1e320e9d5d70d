"""Training step in JAX: gradient of a loss, clipping to a global norm of 5, Adam with 1e-3."""
import jax
from jax import numpy as jnp


def training_step(loss):
    """Function of parameters, first and second moments and the number of updates; returns all four after an update."""
    def step(p, m, v, count):
        g = jax.grad(loss)(p)
        norm = jnp.sqrt(sum((a * a).sum() for a in jax.tree.leaves(g)))
        g = jax.tree.map(lambda a: a * jnp.minimum(1.0, 5.0 / (norm + 1e-6)), g)
        count += 1
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate, scale = 1e-3 / (1 - 0.9 ** count), 1 / (1 - 0.999 ** count)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c * scale) + 1e-8), p, m, v)
        return p, m, v, count
    return step


def moments(p):
    """Moments and the number of updates before the first one."""
    return jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.float32(0)
