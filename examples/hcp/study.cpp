#include "study.hpp"

#include <chrono>
#include <numeric>

#include "unroll/train/leak/leak_test.hpp"

namespace hcp {

using namespace unroll;

Scores::Scores(Index participants)
    : steps(participants, Index(clip_names().size())), confusion(Index(clip_names().size())) {}

void Scores::add(const Part& part, Index sequence, Index group, const MatrixX<float>& output) {
  const Labels& labels = part.clips.labels(sequence);
  steps.add(group, output, labels);
  confusion.add(output, labels);
  while (Index(at_step.size()) < labels.size())
    at_step.emplace_back(steps.groups(), steps.classes()), sequences_at.push_back(0);
  for (Index t = 0; t < labels.size(); ++t) {
    at_step[std::size_t(t)].add(group, output.col(t), labels.segment(t, 1));
    ++sequences_at[std::size_t(t)];
  }
}

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<Index> without(const std::vector<Index>& all, const std::vector<Index>& some) {
  std::vector<Index> rest;
  for (const Index one : all)
    if (std::ranges::find(some, one) == some.end()) rest.push_back(one);
  return rest;
}

}  // namespace

Division divide(const Options& options, const Data& data) {
  const bool trains = options.load.empty();
  const Index all = Index(data.participants.size());
  const Index test = !trains && options.test_participants == 0 ? all : options.test_participants;
  const Index training = all - test;
  require<ValueError>(test != 1, "--test-participants must be 0 or at least 2, got 1: confidence limits need two ",
                      "participants");
  require<ValueError>(training >= (trains ? 1 : 0), "--test-participants must be ", trains ? "below " : "at most ", all,
                      ", the number of participants of ", data.source, ", got ", test);
  require<ValueError>(!trains || training >= options.folds, "--folds must be at most ", training,
                      ", the number of training participants, got ", options.folds);
  Division division;
  for (Index p = 0; p < all; ++p) (p < training ? division.training : division.test).push_back(p);
  return division;
}

std::vector<std::vector<Index>> folds_of(const std::vector<Index>& participants, Index folds, std::uint64_t seed) {
  const auto order = permutation(Index(participants.size()), Random(seed, Purpose::split));
  std::vector<std::vector<Index>> all(static_cast<std::size_t>(folds));
  for (Index k = 0; k < order.size(); ++k) all[std::size_t(k % folds)].push_back(participants[std::size_t(order[k])]);
  for (auto& fold : all) std::ranges::sort(fold);
  return all;
}

void cross_validate(const Options& options, const Data& data, const Division& division, Results& results,
                    const std::function<void(const Fold&)>& on_fold) {
  results.validation.emplace(Index(division.training.size()));
  for (const auto& held_out : folds_of(division.training, options.folds, options.training.seed)) {
    const Part others = part_of(data, without(division.training, held_out)), part = part_of(data, held_out);
    const auto model = make_model(options.model, data.clips.features());
    Fold fold{.held_out = held_out};
    fold.seconds = seconds_of([&] { model->train(others.clips, options.training, [](const Epoch&) {}); });
    const Outputs outputs = model->predict(part.clips);
    Scores own(part.groups);
    for (Index s = 0; s < part.clips.size(); ++s) {
      const Index group = part.group[std::size_t(s)];
      own.add(part, s, group, outputs[std::size_t(s)]);
      const auto among_all = std::ranges::find(division.training, held_out[std::size_t(group)]);
      results.validation->add(part, s, among_all - division.training.begin(), outputs[std::size_t(s)]);
    }
    fold.accuracy = own.steps.accuracy(), fold.balanced = own.steps.balanced_accuracy();
    on_fold(fold);
    results.folds.push_back(std::move(fold));
  }
  results.chance = chance_levels(part_of(data, division.training).clips);
}

void train_model(Model& model, const Options& options, const Data& data, const Division& division, Results& results,
                 const std::function<void(const Epoch&)>& on_epoch) {
  const Part part = part_of(data, division.training);
  results.seconds = seconds_of([&] {
    model.train(part.clips, options.training, [&](const Epoch& epoch) {
      results.history.push_back(epoch);
      on_epoch(epoch);
    });
  });
}

namespace {

Scores scores_of(const Outputs& outputs, const Part& part) {
  Scores scores(part.groups);
  for (Index s = 0; s < part.clips.size(); ++s)
    scores.add(part, s, part.group[std::size_t(s)], outputs[std::size_t(s)]);
  return scores;
}

}  // namespace

void test_model(const Model& model, const Data& data, const std::vector<Index>& participants,
                const std::optional<TrainedOn>& trained, Results& results) {
  const auto known = trained ? known_of(*trained, data, participants) : std::vector<Index>{};
  const auto others = without(participants, known);
  results.tested = {trained.has_value(), Index(participants.size()), Index(known.size())};
  const Part part = part_of(data, others.empty() ? participants : others);
  results.test = scores_of(model.predict(part.clips), part);
  results.chance = chance_levels(part.clips);
  if (known.empty() || others.empty()) return;
  const Part all = part_of(data, participants);
  results.all_tested = scores_of(model.predict(all.clips), all);
}

void run_controls(const Options& options, const Data& data, const Division& division, Results& results,
                  const std::function<void(Control, Index, const GroupedHits&)>& on_run) {
  const auto tested =
      division.test.empty() ? folds_of(division.training, options.folds, options.training.seed).front() : division.test;
  const Part training = part_of(data, without(division.training, tested)), test = part_of(data, tested);
  bool sees_length = make_model(options.model, data.clips.features())->sees_length();
  const auto train = [&](const Dataset<float>& clips, std::uint64_t seed) {
    std::shared_ptr<Model> model = make_model(options.model, clips.features());
    TrainingOptions own = options.training;
    own.seed = seed;
    model->train(clips, own, [](const Epoch&) {});
    return [model](const Dataset<float>& others) { return model->predict(others); };
  };
  results.leak = leak_test(
      training.clips, test.clips, test.group, train,
      {.repeats = options.repeats, .seed = options.training.seed, .sees_length = sees_length, .on_run = on_run});
}

}  // namespace hcp
