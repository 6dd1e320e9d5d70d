// Attention of queries to a masked memory: Bahdanau's and Luong's scores, and the layers of Keras.

#include "unroll/core/attention.hpp"

#include "case.hpp"

namespace conformance {
namespace {

/// Queries and keys in the form in which they are compared, and what comes back to them.
struct Compared {
  Matrix<double> queries, keys;  // [rows x batch * steps]
  Vector<double> v = {};         // of additive scores; empty: products
  double scale = 1;              // of products
  Matrix<double> d_queries = {}, d_keys = {};
  Vector<double> d_v = {};
  double d_scale = 0;
};

class Attention {
 public:
  Attention(const Case& given, Compared& compared)
      : given_(given),
        compared_(compared),
        batch_(given.extent("query", 0)),
        asked_(given.extent("query", 1)),
        steps_(given.extent("key", 1)),
        values_(given.columns<double>("value")),
        d_values_(Matrix<double>::Zero(values_.rows(), values_.cols())),
        scores_(steps_, batch_ * asked_),
        weights_(Matrix<double>::Zero(steps_, batch_ * asked_)),
        context_(values_.rows(), batch_ * asked_) {
    const std::string mask = given.has("mask") ? "mask" : "value_mask";
    mask_ = given.integers(mask);
    asks_.assign(std::size_t(batch_ * asked_), 1);
    if (given.has("query_mask")) asks_ = given.integers("query_mask");
    compared_.d_queries.setZero(compared_.queries.rows(), compared_.queries.cols());
    compared_.d_keys.setZero(compared_.keys.rows(), compared_.keys.cols());
    compared_.d_v.setZero(compared_.v.size());
    for (Index b = 0; b < batch_; ++b) run(b);
  }

  void put(SafeTensors& out) const {
    put(out, "scores", scores_), put(out, "weights", weights_), put(out, "context", context_);
    out.tensors["d_value"] = tensor(d_values_, given_.file().at("value").shape);
  }

 private:
  void put(SafeTensors& out, const std::string& name, const Matrix<double>& m) const {
    if (given_.has(name)) out.tensors[name] = tensor(m, given_.file().at(name).shape);
  }

  /// The steps of sample b that may be attended to, next to each other.
  Matrix<double> valid(const Matrix<double>& all, Index b) const {
    Matrix<double> some(all.rows(), 0);
    for (const Index s : places(b))
      some.conservativeResize(Eigen::NoChange, some.cols() + 1), some.rightCols(1) = all.col(s);
    return some;
  }
  std::vector<Index> places(Index b) const {
    std::vector<Index> places;
    for (Index s = b * steps_; s < (b + 1) * steps_; ++s)
      if (mask_[std::size_t(s)] != 0) places.push_back(s);
    return places;
  }

  void compare(const Matrix<double>& keys, Index q, double* scores) const {
    const double* const query = compared_.queries.col(q).data();
    if (compared_.v.size() > 0)
      attention::additive_scores(view(keys), query, compared_.v.data(), scores);
    else
      attention::dot_scores(view(keys), query, compared_.scale, scores);
  }

  void run(Index b) {
    const Matrix<double> all_keys = compared_.keys.middleCols(b * steps_, steps_), keys = valid(compared_.keys, b),
                         values = valid(values_, b);
    Matrix<double> d_keys = Matrix<double>::Zero(keys.rows(), keys.cols()), d_values = 0 * values;
    if (keys.cols() == 0)
      throw Unsupported("where everything is masked Keras attends to everything, and we to nothing");
    for (Index q = b * asked_; q < (b + 1) * asked_; ++q) {
      compare(all_keys, q, scores_.col(q).data());
      Vector<double> weights(keys.cols()), d(keys.cols());
      compare(keys, q, weights.data());
      const Vector<double> plain = weights;
      attention::softmax(weights.data(), weights.size());
      attention::weighted_sum(view(std::as_const(values)), weights.data(), context_.col(q).data());
      Vector<double> g_context = given_.columns<double>("g_context").col(q);
      if (asks_[std::size_t(q)] == 0) context_.col(q).setZero(), g_context.setZero();
      attention::weighted_sum_back(view(std::as_const(values)), weights.data(), g_context.data(), d.data(),
                                   view(d_values));
      const auto where = places(b);
      for (std::size_t k = 0; k < where.size(); ++k) {
        weights_(where[k] - b * steps_, q) = weights[Index(k)];
        d[Index(k)] += given_.columns<double>("g_weights")(where[k] - b * steps_, q);
      }
      attention::softmax_back(weights.data(), d.data(), d.size());
      compare_back(keys, q, d, d_keys);
      compared_.d_scale += d.dot(plain) / compared_.scale;
    }
    const auto where = places(b);
    for (std::size_t k = 0; k < where.size(); ++k) {
      compared_.d_keys.col(where[k]) = d_keys.col(Index(k));
      d_values_.col(where[k]) = d_values.col(Index(k));
    }
  }

