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
  Scores(unroll::Index participants, unroll::Index classes);

  void add(const Part& part, unroll::Index sequence, unroll::Index group, const unroll::MatrixX<float>& output);
  /// Adds the scores of another model for the same sequences.
  Scores& operator+=(const Scores& other);

  unroll::GroupedHits steps;                 // all steps pooled
  std::vector<unroll::GroupedHits> at_step;  // over the sequences that have this step
  std::vector<unroll::Index> sequences_at;   // number of these sequences
  std::vector<unroll::Hits> of_person;       // all steps of each participant
  unroll::ConfusionMatrix::Counts confusion;
};

struct Fold {
  std::uint64_t seed = 0;
  std::vector<unroll::Index> held_out;            // participants
  unroll::Interval accuracy = {}, balanced = {};  // of the held-out participants
  double seconds = 0;
};

/// Training on all training participants with one seed, and its test.
struct Run {
  std::uint64_t seed = 0;
  Training training = {};
  std::optional<unroll::Interval> cross_validation = {};  // accuracy
  std::optional<unroll::Interval> test = {}, balanced = {};
  std::vector<std::string> tested = {};      // participants of the test, otherwise of the cross-validation
  std::vector<unroll::Hits> of_person = {};  // their steps

  /// Measure by which runs are selected; larger is better: accuracy of the cross-validation, otherwise the negative
  /// validation loss, otherwise 0.
  double quality() const;
};

/// Tested participants, and those of them that the model was trained on.
struct Tested {
  bool known = true;  // false: not stated in the model file
  unroll::Index participants = 0;
  std::vector<std::string> trained_on = {};
};

/// Results. Scores of several seeds are pooled.
struct Results {
  std::vector<Fold> folds;
  std::optional<Scores> cross_validation;  // all training participants, each by models not trained on them
  std::vector<Run> runs;
  Tested tested;
  std::optional<Scores> test;        // tested participants that were not trained on; if there are none, all tested
  std::optional<Scores> all_tested;  // all tested participants, if some but not all were trained on
  unroll::ChanceLevels chance;       // of the participants of main()
  std::optional<unroll::LeakReport> leak;

  /// Result of the test if there was one, otherwise of the cross-validation.
  const Scores& main() const { return test ? *test : *cross_validation; }
  /// The run with the best quality; the first of equal ones.
  const Run& best() const;
};

/// Adapts the default numbers of test participants and folds to few participants: at most a quarter of them, and as
/// many folds as training participants.
void fit_to_participants(Options& options, const Data& data);

/// Division of the participants. Tested are --test-people, or the last --test-participants, or with --train-people all
/// others. Trained on are --train-people, or all that are not tested.
struct Division {
  std::vector<unroll::Index> training, test;  // participants
};

/// Division for a training. Throws ValueError for unknown names, for a participant in both parts, and if there are too
/// few participants for the test or for the folds.
Division divide(const Options& options, const Data& data);

/// Participants to test with a trained model: --test-people, the last --test-participants, or all. Throws ValueError
/// for unknown names and fewer than 2 participants.
std::vector<unroll::Index> tested_people(const Options& options, const Data& data);

/// Random folds of participants, of equal size or differing by one.
std::vector<std::vector<unroll::Index>> folds_of(const std::vector<unroll::Index>& participants, unroll::Index folds,
                                                 std::uint64_t seed);

/// Participants held out for validation: a random share, at least one. Throws ValueError if none would remain.
std::vector<unroll::Index> held_out(const std::vector<unroll::Index>& participants, double share, std::uint64_t seed);

/// Cross-validation with the seed of `run`: trains a model without each fold and tests it on the fold. Sets the
/// accuracy of all folds in `run`. The folds are the same for all seeds.
void cross_validate(const Options& options, const Data& data, const Division& division, Results& results, Run& run,
                    const std::function<void(const Fold&)>& on_fold);

/// Trains `model` from its present parameters on all training participants, except those held out for validation.
Training train_model(Model& model, const Options& options, const Data& data, const Division& division,
                     std::uint64_t seed, const std::function<void(const unroll::Epoch&)>& on_epoch);

/// Adds the test of a model on `participants`; the run gets its own accuracy. `trained`: empty if its training
/// participants are unknown.
void test_model(const Model& model, const Data& data, const std::vector<unroll::Index>& participants,
                const std::optional<TrainedOn>& trained, Results& results, Run& run);

/// Runs all controls of the leak test on the test participants, or on the first fold if there are none.
void run_controls(const Options& options, const Data& data, const Division& division, Results& results,
                  const std::function<void(unroll::Control, unroll::Index, const unroll::GroupedHits&)>& on_run);

}  // namespace hcp
