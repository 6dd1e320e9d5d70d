#!/usr/bin/env python3
"""Table of the memory that training adds to a process, for PyTorch and unroll.

    bench/memory.py build/release/bin/bench_memory [NAME...]     names of configurations in full; needs torch

The numbers are the peak during two training steps minus the memory with model and batch, in MB of 2^20 bytes. The last
two columns are for unroll with model and batch included, as measured and as predicted by the model's summary.
"""
import json, os, subprocess, sys

from compare import Peer, configurations
from results import line


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, names = sys.argv[1], sys.argv[2:] or ['peaks_4x4000/lstm']
    others = os.path.join(os.path.dirname(program), 'bench_training_step')
    print(line(['configuration', 'PyTorch, MB', 'unroll, MB', 'unroll / PyTorch', 'unroll, total MB', 'predicted MB']))
    print(line(['---'] * 6))
    for name in names:
        [described] = [c for c in configurations(others, [name]) if c['cfg'] == name]
        peer = Peer('PyTorch', 1)
        theirs = peer.measure(described, 'memory')['megabytes']
        peer.end()
        ours = json.loads(subprocess.run([program, name], capture_output=True, text=True, check=True).stdout)
        print(line([name, f'{theirs:.0f}', f'{ours["added_mb"]:.0f}', f'{ours["added_mb"] / theirs:.2f}',
                    f'{ours["all_mb"]:.0f}', f'{ours["foretold_mb"]:.0f}']), flush=True)


if __name__ == '__main__':
    main()
