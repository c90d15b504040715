// GetStatus: the daemon, and a page of accounts. A page is one turn of the brain at most: whoever
// asks for more of a million waits his turn for the next.
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "daemon/status_json.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {
namespace {

// How a change of the master key goes; empty: there is none.
std::string rekey_words(const storage::StoreKeys& keys) {
    if (!keys.changing) return {};
    if (!keys.trouble.empty()) return "it does not get on: " + keys.trouble;
    if (keys.waits_for_stop)
        return "everything is under the new key; the old one goes at the next stop of the daemon";
    return fmt::format("{} rows are under the new key", keys.resealed);
}

// It ends at its limit or where the frame would be too large, but has one account at least.
struct Page {
    const Broker& broker;
    Moment at;
    std::size_t limit;
    boost::json::array accounts{};
    std::string last{};  // the name of the last account in it
    std::size_t bytes = 4096;

    // False: it is full.
    bool add(const Account& account) {
        auto status = account_status(account, broker, at);
        bytes += boost::json::serialize(status).size() + 1;
        if (!accounts.empty() && bytes > limits::frame_bytes_max) return false;
        accounts.push_back(std::move(status));
        last = account.name;
        return accounts.size() < limit;
    }
};

}  // namespace

boost::json::object AdminService::daemon_status() const {
    boost::json::object out;
    out["version"] = TB_VERSION;
    out["pid"] = ::getpid();
    out["started_at_ms"] = to_ms(started_);
    out["accounts"] = table_.size();
    out["exchanges_in_flight"] = broker_.exchanges_in_flight();
    out["connections"] = hooks_.connections ? hooks_.connections() : 0;
    out["state_dir"] = table_.config()->state_dir;
    out["config"] = table_.config()->main_file;
    const storage::StoreKeys keys = deps_.store.keys();
    out["master_key"] = keys.path;
    out["master_key_id"] = keys.id;
    if (keys.changing) out["rekey"] = rekey_words(keys);
    boost::json::array alarms;
    for (const std::string& alarm : broker_.alarms())
        alarms.emplace_back(alarm);
    out["alarms"] = std::move(alarms);
    return out;
}

void AdminService::get_status(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    auto names = arguments.texts("accounts", static_cast<std::size_t>(limits::status_page_max),
                                 limits::account_name_bytes_max, false);
    const auto given = arguments.optional_text("after", limits::account_name_bytes_max);
    const auto limit = arguments.integer("limit", 1, limits::status_page_max).value_or(200);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    for (const std::string& name : names) {
        if (table_.find(name) != nullptr) continue;
        connection.out() += admin_error(name, Error{errc::unknown_account, name});
        return;
    }
    std::string after = given.value_or("");
    Page page{broker_, broker_.moment(), static_cast<std::size_t>(limit)};
    Turn turn(deps_.clock);
    bool more = false;
    if (names.empty()) {
        bool full = false;
        const auto add = [&](const Account& account) {
            full = !page.add(account);
            return !full;
        };
        more = table_.some_after(after, turn, add) || full;
    }
    std::ranges::sort(names);  // told in order, so that `after` means the same for them
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (auto name = std::ranges::upper_bound(names, after); name != names.end() && !more; ++name)
        more = !turn.more() || !page.add(*table_.find(*name));
    boost::json::object reply;
    reply["daemon"] = daemon_status();
    const bool all_told = !names.empty() && page.last == names.back();
    if (more && !all_told) reply["next"] = page.last;
    reply["accounts"] = std::move(page.accounts);
    connection.out() += proto::make_reply(reply);
}

}  // namespace tb::daemon
