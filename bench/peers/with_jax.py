"""Training steps in JAX, each one compiled function. Started by bench/compare.py. Argument: threads."""
import os
import sys

if sys.argv[1] == '1':
    one_thread = ' --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
    os.environ['XLA_FLAGS'] = os.environ.get('XLA_FLAGS', '') + one_thread
import jax
import numpy
from jax import numpy as jnp

from jax_step import moments, training_step
from serving import serve

GATES = {'rnn': 1, 'lstm': 4, 'gru': 3}


def over_time(cell, p, x):
    """x [steps, batch, inputs] -> outputs [steps, batch, units]. One product computes the input terms of all steps."""
    zero = jnp.zeros((x.shape[1], p['recurrent'].shape[0]))

    def rnn(h, z):
        h = jnp.tanh(z + h @ p['recurrent'])
        return h, h

    def lstm(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ p['recurrent'], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(h, z):
        of_state = jnp.split(h @ p['recurrent'], 3, axis=-1)
        of_input = jnp.split(z, 3, axis=-1)
        r, u = (jax.nn.sigmoid(of_input[k] + of_state[k]) for k in (0, 1))
        n = jnp.tanh(of_input[2] + r * (of_state[2] + p['recurrent_bias']))
        h = n + u * (h - n)
        return h, h

    step = {'rnn': rnn, 'lstm': lstm, 'gru': gru}[cell]
    return jax.lax.scan(step, (zero, zero) if cell == 'lstm' else zero, x @ p['input'] + p['bias'])[1]


def network(c, p, x):
    if 'embedding' in p:
        x = p['embedding'][x]
    for layer in p['layers']:
        outputs = [over_time(c['cell'], layer[0], x)]
        if len(layer) == 2:
            outputs.append(over_time(c['cell'], layer[1], x[::-1])[::-1])
        x = jnp.concatenate(outputs, axis=-1)
    return (x[-1] if c['task'] == 'label_at_end' else x) @ p['out'] + p['out_bias']


def loss(c, p, x, y, mask):
    z = network(c, p, x)
    if c['task'] == 'peaks':
        each = jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))
    else:
        each = -jnp.take_along_axis(jax.nn.log_softmax(z), y, axis=-1)
    return (each * mask).sum() / mask.sum()


def parameters(c, random):
    units, gates, directions = c['units'], GATES[c['cell']] * c['units'], 2 if c['task'] == 'peaks' else 1

    def uniform(*shape):
        return jnp.asarray(random.uniform(-1, 1, shape) / units ** 0.5, jnp.float32)

    def one(inputs):
        p = {'input': uniform(inputs, gates), 'recurrent': uniform(units, gates), 'bias': uniform(gates)}
        return {**p, 'recurrent_bias': uniform(units)} if c['cell'] == 'gru' else p
    p = {'out': uniform(directions * units, c['classes']), 'out_bias': uniform(c['classes'])}
    widths = [c['inputs']] + [directions * units] * (c['layers'] - 1)
    p['layers'] = [[one(width) for _ in range(directions)] for width in widths]
    if c['task'] == 'words':
        p['embedding'] = uniform(c['classes'], c['inputs'])
    return p


def batch(c, random):
    """Inputs, targets [..., 1] and the mask of scored targets."""
    size = (c['steps'], c['batch'])
    x = random.randint(0, c['classes'], size) if c['task'] == 'words' else random.randn(*size, c['inputs'])
    outputs = (c['batch'], 1) if c['task'] == 'label_at_end' else (*size, 1)
    y = random.rand(*outputs) < 0.1 if c['task'] == 'peaks' else random.randint(0, c['classes'], outputs)
    mask = numpy.ones(outputs)
    if c['task'] == 'label_per_step':
        mask[..., 0] = numpy.arange(c['steps'])[:, None] < numpy.asarray(c['lengths'])
    kinds = jnp.int32 if c['task'] == 'words' else jnp.float32, jnp.float32 if c['task'] == 'peaks' else jnp.int32
    return jnp.asarray(x, kinds[0]), jnp.asarray(y, kinds[1]), jnp.asarray(mask, jnp.float32)


def prepare(c):
    random = numpy.random.RandomState(0)
    x, y, mask = batch(c, random)

    compiled = jax.jit(training_step(lambda p: loss(c, p, x, y, mask)), donate_argnums=(0, 1, 2))
    first = parameters(c, random)
    state = [None, *moments(first)]

    def run():
        state[:] = compiled(*state)
        jax.block_until_ready(state)

    def restart():
        state[0] = jax.tree.map(jnp.copy, first)  # a step reuses the memory of its arguments
    return run, restart


serve(prepare, f'JAX {jax.__version__}')
