// Attention of queries to a masked memory: scores of Bahdanau and Luong, and the layers of Keras.

#include "unroll/cell/attention.hpp"

#include "case.hpp"

namespace conformance {
namespace {

/// Queries and keys in the space where they are compared, and their gradients.
struct Compared {
  MatrixX<double> queries, keys;  // [rows x batch * steps]
  VectorX<double> v = {};         // of additive scores; empty for products
  double scale = 1;               // of products
  MatrixX<double> d_queries = {}, d_keys = {};
  VectorX<double> d_v = {};
  double d_scale = 0;
};

struct Sizes {
  explicit Sizes(const Case& given)
      : batch(given.extent("query", 0, 3)),
        asked(given.extent("query", 1, 3)),
        query(given.extent("query", 2, 3)),
        steps(given.extent("key", 1, 3)),
        key(given.extent("key", 2, 3)),
        value(given.extent("value", 2, 3)) {
    given.input("key", {batch, steps, key}), given.input("value", {batch, steps, value});
  }
  Index batch, asked, query, steps, key, value;
};

/// Upstream gradient of an output; zero if the case has none.
MatrixX<double> upstream(const Case& given, const std::string& name, const std::vector<Index>& shape) {
  if (given.has(name)) return given.columns<double>(name, shape);
  return MatrixX<double>::Zero(shape[2], shape[0] * shape[1]);
}

class Attention {
 public:
  Attention(const Case& given, Compared& compared)
      : compared_(compared),
        sizes_(given),
        causal_(given.flag("causal") || given.options({"arguments"}).value("use_causal_mask", false)),
        values_(given.columns<double>("value")),
        d_values_(MatrixX<double>::Zero(values_.rows(), values_.cols())),
        scores_(sizes_.steps, queries()),
        weights_(MatrixX<double>::Zero(sizes_.steps, queries())),
        context_(MatrixX<double>::Zero(values_.rows(), queries())),
        g_context_(upstream(given, "g_context", {sizes_.batch, sizes_.asked, sizes_.value})),
        g_weights_(upstream(given, "g_weights", {sizes_.batch, sizes_.asked, sizes_.steps})),
        mask_(mask(given, given.has("mask") ? "mask" : "value_mask", sizes_.steps)),
        asks_(mask(given, "query_mask", sizes_.asked)) {
    compared_.d_queries.setZero(compared_.queries.rows(), compared_.queries.cols());
    compared_.d_keys.setZero(compared_.keys.rows(), compared_.keys.cols());
    compared_.d_v.setZero(compared_.v.size());
    for (Index q = 0; q < queries(); ++q) run(q);
  }

  void put(SafeTensors& out) const {
    const auto shape = [&](Index last) { return std::vector<Index>{sizes_.batch, sizes_.asked, last}; };
    out.tensors["scores"] = tensor(scores_, shape(sizes_.steps));
    out.tensors["weights"] = tensor(weights_, shape(sizes_.steps));
    out.tensors["context"] = tensor(context_, shape(sizes_.value));
    out.tensors["d_value"] = tensor(d_values_, {sizes_.batch, sizes_.steps, sizes_.value});
  }

 private:
  Index queries() const { return sizes_.batch * sizes_.asked; }

  std::vector<Index> mask(const Case& given, const std::string& name, Index steps) const {
    if (!given.has(name)) return std::vector<Index>(std::size_t(sizes_.batch * steps), 1);
    return given.integers(name, {sizes_.batch, steps}, 0, 1);
  }

  /// Columns of the keys that query q may attend to. Throws Refused if there are none.
  std::vector<Index> places(Index q) const {
    const Index first = q / sizes_.asked * sizes_.steps, own = q % sizes_.asked;
    std::vector<Index> places;
    for (Index s = 0; s < sizes_.steps; ++s)
      if (mask_[std::size_t(first + s)] != 0 && (!causal_ || s <= own)) places.push_back(first + s);
    if (places.empty())
      throw Refused(
          "a query without a key that it may attend to: Keras attends to every key there, the library to none");
    return places;
  }

  void compare(const MatrixX<double>& keys, Index q, double* scores) const {
    const double* const query = compared_.queries.col(q).data();
    if (compared_.v.size() > 0)
      attention::additive_scores(view(keys), query, compared_.v.data(), scores);
    else
      attention::dot_scores(view(keys), query, compared_.scale, scores);
  }

