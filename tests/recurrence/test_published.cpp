// Published cells that the library does not have, written with its words: values against plain loops in Eigen,
// gradients against finite differences, streams against passes.

#include <complex>

#include "recurrence/published.hpp"

namespace test_published {

using namespace unroll;

namespace written {
using namespace symbols;

inline MatrixX<double> of_row(Index rows, double (*f)(double)) {
  return VectorX<double>::LinSpaced(rows, 0, double(rows - 1)).unaryExpr(f);
}
inline MatrixX<double> decays(Index rows, Index) {
  return of_row(rows, [](double r) { return 1 - std::exp2(-5 - r); });
}
inline MatrixX<double> frequencies(Index rows, Index) {
  return of_row(rows, [](double r) { return std::pow(10, -r / 4); });
}
inline MatrixX<double> damping(Index rows, Index) {
  return of_row(rows, [](double r) { return -0.5 - 0.1 * r; });
}
inline MatrixX<double> turns(Index rows, Index) {
  return of_row(rows, [](double r) { return 3 * r + 1; });
}

inline constexpr auto gain = symbol<"gain">;
inline constexpr auto shift = symbol<"shift">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto found = symbol<"found">;
inline constexpr auto normed = symbol<"normed">;
inline constexpr auto xu = input<"x", "units">;

// clang-format off: equations keep their lines
inline constexpr auto A = shared_matrix<"A">;
inline constexpr auto W = shared_matrix<"W">;
/// Lipschitz RNN, Erichson et al. 2021 (arXiv:2006.12070): two matrices of symmetric and antisymmetric parts.
inline constexpr auto lipschitz =
    cell(state(h),
         a = 0.25 * (linear(h, A, no_bias) + linear(h, transposed(A), no_bias)) +
             0.75 * (linear(h, A, no_bias) - linear(h, transposed(A), no_bias)) - 0.01 * h,
         n = 0.35 * (linear(h, W, no_bias) + linear(h, transposed(W), no_bias)) +
             0.65 * (linear(h, W, no_bias) - linear(h, transposed(W), no_bias)) - 0.01 * h,
         next(h) = h + 0.03 * (a + tanh(n + linear(x))));

inline constexpr auto S = symbol<"S", "units*order">;
inline constexpr auto read = symbol<"read", "units*order">;
inline constexpr auto rate = symbol<"A_log">;
inline constexpr auto into = symbol<"B", "order">;
inline constexpr auto from = symbol<"C", "order">;
inline constexpr auto low = symbol<"low", "2">;
inline constexpr auto dt = symbol<"dt">;
inline constexpr auto scaled = symbol<"scaled">;
inline constexpr auto skip = symbol<"D">;
/// Selective state space of Mamba, Gu and Dao 2023 (arXiv:2312.00752), without the convolution and the gate.
inline constexpr auto selective =
    cell(state(S), low = linear(xu, no_bias), dt = softplus(linear(low)), into = linear(xu, no_bias),
         from = linear(xu, no_bias), scaled = dt * xu,
         next(S) = exp(-by_row(dt) * exp(weight(rate))) * S + outer(scaled, into), read = next(S) * by_column(from),
         found = row_sums(read), y = found + weight(skip) * xu, output(y));

inline constexpr auto R = symbol<"R", "units*keys">;
inline constexpr auto I = symbol<"I", "units*keys">;
inline constexpr auto retained = symbol<"retained", "units*keys">;
inline constexpr auto place = symbol<"place", "one">;
inline constexpr auto gamma = symbol<"gamma", "heads">;
inline constexpr auto fixed_decay = symbol<"decay">;
inline constexpr auto theta = symbol<"theta">;
template <Name name>
inline constexpr auto key = symbol<name, "heads*keys">;
/// Retention with rotations by the position, Sun et al. 2023 (arXiv:2307.08621).
inline constexpr auto retention =
    cell(state(R, I, place), next(place) = place + 1,
         key<"angle"> = weight(theta, frozen("frequencies", frequencies)) * next(place), key<"q1"> = linear(x, no_bias),
         key<"q2"> = linear(x, no_bias), key<"k1"> = linear(x, no_bias), key<"k2"> = linear(x, no_bias),
         key<"qr"> = rotate(key<"q1">, key<"q2">, key<"angle">).re,
         key<"qi"> = rotate(key<"q1">, key<"q2">, key<"angle">).im,
         key<"kr"> = rotate(key<"k1">, key<"k2">, key<"angle">).re,
         key<"ki"> = rotate(key<"k1">, key<"k2">, key<"angle">).im, v = linear(x, no_bias),
         gamma = 1 * weight(fixed_decay, frozen("decays", decays)), next(R) = by_head(gamma) * R + outer(v, key<"kr">),
         next(I) = by_head(gamma) * I + outer(v, key<"ki">),
         retained = next(R) * by_column(key<"qr">) + next(I) * by_column(key<"qi">), found = row_sums(retained),
         normed = layer_norm(found, heads_of<"heads">), y = normed * silu(linear(x, no_bias)), output(y));

template <int k>
inline constexpr auto M = symbol<numbered<"M", k>, "units*keys">;
template <int k>
inline constexpr auto kept = symbol<numbered<"kept", k>, "units*keys">;
template <int k>
inline constexpr auto direction = symbol<numbered<"k", k>, "heads*keys">;
template <int k>
inline constexpr auto strength = symbol<numbered<"b", k>, "heads">;
template <int k>
inline constexpr auto value = symbol<numbered<"v", k>>;
template <int k>
inline constexpr auto old = symbol<numbered<"old", k>>;
template <int k>
inline constexpr auto change = symbol<numbered<"change", k>>;
inline constexpr auto query = symbol<"q", "heads*keys">;
/// Two steps of the delta rule for each input, Siems et al. 2025 (arXiv:2502.10297).
inline constexpr auto delta_product = cell(
    state(R), query = linear(x, no_bias), M<0> = 1 * R, repeat<2>([]<int k> {
      return group(direction<k> = tanh(linear(x, no_bias)), value<k> = linear(x, no_bias),
                   strength<k> = 2 * sigmoid(linear(x)), kept<k> = M<k> * by_column(direction<k>),
                   old<k> = row_sums(kept<k>), change<k> = value<k> - old<k>,
                   M<k + 1> = M<k> + by_head(strength<k>) * outer(change<k>, direction<k>));
    }),
    next(R) = 1 * M<2>, retained = next(R) * by_column(query), found = row_sums(retained), y = 1 * found, output(y));

inline constexpr auto F = symbol<"F", "units*units">;
template <int k>
inline constexpr auto inner = symbol<numbered<"s", k>>;
template <int k>
inline constexpr auto product = symbol<numbered<"p", k>, "units*units">;
template <int k>
inline constexpr auto attended = symbol<numbered<"r", k>>;
template <int k>
inline constexpr auto both = symbol<numbered<"t", k>>;
template <int k>
inline constexpr auto of_norm = symbol<numbered<"n", k>>;
/// Fast weights with two inner steps, Ba et al. 2016 (arXiv:1610.06258).
inline constexpr auto fast_weights = cell(
    state(h, F), next(F) = 0.95 * F + 0.5 * outer(h, h), m = linear(x, h), inner<0> = tanh(m), repeat<2>([]<int k> {
      return group(product<k> = next(F) * by_column(inner<k>), attended<k> = row_sums(product<k>),
                   both<k> = m + attended<k>, of_norm<k> = layer_norm(both<k>),
                   inner<k + 1> = tanh(weight(gain) * of_norm<k> + bias(shift)));
    }),
    next(h) = 1 * inner<2>);

inline constexpr auto s_re = symbol<"s_re">;
inline constexpr auto s_im = symbol<"s_im">;
inline constexpr auto l_re = symbol<"l_re">;
inline constexpr auto l_im = symbol<"l_im">;
inline constexpr auto log_dt = symbol<"log_dt">;
inline constexpr auto size = symbol<"size">;
inline constexpr auto angle = symbol<"angle">;
inline constexpr auto u_re = symbol<"u_re">;
inline constexpr auto u_im = symbol<"u_im">;
inline constexpr auto g_re = symbol<"g_re">;
inline constexpr auto g_im = symbol<"g_im">;
inline constexpr auto out = symbol<"y", "outputs">;
inline constexpr auto re = [] { return weight(l_re, frozen("damping", damping)); };
inline constexpr auto im = [] { return weight(l_im, frozen("turns", turns)); };
/// S5 with a diagonal that is not trained, and a step size of each unit, Smith et al. 2023 (arXiv:2208.04933): the
/// zero-order hold multiplies the input by (exp(l dt) - 1) / l.
inline constexpr auto s5 =
    cell(state(s_re, s_im), size = exp(re() * exp(weight(log_dt))), angle = im() * exp(weight(log_dt)),
         g_re = ((size * cos(angle) - 1) * re() + size * sin(angle) * im()) / (square(re()) + square(im())),
         g_im = (size * sin(angle) * re() - (size * cos(angle) - 1) * im()) / (square(re()) + square(im())),
         u_re = linear(x, no_bias), u_im = linear(x, no_bias),
         next(s_re) = size * rotate(s_re, s_im, angle).re + g_re * u_re - g_im * u_im,
         next(s_im) = size * rotate(s_re, s_im, angle).im + g_re * u_im + g_im * u_re,
         out = linear(next(s_re), x, no_bias) - linear(next(s_im), no_bias), output(out));
// clang-format on
}  // namespace written

using published::check, published::M, published::V, published::matrix, published::norm, published::sigmoid,
    published::silu, published::softplus;

namespace {

const CellSizes headed{.inputs = {3}, .units = 6, .sizes = {{"heads", 2}, {"keys", 3}}};

}  // namespace

TEST_CASE("published: a Lipschitz RNN with symmetric and antisymmetric parts of shared matrices") {
  check<written::lipschitz, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const M a = p["A"], w = p["W"], one = M::Identity(5, 5);
    const M of_a = 0.25 * (a + a.transpose()) + 0.75 * (a - a.transpose()) - 0.01 * one;
    const M of_w = 0.35 * (w + w.transpose()) + 0.65 * (w - w.transpose()) - 0.01 * one;
    const V inner = of_w * s[0] + p["h.x"] * x + p["h.b"];
    return s[0] = V(s[0] + 0.03 * (of_a * s[0] + V(inner.array().tanh())));
  });
}

