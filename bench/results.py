#!/usr/bin/env python3
"""Results of bench/compare.py, kept as JSON files: comparison of two files, and tables for docs/performance.md.

    bench/results.py compare OLD NEW       names configurations that became slower; exit status 1 if there are any
    bench/results.py page PAGE FILE...     replaces the tables of a page by those of the files

A file has the commit, the processor, the compiler and, for each configuration and mode, the median and the range of the
milliseconds and the share of the multiply-add peak. Results of different processors, numbers of threads or precisions
are not comparable. A configuration became slower if its median grew by more than 3 % and is outside of the old range,
and the old median is outside of the new range. The tables of a page are between two lines <!-- results --> and
<!-- end of results -->; each file is one table.
"""
import json, subprocess, sys

NOISE = 0.03
BEGIN, END = '<!-- results -->', '<!-- end of results -->'
SETTINGS = ['processor', 'threads', 'precision']


def commit(folder):
    """Commit of a working tree; a '+' marks changes that are not committed, '' is a folder without a repository."""
    def git(*command):
        return subprocess.run(['git', '-C', folder, *command], capture_output=True, text=True)
    known = git('rev-parse', '--short=12', 'HEAD')
    return known.stdout.strip() + ('+' if git('status', '--porcelain').stdout else '') if known.returncode == 0 else ''


def read(path):
    try:
        with open(path) as file:
            results = json.load(file)
        for key in SETTINGS + ['commit', 'compiler']:
            results[key]
        for row in results['rows']:
            low, middle, high = (row[key] for key in ('lowest_ms', 'ms', 'highest_ms'))
            if not 0 < low <= middle <= high:
                raise ValueError(f'{row["configuration"]}: 0 < lowest_ms <= ms <= highest_ms must hold')
            row['mode'], row['share_of_peak'] * 1.
        return results
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f'results: {path} must be a file of bench/compare.py --json: {type(error).__name__}: {error}')


def write(path, results):
    with open(path, 'w') as file:
        json.dump(results, file, indent=1)
        file.write('\n')


def by_name(results):
    return {(row['mode'], row['configuration']): row for row in results['rows']}


def is_slower(old, new):
    return (new['ms'] > old['ms'] * (1 + NOISE) and new['ms'] > old['highest_ms'] and old['ms'] < new['lowest_ms'])


def losses(old, new):
    """Lines about configurations that became slower. Exits if the results are not comparable."""
    for key in SETTINGS:
        if old[key] != new[key]:
            sys.exit(f'results: both files must have the same {key}, got {old[key]} and {new[key]}')
    before, after = by_name(old), by_name(new)
    if not before.keys() & after.keys():
        sys.exit('results: the files must have configurations in common')
    return [f'{key[1]} {key[0]}: {before[key]["ms"]:.4g} to {after[key]["ms"]:.4g} ms, '
            f'{100 * (after[key]["ms"] / before[key]["ms"] - 1):+.1f} %'
            for key in before if key in after and is_slower(before[key], after[key])]


def line(cells):
    return '| ' + ' | '.join(cells) + ' |'


def table(results):
    peers = list(dict.fromkeys(peer for row in results['rows'] for peer in row.get('peers', {})))
    threads = f'{results["threads"]} {"thread" if results["threads"] == 1 else "threads"}'
    precision = '' if results['precision'] == 'float' else f', {results["precision"]}'
    header = ['configuration', 'mode', 'ms', 'from - to', 'of peak']
    for peer in peers:
        header += [f'R, {peer}', 'from - to']
    text = [f'{results["processor"]}, {threads}{precision}, {results["compiler"]}, commit {results["commit"]}:', '',
            line(header), line(['---'] * len(header))]
    for row in results['rows']:
        cells = [row['configuration'], row['mode'], f'{row["ms"]:.4g}',
                 f'{row["lowest_ms"]:.4g} - {row["highest_ms"]:.4g}', f'{100 * row["share_of_peak"]:.0f} %']
        for peer in peers:
            r = row.get('peers', {}).get(peer)
            cells += [f'{r["ratio"]:.2f}', f'{r["lowest_ratio"]:.2f} - {r["highest_ratio"]:.2f}'] if r else ['', '']
        text.append(line(cells))
    return '\n'.join(text) + '\n'


def with_tables(page, files):
    """Text of a page with the tables of these results."""
    lines = page.split('\n')
    if lines.count(BEGIN) != 1 or lines.count(END) != 1 or lines.index(BEGIN) > lines.index(END):
        sys.exit(f'results: the page must have a line {BEGIN} and then a line {END}')
    before, after = lines[:lines.index(BEGIN) + 1], lines[lines.index(END):]
    return '\n'.join([*before, '', *map(table, files), *after])


def main(command='', *paths):
    if command == 'compare' and len(paths) == 2:
        slower = losses(*map(read, paths))
        print('\n'.join(slower) or 'no configuration became slower')
        sys.exit(1 if slower else 0)
    if command != 'page' or len(paths) < 2:
        sys.exit(__doc__)
    files = [read(path) for path in paths[1:]]
    with open(paths[0]) as file:
        text = with_tables(file.read(), files)
    with open(paths[0], 'w') as file:
        file.write(text)


if __name__ == '__main__':
    main(*sys.argv[1:])