  void run(Index q) {
    const Index first = q / sizes_.asked * sizes_.steps;
    const auto where = places(q);
    compare(compared_.keys.middleCols(first, sizes_.steps), q, scores_.col(q).data());
    const MatrixX<double> keys = compared_.keys(Eigen::all, where), values = values_(Eigen::all, where);
    VectorX<double> weights(keys.cols()), d(keys.cols());
    compare(keys, q, weights.data());
    attention::softmax(weights.data(), weights.size());
    const bool asks = asks_[std::size_t(q)] != 0;
    if (asks) attention::weighted_sum(view(std::as_const(values)), weights.data(), context_.col(q).data());
    const VectorX<double> g_context = asks ? VectorX<double>(g_context_.col(q)) : VectorX<double>::Zero(values.rows());
    MatrixX<double> d_keys = MatrixX<double>::Zero(keys.rows(), keys.cols()), d_values = 0 * values;
    attention::weighted_sum_back(view(std::as_const(values)), weights.data(), g_context.data(), d.data(),
                                 view(d_values));
    for (std::size_t k = 0; k < where.size(); ++k) {
      weights_(where[k] - first, q) = weights[Index(k)];
      d[Index(k)] += g_weights_(where[k] - first, q);
    }
    attention::softmax_back(weights.data(), d.data(), d.size());
    compare_back(keys, q, d, d_keys);
    if (compared_.v.size() == 0) compared_.d_scale += compared_.queries.col(q).dot(keys * d);
    for (std::size_t k = 0; k < where.size(); ++k) {
      compared_.d_keys.col(where[k]) += d_keys.col(Index(k));
      d_values_.col(where[k]) += d_values.col(Index(k));
    }
  }

  void compare_back(const MatrixX<double>& keys, Index q, const VectorX<double>& d_scores, MatrixX<double>& d_keys) {
    const double* const query = compared_.queries.col(q).data();
    double* const d_query = compared_.d_queries.col(q).data();
    if (compared_.v.size() > 0)
      attention::additive_scores_back(view(keys), query, compared_.v.data(), d_scores.data(), d_query, view(d_keys),
                                      compared_.d_v.data());
    else
      attention::dot_scores_back(view(keys), query, compared_.scale, d_scores.data(), d_query, view(d_keys));
  }