TEST_CASE("published: a selective state space whose decay is a matrix of weights times a factor of each row") {
  const CellSizes sizes{.inputs = {5}, .units = 5, .sizes = {{"order", 4}}};
  check<written::selective, 21>(sizes, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const V dt = softplus(p["dt.low"] * (p["low.x"] * x) + p["dt.b"]), b = p["B.x"] * x, c = p["C.x"] * x;
    V rates = p["A_log"], y(5);
    auto state = matrix(s[0], 4), rate = matrix(rates, 4);
    for (Index r = 0; r < 5; ++r) {
      for (Index k = 0; k < 4; ++k)
        state(r, k) = std::exp(-dt[r] * std::exp(rate(r, k))) * state(r, k) + dt[r] * x[r] * b[k];
      y[r] = state.row(r).dot(c) + p["D"](r, 0) * x[r];
    }
    return y;
  });
}

TEST_CASE("published: retention of heads with fixed decays and rotations by the position") {
  check<written::retention, 3, 18>(headed, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    using Complex = std::complex<double>;
    s[2][0] += 1;
    const V v = p["v.x"] * x;
    V found = V::Zero(6);
    auto re = matrix(s[0], 3), im = matrix(s[1], 3);
    for (Index r = 0; r < 6; ++r)
      for (Index c = 0; c < 3; ++c) {
        const Index k = r / 3 * 3 + c;
        const Complex turn = std::polar(1.0, p["theta"](k, 0) * s[2][0]);
        const auto of = [&](const char* a, const char* b) { return turn * Complex((p[a] * x)[k], (p[b] * x)[k]); };
        const Complex query = of("q1.x", "q2.x"), key = of("k1.x", "k2.x");
        const double decay = p["decay"](r / 3, 0);
        re(r, c) = decay * re(r, c) + v[r] * key.real();
        im(r, c) = decay * im(r, c) + v[r] * key.imag();
        found[r] += re(r, c) * query.real() + im(r, c) * query.imag();
      }
    return norm(found, 2).cwiseProduct(silu(p["y.x"] * x));
  });
}

