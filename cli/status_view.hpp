// What `status` and `account show` say of the daemon's AccountStatus objects. Pure: the time of day
// is handed in.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "cli/table.hpp"

namespace tb::cli {

struct View {
    std::int64_t now_ms = 0;  // since the Unix epoch
    bool colours = false;
};

// One line for the daemon, one for each alarm, a table of the accounts; a page at a time, so that a
// million of them need no more memory than one page.
class StatusPages {
  public:
    explicit StatusPages(const View& view);
    // `daemon` is said above the first page only.
    std::string page(const boost::json::object& daemon, const boost::json::array& accounts);

  private:
    void add(const boost::json::object& account);
    View view_;
    Table table_;
    bool first_ = true;
};
// One account, one fact a line.
std::string account_text(const boost::json::object& account, const View& view);

}  // namespace tb::cli
