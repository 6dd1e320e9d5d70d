"""Tests of bench/results.py and of the rows that bench/compare.py keeps."""
import contextlib, io, json, os, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
sys.dont_write_bytecode = True
import compare
import results


def row(name, ms, low, high, **more):
    return {'configuration': name, 'mode': 'train', 'ms': ms, 'lowest_ms': low, 'highest_ms': high, 'gflops': 50.,
            'share_of_peak': 0.7, **more}


def file_of(*rows, **more):
    return {'commit': '0123456789ab', 'processor': 'A', 'compiler': 'GCC 12', 'threads': 1, 'precision': 'float',
            'rows': list(rows), **more}


class Results(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, content, name='x.json'):
        path = os.path.join(self.folder.name, name)
        with open(path, 'w') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def refused(self, what, call):
        with self.assertRaises(SystemExit) as caught:
            call()
        self.assertIn(what, str(caught.exception))

    def test_a_loss_must_exceed_the_noise(self):
        old = file_of(row('a', 10., 9.8, 10.4), row('b', 5., 4.99, 5.01))
        for new, slower in [(row('a', 10.2, 10.15, 10.3), False),
                            (row('a', 10.38, 10.2, 10.5), False),  # within the old range
                            (row('a', 11., 9.9, 11.5), False),  # the old median is within the new range
                            (row('a', 11., 10.6, 11.5), True),
                            (row('a', 8., 7.9, 8.1), False)]:  # faster
            lines = results.losses(old, file_of(new, row('b', 5.1, 5.09, 5.11), row('new', 1., 1., 1.)))
            self.assertEqual(lines, ['a train: 10 to 11 ms, +10.0 %'] if slower else [])

    def test_the_program_names_losses_by_its_status(self):
        old, new = self.path(file_of(row('a', 10., 9.8, 10.4)), 'old'), self.path(file_of(row('a', 20., 19., 21.)), 'new')
        for paths, status, output in [((old, new), 1, 'a train: 10 to 20 ms, +100.0 %\n'),
                                      ((new, old), 0, 'no configuration became slower\n')]:
            printed = io.StringIO()
            with self.assertRaises(SystemExit) as caught, contextlib.redirect_stdout(printed):
                results.main('compare', *paths)
            self.assertEqual((caught.exception.code, printed.getvalue()), (status, output))

    def test_results_that_are_not_comparable_are_refused(self):
        old = file_of(row('a', 1., 1., 1.))
        for key, value in [('processor', 'B'), ('threads', 2), ('precision', 'bfloat16')]:
            self.refused(f'the same {key}', lambda: results.losses(old, file_of(row('a', 1., 1., 1.), **{key: value})))
        self.refused('in common', lambda: results.losses(old, file_of(row('b', 1., 1., 1.))))

    def test_damaged_files_are_refused(self):
        whole = file_of(row('a', 1., 1., 1.))
        self.assertEqual(results.read(self.path(whole)), whole)
        for damage in ['', '[]', '{"rows": []}', file_of(row('a', 1., 2., 3.)), file_of(row('a', 0., 0., 0.)),
                       file_of(row('a', 'x', 'x', 'x')), file_of({'configuration': 'a'})]:
            self.refused('must be a file of bench/compare.py', lambda: results.read(self.path(damage)))
        self.refused('must be a file of bench/compare.py', lambda: results.read('/no/such/file'))

    def test_a_page_has_one_table_per_file(self):
        peers = {'PyTorch': {'ms': 2., 'ratio': 2., 'lowest_ratio': 1.9, 'highest_ratio': 2.1}}
        files = [file_of(row('a', 1., 0.9, 1.25, peers=peers), row('b', 3., 3., 3.)),
                 file_of(row('a', 1., 1., 1.), processor='B', threads=2, precision='bfloat16')]
        page = f'before: `{results.BEGIN}`\n{results.BEGIN}\nold\n{results.END}\nafter\n'
        once = results.with_tables(page, files)
        self.assertIn('| a | train | 1 | 0.9 - 1.25 | 70 % | 2.00 | 1.90 - 2.10 |\n| b | train | 3 | 3 - 3 | 70 % |  |  |\n', once)
        self.assertIn('A, 1 thread, GCC 12, commit 0123456789ab:\n', once)
        self.assertIn('B, 2 threads, bfloat16, GCC 12, commit', once)
        self.assertNotIn('old', once)
        self.assertTrue(once.startswith('before: ') and once.endswith('\nafter\n'))
        self.assertEqual(results.with_tables(once, files), once)
        self.refused('must have a line', lambda: results.with_tables('no place', files))
        self.refused('must have a line', lambda: results.with_tables(f'{results.END}\n{results.BEGIN}\n', files))

    def test_a_row_of_a_comparison_is_kept_as_medians_and_ranges(self):
        measured = compare.Row('a')
        for ms, theirs in [(1., 3.), (4., 4.), (2., 4.)]:
            measured.add('PyTorch', {'ms': theirs}, {'ms': ms, 'gflops': 10 / ms, 'share_of_peak': 0.5})
        kept = measured.result('train')
        self.assertEqual((kept['ms'], kept['lowest_ms'], kept['highest_ms'], kept['gflops']), (2., 1., 4., 5.))
        self.assertEqual(kept['peers'], {'PyTorch': {'ms': 4., 'ratio': 2., 'lowest_ratio': 1., 'highest_ratio': 3.}})
        alone = compare.Row('a')
        alone.add(None, None, {'ms': 1., 'gflops': 1., 'share_of_peak': 0.5})
        self.assertEqual(alone.result('train')['peers'], {})
        path = os.path.join(self.folder.name, 'kept')
        results.write(path, file_of(kept))
        self.assertEqual(results.read(path), file_of(kept))


if __name__ == '__main__':
    unittest.main()
