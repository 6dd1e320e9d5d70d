#!/usr/bin/env python3
"""Comparison of convolutions of a peak finder, forward and backward pass, PyTorch and unroll alternately, on one core.

    bench/convolution.py build/release/bin/bench_convolution [ROUNDS]     needs torch

The layers are those of bench/convolution.cpp. R is the time of PyTorch divided by that of unroll.
"""
import os, statistics, sys

from compare import Program
from seq2seq import median_ms


def torch_step():
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes, kernels = (4, 16, 12, 12, 8, 1), (25, 15, 15, 15, 5)
    model = nn.Sequential(*(nn.Conv1d(a, b, k, padding=k // 2) for a, b, k in zip(sizes, sizes[1:], kernels)))
    x, d_y = torch.randn(4, 4, 4000), torch.randn(4, 1, 4000)

    def step():
        model.zero_grad(set_to_none=True)
        model(x).backward(d_y)
    return step


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    ours, theirs = Program([sys.argv[1], '--serve']), torch_step()
    median_ms(theirs), ours.ask('')
    rounds = [(median_ms(theirs), ours.ask('')['ms']) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 7)]
    ratios = sorted(a / b for a, b in rounds)
    print(f'PyTorch {statistics.median(a for a, _ in rounds):.2f} ms, unroll {statistics.median(b for _, b in rounds):.2f} ms, '
          f'R {statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})')
    ours.end()


if __name__ == '__main__':
    main()
