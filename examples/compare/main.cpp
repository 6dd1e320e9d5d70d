// Comparison of runs of the example programs: one page with curves, settings, measures and paired tests.
// bin/compare out/gru out/lstm [--out DIR] [--measure NAME] [--labels A,B] [--json]
// Prints the measures with their limits, and the results of the tests.

#include <filesystem>

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "../support/verbs.hpp"
#include "page.hpp"
#include "unroll/io/input_file.hpp"

using namespace unroll;

namespace {

struct Options {
  std::vector<std::string> runs, labels;
  std::string out = "out/compare", measure;
  bool force = false, quiet = false, json = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("run", o.runs, "output folders of two or more runs")->option_text("DIR ...")->required();
  app.add_option("--measure", o.measure, "measure that is tested; otherwise the first one of the runs");
  app.add_option("--labels", o.labels, "names of the runs on the page; otherwise those of the folders")->delimiter(',');
  app.add_option("--out", o.out, "output folder")->option_text("DIR (out/compare)")->group(example::running_group);
  app.add_flag("--force", o.force, "replace the page in --out")->group(example::running_group);
  app.add_flag("--quiet", o.quiet, "no output except errors")->group(example::running_group);
  app.add_flag("--json", o.json, "the content of the page as one JSON object on standard output, and no other output")
      ->group(example::running_group);
  app.get_option("--labels")  // a list is one word
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void run(const Options& o) {
  const std::filesystem::path out(o.out);
  require<ValueError>(!std::filesystem::exists(out / "config.json"), "--out ", o.out,
                      ": the folder must not contain a run");
  require<ValueError>(o.force || !std::filesystem::exists(out / "report.html"), "--out ", o.out,
                      ": report.html exists; --force replaces it");
  const compare::Comparison comparison = compare::compare_runs(compare::read_runs(o.runs, o.labels), o.measure);
  const auto folder = example::output_folder(o.out, "report.html");
  const std::string missing = compare::write_page(comparison, folder);
  if (o.quiet) return;
  if (o.json) return example::print(unroll::detail::read_text(folder / "report.json"));
  example::print(text(compare::text_of(comparison), "\nreport page: ", (folder / "report.html").string(),
                      missing.empty() ? "" : ", without figures: " + missing, "\n"));
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("compare", [&] {
    Options options;
    const int status = example::read_command_line(
        "compare", "Compares runs of the example programs on one page.", argc, argv,
        [&](CLI::App& app) { add_options(app, options); },
        [&](const CLI::App&) {
          if (options.runs.size() < 2) example::refuse("run", "must be two or more folders, got one");
        });
    if (status >= 0) return status;
    run(options);
    return 0;
  });
}
