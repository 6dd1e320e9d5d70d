// docs/cells.md against the cells.

#include <fstream>
#include <sstream>

#include "cells/cell_run.hpp"
#include "cells/documented.hpp"
#include "support/catch.hpp"

namespace test_docs {

namespace {

using namespace cell_run;

std::string page(const char* name) {
  std::ifstream file(std::string(UNROLL_TEST_DATA) + "/../docs/" + name);
  REQUIRE(file.good());
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

/// Line of the table that begins with the name.
std::string row_of(const std::string& text, std::string_view name) {
  const auto begin = text.find(unroll::text("\n| ", name, " | "));
  return begin == text.npos ? std::string() : text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
}

std::string section_of(const std::string& text, std::string_view name) {
  const auto begin = text.find(unroll::text("\n### ", name, "\n"));
  return begin == text.npos ? std::string() : text.substr(begin + 1, text.find("\n### ", begin + 1) - begin);
}

}  // namespace

TEST_CASE("cells page: has the equations and parameter counts of every cell") {
  const std::string cells = page("cells.md");
  each_documented_cell([&]<class C>() {
    const std::string row = row_of(cells, C::name), end = table_row_end<C>();
    INFO("the row of '" << C::name << "' is\n" << row << "\nand must end with\n" << end);
    CHECK(row.ends_with(end));
    INFO("the section of '" << C::name << "' must be\n" << equation_block<C>());
    CHECK(cells.find(equation_block<C>()) != std::string::npos);
  });
}

TEST_CASE("cells page: has initial values, variant and source of every cell") {
  const std::string cells = page("cells.md");
  each_documented_cell([&]<class C>() {
    const std::string section = section_of(cells, C::name);
    INFO("the section of '" << C::name << "' is\n" << section);
    for (const char* part : {"\n- First values: ", "\n- Variant: ", "\n- Source: "})
      CHECK(section.find(part) != std::string::npos);
    if constexpr (requires { C::named_initializers(); })
      for (const auto& [block, initializer] : C::named_initializers()) {
        INFO("it must name the first values of " << block);
        CHECK(section.find("`" + block + "`") != std::string::npos);
      }
  });
}

TEST_CASE("cells: named initializers refer to parameters of the cell") {
  const auto check = []<class C>() {
    const C cell(sizes_for<C>(4));
    if constexpr (requires { C::named_initializers(); })
      for (const auto& [block, initializer] : C::named_initializers()) {
        INFO(C::name << " has no parameter '" << block << "'");
        CHECK(cell.parameters().find(block) != nullptr);
      }
  };
  each_cell<0, 1>(AllCells<double>{}, check);
}

}  // namespace test_docs
