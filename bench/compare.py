#!/usr/bin/env python3
"""Comparison of PyTorch, JAX, ONNX Runtime and unroll on the same configurations, timed alternately in one run.

    bench/compare.py build/release/bin/bench_training_step [NAME...]     NAME is part of a configuration's name

R is the time of a peer divided by that of unroll, both measured in direct succession; the median over all rounds.
Everything runs in float and on one core (or --threads cores). A training step zeroes the gradients, computes forward
pass, loss and backward pass, clips the gradient to global norm 5 and updates with Adam at rate 1e-3. The modes
*_packed have sequences of T / 2 to T steps: PyTorch packs them, ONNX Runtime reads their lengths. Modes that a peer
does not support and peers that are not installed are skipped. bench/peers/ contains the programs of the peers, which
need torch, jax, or onnx and onnxruntime. With --precision bfloat16, PyTorch runs in autocast('cpu', bfloat16), the
program of unroll receives the same option, and other peers are left out.
"""
import argparse, json, math, os, statistics, subprocess, sys, time

import results
from results import line

MODES = ['train', 'train_packed', 'infer', 'infer_packed']
PEERS = {  # program, modes, imported packages
    'PyTorch': ('with_torch.py', MODES, 'torch'),
    'JAX': ('with_jax.py', ['train'], 'jax'),
    'ONNX Runtime': ('with_onnxruntime.py', MODES[2:], 'onnx, onnxruntime'),
}


