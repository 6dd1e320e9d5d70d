#!/usr/bin/env python3
"""Comparison of a training step of an encoder-decoder model with attention: PyTorch and unroll in turn on one core.

    bench/seq2seq.py build/release/bin/bench_seq2seq [ROUNDS]     needs torch

The model is that of bench/seq2seq.cpp. PyTorch computes the scores from state and context directly, unroll with an
additional readout layer, as in Bahdanau's paper, which is 11 % more arithmetic. R is the time of PyTorch divided by that
of unroll.
"""
import os, statistics, sys, time

from compare import Program


def torch_step():
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(0)
    units, embedding, vocabulary, steps, batch = 128, 64, 50, 10, 32

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.Embedding(vocabulary, embedding)
            self.fed = nn.Embedding(vocabulary, embedding)
            self.encoder = nn.GRU(embedding, units, batch_first=True, bidirectional=True)
            self.bridge = nn.Linear(2 * units, units)
            self.query = nn.Linear(units, units, bias=False)
            self.key = nn.Linear(2 * units, units, bias=False)
            self.score = nn.Linear(units, 1, bias=False)
            self.decoder = nn.GRUCell(embedding + 2 * units, units)
            self.out = nn.Linear(3 * units, vocabulary)

        def forward(self, source, fed):
            memory, final = self.encoder(self.read(source))
            state = torch.tanh(self.bridge(torch.cat([final[0], final[1]], 1)))
            keys, x, scores = self.key(memory), self.fed(fed), []
            for t in range(fed.shape[1]):
                weights = torch.softmax(self.score(torch.tanh(keys + self.query(state)[:, None])).squeeze(2), 1)
                context = torch.bmm(weights[:, None], memory).squeeze(1)
                state = self.decoder(torch.cat([x[:, t], context], 1), state)
                scores.append(self.out(torch.cat([state, context], 1)))
            return torch.stack(scores, 1)

    model = Model()
    source, fed, target = (torch.randint(0, vocabulary, (batch, steps)) for _ in range(3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step():
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(source, fed).reshape(-1, vocabulary), target.reshape(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
    return step


def median_ms(step, seconds=0.5):
    times = []
    while sum(times) < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


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
