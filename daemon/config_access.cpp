// Access rules of the config file. A rule that could never match is a mistake, not a silent no: in
// system mode that includes rules on the caller's executable without the capability to see it.
#include "daemon/config_access.hpp"

#include <fmt/core.h>

#include "daemon/access_selector.hpp"
#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

constexpr std::string_view allow_example = "write allow = [\"user:alice\", \"group:games\"]";

class RuleReader {
  public:
    RuleReader(bool user_mode, MistakeList& mistakes)
        : user_mode_(user_mode), mistakes_(mistakes) {}

    AccessRule read(const TomlNode& node) {
        rule_.place = node.place;
        const auto* table = node.get<TomlTable>();
        if (table == nullptr) {
            mistakes_.add(node.place, fmt::format("access must be written as [[access]] sections, "
                                                  "not as {}",
                                                  type_name(node)));
            return std::move(rule_);
        }
        TableReader reader(*table, "access.", mistakes_);
        read_accounts(reader, node.place);
        read_allow(reader, node.place);
        reader.finish();
        return std::move(rule_);
    }

  private:
    void read_accounts(TableReader& reader, const std::string& place) {
        const TomlNode* node = reader.take("accounts");
        const auto accounts = reader.texts("accounts", "shop/*");
        if (node == nullptr || (accounts && accounts->empty())) {
            mistakes_.add(node == nullptr ? place : node->place,
                          "access.accounts names no account; write accounts = [\"shop/*\"]");
            return;
        }
        if (!accounts) return;
        for (const std::string& glob : *accounts)
            if (const std::string wrong = check_account_glob(glob); !wrong.empty())
                reader.complain(*node, wrong);
        rule_.accounts = *accounts;
    }

    void read_allow(TableReader& reader, const std::string& place) {
        const TomlNode* node = reader.take("allow");
        const TomlList* list = node == nullptr ? nullptr : node->get<TomlList>();
        if (node == nullptr) {
            mistakes_.add(place, fmt::format("access.allow is missing; {}", allow_example));
        } else if (list == nullptr) {
            reader.complain(
                *node, fmt::format("must be a list, not {}; {}", type_name(*node), allow_example));
        } else if (list->items.empty()) {
            reader.complain(*node, fmt::format("is empty, so the rule lets nobody in; {}, or leave "
                                               "the rule out",
                                               allow_example));
        } else {
            for (const TomlNode& item : list->items)
                read_selector(item);
        }
    }

    void read_selector(const TomlNode& node) {
        if (const auto* text = node.get<std::string>()) {
            Result<Selector> parsed = parse_selector(*text);
            if (parsed)
                keep(node, std::move(*parsed));
            else
                mistakes_.add(node.place, "access.allow: " + parsed.error().message);
        } else if (const auto* table = node.get<TomlTable>()) {
            read_selector_table(node, *table);
        } else {
            mistakes_.add(node.place,
                          fmt::format("access.allow holds {}; {}", type_name(node), allow_example));
        }
    }

    void read_selector_table(const TomlNode& node, const TomlTable& table) {
        Selector selector;
        bool good = true;
        for (const TomlNode& member : table.items) {
            std::string value;
            if (const auto* text = member.get<std::string>()) value = *text;
            const auto* number = member.get<std::int64_t>();
            const bool id = member.key == "uid" || member.key == "gid";
            if (number != nullptr && id) value = std::to_string(*number);
            std::string wrong;
            if (member.get<std::string>() == nullptr && (number == nullptr || !id))
                wrong = fmt::format("{} must be a string, not {}", quote(member.key),
                                    type_name(member));
            else
                wrong = set_selector(selector, member.key, value);
            if (wrong.empty()) continue;
            mistakes_.add(member.place, "access.allow: " + wrong);
            good = false;
        }
        if (!good) return;
        if (const std::string wrong = check_selector(selector); !wrong.empty())
            mistakes_.add(node.place, "access.allow: " + wrong);
        else
            keep(node, std::move(selector));
    }

    void keep(const TomlNode& node, Selector selector) {
        const bool on_exe = selector.exe || !selector.exe_sha256.empty();
        if (on_exe && !user_mode_ && !has_ptrace_capability()) {
            mistakes_.add(
                node.place,
                "access.allow: rules on exe need CAP_SYS_PTRACE, which this daemon lacks, "
                "so they would never match; install the drop-in exe-rules.conf into "
                "/etc/systemd/system/tokenbrokerd.service.d and restart, or leave exe "
                "out");
            return;
        }
        rule_.allow.push_back(std::move(selector));
    }

    bool user_mode_;
    MistakeList& mistakes_;
    AccessRule rule_;
};

}  // namespace

AccessRule read_access(const TomlNode& rule, bool user_mode, MistakeList& mistakes) {
    return RuleReader(user_mode, mistakes).read(rule);
}

void warn_of_unknown_clients(const Config& config, MistakeList& mistakes) {
    std::vector<std::string> known;
    for (const auto& [name, client] : config.clients)
        known.push_back(name);
    for (const AccessRule& rule : config.access) {
        for (const std::string& glob : rule.accounts) {
            const std::string client = glob.substr(0, glob.find('/'));
            if (client.find_first_of("*?") != std::string::npos || config.clients.contains(client))
                continue;
            mistakes.warn(rule.place, fmt::format("access.accounts: {} is of no [clients.{}] "
                                                  "section; {}",
                                                  quote(glob), client, suggest(client, known)));
        }
    }
}

}  // namespace tb::daemon