class Program:
    """Child process that replies to each line of input with one line of JSON."""

    def __init__(self, command, quiet=False):
        errors = subprocess.DEVNULL if quiet else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                        text=True)

    def ask(self, line):
        try:
            print(line, file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            sys.exit(f'compare: {" ".join(self.process.args)} must reply with JSON to {line[:100]}')

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Peer(Program):
    def __init__(self, name, python, threads, precision='float'):
        self.name, self.modes = name, PEERS[name][1]
        program = os.path.join(os.path.dirname(__file__), 'peers', PEERS[name][0])
        super().__init__([python, program, str(threads)], quiet=True)
        self.precision = precision

    def measure(self, configuration, mode, seconds=0.):
        answer = self.ask(json.dumps({**configuration, 'mode': mode, 'seconds': seconds, 'precision': self.precision}))
        if 'error' in answer:
            sys.exit(f'compare: {self.name} must run {configuration["cfg"]} {mode}, got: {answer["error"]}')
        return answer

    @staticmethod
    def installed(name, python):
        return subprocess.run([python, '-c', 'import ' + PEERS[name][2]], capture_output=True).returncode == 0


def configurations(program, names):
    described = subprocess.run([program, '--list', *names], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in described.splitlines()]


def digits(number):
    return f'{number:.0f}' if number >= 100 else f'{number:.3g}'


class Row:
    """Measurements of one configuration in one mode: times of a peer and of unroll for each round."""

    def __init__(self, name):
        self.name, self.ours, self.peers = name, [], {}

    def add(self, peer, theirs, ours):
        self.ours.append(ours)
        if peer is not None:
            self.peers.setdefault(peer, []).append((theirs['ms'], ours['ms']))

    def median(self, field):
        return statistics.median(o[field] for o in self.ours)

    def ratios(self, peer):
        return sorted(theirs / ours for theirs, ours in self.peers[peer])

    def ratio(self, peer):
        return statistics.median(self.ratios(peer))

    def worst(self):
        """Ratio to the fastest peer."""
        return min(map(self.ratio, self.peers))

    def result(self, mode):
        """Row of a file of results."""
        times, peers = [o['ms'] for o in self.ours], {}
        for peer in self.peers:
            ratios = self.ratios(peer)
            peers[peer] = {'ms': statistics.median(t for t, _ in self.peers[peer]), 'ratio': self.ratio(peer),
                           'lowest_ratio': ratios[0], 'highest_ratio': ratios[-1]}
        return {'configuration': self.name, 'mode': mode, 'ms': self.median('ms'), 'lowest_ms': min(times),
                'highest_ms': max(times), 'gflops': self.median('gflops'), 'share_of_peak': self.median('share_of_peak'),
                'peers': peers}

    def cells(self, peers):
        cells = [self.name] + [digits(self.median(field)) for field in ('ms', 'gflops')]
        cells += [f'{100 * self.median("share_of_peak"):.0f} %']
        for peer in peers:
            ratios = self.ratios(peer)
            cells += [digits(statistics.median(t for t, _ in self.peers[peer])), f'**{self.ratio(peer):.2f}**',
                      f'{ratios[0]:.2f} - {ratios[-1]:.2f}']
        return cells + ([f'{self.worst():.2f}'] if len(peers) > 1 else [])


def header(peers):
    cells = ['configuration', 'ms', 'GFLOP/s', 'of peak']
    for peer in peers:
        cells += [peer + ', ms', 'R', 'from - to']
    return cells + (['R, faster peer'] if len(peers) > 1 else [])


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def summary(rows, peers):
    means = [f'{peer} {geometric_mean([row.ratio(peer) for row in rows]):.2f}' for peer in peers]
    if len(peers) > 1:
        means.append(f'the faster peer {geometric_mean([row.worst() for row in rows]):.2f}')
    return 'Geometric mean of R against ' + ', '.join(means) + '.'


def compare(ours, peers, configuration, mode, options):
    row, start = Row(configuration['cfg']), time.perf_counter()
    for done in range(options.rounds):
        if done >= 1 and time.perf_counter() - start > options.budget:
            break
        for peer in peers or [None]:
            theirs = peer and peer.measure(configuration, mode, options.seconds)
            row.add(peer and peer.name, theirs, ours.ask(f'{configuration["cfg"]} {mode} {options.seconds}'))
    return row


def processor():
    """Name of the processor, with family and model where Linux has them: different EPYCs have the same name."""
    known = {}
    with open('/proc/cpuinfo') as lines:
        for key, _, value in (line.partition(':') for line in lines):
            known.setdefault(key.strip(), value.strip())
    numbers = [f'{key.split()[-1]} {known[key]}' for key in ('cpu family', 'model') if key in known]
    return known.get('model name', os.uname().machine) + (f' ({", ".join(numbers)})' if numbers else '')


def interpreter(text):
    name, _, file = text.partition('=')
    if name not in PEERS or not os.access(file, os.X_OK):
        raise argparse.ArgumentTypeError(f'expected PEER=FILE with a peer of {", ".join(PEERS)} and a program, got {text}')
    return name, file


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program', help='bench_training_step')
    parser.add_argument('names', nargs='*', metavar='NAME', help='part of a configuration\'s name; default: all')
    parser.add_argument('--mode', action='append', choices=MODES, help='mode, may be repeated; default: all')
    parser.add_argument('--peer', action='append', choices=PEERS, help='peer, may be repeated; default: all installed ones')
    parser.add_argument('--python', action='append', type=interpreter, default=[], metavar='PEER=FILE',
                        help='interpreter of a peer, for packages of another environment; may be repeated')
    parser.add_argument('--threads', type=int, default=1, help='number of threads (default: 1)')
    parser.add_argument('--rounds', type=int, default=7, help='largest number of rounds (default: 7)')
    parser.add_argument('--seconds', type=float, default=0.3, help='smallest seconds of a measurement (default: 0.3)')
    parser.add_argument('--budget', type=float, default=60,
                        help='seconds per row after which no further round starts (default: 60)')
    parser.add_argument('--precision', choices=['float', 'bfloat16'], default='float',
                        help='numbers of the products (default: float)')
    parser.add_argument('--json', metavar='FILE', help='output file for bench/results.py')
    parser.add_argument('--markdown', metavar='FILE', help='output file for the tables')
    return parser.parse_args()


def main():
    options = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads:])  # child processes inherit it
    report = []

    def add(text):
        report.append(text)
        print(text, flush=True)
    selected = configurations(options.program, options.names)
    requested = ['PyTorch'] if options.precision != 'float' else options.peer or PEERS
    pythons = {name: sys.executable for name in PEERS} | dict(options.python)
    peers = [Peer(name, pythons[name], options.threads, options.precision) for name in requested
             if Peer.installed(name, pythons[name])]
    precision = [] if options.precision == 'float' else ['--precision', options.precision]
    ours = Program([options.program, '--serve', '--threads', str(options.threads), *precision])
    kept = []
    add(f'{processor()}, {options.threads} {"thread" if options.threads == 1 else "threads"}.')
    for mode in options.mode or MODES:
        supporting = [peer for peer in peers if mode in peer.modes]
        names = [peer.name for peer in supporting]
        add(f'\n### {mode}\n\n{line(header(names))}\n{line(["---"] * len(header(names)))}')
        rows = []
        for configuration in selected:
            rows.append(compare(ours, supporting, configuration, mode, options))
            add(line(rows[-1].cells(names)))
            kept.append((rows[-1], mode))
        if rows and names:
            add('\n' + summary(rows, names))
    for program in [ours, *peers]:
        program.end()
    if options.json:
        results.write(options.json, {
            'commit': results.commit(os.path.dirname(os.path.abspath(__file__))), 'processor': processor(),
            'compiler': kept[0][0].ours[0]['compiler'] if kept else '', 'threads': options.threads,
            'precision': options.precision, 'rows': [row.result(mode) for row, mode in kept]})
    if options.markdown:
        with open(options.markdown, 'w') as file:
            file.write('\n'.join(report) + '\n')


if __name__ == '__main__':
    main()
