// Published cells with several kinds of recurrences: products of products, generated weights, several rates, token
// shift, inner gradients, irregular times and delays.

#include "recurrence/published.hpp"

namespace test_published_more {

using namespace unroll;

namespace written {
using namespace symbols;

inline constexpr auto u = symbol<"u">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto alpha = symbol<"alpha">;
inline constexpr auto beta1 = symbol<"beta1">;
inline constexpr auto beta2 = symbol<"beta2">;

// Equations keep their lines.
// clang-format off
/// Recurrently neuromodulated bistable cell, Vecoven et al. 2021 (arXiv:2006.05252).
inline constexpr auto nbrc = cell(state(h),
    a = 1 + tanh(linear(x, h)),
    c = sigmoid(linear(x, h)),
    next(h) = c * h + (1 - c) * tanh(linear(x, no_bias) + a * h));

/// Multiplicative integration, Wu et al. 2016 (arXiv:1606.06630), in a simple network.
inline constexpr auto integrated = cell(state(h),
    u = linear(x, no_bias),
    v = linear(h, no_bias),
    next(h) = tanh(weight(alpha) * u * v + weight(beta1) * v + weight(beta2) * u + bias(s)));

/// Hyper network, Ha et al. 2016 (arXiv:1609.09106): a small network scales the rows of the weights at every step.
inline constexpr auto hyper = symbol<"hyper", "hyper">;
inline constexpr auto z_h = symbol<"z_h", "embedding">;
inline constexpr auto z_x = symbol<"z_x", "embedding">;
inline constexpr auto z_b = symbol<"z_b", "embedding">;
inline constexpr auto hyper_network = cell(state(h, hyper),
    next(hyper) = tanh(linear(hyper, h, x)),
    z_h = linear(next(hyper)),
    z_x = linear(next(hyper)),
    z_b = linear(next(hyper), no_bias),
    next(h) = tanh(linear(z_h, no_bias) * linear(h, no_bias) + linear(z_x, no_bias) * linear(x, no_bias) +
                   linear(z_b)));

/// Clockwork network, Koutnik et al. 2014 (arXiv:1402.3511): modules with the periods 1, 2 and 4, which read themselves
/// and slower ones. The hidden state joins them. Steps are counted from a fraction in the tests.
template <int k>
inline constexpr auto module = symbol<numbered<"m", k>, "3">;
template <int k>
inline constexpr auto due = symbol<numbered<"due", k>, "one">;
inline constexpr auto step = symbol<"step", "one">;
inline constexpr auto joined = symbol<"h", "9">;
inline constexpr auto clockwork = cell(state(module<0>, module<1>, module<2>, step),
    due<1> = 1 - sign(floor(mod(step, 2))),
    due<2> = 1 - sign(floor(mod(step, 4))),
    next(step) = step + 1,
    next(module<0>) = tanh(linear(x, module<0>, module<1>, module<2>)),
    next(module<1>) = module<1> + due<1> * (tanh(linear(x, module<1>, module<2>)) - module<1>),
    next(module<2>) = module<2> + due<2> * (tanh(linear(x, module<2>)) - module<2>),
    joined = linear(next(module<0>), frozen("block0", matrices::block<0>), no_bias) +
             linear(next(module<1>), frozen("block1", matrices::block<1>), no_bias) +
             linear(next(module<2>), frozen("block2", matrices::block<2>), no_bias), output(joined));

/// Time mixing of RWKV-4, Peng et al. 2023 (arXiv:2305.13048), with the running maximum of its exponents.
inline constexpr auto features = input<"x", "features">;
inline constexpr auto last = symbol<"last", "features">;
template <Name name>
inline constexpr auto mixed = symbol<name, "features">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto top = symbol<"top">;
inline constexpr auto bonus = symbol<"bonus">;
inline constexpr auto decay = symbol<"decay">;
inline constexpr auto most = symbol<"most">;
inline constexpr auto now = symbol<"now">;
inline constexpr auto wkv = symbol<"wkv">;
inline constexpr auto mix_r = symbol<"mix_r">;
inline constexpr auto mix_k = symbol<"mix_k">;
inline constexpr auto mix_v = symbol<"mix_v">;
inline constexpr auto rwkv = cell(state(a, c, top, last),
    mixed<"xr"> = weight(mix_r) * features + (1 - weight(mix_r)) * last,
    mixed<"xk"> = weight(mix_k) * features + (1 - weight(mix_k)) * last,
    mixed<"xv"> = weight(mix_v) * features + (1 - weight(mix_v)) * last,
    next(last) = features,
    r = sigmoid(linear(mixed<"xr">, no_bias)),
    k = linear(mixed<"xk">, no_bias),
    v = linear(mixed<"xv">, no_bias),
    now = weight(bonus) + k,
    most = max(top, now),
    wkv = r * (exp(top - most) * a + exp(now - most) * v) / (exp(top - most) * c + exp(now - most)),
    next(top) = max(top - exp(weight(decay)), k),
    next(a) = exp(top - exp(weight(decay)) - next(top)) * a + exp(k - next(top)) * v,
    next(c) = exp(top - exp(weight(decay)) - next(top)) * c + exp(k - next(top)),
    y = linear(wkv, no_bias), output(y));

/// Test-time training with a linear model and layer normalisation, Sun et al. 2024 (arXiv:2407.04620): a gradient step
/// of |LN(W k) gamma + beta - (v - k)|^2 / 2 updates the state.
inline constexpr auto W = symbol<"W", "units*units">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto rate = symbol<"rate", "one">;
inline constexpr auto gain = symbol<"gamma">;
inline constexpr auto shift = symbol<"beta">;
template <Name name>
inline constexpr auto memory = symbol<name, "units*units">;
template <Name name>
inline constexpr auto value = symbol<name>;
template <Name name>
inline constexpr auto number = symbol<name, "one">;
inline constexpr auto ttt = cell(state(W),
    k = linear(x, no_bias),
    v = linear(x, no_bias),
    q = linear(x, no_bias),
    rate = sigmoid(linear(x)),
    memory<"Wk"> = W * by_column(k),
    value<"z"> = row_sums(memory<"Wk">),
    number<"mean"> = mean(value<"z">),
    value<"centred"> = value<"z"> - number<"mean">,
    value<"squares"> = square(value<"centred">),
    number<"variance"> = mean(value<"squares">),
    number<"deviation"> = sqrt(number<"variance"> + 1e-5),
    value<"n"> = value<"centred"> / number<"deviation">,
    value<"g"> = weight(gain) * (weight(gain) * value<"n"> + bias(shift) - (v - k)),
    number<"g_mean"> = mean(value<"g">),
    value<"gn"> = value<"g"> * value<"n">,
    number<"gn_mean"> = mean(value<"gn">),
    value<"dz"> = (value<"g"> - number<"g_mean"> - value<"n"> * number<"gn_mean">) / number<"deviation">,
    next(W) = W - rate * outer(value<"dz">, k),
    memory<"Wq"> = next(W) * by_column(q),
    value<"f"> = row_sums(memory<"Wq">),
    value<"fn"> = layer_norm(value<"f">),
    y = q + weight(gain) * value<"fn"> + bias(shift), output(y));

/// Time-aware LSTM, Baytas et al. 2017: the short-term part of the memory decays with the time since the last step.
inline constexpr auto elapsed = input<"elapsed", "one">;
inline constexpr auto short_term = symbol<"short">;
inline constexpr auto adjusted = symbol<"adjusted">;
inline constexpr auto lasting = symbol<"g_t", "one">;
inline constexpr auto time_aware = cell(state(h, c),
    short_term = tanh(linear(c)),
    lasting = 1 / log(2.718281828459045 + abs(elapsed)),
    adjusted = c - short_term + lasting * short_term,
    f = sigmoid(linear(x, h)),
    i = sigmoid(linear(x, h)),
    o = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    next(c) = f * adjusted + i * g,
    next(h) = o * tanh(next(c)));

/// NARX network with delays of one to four steps, Lin et al. 1996.
template <int k>
inline constexpr auto delayed = symbol<numbered<"d", k>>;
inline constexpr auto narx = cell(state(h, delayed<1>, delayed<2>, delayed<3>),
    next(h) = tanh(linear(x, h, delayed<1>, delayed<2>, delayed<3>)),
    next(delayed<1>) = h,
    next(delayed<2>) = delayed<1>,
    next(delayed<3>) = delayed<2>);
// clang-format on
}  // namespace written

using published::check, published::M, published::V, published::matrix, published::sigmoid, published::norm;

TEST_CASE("matrices: a block of the identity has the columns of its source, and refuses too few rows") {
  M want = M::Zero(5, 2);
  want(2, 0) = want(3, 1) = 1;
  CHECK(matrices::block<1>(5, 2) == want);
  CHECK_THROWS_MATCHES(matrices::block<2>(5, 2), ShapeError, says("rows of block<2> must be at least 6, got [5 x 2]"));
}

TEST_CASE("published: a recurrently neuromodulated bistable cell") {
  check<written::nbrc, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const V a = 1 + (p["a.x"] * x + p["a.h"] * s[0] + p["a.b"]).array().tanh();
    const V c = sigmoid(p["c.x"] * x + p["c.h"] * s[0] + p["c.b"]);
    const V n = (p["h.x"] * x + V(a.cwiseProduct(s[0]))).array().tanh();
    return s[0] = V(c.cwiseProduct(s[0]) + (1 - c.array()).matrix().cwiseProduct(n));
  });
}

