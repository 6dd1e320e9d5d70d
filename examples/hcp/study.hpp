#pragma once
// Who is trained on, who is tested, and what came out.

#include <optional>

#include "options.hpp"
#include "trained_on.hpp"
#include "unroll/train/leak/leak_report.hpp"
#include "unroll/train/metrics.hpp"

namespace hcp {

/// What outputs for some people are worth. Confidence limits are those over participants.
struct Scores {
  explicit Scores(unroll::Index participants);

  void add(const Part& part, unroll::Index sequence, unroll::Index group, const unroll::MatrixX<float>& output);

  unroll::GroupedHits steps;                 // all steps alike
  std::vector<unroll::GroupedHits> at_step;  // over the sequences that last so long
  std::vector<unroll::Index> sequences_at;   // how many these are
  unroll::ConfusionMatrix confusion;
};

struct Fold {
  std::vector<unroll::Index> held_out;            // participants
  unroll::Interval accuracy = {}, balanced = {};  // of them
  double seconds = 0;
};

/// Whether those who were tested were trained on.
struct Tested {
  bool known = true;  // false: the model's file does not say
  unroll::Index participants = 0, trained_on = 0;
};

struct Results {
  std::vector<Fold> folds;
  std::optional<Scores> validation;  // every training participant, by the model that was not trained on them
  Tested tested;
  std::optional<Scores> test;       // of those who were tested and not trained on; of all where there are no others
  std::optional<Scores> everybody;  // of all who were tested, where some of them were trained on
  unroll::ChanceLevels chance;      // of the participants of main()
  unroll::History history;          // of the model that is kept
  double seconds = 0;               // of its training
  std::optional<unroll::LeakReport> leak;

  /// The test, or else the cross-validation.
  const Scores& main() const { return test ? *test : *validation; }
};

/// The last `options.test_participants` are tested, all others trained on; with a model that is loaded none is trained
/// on, and 0 means that all are tested.
struct Division {
  std::vector<unroll::Index> training, test;  // participants
};

/// Throws ValueError when there are too few participants for the test or for the folds.
Division divide(const Options& options, const Data& data);

/// The folds of the participants, by chance, as equal as can be.
std::vector<std::vector<unroll::Index>> folds_of(const std::vector<unroll::Index>& participants, unroll::Index folds,
                                                 std::uint64_t seed);

/// Trains on each fold's others and tests on the fold.
void cross_validate(const Options& options, const Data& data, const Division& division, Results& results,
                    const std::function<void(const Fold&)>& on_fold);

/// Trains `model` on all training participants.
void train_model(Model& model, const Options& options, const Data& data, const Division& division, Results& results,
                 const std::function<void(const unroll::Epoch&)>& on_epoch);

/// Tests it on these. `trained`: nothing where it is not known who was trained on.
void test_model(const Model& model, const Data& data, const std::vector<unroll::Index>& participants,
                const std::optional<TrainedOn>& trained, Results& results);

/// All controls, on the test participants, or else on the first fold.
void run_controls(const Options& options, const Data& data, const Division& division, Results& results,
                  const std::function<void(unroll::Control, unroll::Index, const unroll::GroupedHits&)>& on_run);

}  // namespace hcp
