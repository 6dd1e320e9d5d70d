#include "study.hpp"

#include <algorithm>
#include <cmath>

#include "files.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/train/leak/leak_test.hpp"

namespace hcp {

using namespace unroll;

Scores::Scores(Index participants, Index classes)
    : steps(participants, classes),
      of_person(std::size_t(participants)),
      confusion(ConfusionMatrix(classes).counts()) {}

void Scores::add(const Part& part, Index sequence, Index group, const MatrixX<float>& output) {
  const Labels& labels = part.clips.labels(sequence);
  steps.add(group, output, labels);
  ConfusionMatrix one(steps.classes());
  one.add(output, labels);
  confusion += one.counts();
  Accuracy own;
  own.add(output, labels);
  of_person[std::size_t(group)] += own.hits();
  while (Index(at_step.size()) < labels.size())
    at_step.emplace_back(steps.groups(), steps.classes()), sequences_at.push_back(0);
  for (Index t = 0; t < labels.size(); ++t) {
    at_step[std::size_t(t)].add(group, output.col(t), labels.segment(t, 1));
    ++sequences_at[std::size_t(t)];
  }
}

Scores& Scores::operator+=(const Scores& other) {
  steps += other.steps, confusion += other.confusion;
  for (std::size_t t = 0; t < at_step.size(); ++t) at_step[t] += other.at_step[t];
  for (std::size_t p = 0; p < of_person.size(); ++p) of_person[p] += other.of_person[p];
  return *this;
}

double Run::quality() const {
  if (cross_validation) return cross_validation->value;
  double best = -HUGE_VAL;
  for (const Epoch& epoch : training.history)
    if (is_finite(epoch.validation_loss)) best = std::max(best, -epoch.validation_loss);
  return is_finite(best) ? best : 0;
}

const Run& Results::best() const {
  return *std::ranges::max_element(runs, {}, [](const Run& run) { return run.quality(); });
}

namespace {

std::vector<Index> without(const std::vector<Index>& all, const std::vector<Index>& some) {
  std::vector<Index> rest;
  for (const Index one : all)
    if (std::ranges::find(some, one) == some.end()) rest.push_back(one);
  return rest;
}

std::vector<Index> all_people(const Data& data) {
  std::vector<Index> all;
  for (Index p = 0; p < Index(data.participants.size()); ++p) all.push_back(p);
  return all;
}

/// Participants with these names; one word may be a file of names. In the order of the data.
std::vector<Index> people_of(const char* option, const std::vector<std::string>& words, const Data& data) {
  const bool file = words.size() == 1 && std::filesystem::is_regular_file(words.front());
  std::vector<Index> people;
  for (const std::string& name : file ? read_names(words.front()) : words) {
    const auto known = std::ranges::find(data.participants, name);
    require<ValueError>(
        known != data.participants.end(), option, ": there is no participant ",
        [&] { return unroll::detail::in_quotes(name); }, " in ", data.source, "; the nearest: ",
        [&] {
          return unroll::detail::nearest_names(name, {data.participants.begin(), data.participants.end()});
        });
    people.push_back(known - data.participants.begin());
  }
  std::ranges::sort(people);
  people.erase(std::unique(people.begin(), people.end()), people.end());
  return people;
}

constexpr const char* limits_need_two = ", got 1: confidence limits need two participants";

/// The classes of training participants must differ.
void check_classes(const Data& data, const std::vector<Index>& training) {
  const auto sequences = sequences_of(data, training);
  const auto class_of = [&](Index s) { return data.clips.labels(s)[0]; };
  require<ValueError>(
      std::ranges::any_of(sequences, [&](Index s) { return class_of(s) != class_of(sequences.front()); }), data.source,
      ": the training participants must have sequences of at least 2 classes, got only ",
      [&] { return unroll::detail::in_quotes(data.classes[std::size_t(class_of(sequences.front()))]); });
}

TrainingOptions training_of(const Options& options, std::uint64_t seed, const std::string& name) {
  TrainingOptions training = options.training;
  training.seed = seed;
  training.threads = options.running.threads;
  training.checkpoint_seconds = options.running.checkpoint_seconds;
  training.quiet = options.running.quiet || options.running.json;
  if (!options.folder.empty()) training.checkpoint = options.folder / ("checkpoint-" + name + ".safetensors");
  return training;
}

Training train_on(Model& model, const Options& options, const Data& data, const std::vector<Index>& people,
                  const TrainingOptions& training, const std::function<void(const Epoch&)>& on_epoch) {
  const auto some = held_out(people, options.validation, training.seed);
  const Part part = part_of(data, without(people, some));
  if (some.empty()) return model.train(part.clips, nullptr, training, on_epoch);
  const Part validation = part_of(data, some);
  return model.train(part.clips, &validation.clips, training, on_epoch);
}

}  // namespace

void fit_to_participants(Options& options, const Data& data) {
  const Index count = Index(all_people(data).size());
  if (options.default_test) {
    const Index quarter = std::min(options.test_participants.value_or(0), count / 4);
    options.test_participants = quarter > 1 ? quarter : options.folds > 0 ? 0 : 2;  // limits need two
  }
  const Index training = count - (options.default_test ? *options.test_participants : 0);
  if (options.default_test && options.default_folds) options.folds = std::min(options.folds, training);
}

Division divide(const Options& options, const Data& data) {
  Division division;
  const auto all = all_people(data);
  const Index count = Index(all.size());
  if (!options.train_people.empty()) division.training = people_of("--train-people", options.train_people, data);
  const auto rest = without(all, division.training);
  if (!options.test_people.empty()) {
    division.test = people_of("--test-people", options.test_people, data);
    for (const Index p : division.test)
      require<ValueError>(
          std::ranges::find(division.training, p) == division.training.end(), "--test-people: participant ",
          [&] { return unroll::detail::in_quotes(data.participants[std::size_t(p)]); },
          " must not be one of --train-people");
    require<ValueError>(division.test.size() != 1, "--test-people must name at least 2 participants", limits_need_two);
  } else {
    const Index last = options.test_participants.value_or(Index(rest.size()));
    require<ValueError>(last != 1, "--test-participants must be 0 or at least 2", limits_need_two);
    const Index most = Index(rest.size()) - (options.train_people.empty() ? 1 : 0);
    require<ValueError>(last <= most, "--test-participants must be ",
                        options.train_people.empty() ? text("below ", count, ", the number of participants of ")
                                                     : text("at most ", most, ", the other participants of "),
                        data.source, ", got ", last);
    division.test.assign(rest.end() - last, rest.end());
  }
  if (options.train_people.empty()) division.training = without(all, division.test);
  require<ValueError>(!division.training.empty(), "--test-people must leave at least 1 participant for the training");
  const Index training = Index(division.training.size());
  require<ValueError>(training >= options.folds, "--folds must be at most ", training,
                      ", the number of training participants, got ", options.folds);
  check_classes(data, division.training);
  return division;
}

std::vector<Index> tested_people(const Options& options, const Data& data) {
  if (!options.test_people.empty()) return people_of("--test-people", options.test_people, data);
  const auto all = all_people(data);
  const Index last = options.test_participants.value_or(0), count = Index(all.size());
  require<ValueError>(last <= count, "--test-participants must be at most ", count, ", the number of participants of ",
                      data.source, ", got ", last);
  return last == 0 ? all : std::vector<Index>(all.end() - last, all.end());
}

std::vector<std::vector<Index>> folds_of(const std::vector<Index>& participants, Index folds, std::uint64_t seed) {
  const auto order = permutation(Index(participants.size()), Random(seed, Purpose::split));
  std::vector<std::vector<Index>> all(static_cast<std::size_t>(folds));
  for (Index k = 0; k < order.size(); ++k) all[std::size_t(k % folds)].push_back(participants[std::size_t(order[k])]);
  for (auto& fold : all) std::ranges::sort(fold);
  return all;
}

std::vector<Index> held_out(const std::vector<Index>& participants, double share, std::uint64_t seed) {
  if (share == 0) return {};
  const auto all = Index(participants.size());
  const auto count = std::max<Index>(1, Index(std::lround(share * double(all))));
  require<ValueError>(count < all, "--validation must leave at least 1 of ", all,
                      " training participants for the training, got ", share);
  const auto order = permutation(all, Random(seed, Purpose::split, 1));
  std::vector<Index> some;
  for (Index k = 0; k < count; ++k) some.push_back(participants[std::size_t(order[k])]);
  std::ranges::sort(some);
  return some;
}

namespace {

std::vector<std::string> names_of(const Data& data, const std::vector<Index>& people) {
  std::vector<std::string> names;
  for (const Index p : people) names.push_back(data.participants[std::size_t(p)]);
  return names;
}

}  // namespace

void cross_validate(const Options& options, const Data& data, const Division& division, Results& results, Run& run,
                    const std::function<void(const Fold&)>& on_fold) {
  const std::uint64_t seed = run.seed;
  const Index classes = data.clips.classes();
  Scores all(Index(division.training.size()), classes);
  std::size_t number = 0;
  for (const auto& held_out : folds_of(division.training, options.folds, options.seeds.all().front())) {
    const Part part = part_of(data, held_out);
    const auto model = make_model(options.model, data.clips.features(), classes);
    model->initialise(seed);
    const auto training =
        train_on(*model, options, data, without(division.training, held_out),
                 training_of(options, seed, text("seed", seed, "-fold", ++number)), [](const Epoch&) {});
    const Outputs outputs = model->predict(part.clips);
    Scores own(part.groups, classes);
    for (Index s = 0; s < part.clips.size(); ++s) {
      const Index group = part.group[std::size_t(s)];
      own.add(part, s, group, outputs[std::size_t(s)]);
      const auto among_all = std::ranges::find(division.training, held_out[std::size_t(group)]);
      all.add(part, s, among_all - division.training.begin(), outputs[std::size_t(s)]);
    }
    Fold fold{seed, held_out, own.steps.accuracy(), own.steps.balanced_accuracy(), training.seconds()};
    on_fold(fold);
    results.folds.push_back(std::move(fold));
  }
  results.chance = chance_levels(part_of(data, division.training).clips);
  run.cross_validation = all.steps.accuracy();
  run.tested = names_of(data, division.training), run.of_person = all.of_person;
  results.cross_validation ? * results.cross_validation += all : results.cross_validation.emplace(std::move(all));
}

Training train_model(Model& model, const Options& options, const Data& data, const Division& division,
                     std::uint64_t seed, const std::function<void(const Epoch&)>& on_epoch) {
  return train_on(model, options, data, division.training, training_of(options, seed, text("seed", seed)), on_epoch);
}

namespace {

Scores scores_of(const Outputs& outputs, const Part& part) {
  Scores scores(part.groups, part.clips.classes());
  for (Index s = 0; s < part.clips.size(); ++s)
    scores.add(part, s, part.group[std::size_t(s)], outputs[std::size_t(s)]);
  return scores;
}

void add(std::optional<Scores>& sum, Scores scores) { sum ? * sum += scores : sum.emplace(std::move(scores)); }

}  // namespace

void test_model(const Model& model, const Data& data, const std::vector<Index>& participants,
                const std::optional<TrainedOn>& trained, Results& results, Run& run) {
  const auto known = trained ? known_of(*trained, data, participants) : std::vector<Index>{};
  const auto others = without(participants, known);
  results.tested = {trained.has_value(), Index(participants.size())};
  results.tested.trained_on = names_of(data, known);
  const auto& tested = others.empty() ? participants : others;
  const Part part = part_of(data, tested);
  Scores scores = scores_of(model.predict(part.clips), part);
  run.test = scores.steps.accuracy(), run.balanced = scores.steps.balanced_accuracy();
  run.tested = names_of(data, tested), run.of_person = scores.of_person;
  add(results.test, std::move(scores));
  results.chance = chance_levels(part.clips);
  if (known.empty() || others.empty()) return;
  const Part all = part_of(data, participants);
  add(results.all_tested, scores_of(model.predict(all.clips), all));
}

void run_controls(const Options& options, const Data& data, const Division& division, Results& results,
                  const std::function<void(Control, Index, const GroupedHits&)>& on_run) {
  const auto tested =
      division.test.empty() ? folds_of(division.training, options.folds, options.seeds.seed).front() : division.test;
  const Part training = part_of(data, without(division.training, tested)), test = part_of(data, tested);
  const Index classes = data.clips.classes();
  const bool sees_length = make_model(options.model, data.clips.features(), classes)->sees_length();
  Index number = 0;  // the leak test trains in a fixed order
  const auto train = [&](const Dataset<float>& clips, std::uint64_t seed) {
    std::shared_ptr<Model> model = make_model(options.model, clips.features(), classes);
    model->initialise(seed);
    model->train(clips, nullptr, training_of(options, seed, text("control", ++number)), [](const Epoch&) {});
    return [model](const Dataset<float>& others) { return model->predict(others); };
  };
  results.leak =
      leak_test(training.clips, test.clips, test.group, train,
                {.repeats = options.repeats, .seed = options.seeds.seed, .sees_length = sees_length, .on_run = on_run});
}

}  // namespace hcp