TEST_CASE("published: multiplicative integration") {
  check<written::integrated, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const Eigen::ArrayXd wx = (p["u.x"] * x).array(), uh = (p["v.h"] * s[0]).array();
    const auto w = [&](const char* name) { return Eigen::ArrayXd(p[name].col(0).array()); };
    return s[0] = V((w("alpha") * wx * uh + w("beta1") * uh + w("beta2") * wx + w("s")).tanh());
  });
}

TEST_CASE("published: a network whose weights are scaled by a small network") {
  const CellSizes sizes{.inputs = {3}, .units = 5, .sizes = {{"hyper", 4}, {"embedding", 2}}};
  check<written::hyper_network, 3>(sizes, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    s[1] = (p["hyper.hyper"] * s[1] + p["hyper.h"] * s[0] + p["hyper.x"] * x + p["hyper.b"]).array().tanh().eval();
    const V z_h = p["z_h.hyper_next"] * s[1] + p["z_h.b"], z_x = p["z_x.hyper_next"] * s[1] + p["z_x.b"];
    const V of_h = V(p["h.z_h"] * z_h).cwiseProduct(V(p["h2.h"] * s[0]));
    const V of_x = V(p["h3.z_x"] * z_x).cwiseProduct(V(p["h4.x"] * x));
    const V shift = p["h5.z_b"] * (p["z_b.hyper_next"] * s[1]) + p["h5.b"];
    return s[0] = V((of_h + of_x + shift).array().tanh());
  });
}

