"""Values of cells after the equations of their papers, for test_papers.cpp.

NumPy only, and independent of the library: each cell is written here as its paper or its authors' program has it, with
the parameters, inputs and memory that `numbers` gives by name. `python3 papers.py` prints the tables of the test.
"""

import numpy as np

INPUTS, UNITS, STEPS = 2, 3, 4


def numbers(name, rows, cols):
    """The block of parameters, or the data, of that name."""
    shift = sum(map(ord, name)) % 17
    i, j = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    return 0.8 * np.sin(1 + shift + 0.7 * i + 1.3 * j)


def sigmoid(a):
    return np.where(a >= 0, 1 / (1 + np.exp(-np.abs(a))), np.exp(-np.abs(a)) / (1 + np.exp(-np.abs(a))))


X = 2 * numbers("input", INPUTS, STEPS)
ZERO = np.zeros(UNITS)


def w(name, rows=UNITS, cols=UNITS):
    return numbers(name, rows, cols)


def wx(name, x, rows=UNITS):
    return numbers(name, rows, INPUTS) @ x


def b(name, rows=UNITS):
    return numbers(name, rows, 1)[:, 0]


def run(step, state, x=X):
    outputs = []
    for t in range(x.shape[1]):
        output, state = step(x[:, t], state)
        outputs.append(output)
    return np.array(outputs).T


def gate(name, x, h, peephole=0):
    return sigmoid(wx(name + ".x", x) + w(name + ".h", UNITS, h.size) @ h + b(name + ".b") + peephole)


def lstm(x, state, *, peepholes, coupled=False, projected=0, squash=np.tanh):
    h, c = state
    p = (lambda n: b("p_" + n)) if peepholes else (lambda n: 0)
    i = gate("i", x, h, p("i") * c)
    f = 1 - i if coupled else gate("f", x, h, p("f") * c)
    g = np.tanh(wx("g.x", x) + w("g.h", UNITS, h.size) @ h + b("g.b"))
    c = f * c + i * g
    o = gate("o", x, h, p("o") * c)
    m = o * squash(c)
    h = w("h.m", projected, UNITS) @ m if projected else m
    return h, (h, c)


def multiplicative(x, state, *, standard):
    h, c = state
    m = wx("m.x", x) * (w("m2.h") @ h)
    i, f, o = (sigmoid(wx(n + ".x", x) + w(n + ".m") @ m + b(n + ".b")) for n in "ifo")
    candidate = wx("g.x", x) + w("g.m") @ m
    if standard:
        c = f * c + i * np.tanh(candidate + b("g.b"))
        h = o * np.tanh(c)
    else:
        c = f * c + i * candidate
        h = np.tanh(c * o + b("b_h"))
    return h, (h, c)


def slstm(x, state, *, shift=0):
    """As slstm.py of the authors' program has it: m is the input gate's exponent where n is 0."""
    h, c, n, m = state
    i, f, z, o = (wx(k + ".x", x) + w(k + ".h") @ h + b(k + ".b") for k in "ifzo")
    i = i + shift
    kept = m - np.log1p(np.exp(-np.abs(f))) + np.minimum(f, 0)
    m = i if np.all(n == 0) else np.maximum(i, kept)
    let_in, forget = np.exp(i - m), np.exp(np.where(n == 0, -np.inf, kept - m))
    c = forget * c + let_in * np.tanh(z)
    n = forget * n + let_in
    h = sigmoid(o) * c / n
    return h, (h, c, n, m)


def min_lstm(x, h, *, shift=0):
    """The paper's quotients of gates, in numbers of any size: e^-a (1 + e^f) / (1 + e^i) with a = f - i."""
    f, i = (np.asarray(wx(n + ".x", x) + b(n + ".b") + shift, dtype=np.longdouble) for n in "fi")
    f, i = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-i))
    h = f / (f + i) * h + i / (f + i) * (wx("n.x", x) + b("n.b"))
    return h, h


def scrn(x, state):
    h, s = state
    s = 0.05 * (w("s.x", 2, INPUTS) @ x) + 0.95 * s
    h = sigmoid(w("h.s_next", UNITS, 2) @ s + wx("h.x", x) + w("h.h") @ h)
    return w("y.h_next", 4, UNITS) @ h + w("y.s_next", 4, 2) @ s, (h, s)


