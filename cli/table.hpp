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
    std::string render(bool colours) const;

  private:
    struct Line {
        std::vector<Cell> cells;  // empty: a note
        Cell note;
    };
    std::vector<Line> lines_;
    std::size_t columns_;
};

std::string coloured(const Cell& cell, bool colours);

}  // namespace tb::cli
