#!/usr/bin/env python3
"""Table of the processor time and memory that compilers need for small programs with the library.

    bench/compile_time.py [COMPILER...]     default: g++ and clang++; needs Eigen 3.4 and nlohmann-json

The programs are the first one of README.md and its variant with a GRU, both also with the component unroll::compiled and
its precompiled headers; the flags are those of README.md and of the component (cmake/compiled.cmake).
"""
import os, re, shutil, statistics, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EIGEN = os.environ.get('EIGEN_INCLUDE', '/usr/include/eigen3')
FLAGS = ['-std=c++20', '-O2', '-march=native', '-isystem', EIGEN, '-I', os.path.join(ROOT, 'include')]
ROUNDS = 3
COMPONENT = ['-Wno-ignored-attributes', '--param=ggc-min-heapsize=1048576']  # g++ alone
PRECOMPILED = '#include <unroll/unroll.hpp>\n#include <unroll/compiled/compiled.hpp>\n'


def program_of(page):
    with open(os.path.join(ROOT, page)) as file:
        return re.search(r'```cpp\n(.*?)```', file.read(), re.S).group(1)


def compiled(compiler, source, precompiled=False):
    """Seconds of processor time and MB of one run."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'program.cpp')
        with open(path, 'w') as file:
            file.write(source)
        header = []
        component = COMPONENT if 'compiled.hpp' in source and 'clang' not in compiler else []
        if precompiled:
            header = ['-include', os.path.join(folder, 'precompiled.hpp')]
            with open(header[1], 'w') as file:
                file.write(PRECOMPILED)
            kind, made = ['-x', 'c++-header'], header[1] + ('.pch' if 'clang' in compiler else '.gch')
            subprocess.run([compiler, *FLAGS, *component, *kind, header[1], '-o', made], check=True)
        process = subprocess.Popen([compiler, *FLAGS, *component, *header, '-c', path, '-o', os.devnull])
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f'compile_time: {compiler} must compile the program')
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    if sys.argv[1:2] in (['-h'], ['--help']):
        sys.exit(__doc__)
    own_cell, component = program_of('README.md'), '#include <unroll/compiled/compiled.hpp>\n'
    gru = own_cell.replace('EquationsOf<my::minimal_gated>::Cell', 'Gru')
    sources = {
        'Eigen/Core only': '#include <Eigen/Core>\n',
        'unroll.hpp only': '#include <unroll/unroll.hpp>\n',
        'the first program of README.md': own_cell,
        'the same with the component compiled': component + own_cell,
        'the same with precompiled headers': component + own_cell,
        'the first program of README.md with a GRU': gru,
        'the same with a GRU and the component compiled': component + gru,
        'the same with a GRU and precompiled headers': component + gru,
    }
    compilers = sys.argv[1:] or filter(shutil.which, ['g++', 'clang++', 'clang++-14'])
    print('| program | compiler | seconds | MB |\n|---|---|---|---|')
    for compiler in compilers:
        for name, source in sources.items():
            seconds, megabytes = zip(*(compiled(compiler, source, 'precompiled' in name) for _ in range(ROUNDS)))
            print(f'| {name} | {compiler} | {statistics.median(seconds):.1f} | {max(megabytes):.0f} |', flush=True)


if __name__ == '__main__':
    main()
