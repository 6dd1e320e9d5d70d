// Fuzz target: recordings of the example har. The first byte selects the kind: WISDM (a), labels at every step in one
// file (b) or two (c), a pair of .ts files (d), the smartphone folder (e), or a file of unknown kind (f).

#include "fuzz.hpp"
#include "har/readers.hpp"

using namespace unroll;

namespace {

constexpr const char* signals[] = {"body_acc_x",  "body_acc_y",  "body_acc_z",  "body_gyro_x", "body_gyro_y",
                                   "body_gyro_z", "total_acc_x", "total_acc_y", "total_acc_z"};

void check(const Dataset<float>& part, std::size_t classes) {
  fuzz::expect(part.size() > 0, "no sequences");
  for (Index s = 0; s < part.size(); ++s)
    fuzz::expect(part.length(s) > 0 && part.labels(s)[0] >= 0 && part.labels(s)[0] < Index(classes),
                 "a label outside the classes");
}
void check(const har::Recordings& recordings) {
  check(recordings.train, recordings.classes.size());
  check(recordings.test, recordings.classes.size());
  (void)har::join_recordings(recordings);
}
void check(const har::StreamParts& parts) {
  for (const auto* part : {&parts.train, &parts.test})
    for (const auto& stream : *part)
      fuzz::expect(
          stream.channels.cols() == stream.labels.size() && stream.labels.maxCoeff() < Index(parts.classes.size()),
          "labels that do not fit");
}

/// Smartphone folder with three files per part: one signal, used for all nine, labels and people.
void check_smartphone(const fuzz::Bytes& input) {
  const auto files = fuzz::divided(input, 6);
  for (std::size_t k = 0; k < 2; ++k) {
    const std::string part = k == 0 ? "train" : "test", folder = "phone/" + part + "/";
    for (const char* signal : signals)
      fuzz::file(text(folder, "Inertial Signals/", signal, "_", part, ".txt"), files[3 * k]);
    fuzz::file(text(folder, "y_", part, ".txt"), files[3 * k + 1]);
    fuzz::file(text(folder, "subject_", part, ".txt"), files[3 * k + 2]);
  }
  check(har::read_recordings(fuzz::path("phone"), 0));
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  const Bytes wisdm =
      "1,Jogging,100,1,2,3;\n1,Jogging,200,1,2,3;\n1,Jogging,0,1,2,3;\n2,Walking,100,1,2,3;2,Walking,200,-.5,2e0,3,;"
      "\n3,Walking,1,1,2\n";
  const Bytes csv = "time,x,y,label\n0,1,2,0\n1,2,3,1\n2,3,4,0\n3,4,5,1\n4,5,6,-1\n5,6,7,0\n6,7,8,1\n7,8,9,0\n";
  Bytes daphnet;
  for (int k = 0; k < 8; ++k) daphnet += text(15 * k, " 1 2 3 4 5 6 7 8 9 ", 1 + k % 2, "\n");
  return {"a" + wisdm,
          "f" + wisdm,
          "b" + csv,
          "b" + daphnet,
          "c" + joined({csv, csv}),
          "d" + joined({project_file("tests/har/two_channels.ts"), project_file("tests/har/two_channels.ts")}),
          "d" + joined({project_file("tests/har/two_channels.ts"), project_file("tests/har/three_channels.ts")}),
          "e" + joined({" 1 2 3\n 4 5 6\n", "1\n6\n", "1\n2\n", "7 8 9\n", "3\n", "30\n"})};
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t kind = take_choice(content, 6);
  const auto files = divided(content, 2);
  if (kind == 0) check(har::read_wisdm(file("wisdm.txt", content).string(), 2));
  if (kind == 1) check(har::read_streams(file("stream.csv", content), 0.5));
  if (kind == 2)
    file("streams/a.csv", files[0]), check(har::read_streams(file("streams/b.csv", files[1]).parent_path(), 0.5));
  if (kind == 3) file("x_TEST.ts", files[1]), check(har::read_recordings(file("x_TRAIN.ts", files[0]), 0));
  if (kind == 4) check_smartphone(content);
  if (kind == 5) check(har::read_recordings(file("any", content), 2));
}
