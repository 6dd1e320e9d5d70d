#include "pictures.hpp"

#include <cmath>
#include <cstdlib>

#include "unroll/io/checkpoint.hpp"

namespace har {

using namespace unroll;

ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs) {
  ConfusionMatrix::Counts sum = runs.front().confusion.counts();
  for (std::size_t k = 1; k < runs.size(); ++k) sum += runs[k].confusion.counts();
  return sum;
}

namespace {

/// For gnuplot, which runs what stands in backquotes, but not between single quotes.
std::string quoted(const std::string& words) {
  std::string safe = "'";
  for (const char c : words) safe += c == '\'' ? "''" : std::string(1, static_cast<unsigned char>(c) < 0x20 ? '?' : c);
  return safe + "'";
}

/// Mean, smallest and largest value of the runs that came as far as this epoch.
std::string over_runs(const std::vector<Run>& runs, std::size_t epoch, double Epoch::*value, double scale) {
  double sum = 0, low = HUGE_VAL, high = -HUGE_VAL;
  int count = 0;
  for (const Run& run : runs) {
    if (epoch >= run.fit.history.size()) continue;
    const double v = scale * (run.fit.history[epoch].*value);
    sum += v, low = std::min(low, v), high = std::max(high, v);
    ++count;
  }
  return text(" ", sum / count, " ", low, " ", high);
}

std::string curve_data(const std::vector<Run>& runs) {
  std::size_t epochs = 0;
  for (const Run& run : runs) epochs = std::max(epochs, run.fit.history.size());
  std::string table =
      "# epoch, then mean, smallest and largest of the runs: training loss, watched loss, training top-1 in %, watched "
      "top-1 in %\n";
  for (std::size_t e = 0; e < epochs; ++e)
    table +=
        text(e + 1, over_runs(runs, e, &Epoch::loss, 1), over_runs(runs, e, &Epoch::validation_loss, 1),
             over_runs(runs, e, &Epoch::accuracy, 100), over_runs(runs, e, &Epoch::validation_accuracy, 100), "\n");
  return table;
}

std::string curve_script(const Options& options, const Data& data, std::size_t runs) {
  const std::string watched = options.validation > 0 ? "validation" : "test";
  const std::string title =
      text(data.name, ", ", options.cell, " with ", options.units,
           " units: ", runs > 1 ? text("mean and range of ", runs, " runs") : std::string("1 run"));
  const std::string guess = text(std::log(double(data.classes.size())));
  return text(R"(# gnuplot curve.gp draws curve.png from curve.dat
set terminal pngcairo size 1000,760 noenhanced font 'sans,13'
set output 'curve.png'
set multiplot layout 2,1 title )",
              quoted(title), R"( font 'sans,15'
set lmargin 9
set rmargin 3
set grid lc rgb '#dddddd'
set border 3 lc rgb '#555555'
set tics nomirror out
set style fill transparent solid 0.18 noborder
train = '#1f6fb4'
watched = '#d95f02'
set ylabel 'cross entropy (nats)'
set yrange [0:*]
set format x ''
set bmargin 0.8
set key top right
plot )",
              guess, " with lines lc rgb '#999999' dt 2 title ", quoted(text("guessing: ln ", data.classes.size())),
              R"(, \
     'curve.dat' using 1:3:4 with filledcurves lc rgb train notitle, \
     'curve.dat' using 1:6:7 with filledcurves lc rgb watched notitle, \
     'curve.dat' using 1:2 with lines lw 2.5 lc rgb train title 'training', \
     'curve.dat' using 1:5 with lines lw 2.5 lc rgb watched title ')",
              watched, R"('
set ylabel 'top-1 accuracy (%)'
set xlabel 'epoch'
set yrange [0:102]
set format x '%g'
set tmargin 0.8
set bmargin 3.5
set key bottom right
plot )",
              100 / double(data.classes.size()), R"( with lines lc rgb '#999999' dt 2 title 'guessing', \
     'curve.dat' using 1:9:10 with filledcurves lc rgb train notitle, \
     'curve.dat' using 1:12:13 with filledcurves lc rgb watched notitle, \
     'curve.dat' using 1:8 with lines lw 2.5 lc rgb train title 'training', \
     'curve.dat' using 1:11 with lines lw 2.5 lc rgb watched title ')",
              watched, "'\nunset multiplot\n");
}

std::string confusion_data(const ConfusionMatrix::Counts& counts) {
  std::string table = "# predicted class, true class, sequences, share of the true class in %\n";
  for (Index truth = 0; truth < counts.rows(); ++truth)
    for (Index k = 0; k < counts.cols(); ++k) {
      const Index of_class = std::max<Index>(counts.row(truth).sum(), 1);
      table += text(k, " ", truth, " ", counts(truth, k), " ", 100 * double(counts(truth, k)) / double(of_class), "\n");
    }
  return table;
}

std::string confusion_script(const Options& options, const Data& data, std::size_t runs) {
  std::string tics;
  for (std::size_t k = 0; k < data.classes.size(); ++k)
    tics += text(k == 0 ? "" : ", ", quoted(data.classes[k]), " ", k);
  const std::size_t n = data.classes.size();
  const std::string title = text(data.name, ", ", options.cell, " with ", options.units, " units: test sequences of ",
                                 runs, runs > 1 ? " runs" : " run");
  return text(R"(# gnuplot confusion.gp draws confusion.png from confusion.dat
set terminal pngcairo size )",
              420 + 80 * n, ",", 260 + 80 * n, R"( noenhanced font 'sans,13'
set output 'confusion.png'
set title )",
              quoted(title), R"( font 'sans,14'
set xlabel 'predicted'
set ylabel 'true'
set cblabel 'share of the true class (%)'
set cbrange [0:100]
set palette defined (0 '#ffffff', 50 '#6baed6', 100 '#08519c')
set size ratio -1
set xrange [-0.5:)",
              double(n) - 0.5, "]\nset yrange [", double(n) - 0.5, R"(:-0.5]
set tics scale 0
set xtics rotate by -30 left
set border lc rgb '#555555'
set xtics ()",
              tics, ")\nset ytics (", tics, R"()
unset key
plot 'confusion.dat' using 1:2:4 with image, \
     'confusion.dat' using 1:2:(sprintf('%d', $3)):($4 > 60 ? 0xffffff : ($3 > 0 ? 0x000000 : 0xaaaaaa)) \
       with labels tc rgb variable font 'sans,15'
)");
}

/// For a shell: what stands between single quotes is taken as it is.
std::string shell_quoted(const std::string& words) {
  std::string safe = "'";
  for (const char c : words) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

}  // namespace

Pictures draw(const std::filesystem::path& folder, const Options& options, const Data& data,
              const std::vector<Run>& runs) {
  write_text(folder / "curve.dat", curve_data(runs));
  write_text(folder / "curve.gp", curve_script(options, data, runs.size()));
  write_text(folder / "confusion.dat", confusion_data(confusion_of_all(runs)));
  write_text(folder / "confusion.gp", confusion_script(options, data, runs.size()));
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0) return {{}, "gnuplot is not installed"};
  Pictures pictures;
  for (const char* name : {"curve", "confusion"}) {
    const std::string command = text("cd -- ", shell_quoted(std::filesystem::absolute(folder).string()), " && gnuplot ",
                                     name, ".gp > gnuplot.log 2>&1");
    if (std::system(command.c_str()) != 0) return {{}, "gnuplot failed, see gnuplot.log there"};
    pictures.files.push_back(text(name, ".png"));
  }
  std::filesystem::remove(folder / "gnuplot.log");
  return pictures;
}

}  // namespace har
