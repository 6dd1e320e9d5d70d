#include "predictions.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "unroll/core/tables/data_table.hpp"

namespace hcp {

using namespace unroll;

namespace {

VectorX<double> probabilities(const VectorX<float>& scores) {
  const VectorX<double> exponents = (scores.cast<double>().array() - double(scores.maxCoeff())).exp();
  return exponents / exponents.sum();
}

VectorX<double> mean_probabilities(const MatrixX<float>& scores) {
  VectorX<double> sum = VectorX<double>::Zero(scores.rows());
  for (Index t = 0; t < scores.cols(); ++t) sum += probabilities(scores.col(t));
  return sum / double(scores.cols());
}

/// Predicted class, and its probability with six decimals.
std::pair<std::string, double> best(const Data& data, const VectorX<double>& shares) {
  Index predicted = 0;
  const double share = shares.maxCoeff(&predicted);
  return {data.classes[std::size_t(predicted)], std::round(1e6 * share) / 1e6};
}

const std::string& participant(const Data& data, Index s) {
  return data.participants[std::size_t(data.participant[std::size_t(s)])];
}

}  // namespace

std::string predictions_csv(const Data& data, const Outputs& outputs) {
  DataTable table{{"sequence", "participant", "run", "steps", "class", "probability"}, {}};
  for (Index s = 0; s < data.clips.size(); ++s) {
    const auto [name, share] = best(data, mean_probabilities(outputs[std::size_t(s)]));
    table.rows.push_back({s, participant(data, s), data.run[std::size_t(s)], data.clips.length(s), name, share});
  }
  return to_csv(table);
}

std::string predictions_json(const Data& data, const Outputs& outputs) {
  nlohmann::ordered_json all{{"data", data.source}, {"classes", data.classes}};
  all["predictions"] = nlohmann::ordered_json::array();
  for (Index s = 0; s < data.clips.size(); ++s) {
    const VectorX<double> shares = mean_probabilities(outputs[std::size_t(s)]);
    const auto [name, share] = best(data, shares);
    all["predictions"].push_back({{"sequence", s},
                                  {"participant", participant(data, s)},
                                  {"run", data.run[std::size_t(s)]},
                                  {"steps", data.clips.length(s)},
                                  {"class", name},
                                  {"probability", share},
                                  {"probabilities", std::vector<double>(shares.begin(), shares.end())}});
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string steps_csv(const Data& data, const Outputs& outputs) {
  DataTable table{{"sequence", "step", "class", "probability"}, {}};
  for (Index s = 0; s < data.clips.size(); ++s)
    for (Index t = 0; t < data.clips.length(s); ++t) {
      const auto [name, share] = best(data, probabilities(outputs[std::size_t(s)].col(t)));
      table.rows.push_back({s, t, name, share});
    }
  return to_csv(table);
}

}  // namespace hcp