TEST_CASE("published: repeated steps of the delta rule on the matrices of heads") {
  check<written::delta_product, 3, 18>(headed, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    auto state = matrix(s[0], 3);
    for (const std::string step : {"0", "1"}) {
      const V k = (p["k" + step + ".x"] * x).array().tanh(), v = p["v" + step + ".x"] * x;
      const V strength = 2 * sigmoid(p["b" + step + ".x"] * x + p["b" + step + ".b"]);
      for (Index r = 0; r < 6; ++r) {
        const V of_head = k.segment(r / 3 * 3, 3);
        state.row(r) += strength[r / 3] * (v[r] - state.row(r).dot(of_head)) * of_head.transpose();
      }
    }
    const V q = p["q.x"] * x;
    V y(6);
    for (Index r = 0; r < 6; ++r) y[r] = state.row(r).dot(q.segment(r / 3 * 3, 3));
    return y;
  });
}

TEST_CASE("published: fast weights with normalised inner steps") {
  check<written::fast_weights, 3>({.inputs = {3}, .units = 4}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    auto fast = matrix(s[1], 4);
    fast = (0.95 * fast + 0.5 * s[0] * s[0].transpose()).eval();
    const V m = p["m.x"] * x + p["m.h"] * s[0] + p["m.b"];
    V inner = m.array().tanh();
    for (int k = 0; k < 2; ++k)
      inner = (p["gain"].array() * norm(m + fast * inner).array() + p["shift"].array()).tanh();
    return s[0] = inner;
  });
}

TEST_CASE("published: S5 with a diagonal that is not trained") {
  const CellSizes sizes{.inputs = {3}, .units = 5, .sizes = {{"outputs", 2}}};
  check<written::s5, 3, 21, 2>(sizes, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    using Complex = std::complex<double>;
    for (Index k = 0; k < 5; ++k) {
      const Complex l(p["l_re"](k, 0), p["l_im"](k, 0)), discrete = std::exp(l * std::exp(p["log_dt"](k, 0)));
      const Complex u((p["u_re.x"] * x)[k], (p["u_im.x"] * x)[k]);
      const Complex after = discrete * Complex(s[0][k], s[1][k]) + (discrete - 1.0) / l * u;
      s[0][k] = after.real(), s[1][k] = after.imag();
    }
    return p["y.s_re_next"] * s[0] + p["y.x"] * x - p["y2.s_im_next"] * s[1];
  });
}

}  // namespace test_published
