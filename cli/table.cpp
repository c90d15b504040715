// Columns are as wide as their widest cell; the last one is not padded, so no line ends in blanks.
#include "cli/table.hpp"

#include <algorithm>

namespace tb::cli {
namespace {

std::string_view escape(Colour colour) {
    switch (colour) {
        case Colour::good:
            return "\x1b[32m";
        case Colour::warning:
            return "\x1b[33m";
        case Colour::bad:
            return "\x1b[1;31m";
        case Colour::dim:
            return "\x1b[2m";
        case Colour::none:
            break;
    }
    return {};
}

// Characters, not bytes: reasons may hold UTF-8.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

}  // namespace

std::string coloured(const Cell& cell, bool colours) {
    if (!colours || cell.colour == Colour::none) return cell.text;
    return std::string(escape(cell.colour)).append(cell.text).append("\x1b[0m");
}

Table::Table(std::vector<std::string> titles) : columns_(titles.size()), widths_(titles.size(), 0) {
    std::vector<Cell> cells;
    for (std::string& title : titles)
        cells.push_back({std::move(title), Colour::dim});
    add(std::move(cells));
}

void Table::add(std::vector<Cell> cells) {
    cells.resize(columns_);
    lines_.push_back({std::move(cells), {}});
}

void Table::note(std::string text, Colour colour) {
    lines_.push_back({{}, {std::move(text), colour}});
}

std::string Table::take(bool colours) {
    for (const Line& line : lines_)
        for (std::size_t i = 0; i < line.cells.size(); ++i)
            widths_[i] = std::max(widths_[i], width(line.cells[i].text));
    std::string out;
    for (const Line& line : lines_) {
        if (line.cells.empty()) {
            out.append("    ").append(coloured(line.note, colours)).push_back('\n');
            continue;
        }
        for (std::size_t i = 0; i < columns_; ++i) {
            const Cell& cell = line.cells[i];
            out += coloured(cell, colours);
            if (i + 1 < columns_) out.append(widths_[i] - width(cell.text) + 2, ' ');
        }
        out.push_back('\n');
    }
    lines_.clear();
    return out;
}

}  // namespace tb::cli