  void compare_back(const Matrix<double>& keys, Index q, const Vector<double>& d_scores, Matrix<double>& d_keys) {
    const double* const query = compared_.queries.col(q).data();
    double* const d_query = compared_.d_queries.col(q).data();
    if (compared_.v.size() > 0)
      attention::additive_scores_back(view(keys), query, compared_.v.data(), d_scores.data(), d_query, view(d_keys),
                                      compared_.d_v.data());
    else
      attention::dot_scores_back(view(keys), query, compared_.scale, d_scores.data(), d_query, view(d_keys));
  }

  const Case& given_;
  Compared& compared_;
  Index batch_, asked_, steps_;
  Matrix<double> values_, d_values_, scores_, weights_, context_;
  std::vector<Index> mask_, asks_;
};

void put(const Case& given, SafeTensors& out, const std::string& name, const Matrix<double>& m) {
  out.tensors["d_" + name] = tensor(m, given.input(name).shape);
}
/// A matrix (rows, cols) of the case, by rows there.
Matrix<double> parameter(const Case& given, const std::string& name) { return given.columns<double>(name).transpose(); }
void put_parameter(const Case& given, SafeTensors& out, const std::string& name, const Matrix<double>& m) {
  put(given, out, name, m.transpose());
}

/// v . tanh(W_q q + W_k k + b)
SafeTensors additive(const Case& given, const Matrix<double>& w_q, const Matrix<double>& w_k, const Vector<double>& b,
                     Matrix<double>& d_w_q, Matrix<double>& d_w_k, Vector<double>& d_b) {
  const Matrix<double> query = given.columns<double>("query"), key = given.columns<double>("key");
  Compared compared{
      .queries = w_q * query, .keys = (w_k * key).colwise() + b, .v = given.columns<double>("param_v").reshaped()};
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

SafeTensors bahdanau(const Case& given) {
  Matrix<double> d_q, d_k;
  Vector<double> d_b;
  SafeTensors out = additive(given, parameter(given, "param_Wq"), parameter(given, "param_Wk"),
                             given.columns<double>("param_b").reshaped(), d_q, d_k, d_b);
  put_parameter(given, out, "param_Wq", d_q), put_parameter(given, out, "param_Wk", d_k),
      put(given, out, "param_b", d_b);
  return out;
}

SafeTensors concat(const Case& given) {
  const Matrix<double> w = parameter(given, "param_W");
  const Index asked = given.extent("query", 2);
  Matrix<double> d_q, d_k, d_w(w.rows(), w.cols());
  Vector<double> d_b;
  SafeTensors out =
      additive(given, w.leftCols(asked), w.rightCols(w.cols() - asked), Vector<double>::Zero(w.rows()), d_q, d_k, d_b);
  d_w << d_q, d_k;
  put_parameter(given, out, "param_W", d_w);
  return out;
}

SafeTensors product(const Case& given, double scale) {
  Compared compared{.queries = given.columns<double>("query"), .keys = given.columns<double>("key"), .scale = scale};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", compared.d_queries), put(given, out, "key", compared.d_keys);
  if (given.has("scale")) out.tensors["d_scale"] = number(compared.d_scale);
  return out;
}

SafeTensors general(const Case& given) {
  const Matrix<double> w = parameter(given, "param_W"), query = given.columns<double>("query");
  Compared compared{.queries = w.transpose() * query, .keys = given.columns<double>("key")};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", w * compared.d_queries), put(given, out, "key", compared.d_keys);
  put_parameter(given, out, "param_W", query * compared.d_queries.transpose());
  return out;
}

/// sum over d of v_d tanh(s (q_d + k_d)); no projections.
SafeTensors keras_tangents(const Case& given, const Vector<double>& v, double s, const std::string& v_name) {
  const Matrix<double> query = given.columns<double>("query"), key = given.columns<double>("key");
  Compared compared{.queries = s * query, .keys = s * key, .v = v};
  SafeTensors out;
  Attention(given, compared).put(out);
  put(given, out, "query", s * compared.d_queries), put(given, out, "key", s * compared.d_keys);
  const bool one = given.file().at(v_name).shape.empty();
  put(given, out, v_name, one ? Matrix<double>::Constant(1, 1, compared.d_v.sum()) : Matrix<double>(compared.d_v));
  if (v_name != "scale")
    out.tensors["d_scale"] =
        number(compared.d_queries.cwiseProduct(query).sum() + compared.d_keys.cwiseProduct(key).sum());
  return out;
}

}  // namespace

SafeTensors compute_attention(const Case& given) {
  const std::string score = given.word("score"), op = given.word("op");
  if (op == "keras_AdditiveAttention")
    return keras_tangents(given, given.columns<double>("scale").reshaped(), 1, "scale");
  if (op == "keras_Attention") {
    const double scale = given.has("scale") ? given.columns<double>("scale")(0, 0) : 1;
    if (!given.has("concat_score_weight")) return product(given, scale);
    const double weight = given.columns<double>("concat_score_weight")(0, 0);
    return keras_tangents(given, Vector<double>::Constant(given.extent("query", 2), weight), scale,
                          "concat_score_weight");
  }
  if (score == "bahdanau") return bahdanau(given);
  if (score == "concat") return concat(given);
  if (score == "general") return general(given);
  if (score == "dot") return product(given, 1);
  if (score == "scaled_dot") return product(given, 1 / std::sqrt(double(given.extent("query", 2))));
  throw Unsupported(text("the score '", score, "'"));
}

}  // namespace conformance