TEST_CASE("published: a clockwork network of modules with different periods") {
  check<written::clockwork, 3, 3, 9>(
      {.inputs = {3}, .units = 3}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
        const V before0 = s[0], before1 = s[1], before2 = s[2];
        const double step = s[3][0];
        const auto due = [&](double period) { return std::floor(std::fmod(step, period)) == 0 ? 1.0 : 0.0; };
        const V n0 = p["m0.x"] * x + p["m0.m0"] * before0 + p["m0.m1"] * before1 + p["m0.m2"] * before2 + p["m0.b"];
        const V n1 = p["m1.x"] * x + p["m1.m1"] * before1 + p["m1.m2"] * before2 + p["m1.b"];
        const V n2 = p["m2.x"] * x + p["m2.m2"] * before2 + p["m2.b"];
        s[0] = n0.array().tanh();
        if (due(2) == 1) s[1] = n1.array().tanh();
        if (due(4) == 1) s[2] = n2.array().tanh();
        s[3][0] += 1;
        V joined(9);
        joined << s[0], s[1], s[2];
        return joined;
      });
}

TEST_CASE("published: time mixing of RWKV-4 with the token before and the running maximum") {
  check<written::rwkv, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const auto mix = [&](const char* name) {
      const V m = p[name];
      return V(m.cwiseProduct(x) + (1 - m.array()).matrix().cwiseProduct(s[3]));
    };
    const V r = sigmoid(p["r.xr"] * mix("mix_r")), k = p["k.xk"] * mix("mix_k"), v = p["v.xv"] * mix("mix_v");
    V out(5);
    for (Index j = 0; j < 5; ++j) {  // without the common factor exp(-top) of numerator and denominator
      const double scale = std::exp(s[2][j]), now = std::exp(p["bonus"](j, 0) + k[j]), input = std::exp(k[j]);
      const double decay = std::exp(-std::exp(p["decay"](j, 0)));
      out[j] = r[j] * (scale * s[0][j] + now * v[j]) / (scale * s[1][j] + now);
      const double top = std::max(s[2][j] - std::exp(p["decay"](j, 0)), k[j]);
      s[0][j] = (decay * scale * s[0][j] + input * v[j]) / std::exp(top);
      s[1][j] = (decay * scale * s[1][j] + input) / std::exp(top);
      s[2][j] = top;
    }
    s[3] = x;
    return p["y.wkv"] * out;
  });
}

