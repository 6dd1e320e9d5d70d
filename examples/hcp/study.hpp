#pragma once
// Study: division of participants, cross-validation, training, test and controls.

#include <optional>

#include "options.hpp"
#include "trained_on.hpp"
#include "unroll/train/leak/leak_report.hpp"
#include "unroll/train/metrics.hpp"

namespace hcp {

/// Accuracy of outputs for some participants. Confidence limits are over participants.
struct Scores {
  explicit Scores(unroll::Index participants);

  void add(const Part& part, unroll::Index sequence, unroll::Index group, const unroll::MatrixX<float>& output);

  unroll::GroupedHits steps;                 // all steps pooled
  std::vector<unroll::GroupedHits> at_step;  // over the sequences that have this step
  std::vector<unroll::Index> sequences_at;   // number of these sequences
  unroll::ConfusionMatrix confusion;
};

struct Fold {
  std::vector<unroll::Index> held_out;            // participants
  unroll::Interval accuracy = {}, balanced = {};  // of the held-out participants
  double seconds = 0;
};

/// Number of tested participants that the model was trained on.
struct Tested {
  bool known = true;  // false: not stated in the model file
  unroll::Index participants = 0, trained_on = 0;
};

struct Results {
  std::vector<Fold> folds;
  std::optional<Scores> validation;  // all training participants, each by a model not trained on them
  Tested tested;
  std::optional<Scores> test;        // tested participants that were not trained on; if there are none, all tested
  std::optional<Scores> all_tested;  // all tested participants, if some but not all were trained on
  unroll::ChanceLevels chance;       // of the participants of main()
  unroll::History history;           // of the saved model
  double seconds = 0;                // of its training
  std::optional<unroll::LeakReport> leak;

  /// Result of the test if there was one, otherwise of the cross-validation.
  const Scores& main() const { return test ? *test : *validation; }
};

/// Division of the participants: the last `options.test_participants` are for the test, all others for training. With a
/// loaded model nothing is trained, and 0 test participants means all.
struct Division {
  std::vector<unroll::Index> training, test;  // participants
};

/// Throws ValueError if there are too few participants for the test or for the folds.
Division divide(const Options& options, const Data& data);

/// Random folds of participants, of equal size or differing by one.
std::vector<std::vector<unroll::Index>> folds_of(const std::vector<unroll::Index>& participants, unroll::Index folds,
                                                 std::uint64_t seed);

/// Cross-validation: trains a model without each fold and tests it on the fold.
void cross_validate(const Options& options, const Data& data, const Division& division, Results& results,
                    const std::function<void(const Fold&)>& on_fold);

/// Trains `model` on all training participants.
void train_model(Model& model, const Options& options, const Data& data, const Division& division, Results& results,
                 const std::function<void(const unroll::Epoch&)>& on_epoch);

/// Tests a model on `participants`. `trained`: empty if its training participants are unknown.
void test_model(const Model& model, const Data& data, const std::vector<unroll::Index>& participants,
                const std::optional<TrainedOn>& trained, Results& results);

/// Runs all controls of the leak test on the test participants, or on the first fold if there are none.
void run_controls(const Options& options, const Data& data, const Division& division, Results& results,
                  const std::function<void(unroll::Control, unroll::Index, const unroll::GroupedHits&)>& on_run);

}  // namespace hcp
