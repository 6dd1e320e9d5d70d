#!/usr/bin/env python3
"""Training steps of cells that other libraries run as a loop or a scan in Python, in turn with unroll on one core.

    bench/cells.py build/release/bin/bench_cells [ROUNDS]     needs torch or jax; a case of an absent one is left out

The layer-normalised LSTM is a scripted loop in PyTorch (torch.jit.script) and the minGRU an associative_scan in JAX,
compiled with its loss, gradient and update. All compute forward pass, cross entropy, backward pass, clipping to norm 5
and Adam in float, with 128 units. R is the time of the other library divided by that of unroll: the median of the
rounds, in each of which both are measured one after the other.
"""
import importlib.util, json, os, statistics, subprocess, sys

os.environ['XLA_FLAGS'] = os.environ.get('XLA_FLAGS', '') + \
    ' --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
from compare import Program
from seq2seq import median_ms

UNITS, CLASSES = 128, 10


def torch_lstm(batch, steps, inputs):
    import torch
    from torch import Tensor, nn
    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.input = nn.Parameter(torch.randn(4 * UNITS, inputs) / UNITS ** 0.5)
            self.recurrent = nn.Parameter(torch.randn(4 * UNITS, UNITS) / UNITS ** 0.5)
            self.norm_x, self.norm_h = nn.LayerNorm(4 * UNITS), nn.LayerNorm(4 * UNITS)
            self.norm_c = nn.LayerNorm(UNITS)
            self.out = nn.Linear(UNITS, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.zeros(x.size(1), self.recurrent.size(1))
            c = torch.zeros_like(h)
            for now in x.unbind(0):
                gates = self.norm_x(torch.mm(now, self.input.t())) + self.norm_h(torch.mm(h, self.recurrent.t()))
                i, f, g, o = gates.chunk(4, 1)
                c = self.norm_c(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
                h = torch.sigmoid(o) * torch.tanh(c)
            return self.out(h)

    model = torch.jit.script(Cell())
    x, y = torch.randn(steps, batch, inputs), torch.randint(CLASSES, (batch,))
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        adam.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        adam.step()
    return step


def jax_min_gru(batch, steps, inputs):
    import jax, numpy
    from jax import numpy as jnp
    from peers.jax_step import moments, training_step
    random = numpy.random.RandomState(0)
    x, y = jnp.asarray(random.randn(steps, batch, inputs), jnp.float32), random.randint(0, CLASSES, batch)
    shapes = {'gates': (inputs, 2 * UNITS), 'bias': (2 * UNITS,), 'out': (UNITS, CLASSES), 'out_bias': (CLASSES,)}
    first = {name: jnp.asarray(random.uniform(-1, 1, shape) / UNITS ** 0.5, jnp.float32)
             for name, shape in shapes.items()}

    def loss(p):
        gate, candidate = jnp.split(x @ p['gates'] + p['bias'], 2, axis=-1)
        z = jax.nn.sigmoid(gate)
        both = jax.lax.associative_scan(lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (1 - z, z * candidate))
        scores = jax.nn.log_softmax(both[1][-1] @ p['out'] + p['out_bias'])
        return -scores[jnp.arange(batch), y].mean()

    compiled = jax.jit(training_step(loss))
    state = [(first, *moments(first))]

    def run():
        state[0] = compiled(*state[0])
        jax.block_until_ready(state[0])
    return run


PEERS = {'layer-normalised lstm': ('torch', torch_lstm), 'mingru': ('jax', jax_min_gru)}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    cases = [json.loads(line) for line in subprocess.check_output([sys.argv[1], '--list'], text=True).splitlines()]
    ours = Program([sys.argv[1], '--serve'])
    print('| cell | batch | steps | other | its ms | unroll, ms | R (smallest - largest) |\n|---|---|---|---|---|---|---|')
    for number, case in enumerate(cases):
        package, make = PEERS[case['cell']]
        if importlib.util.find_spec(package) is None:
            continue
        theirs, line = make(case['batch'], case['steps'], case['inputs']), str(number)
        median_ms(theirs), ours.ask(line)
        rounds = [(median_ms(theirs), ours.ask(line)['ms']) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 7)]
        ratios = sorted(a / b for a, b in rounds)
        print(f'| {case["cell"]} | {case["batch"]} | {case["steps"]} | {package} | '
              f'{statistics.median(a for a, _ in rounds):.2f} | {statistics.median(b for _, b in rounds):.2f} | '
              f'{statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f}) |', flush=True)
    ours.end()


if __name__ == '__main__':
    main()
