// Fuzz target: recordings of the example hcp, as metadata and array, and the record of participants in model files.

#include "fuzz.hpp"
#include "hcp/files.hpp"
#include "hcp/trained_on.hpp"
#include "unroll/io/formats/npz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  const Bytes meta = "participant,class,run,length\nann,0,1,3\nbob,twomen,2,2\n";
  const Tensor array = Tensor::of(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}, {2, 3, 2});
  write_npy(path("a.npy"), array);
  write_npz(path("a.npz"), {{"X", array}, {"other", Tensor::of(std::vector<float>{1}, {1})}});
  return {joined({meta, detail::read_text(path("a.npy"))}), joined({meta, detail::read_text(path("a.npz"))}),
          R"({"participants": ["ann", "b"], "recordings": ["0123456789abcdef"]})"};
}

namespace {

void check_trained_on(const fuzz::Bytes& input) {
  const hcp::TrainedOn trained = hcp::trained_on_of_json(input, "x");
  const hcp::TrainedOn again =
      fuzz::read_again([&] { return hcp::trained_on_of_json(hcp::to_json(trained), "again"); });
  fuzz::expect(again.participants == trained.participants && again.recordings == trained.recordings,
               "others came back");
}

}  // namespace

void fuzz::read(const Bytes& input) {
  if (input.starts_with('{')) return check_trained_on(input);
  const auto files = divided(input, 2);
  const auto data = file(files[1].starts_with("PK") ? "data.npz" : "data.npy", files[1]);
  const hcp::Data read = hcp::read_recordings(data, file("meta", files[0]), 2);
  expect(read.clips.size() == Index(read.participant.size()), "sequences without a participant");
  for (const Index participant : read.participant)
    expect(participant >= 0 && participant < Index(read.participants.size()), "no participant");
}