  Compared& compared_;
  Sizes sizes_;
  bool causal_;  // query t attends to the keys up to t only
  MatrixX<double> values_, d_values_, scores_, weights_, context_, g_context_, g_weights_;
  std::vector<Index> mask_, asks_;
};

void put(const Case& given, SafeTensors& out, const std::string& name, const MatrixX<double>& m) {
  out.tensors["d_" + name] = tensor(m, given.input(name).shape);
}
/// Matrix of the case, stored by rows (rows, cols).
MatrixX<double> parameter(const Case& given, const std::string& name, Index rows, Index cols) {
  return given.columns<double>(name, {rows, cols}).transpose();
}
void put_parameter(const Case& given, SafeTensors& out, const std::string& name, const MatrixX<double>& m) {
  put(given, out, name, m.transpose());
}

/// Score v . tanh(W_q q + W_k k + b).
SafeTensors additive(const Case& given, const MatrixX<double>& w_q, const MatrixX<double>& w_k,
                     const VectorX<double>& b, MatrixX<double>& d_w_q, MatrixX<double>& d_w_k, VectorX<double>& d_b) {
  const MatrixX<double> query = given.columns<double>("query"), key = given.columns<double>("key");
  Compared compared{
      .queries = w_q * query, .keys = (w_k * key).colwise() + b, .v = given.vector("param_v", w_q.rows())};
  SafeTensors out;
  Attention(given, compared).put(out);
  d_w_q = compared.d_queries * query.transpose();
  d_w_k = compared.d_keys * key.transpose();
  d_b = compared.d_keys.rowwise().sum();
  put(given, out, "query", w_q.transpose() * compared.d_queries);
  put(given, out, "key", w_k.transpose() * compared.d_keys);
  put(given, out, "param_v", compared.d_v);
  return out;
}

VectorX<double> bias_of(const Case& given, Index units) {
  return given.has("param_b") ? given.vector("param_b", units) : VectorX<double>::Zero(units);
}

SafeTensors bahdanau(const Case& given, const Sizes& sizes) {
  const Index units = given.extent("param_v", 0, 1);
  MatrixX<double> d_q, d_k;
  VectorX<double> d_b;
  SafeTensors out = additive(given, parameter(given, "param_Wq", units, sizes.query),
                             parameter(given, "param_Wk", units, sizes.key), bias_of(given, units), d_q, d_k, d_b);
  put_parameter(given, out, "param_Wq", d_q), put_parameter(given, out, "param_Wk", d_k);
  if (given.has("param_b")) put(given, out, "param_b", d_b);
  return out;
}

SafeTensors concat(const Case& given, const Sizes& sizes) {
  const MatrixX<double> w = parameter(given, "param_W", given.extent("param_v", 0, 1), sizes.query + sizes.key);
  MatrixX<double> d_q, d_k, d_w(w.rows(), w.cols());
  VectorX<double> d_b;
  SafeTensors out =
      additive(given, w.leftCols(sizes.query), w.rightCols(sizes.key), bias_of(given, w.rows()), d_q, d_k, d_b);
  d_w << d_q, d_k;
  put_parameter(given, out, "param_W", d_w);
  if (given.has("param_b")) put(given, out, "param_b", d_b);
  return out;
}

void check_comparable(const Sizes& sizes) {
  require<ShapeError>(sizes.query == sizes.key, "queries have ", sizes.query, " rows and keys ", sizes.key,
                      "; this score compares them as they are");
}

SafeTensors product(const Case& given, const Sizes& sizes, double scale) {
  check_comparable(sizes);
  Compared compared{.queries = given.columns<double>("query"), .keys = given.columns<double>("key"), .scale = scale};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", compared.d_queries), put(given, out, "key", compared.d_keys);
  if (given.has("scale")) out.tensors["d_scale"] = number(compared.d_scale);
  return out;
}

SafeTensors general(const Case& given, const Sizes& sizes) {
  const MatrixX<double> w = parameter(given, "param_W", sizes.query, sizes.key), query = given.columns<double>("query");
  Compared compared{.queries = w.transpose() * query, .keys = given.columns<double>("key")};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", w * compared.d_queries), put(given, out, "key", compared.d_keys);
  put_parameter(given, out, "param_W", query * compared.d_queries.transpose());
  return out;
}

/// Score sum over d of v_d tanh(s (q_d + k_d)), without projections. `v_name`: the tensor that v is read from, empty if
/// v is 1.
SafeTensors keras_tangents(const Case& given, const VectorX<double>& v, double s, const std::string& v_name) {
  const MatrixX<double> query = given.columns<double>("query"), key = given.columns<double>("key");
  Compared compared{.queries = s * query, .keys = s * key, .v = v};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", s * compared.d_queries), put(given, out, "key", s * compared.d_keys);
  if (v_name == "scale") {
    put(given, out, v_name, compared.d_v);
    return out;
  }
  if (!v_name.empty()) out.tensors["d_" + v_name] = number(compared.d_v.sum());
  if (given.has("scale"))
    out.tensors["d_scale"] =
        number(compared.d_queries.cwiseProduct(query).sum() + compared.d_keys.cwiseProduct(key).sum());
  return out;
}

SafeTensors of_keras(const Case& given, const Sizes& sizes) {
  const auto options = given.options({"arguments"});
  options.only("dropout", {0}), options.only("seed", {nullptr});
  const bool additive = given.at<std::string>("op") == "keras_AdditiveAttention",
             scaled = options.value("use_scale", additive);
  require<ValueError>(scaled == given.has("scale"), "option 'arguments.use_scale' is ", scaled, ", but there is ",
                      scaled ? "no" : "a", " tensor 'scale'");
  check_comparable(sizes);
  if (additive)
    return keras_tangents(given, scaled ? given.vector("scale", sizes.query) : VectorX<double>::Ones(sizes.query), 1,
                          scaled ? "scale" : "");
  options.only("score_mode", {"dot", "concat"});
  const double scale = scaled ? given.scalar("scale") : 1;
  if (options.value("score_mode", "dot") == "dot") return product(given, sizes, scale);
  return keras_tangents(given, VectorX<double>::Constant(sizes.query, given.scalar("concat_score_weight")), scale,
                        "concat_score_weight");
}

}  // namespace

SafeTensors compute_attention(const Case& given) {
  const Sizes sizes(given);
  if (given.at<std::string>("op") != "attention") return of_keras(given, sizes);
  const auto score = given.at<std::string>("score");
  if (score == "bahdanau") return bahdanau(given, sizes);
  if (score == "concat") return concat(given, sizes);
  if (score == "general") return general(given, sizes);
  if (score == "dot") return product(given, sizes, 1);
  if (score == "scaled_dot") return product(given, sizes, 1 / std::sqrt(double(sizes.query)));
  given.options().refuse("score");
}

}  // namespace conformance