def fast_rnn(x, h):
    n = np.tanh(wx("n.x", x) + w("n.h") @ h + b("n.b"))
    h = sigmoid(numbers("alpha", 1, 1)[0, 0]) * n + sigmoid(numbers("beta", 1, 1)[0, 0]) * h
    return h, h


def fast_grnn(x, h):
    a = wx("a.x", x) + w("a.h") @ h
    z, n = sigmoid(a + b("b_z")), np.tanh(a + b("b_n"))
    h = (sigmoid(numbers("zeta", 1, 1)[0, 0]) * (1 - z) + sigmoid(numbers("nu", 1, 1)[0, 0])) * n + z * h
    return h, h


def star(x, h):
    k, z = gate("k", x, h), np.tanh(wx("z.x", x) + b("z.b"))
    h = np.tanh((1 - k) * h + k * z)
    return h, h


def sru(x, c):
    f = sigmoid(wx("f.x", x) + b("v_f") * c + b("f.b"))
    r = sigmoid(wx("r.x", x) + b("v_r") * c + b("r.b"))
    c = f * c + (1 - f) * wx("c.x", x)
    return r * c + (1 - r) * wx("y.x", x), c


def lem(x, state):
    y, z = state
    slow_z, slow_y = (sigmoid(wx(n + ".x", x) + w(n + ".y") @ y + b(n + ".b")) for n in "rs")
    z = (1 - slow_z) * z + slow_z * np.tanh(wx("n.x", x) + w("n.y") @ y + b("n.b"))
    y = (1 - slow_y) * y + slow_y * np.tanh(wx("m.x", x) + w("m.z_next") @ z + b("m.b"))
    return y, (y, z)


MEMORY = numbers("memory", 5, 3)


def rnn_search(x, s):
    energies = numbers("ctx.v", 1, UNITS) @ np.tanh((w("ctx.h") @ s)[:, None] + w("ctx.memory", UNITS, 5) @ MEMORY)
    alpha = np.exp(energies[0]) / np.exp(energies[0]).sum()
    context = MEMORY @ alpha

    def read(name, rows=UNITS):
        return w(name + ".x", rows, INPUTS) @ x + w(name + ".ctx", rows, 5) @ context

    z = sigmoid(read("z") + w("z.h") @ s)
    r = sigmoid(read("r") + w("r.h") @ s)
    candidate = np.tanh(read("n") + w("n.s") @ (r * s) + b("n.b"))
    pieces = [read(n, 4) + w(n + ".h", 4, UNITS) @ s + b(n + ".b", 4) for n in ("readout", "readout2")]
    return np.maximum(*pieces), (1 - z) * s + z * candidate


def both(step, **options):
    return lambda x, state: step(x, state, **options)


PAIR = (ZERO, ZERO)
TABLE = {
    "MinLstm": run(min_lstm, ZERO),
    "MinLstm, -1000": run(both(min_lstm, shift=np.longdouble(-1000)), ZERO),
    "PeepholeLstm": run(both(lstm, peepholes=True), PAIR),
    "PeepholeLstmLinear": run(both(lstm, peepholes=True, squash=lambda c: c), PAIR),
    "CoupledLstm": run(both(lstm, peepholes=False, coupled=True), PAIR),
    "CoupledPeepholeLstm": run(both(lstm, peepholes=True, coupled=True), PAIR),
    "ProjectedLstm": run(both(lstm, peepholes=False, projected=2), (np.zeros(2), ZERO)),
    "ProjectedPeepholeLstm": run(both(lstm, peepholes=True, projected=2), (np.zeros(2), ZERO)),
    "MultiplicativeLstm": run(both(multiplicative, standard=False), PAIR),
    "MultiplicativeLstmTanh": run(both(multiplicative, standard=True), PAIR),
    "Slstm": run(slstm, PAIR + PAIR),
    "Slstm, -1000": run(both(slstm, shift=-1000), PAIR + PAIR),
    "Scrn": run(scrn, (ZERO, np.zeros(2))),
    "FastRnn": run(fast_rnn, ZERO),
    "FastGrnn": run(fast_grnn, ZERO),
    "Star": run(star, ZERO),
    "Sru": run(sru, ZERO),
    "Lem": run(lem, PAIR),
    "RnnSearch": run(rnn_search, ZERO),
}

if __name__ == "__main__":
    np.set_printoptions(precision=17)
    for name, output in TABLE.items():
        print(f"// {name}")
        for t in (0, STEPS - 1):
            print("{" + ", ".join(repr(float(v)) for v in output[:, t]) + "},")