TEST_CASE("published: a linear model that is trained at every step") {
  check<written::ttt, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    auto w = matrix(s[0], 5);
    const V k = p["k.x"] * x, v = p["v.x"] * x, q = p["q.x"] * x, gain = p["gamma"], shift = p["beta"], z = w * k;
    const double rate = sigmoid(p["rate.x"] * x + p["rate.b"])[0];
    // Gradient of the loss with respect to z by the Jacobian of the normalisation.
    const V centred = z.array() - z.mean(), n = norm(z);
    const double deviation = std::sqrt(centred.squaredNorm() / 5 + 1e-5);
    const M jacobian = (M::Identity(5, 5) - M::Constant(5, 5, 0.2) - n * n.transpose() / 5) / deviation;
    const V error = gain.cwiseProduct(n) + shift - (v - k);
    w = (w - rate * (jacobian.transpose() * gain.cwiseProduct(error)) * k.transpose()).eval();
    return q + gain.cwiseProduct(norm(w * q)) + shift;
  });
}

TEST_CASE("published: a time-aware LSTM") {
  check<written::time_aware, 4>(
      {.inputs = {1, 3}, .units = 5}, [](const auto& p, const V& all, std::vector<V>& s) -> V {
        // The equations read the time before x, so that it is the first input.
        const V x = all.tail(3);
        const V brief = (p["short.c"] * s[1] + p["short.b"]).array().tanh();
        const V adjusted = s[1] - brief + brief / std::log(2.718281828459045 + std::abs(all[0]));
        const auto gate = [&](const std::string& g) { return V(p[g + ".x"] * x + p[g + ".h"] * s[0] + p[g + ".b"]); };
        const V f = sigmoid(gate("f")), i = sigmoid(gate("i")), o = sigmoid(gate("o")), g = gate("g").array().tanh();
        s[1] = f.cwiseProduct(adjusted) + i.cwiseProduct(g);
        return s[0] = V(o.cwiseProduct(V(s[1].array().tanh())));
      });
}

TEST_CASE("published: a NARX network with delays of one to four steps") {
  check<written::narx, 3>({.inputs = {3}, .units = 5}, [](const auto& p, const V& x, std::vector<V>& s) -> V {
    const V sum = p["h.x"] * x + p["h.h"] * s[0] + p["h.d1"] * s[1] + p["h.d2"] * s[2] + p["h.d3"] * s[3] + p["h.b"];
    s[3] = s[2], s[2] = s[1], s[1] = s[0];
    return s[0] = V(sum.array().tanh());
  });
}

}  // namespace test_published_more
