#!/usr/bin/env python3
"""PyTorch and unroll on the same training steps, timed alternately in one run on one core.

    bench/compare.py build/release/bin/bench_training_step [NAME...]      needs torch 2.13 (CPU)

A training step is: zero the gradients, forward, loss, backward, clip to global norm 5, Adam 1e-3, float32. R is PyTorch's time
divided by ours: the median over the rounds, with the smallest and the greatest.
"""
import json, os, statistics, subprocess, sys, time

ROUNDS = 7
# name: batch, steps, inputs, units, classes, a label per step (else one at the end); as in training_step.cpp
CONFIGURATIONS = {
    'har10_H50': (10, 150, 3, 50, 6, False), 'har30_H100': (30, 150, 3, 100, 6, False), 'hcp_H32': (32, 90, 300, 32, 15, True),
    'hcp_H128': (32, 90, 300, 128, 15, True), 'gen_H128': (32, 100, 64, 128, 10, False),
}


def torch_step(cell, batch, steps, inputs, units, classes, label_per_step):
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = {'rnn': nn.RNN, 'lstm': nn.LSTM, 'gru': nn.GRU}[cell](inputs, units, batch_first=True)
    out = nn.Linear(units, classes)
    parameters = list(net.parameters()) + list(out.parameters())
    adam = torch.optim.Adam(parameters, lr=1e-3)
    x = torch.randn(batch, steps, inputs)
    y = torch.randint(0, classes, (batch, steps) if label_per_step else (batch,))

    def step():
        adam.zero_grad(set_to_none=True)
        h, _ = net(x)
        logits = out(h if label_per_step else h[:, -1])
        nn.functional.cross_entropy(logits.reshape(-1, classes), y.reshape(-1)).backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        adam.step()
    return step


def milliseconds(step, seconds=0.3):
    step()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def ours(program, name):
    lines = subprocess.run([program, name, '--quick'], capture_output=True, text=True, check=True).stdout.splitlines()
    return next(r['ms'] for r in map(json.loads, lines) if r['cfg'] == name and r['mode'] == 'train')


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, wanted = sys.argv[1], sys.argv[2:]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # children inherit it
    print('| configuration | PyTorch, ms | unroll, ms | R | from | to |\n|---|---|---|---|---|---|')
    for name, configuration in CONFIGURATIONS.items():
        for cell in ('rnn', 'lstm', 'gru'):
            key = f'{name}/{cell}'
            if wanted and not any(w in key for w in wanted):
                continue
            step = torch_step(cell, *configuration)
            pairs = [(milliseconds(step), ours(program, key)) for _ in range(ROUNDS)]
            ratios = sorted(t / u for t, u in pairs)
            torch_ms, our_ms = (statistics.median(p[k] for p in pairs) for k in (0, 1))
            print(f'| {key} | {torch_ms:.2f} | {our_ms:.3f} | {statistics.median(ratios):.1f} | {ratios[0]:.1f} | {ratios[-1]:.1f} |',
                  flush=True)


main()
