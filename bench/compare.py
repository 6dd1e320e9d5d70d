#!/usr/bin/env python3
"""Comparison of PyTorch, JAX, ONNX Runtime and unroll on the same configurations, timed alternately in one run.

    bench/compare.py build/release/bin/bench_training_step [NAME...]     NAME is part of a configuration's name

R is a peer's time divided by ours, both measured in direct succession; the median over all rounds. Everything runs in
float and on one core (or --threads cores). A training step zeroes the gradients, computes forward pass, loss and
backward pass, clips the gradient to global norm 5 and updates with Adam at rate 1e-3. The modes *_packed have sequences of T / 2 to T steps: PyTorch packs them, ONNX
Runtime gets their lengths. Modes that a peer does not support and peers that are not installed are skipped. bench/peers/ holds the peers'
programs, which need torch, jax, or onnx and onnxruntime.
"""
import argparse, json, math, os, statistics, subprocess, sys, time

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
            sys.exit(f'compare: {" ".join(self.process.args)} gave no answer to {line[:100]}')

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Peer(Program):
    def __init__(self, name, threads):
        self.name, self.modes = name, PEERS[name][1]
        program = os.path.join(os.path.dirname(__file__), 'peers', PEERS[name][0])
        super().__init__([sys.executable, program, str(threads)], quiet=True)

    def measure(self, configuration, mode, seconds=0.):
        return self.ask(json.dumps({**configuration, 'mode': mode, 'seconds': seconds}))

    @staticmethod
    def installed(name):
        return subprocess.run([sys.executable, '-c', 'import ' + PEERS[name][2]], capture_output=True).returncode == 0


def configurations(program, names):
    described = subprocess.run([program, '--list', *names], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in described.splitlines()]


def digits(number):
    return f'{number:.0f}' if number >= 100 else f'{number:.3g}'


class Row:
    """Measurements of one configuration in one mode: pairs of a peer's time and ours for each round."""

    def __init__(self, name):
        self.name, self.ours, self.peers = name, [], {}

    def add(self, peer, theirs, ours):
        self.ours.append(ours)
        self.peers.setdefault(peer, []).append((theirs['ms'], ours['ms']))

    def ratios(self, peer):
        return sorted(theirs / ours for theirs, ours in self.peers[peer])

    def ratio(self, peer):
        return statistics.median(self.ratios(peer))

    def worst(self):
        """Ratio to the fastest peer."""
        return min(map(self.ratio, self.peers))

    def cells(self, peers):
        cells = [self.name] + [digits(statistics.median(o[field] for o in self.ours)) for field in ('ms', 'gflops')]
        cells += [f'{100 * statistics.median(o["share_of_peak"] for o in self.ours):.0f} %']
        for peer in peers:
            ratios = self.ratios(peer)
            cells += [digits(statistics.median(t for t, _ in self.peers[peer])), f'**{self.ratio(peer):.2f}**',
                      f'{ratios[0]:.2f} - {ratios[-1]:.2f}']
        return cells + ([f'{self.worst():.2f}'] if len(peers) > 1 else [])


def header(peers):
    cells = ['configuration', 'ms', 'GFLOP/s', 'of peak']
    for peer in peers:
        cells += [peer + ', ms', 'R', 'from - to']
    return cells + (['R, better peer'] if len(peers) > 1 else [])


def line(cells):
    return '| ' + ' | '.join(cells) + ' |'


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def summary(rows, peers):
    means = [f'{peer} {geometric_mean([row.ratio(peer) for row in rows]):.2f}' for peer in peers]
    if len(peers) > 1:
        means.append(f'the better one {geometric_mean([row.worst() for row in rows]):.2f}')
    return 'Geometric mean of R against ' + ', '.join(means) + '.'


def compare(ours, peers, configuration, mode, options):
    row, start = Row(configuration['cfg']), time.perf_counter()
    for done in range(options.rounds):
        if done >= 1 and time.perf_counter() - start > options.budget:
            break
        for peer in peers:
            theirs = peer.measure(configuration, mode, options.seconds)
            row.add(peer.name, theirs, ours.ask(f'{configuration["cfg"]} {mode} {options.seconds}'))
    return row


def processor():
    with open('/proc/cpuinfo') as lines:
        return next(l.split(':')[1].strip() for l in lines if l.startswith('model name'))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('names', nargs='*', metavar='NAME', help='part of a configuration\'s name; all without one')
    parser.add_argument('--mode', action='append', choices=MODES, help='may be given several times; all without one')
    parser.add_argument('--peer', action='append', choices=PEERS, help='likewise')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=0.3, help='of each measurement, at least')
    parser.add_argument('--budget', type=float, default=60, help='seconds after which a row gets no further round')
    parser.add_argument('--markdown', metavar='FILE', help='writes the tables there as well')
    return parser.parse_args()


def main():
    options = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads:])  # child processes inherit it
    report = []

    def say(text):
        report.append(text)
        print(text, flush=True)
    wanted = configurations(options.program, options.names)
    peers = [Peer(name, options.threads) for name in options.peer or PEERS if Peer.installed(name)]
    ours = Program([options.program, '--serve', '--threads', str(options.threads)])
    say(f'{processor()}, {options.threads} {"thread" if options.threads == 1 else "threads"}.')
    for mode in options.mode or MODES:
        able = [peer for peer in peers if mode in peer.modes]
        names = [peer.name for peer in able]
        say(f'\n### {mode}\n\n{line(header(names))}\n{line(["---"] * len(header(names)))}')
        rows = []
        for configuration in wanted:
            rows.append(compare(ours, able, configuration, mode, options))
            say(line(rows[-1].cells(names)))
        if rows and names:
            say('\n' + summary(rows, names))
    for program in [ours, *peers]:
        program.end()
    if options.markdown:
        with open(options.markdown, 'w') as file:
            file.write('\n'.join(report) + '\n')


if __name__ == '__main__':
    main()
