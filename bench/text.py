#!/usr/bin/env python3
"""Comparison of training a word language model on sentences, PyTorch and unroll alternately, on one core.

    bench/text.py build/release/bin/text [ROUNDS]     needs torch

Both train one epoch of examples/text/wordnet.json: GRU of 96 units, 4,000 words, batches of 32 sentences of similar
length. In PyTorch sentences are padded to the longest of their batch, and only scores of valid words are computed; in
unroll they are packed. Words are predicted tokens, including ends of sentences but not padding.
"""
import collections, csv, os, random, re, statistics, subprocess, sys, tempfile, time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
TEXT = os.path.join(ROOT, 'examples/text/data/wordnet_sentences_train.txt')


def sentences():
    with open(TEXT) as file:
        words = [re.findall(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]", line.lower()) for line in file]
    counts = collections.Counter(word for line in words for word in line)
    numbers = {word: k + 4 for k, (word, _) in enumerate(counts.most_common(3996))}
    return [[1] + [numbers.get(word, 3) for word in line][:40] + [2] for line in words]


def torch_epoch(lines):
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(0)
    embedding, cell, scores, drop = nn.Embedding(4000, 64), nn.GRU(64, 96, batch_first=True), nn.Linear(96, 4000), nn.Dropout(0.2)
    parameters = [*embedding.parameters(), *cell.parameters(), *scores.parameters()]
    optimizer = torch.optim.Adam(parameters, 0.004)
    order = sorted(range(len(lines)), key=lambda i: len(lines[i]))
    batches = []
    for first in range(0, len(order), 32):
        some = [lines[i] for i in order[first:first + 32]]
        padded = torch.zeros((len(some), max(map(len, some))), dtype=torch.long)
        for k, line in enumerate(some):
            padded[k, :len(line)] = torch.tensor(line)
        batches.append(padded)

    def epoch():
        random.shuffle(batches)
        words, start = 0, time.perf_counter()
        for batch in batches:
            target = batch[:, 1:]
            valid = target > 0
            states = drop(cell(drop(embedding(batch[:, :-1])))[0])
            loss = nn.functional.cross_entropy(scores(states[valid]), target[valid])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.)
            optimizer.step()
            words += int(valid.sum())
        return words / (time.perf_counter() - start)
    return epoch


def our_epoch(program, words):
    def epoch():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([program, 'train', '--config', 'examples/text/wordnet.json', '--epochs', '1', '--decay-epochs', '0',
                            '--samples', '0', '--threads', '1', '--checkpoint-seconds', '1000', '--quiet', '--out', folder],
                           cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            with open(os.path.join(folder, 'history.csv')) as file:
                return words / float(next(csv.DictReader(file))['seconds'])
    return epoch


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    lines = sentences()
    theirs = torch_epoch(lines)
    ours = our_epoch(os.path.abspath(sys.argv[1]), sum(len(line) - 1 for line in lines))
    rounds = [(theirs(), ours()) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3)]
    ratios = sorted(b / a for a, b in rounds)
    print(f'PyTorch {statistics.median(a for a, _ in rounds):.0f} words/s, unroll {statistics.median(b for _, b in rounds):.0f} words/s, '
          f'R {statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})')


if __name__ == '__main__':
    main()
