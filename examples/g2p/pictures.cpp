#include "pictures.hpp"

#include <algorithm>

#include "../support/gnuplot.hpp"
#include "unroll/io/checkpoint.hpp"

namespace g2p {

using namespace unroll;
using example::quoted;

namespace {

std::string map_data(const Matrix<float>& attention) {
  std::string table = "# letter, phoneme, share of the attention in %\n";
  for (Index t = 0; t < attention.cols(); ++t)
    for (Index s = 0; s < attention.rows(); ++s) table += text(s, " ", t, " ", 100 * attention(s, t), "\n");
  return table;
}

std::string tics(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t k = 0; k < names.size(); ++k) list += text(k == 0 ? "" : ", ", quoted(names[k]), " ", k);
  return list;
}

std::string map_script(const std::string& title, const std::vector<std::string>& letters,
                       const std::vector<std::string>& phonemes) {
  return text(R"(# gnuplot map.gp draws map.svg from map.dat
set terminal svg size )",
              std::max<std::size_t>(480, 220 + 46 * letters.size()), ",", 150 + 46 * phonemes.size(),
              R"( dynamic noenhanced font 'sans,14' background '#ffffff'
set output 'map.svg'
set title )",
              quoted(title), R"(
set xlabel 'letter'
set ylabel 'phoneme'
set cblabel 'attention (%)'
set cbrange [0:100]
set palette defined (0 '#ffffff', 50 '#6baed6', 100 '#08519c')
set size ratio -1
set xrange [-0.5:)",
              double(letters.size()) - 0.5, "]\nset yrange [", double(phonemes.size()) - 0.5, R"(:-0.5]
set tics scale 0
set border lc rgb '#555555'
set xtics ()",
              tics(letters), ")\nset ytics (", tics(phonemes), R"()
unset key
plot 'map.dat' using 1:2:3 with image pixels, \
     'map.dat' using 1:2:($3 >= 5 ? sprintf('%.0f', $3) : ''):($3 > 60 ? 0xffffff : 0x000000) \
       with labels tc rgb variable font 'sans,11'
)");
}

}  // namespace

std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const Hypothesis<float>& written, const std::string& network) {
  std::vector<std::string> phonemes;
  for (const Index token : written.tokens) phonemes.push_back(vocabulary.spoken({&token, 1}));
  write_text(folder / "map.dat", map_data(written.attention));
  write_text(folder / "map.gp", map_script(word + ": " + network, letters_of(word), phonemes));
  if (phonemes.empty()) return "not one phoneme was written";
  return example::draw(folder, "map");
}

}  // namespace g2p
