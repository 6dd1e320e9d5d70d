#include "pictures.hpp"

#include "../support/gnuplot.hpp"
#include "unroll/io/checkpoint.hpp"

namespace hcp {

using namespace unroll;

namespace {

std::string head(const std::string& name, Index width, Index height) {
  return text("# gnuplot ", name, ".gp draws ", name, ".svg\nset terminal svg size ", width, ",", height,
              " dynamic noenhanced font 'sans,14' background '#ffffff'\nset output '", name,
              ".svg'\nset tics nomirror out\nset border 3 lc rgb '#555555'\n");
}

std::string tested(const Results& results) {
  return text(results.main().steps.groups(), results.test ? " test participants" : " participants, cross-validation");
}

std::string accuracy_data(const Results& results) {
  const Scores& scores = results.main();
  std::string table = "# second, accuracy, low and high limit, majority level, cross-validation, all in %\n";
  for (std::size_t t = 0; t < scores.at_step.size(); ++t) {
    const Interval i = scores.at_step[t].accuracy();
    table += text(t, " ", 100 * i.value, " ", 100 * i.low, " ", 100 * i.high, " ", 100 * results.chance.at_step[t]);
    const bool known = results.validation && t < results.validation->at_step.size();
    table += known ? text(" ", 100 * results.validation->at_step[t].accuracy().value, "\n") : " NaN\n";
  }
  return table;
}

std::string accuracy_script(const Options& options, const Results& results) {
  std::string script = head("accuracy", 900, 480);
  script += text("set title '", options.model.kind, ", ", options.model.units, " units: ", tested(results), R"('
set xlabel 'seconds since the clip began'
set ylabel 'sequences told rightly (%)'
set yrange [0:100]
set grid ytics lc rgb '#e5e5e5'
set key inside right center
set style fill transparent solid 0.22 noborder
plot 'accuracy.dat' using 1:3:4 with filledcurves lc rgb '#1f6fb4' title '95 % limits over participants', \
     'accuracy.dat' using 1:2 with lines lw 2.5 lc rgb '#1f6fb4' title 'accuracy', \
)");
  if (results.test && results.validation)
    script += "     'accuracy.dat' using 1:6 with lines lw 1.5 lc rgb '#d95f02' title 'cross-validation', \\\n";
  return script +
         "     'accuracy.dat' using 1:5 with steps lw 1.5 lc rgb '#777777' dt 2 title 'naming the most frequent "
         "clip'\n";
}

std::string confusion_data(const ConfusionMatrix::Counts& counts) {
  std::string table = "# predicted clip, true clip, steps, share of the true clip in %\n";
  for (Index truth = 0; truth < counts.rows(); ++truth)
    for (Index k = 0; k < counts.cols(); ++k) {
      const Index all = std::max<Index>(counts.row(truth).sum(), 1);
      table += text(k, " ", truth, " ", counts(truth, k), " ", 100 * double(counts(truth, k)) / double(all), "\n");
    }
  return table;
}

std::string confusion_script(const Options& options, const Results& results) {
  std::string tics;
  for (std::size_t k = 0; k < clip_names().size(); ++k) tics += text(k == 0 ? "" : ", ", "'", clip_names()[k], "' ", k);
  return head("confusion", 800, 680) + text("set title '", options.model.kind, ", ", options.model.units,
                                            " units: ", tested(results), R"('
set xlabel 'predicted'
set ylabel 'true'
set cblabel 'share of the true clip (% of its seconds)'
set cbrange [0:100]
set palette defined (0 '#ffffff', 50 '#6baed6', 100 '#08519c')
set size ratio -1
set lmargin 17
set rmargin 10
set tmargin 2
set bmargin 8
set xrange [-0.5:14.5]
set yrange [14.5:-0.5]
set tics scale 0
set xtics rotate by -45 left
set xtics ()",
                                            tics, ")\nset ytics (", tics, R"()
unset key
plot 'confusion.dat' using 1:2:4 with image pixels, \
     'confusion.dat' using 1:2:($4 >= 1 ? sprintf('%.0f', $4) : ''):($4 > 60 ? 0xffffff : 0x000000) \
       with labels tc rgb variable font 'sans,11'
)");
}

std::string controls_data(const LeakReport& leak) {
  std::string table = "# place, name, balanced accuracy, low and high limit, chance, all in %\n";
  for (std::size_t k = 0; k < leak.controls.size(); ++k) {
    const ControlResult& result = leak.controls[k];
    table += text(k, " \"", name(result.control), "\" ", 100 * result.balanced.value, " ", 100 * result.balanced.low,
                  " ", 100 * result.balanced.high, " ", 100 * result.balanced_chance, "\n");
  }
  return table;
}

std::string controls_script(const Options& options, const LeakReport& leak) {
  return head("controls", 900, 320) + text("set label '", options.model.kind, ", ", options.model.units,
                                           " units: ", leak.repeats, leak.repeats == 1 ? " run" : " runs",
                                           " of each control, ", leak.groups,
                                           " participants' at screen 0.5, 0.94 center font 'sans,15'\n",
                                           R"(set lmargin 43
set tmargin 3
set xlabel 'balanced accuracy (%), 95 % limits'
set xrange [0:100]
set yrange [)",
                                           double(leak.controls.size()) - 0.5, R"(:-0.5]
set grid xtics lc rgb '#e5e5e5'
set key inside right bottom
set style fill solid 0.8 noborder
plot 'controls.dat' using ($3/2):1:($3/2):(0.3):ytic(2) with boxxyerror lc rgb '#6baed6' title 'balanced accuracy', \
     'controls.dat' using 3:1:4:5 with xerrorbars pt 7 ps 0.4 lw 1.5 lc rgb '#333333' notitle, \
     'controls.dat' using 6:($1-0.45):(0):(0.9) with vectors nohead lw 2 lc rgb '#d95f02' title 'best guess'
)");
}

}  // namespace

Pictures draw(const std::filesystem::path& folder, const Options& options, const Results& results) {
  write_text(folder / "accuracy.dat", accuracy_data(results));
  write_text(folder / "accuracy.gp", accuracy_script(options, results));
  write_text(folder / "confusion.dat", confusion_data(results.main().confusion.counts()));
  write_text(folder / "confusion.gp", confusion_script(options, results));
  std::vector<std::string> names{"accuracy", "confusion"};
  if (results.leak) {
    write_text(folder / "controls.dat", controls_data(*results.leak));
    write_text(folder / "controls.gp", controls_script(options, *results.leak));
    names.push_back("controls");
  }
  Pictures pictures;
  for (const std::string& name : names) {
    pictures.missing = example::draw(folder, name);
    if (!pictures.missing.empty()) return pictures;
    pictures.files.push_back(name + ".svg");
  }
  return pictures;
}

}  // namespace hcp
