#!/usr/bin/env python3
"""Comparison of word2vec in gensim and in the example program, in turn, on definitions and sentences of WordNet.

    bench/word2vec.py build/release/bin/word2vec [--model cbow] [--rate 0.025] [--parts 1] [--seeds 3] [--wordnet FOLDER]

Needs gensim, whose word pairs (WordSim353, SimLex-999) are used where they are installed, and the files of WordNet 3.0
(Debian: wordnet-base). Both sides get the same sentences of lower-case words: dimension 64, window 5, 5 negatives,
subsampling 1e-3, least count 5, 5 epochs. `--parts` is an option of the example program and the number of threads of
both. Words per second count the words of the text, by wall-clock time of the epochs and by processor time: for gensim
of the training only, for the example of the whole program with reading and writing.
"""
import argparse, os, random, re, resource, statistics, subprocess, sys, tempfile, time

EPOCHS = 5


def sentences(folder):
    glosses, quotes = {}, {}
    for part in ('noun', 'verb', 'adj', 'adv'):
        with open(os.path.join(folder, f'data.{part}'), encoding='utf-8') as file:
            for line in file:
                if line.startswith('  '):
                    continue  # licence text
                gloss = line.split(' | ', 1)[1]
                glosses[re.split(r';?\s*"', gloss, maxsplit=1)[0].strip()] = None
                quotes.update((quote, None) for quote in re.findall(r'"([^"]*)"', gloss) if len(quote.split()) >= 4)
    cut = [re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower()) for text in [*glosses, *quotes]]
    cut = [words for words in cut if len(words) > 1]
    random.Random(1).shuffle(cut)
    return cut


def correlations(vectors):
    from gensim.test.utils import datapath
    return [vectors.evaluate_word_pairs(datapath(name))[1][0] for name in ('wordsim353.tsv', 'simlex999.txt')]


def gensim_run(text, seed, o):
    from gensim.models import Word2Vec
    model = Word2Vec(vector_size=64, window=5, negative=5, sample=1e-3, min_count=5, hs=0, sg=o.model == 'skip-gram',
                     alpha=o.rate, epochs=EPOCHS, workers=o.parts, seed=seed)
    model.build_vocab(text)
    start, used = time.perf_counter(), time.process_time()
    model.train(text, total_examples=model.corpus_count, epochs=EPOCHS)
    return model.wv, time.perf_counter() - start, time.process_time() - used


def our_run(corpus, seed, o, folder):
    from gensim.models import KeyedVectors

    def processor_seconds():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    used = processor_seconds()
    run = subprocess.run([o.program, corpus, '--dimension', '64', '--epochs', str(EPOCHS), '--min-count', '5',
                          '--model', o.model, '--rate', str(o.rate), '--parts', str(o.parts), '--threads', str(o.parts),
                          '--seed', str(seed), '--draw', '0', '--save', 'v.bin', '--force', '--out', folder],
                         stdout=subprocess.PIPE, text=True, check=True)
    used = processor_seconds() - used
    kept = int(re.search(r'(\d+) words in all', run.stdout).group(1))
    wall = sum(kept / float(rate) for rate in re.findall(r'(\d+) words/s', run.stdout))
    return KeyedVectors.load_word2vec_format(os.path.join(folder, 'v.bin'), binary=True), wall, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program', help='the example program word2vec')
    parser.add_argument('--model', default='skip-gram', choices=['skip-gram', 'cbow'], help='kind of model (default: skip-gram)')
    parser.add_argument('--rate', type=float, default=0.025, help='initial learning rate (default: 0.025)')
    parser.add_argument('--parts', type=int, default=1, help='parts of unroll and threads of both (default: 1)')
    parser.add_argument('--seeds', type=int, default=3, help='number of runs, each with another seed (default: 3)')
    parser.add_argument('--wordnet', default='/usr/share/wordnet', metavar='FOLDER', help='folder of the WordNet files')
    o = parser.parse_args()
    text = sentences(o.wordnet)
    total = EPOCHS * sum(map(len, text))
    print(f'{len(text)} sentences, {total // EPOCHS} words')
    rows = {'gensim': [], 'unroll': []}
    with tempfile.TemporaryDirectory() as folder:
        corpus = os.path.join(folder, 'corpus.txt')
        with open(corpus, 'w') as file:
            file.writelines(' '.join(words) + '\n' for words in text)
        for seed in range(1, o.seeds + 1):
            for name, result in (('gensim', gensim_run(text, seed, o)), ('unroll', our_run(corpus, seed, o, folder))):
                vectors, wall, used = result
                rows[name].append([*correlations(vectors), total / wall, total / used])
                print(name, seed, len(vectors), 'words', *(f'{value:.4g}' for value in rows[name][-1]), flush=True)
    print('mean over seeds: WordSim353, SimLex-999 (Spearman), words/s of wall time, words/s of processor time')
    for name, values in rows.items():
        print(f'{name:8}', *(f'{statistics.mean(column):10.4g}' for column in zip(*values)))


if __name__ == '__main__':
    sys.exit(main())
