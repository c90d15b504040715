// load_config: all files are read and all sections checked before anything is judged, so that every
// mistake is reported in one go. Sections of all files make one configuration; where two files say
// the same thing, both places are named.
#include "daemon/config.hpp"

#include <fmt/core.h>

#include "daemon/access_selector.hpp"
#include "daemon/account_name.hpp"
#include "daemon/config_access.hpp"
#include "daemon/config_client.hpp"
#include "daemon/config_files.hpp"
#include "daemon/config_paths.hpp"
#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

class Loader {
  public:
    Loader(const std::string& main_file, bool user_mode)
        : main_file_(main_file.empty() ? default_config_file(user_mode) : main_file),
          user_mode_(user_mode) {}

    ConfigResult load() {
        config_.main_file = main_file_;
        if (user_mode_) set_user_paths(config_);
        std::vector<std::string> order{main_file_};
        for (const SourceFile& file : read_config_files(main_file_, mistakes_)) {
            if (file.path != main_file_) order.push_back(file.path);
            const auto tree = parse_toml(file.path, file.text, mistakes_);
            if (tree) read_tree(*tree);
        }
        if (config_.exchanges_per_origin_max > config_.exchanges_max)
            mistakes_.add(place_of("exchanges_per_origin_max", "exchanges_max"),
                          fmt::format("exchanges_per_origin_max ({}) is more than exchanges_max "
                                      "({}); lower the first or raise the second",
                                      config_.exchanges_per_origin_max, config_.exchanges_max));
        warn_of_unknown_clients(config_, mistakes_);
        return {std::move(config_), mistakes_.sorted(order)};
    }

  private:
    void read_tree(const TomlTable& tree) {
        TomlTable fresh;  // without what another file has said already
        for (const TomlNode& node : tree.items) {
            const bool section = node.key == "clients" || node.key == "access";
            const auto [before, first] = places_.try_emplace(node.key, node.place);
            if (section || first)
                fresh.items.push_back(node);
            else
                mistakes_.add(node.place, fmt::format("{} is set already at {}; keep one", node.key,
                                                      before->second));
        }
        TableReader reader(fresh, "", mistakes_);
        read_top(reader);
        if (const TomlNode* clients = reader.take("clients")) read_clients(*clients);
        if (const TomlNode* access = reader.take("access")) read_rules(*access);
        reader.finish();
    }

    void checked(TableReader& reader, std::string_view key, std::string& value,
                 std::string (*check)(std::string_view), std::string_view example) {
        const auto text = reader.text(key, example);
        if (!text) return;
        const std::string wrong = check(*text);
        if (wrong.empty())
            value = *text;
        else
            reader.complain(*reader.take(key), wrong);
    }

    void read_top(TableReader& reader) {
        checked(reader, "state_dir", config_.state_dir, check_path, "/var/lib/tokenbroker");
        checked(reader, "tokens_socket", config_.tokens_socket, check_socket_path,
                "/run/tokenbroker/tokens.sock");
        checked(reader, "admin_socket", config_.admin_socket, check_socket_path,
                "/run/tokenbroker/admin.sock");
        checked(reader, "proxy", config_.proxy, check_proxy, "http://proxy.example.com:3128");
        checked(reader, "admin_group", config_.admin_group, check_group, "tokenbroker-admin");
        constexpr int most = limits::exchanges_configurable_max;
        if (const auto n = reader.integer("exchanges_max", 1, most))
            config_.exchanges_max = static_cast<int>(*n);
        if (const auto n = reader.integer("exchanges_per_origin_max", 1, most))
            config_.exchanges_per_origin_max = static_cast<int>(*n);
        if (const auto list = reader.texts("no_proxy", ".example.com")) {
            config_.no_proxy = *list;
            for (const std::string& entry : *list)
                if (const std::string wrong = check_no_proxy(entry); !wrong.empty())
                    reader.complain(*reader.take("no_proxy"), wrong);
        }
        static const std::vector<std::string> levels{"critical", "error", "warning",
                                                     "notice",   "info",  "debug"};
        if (const auto level = reader.word("log_level", levels)) config_.log_level = levels[*level];
    }

    static std::string check_group(std::string_view name) {
        Selector scratch;
        return set_selector(scratch, "group", name).empty()
                   ? ""
                   : fmt::format("is {}, which is no usable group; create it: groupadd --system {}",
                                 quote(name), name);
    }

    void read_clients(const TomlNode& clients) {
        const auto* table = clients.get<TomlTable>();
        if (table == nullptr) {
            mistakes_.add(clients.place, fmt::format("clients must be written as [clients.NAME] "
                                                     "sections, not as {}",
                                                     type_name(clients)));
            return;
        }
        for (const TomlNode& section : table->items) {
            const auto* keys = section.get<TomlTable>();
            if (keys == nullptr) {
                mistakes_.add(section.place,
                              fmt::format("clients.{} must be a section [clients.{}], not {}",
                                          section.key, section.key, type_name(section)));
                continue;
            }
            const auto before = config_.clients.find(section.key);
            if (before != config_.clients.end())
                mistakes_.add(section.place,
                              fmt::format("client {} is there already at {}; keep one, or give "
                                          "this one another name",
                                          quote(section.key), before->second.settings.place));
            ClientConfig client = read_client(section, *keys, mistakes_);
            config_.clients.try_emplace(section.key, std::move(client));
        }
    }

    void read_rules(const TomlNode& access) {
        const auto* list = access.get<TomlList>();
        if (list == nullptr) {
            mistakes_.add(access.place, fmt::format("access must be written as [[access]] sections "
                                                    "(two brackets), not as {}",
                                                    type_name(access)));
            return;
        }
        for (const TomlNode& rule : list->items) {
            if (config_.access.size() == limits::access_rules_max) {
                mistakes_.add(rule.place,
                              fmt::format("more than {} access rules; use groups and wildcards",
                                          limits::access_rules_max));
                return;
            }
            config_.access.push_back(read_access(rule, user_mode_, mistakes_));
        }
    }

    std::string place_of(const std::string& key, const std::string& otherwise) const {
        for (const std::string& one : {key, otherwise})
            if (const auto found = places_.find(one); found != places_.end()) return found->second;
        return main_file_;
    }

    std::string main_file_;
    bool user_mode_;
    Config config_;
    MistakeList mistakes_;
    std::map<std::string, std::string> places_;  // of top-level keys
};

}  // namespace

ConfigResult load_config(const std::string& main_file, bool user_mode) {
    return Loader(main_file, user_mode).load();
}

const ClientConfig* find_client(const Config& config, std::string_view account) {
    const auto name = parse_account_name(account);
    if (!name) return nullptr;
    const auto found = config.clients.find(std::string(name->client));
    return found == config.clients.end() ? nullptr : &found->second;
}

}  // namespace tb::daemon
