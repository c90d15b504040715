// Text in columns, with colours that don't count as width. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tb::cli {

enum class Colour : std::uint8_t { none, good, warning, bad, dim };

struct Cell {
    std::string text;
    Colour colour = Colour::none;
};

class Table {
  public:
    explicit Table(std::vector<std::string> titles);
    void add(std::vector<Cell> cells);
    // A line below the row added last, indented, over the whole width.
    void note(std::string text, Colour colour);
    // What was added since the last time, under columns that are as wide as any before: so a list
    // of any length is printed a page at a time. The titles come with the first.
    std::string take(bool colours);

  private:
    struct Line {
        std::vector<Cell> cells;  // empty: a note
        Cell note;
    };
    std::vector<Line> lines_;
    std::size_t columns_;
    std::vector<std::size_t> widths_;
};

std::string coloured(const Cell& cell, bool colours);

}  // namespace tb::cli
