// Fuzz target: TensorBoard event files that a run appends to. A partial record at the end is removed.

#include "fuzz.hpp"
#include "unroll/report/tensorboard.hpp"

using namespace unroll;

namespace {
constexpr const char* name = "events.out.tfevents.x";
}

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::filesystem::remove(path(name));
  EventFile(path(name), 1).scalar("loss", 2, 3, 4);
  const Bytes whole = detail::read_text(path(name));
  return {whole, whole.substr(0, whole.size() - 3), whole + whole, ""};
}

void fuzz::read(const Bytes& input) {
  const std::size_t whole = detail::whole_records(input);
  expect(whole <= input.size() && detail::whole_records(std::string_view(input).substr(0, whole)) == whole,
         "a part of records is not whole");
  if (whole == 0 && !input.empty() && input.size() % 4 != 0)
    return;  // refused because of the first record's name; no file is needed
  EventFile(file(name, input), 1).scalar("loss", 2, 3, 4);
  const Bytes after = read_again([&] { return detail::read_text(path(name)); });
  expect(
      detail::whole_records(after) == after.size() && after.size() > whole && after.starts_with(input.substr(0, whole)),
      "the events are not whole");
}
