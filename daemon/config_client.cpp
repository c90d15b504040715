// Client sections: the keys that every client has are read here, everything else goes to the
// provider's check as plain values. A section with mistakes is still read to its end, so that all
// of them are found.
#include "daemon/config_client.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/limits.hpp"
#include "daemon/account_name.hpp"
#include "daemon/config_secret.hpp"
#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

std::string check_ca_file(const std::string& path) {
    if (std::string wrong = check_path(path); !wrong.empty()) return wrong;
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return fmt::format(
            "names {}, which can't be read ({}); put the CA's certificate there as PEM", path,
            strerror(errno));
    std::string text(limits::config_file_bytes_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos &&
        text.find("-----BEGIN TRUSTED CERTIFICATE-----") == std::string::npos)
        return fmt::format(
            "names {}, which holds no certificate; it must be PEM (-----BEGIN CERTIFICATE-----)",
            path);
    return {};
}

std::optional<providers::Value> to_setting(const TomlNode& node) {
    if (const auto* text = node.get<std::string>()) return *text;
    if (const auto* integer = node.get<std::int64_t>()) return *integer;
    if (const auto* real = node.get<double>()) return *real;
    if (const auto* flag = node.get<bool>()) return *flag;
    if (const auto* list = node.get<TomlList>()) {
        std::vector<std::string> texts;
        for (const TomlNode& item : list->items) {
            if (item.get<std::string>() == nullptr) return std::nullopt;
            texts.push_back(*item.get<std::string>());
        }
        return texts;
    }
    if (const auto* table = node.get<TomlTable>()) {
        std::map<std::string, std::string> texts;
        for (const TomlNode& item : table->items) {
            if (item.get<std::string>() == nullptr) return std::nullopt;
            texts[item.key] = *item.get<std::string>();
        }
        return texts;
    }
    return std::nullopt;
}

class ClientReader {
  public:
    ClientReader(const TomlNode& section, const TomlTable& table, MistakeList& mistakes)
        : section_(section),
          mistakes_(mistakes),
          where_(fmt::format("clients.{}.", section.key)),
          reader_(table, where_, mistakes) {}

    ClientConfig read() {
        client_.settings.name = section_.key;
        client_.settings.place = section_.place;
        read_provider();
        read_network();
        read_behaviour();
        for (const std::string& key : secret_keys()) {
            const TomlNode* node = reader_.take(key);
            if (node == nullptr) continue;
            const SecretSource source = read_secret_source(*node, section_.key, mistakes_);
            if (source.kind != SecretSource::Kind::none) client_.secrets[key] = source;
        }
        read_settings();
        check_settings();
        return std::move(client_);
    }

  private:
    void read_provider() {
        std::vector<std::string> known;
        for (const std::string_view name : providers::provider_names())
            known.emplace_back(name);
        if (reader_.take("provider") == nullptr) {
            mistakes_.add(section_.place, fmt::format("clients.{} names no provider; write "
                                                      "provider = \"...\", {}",
                                                      section_.key, suggest("", known)));
            return;
        }
        const auto name = reader_.text("provider", "webroot");
        if (!name) return;
        client_.settings.provider = *name;
        client_.provider = providers::find_provider(*name);
        if (client_.provider == nullptr)
            reader_.complain(
                *reader_.take("provider"),
                fmt::format("is {}, which is unknown; {}", quote(*name), suggest(*name, known)));
    }

    void checked(std::string_view key, std::string& value, std::string (*check)(std::string_view),
                 std::string_view example) {
        const auto text = reader_.text(key, example);
        if (!text) return;
        const std::string wrong = check(*text);
        if (wrong.empty())
            value = *text;
        else
            reader_.complain(*reader_.take(key), wrong);
    }

    void read_network() {
        client_.settings.base_url =
            reader_.text("base_url", "https://api.example.com").value_or("");
        client_.settings.client_id = reader_.text("client_id", "client_1@example.com").value_or("");
        client_.settings.scopes =
            reader_.texts("scopes", "ecom.shop").value_or(std::vector<std::string>{});
        client_.settings.allow_loopback_http = reader_.flag("allow_loopback_http").value_or(false);
        checked("proxy", client_.proxy, check_proxy, "http://proxy.example.com:3128");
        client_.no_proxy =
            reader_.texts("no_proxy", ".example.com").value_or(std::vector<std::string>{});
        for (const std::string& entry : client_.no_proxy)
            if (const std::string wrong = check_no_proxy(entry); !wrong.empty())
                reader_.complain(*reader_.take("no_proxy"), wrong);
        const auto ca_file = reader_.text("ca_file", "/etc/ssl/certs/own-ca.pem");
        if (!ca_file) return;
        const std::string wrong = check_ca_file(*ca_file);
        if (!wrong.empty()) reader_.complain(*reader_.take("ca_file"), wrong);
        client_.ca_file = *ca_file;
    }

    void read_behaviour() {
        using providers::Policy;
        static constexpr std::array policies{Policy::ahead, Policy::when_used, Policy::on_demand,
                                             Policy::static_token};
        const auto policy = reader_.word("policy", {"ahead", "when_used", "on_demand", "static"});
        if (policy) client_.policy = policies[*policy];
        if (reader_.word("ambiguous_retry", {"now", "defer"}) == 1U)
            client_.ambiguous_retry = AmbiguousRetry::defer;
        client_.operator_probe_daily = reader_.flag("probe").value_or(false);
        client_.strict = reader_.flag("strict").value_or(false);
    }

    void read_settings() {
        for (const TomlNode* node : reader_.rest()) {
            if (node->get<std::string>() != nullptr && names_a_secret(node->key)) {
                mistakes_.add(node->place,
                              fmt::format("{}{} is a secret in the clear, which this file must not "
                                          "hold; a client's secret is client_secret, api_key or "
                                          "secret_key = {{ file = \"/path\" }}, an account's comes "
                                          "by: tokenbroker account add {}/NAME",
                                          where_, node->key, section_.key));
                continue;
            }
            auto value = to_setting(*node);
            if (!value) {
                mistakes_.add(node->place,
                              fmt::format("{}{} is {} that no setting has; write a string, a "
                                          "number, true or false, or a list or table of strings",
                                          where_, node->key, type_name(*node)));
                continue;
            }
            client_.settings.settings[node->key] = {std::move(*value), node->place};
        }
    }

    void check_settings() {
        if (client_.provider == nullptr) return;
        for (const providers::Mistake& mistake : client_.provider->check(client_.settings))
            mistakes_.add(mistake.place.empty() ? section_.place : mistake.place,
                          fmt::format("clients.{}: {}", section_.key, mistake.text));
        for (const providers::Mistake& warning : client_.provider->warnings(client_.settings))
            mistakes_.warn(warning.place.empty() ? section_.place : warning.place,
                           fmt::format("clients.{}: {}", section_.key, warning.text));
        check_policy();
        check_secrets();
    }

    // Silence would make the operator believe that something happens.
    void check_policy() {
        using providers::Policy;
        const providers::Traits traits = client_.provider->traits(client_.settings);
        const bool by_itself =
            client_.policy == Policy::ahead || client_.policy == Policy::when_used;
        if (by_itself && !traits.parameters.empty() && traits.policy == Policy::on_demand)
            reader_.complain(*reader_.take("policy"),
                             fmt::format("can't be that for a {} client: its tokens are made for "
                                         "what each request names; take it out",
                                         client_.settings.provider));
        const bool is_static = traits.policy == Policy::static_token;
        if (is_static && client_.policy != Policy::automatic &&
            client_.policy != Policy::static_token)
            reader_.complain(*reader_.take("policy"),
                             fmt::format("can't be that for a {} client: nothing renews its "
                                         "tokens; take it out",
                                         client_.settings.provider));
        if (client_.operator_probe_daily && !traits.probes)
            reader_.complain(*reader_.take("probe"),
                             fmt::format("is of no use for a {} client: there is nothing to ask; "
                                         "take it out",
                                         client_.settings.provider));
    }

    // One that is there but wrong has its own mistake already.
    void check_secrets() {
        const std::vector<std::string> needed =
            client_.provider->client_secret_names(client_.settings);
        for (const std::string& key : needed) {
            if (reader_.take(key) != nullptr) continue;
            mistakes_.add(
                section_.place,
                fmt::format("clients.{}: {} is missing; write {} = {{ file = \"/path\" }}, "
                            "{{ credential = \"name\" }} or {{ stored = true }}",
                            section_.key, key, key));
        }
        for (const auto& [key, source] : client_.secrets)
            if (std::ranges::find(needed, key) == needed.end())
                mistakes_.warn(source.place, fmt::format("{}{} is not used by a {} client; take it "
                                                         "out",
                                                         where_, key, client_.settings.provider));
    }

    const TomlNode& section_;
    MistakeList& mistakes_;
    std::string where_;
    TableReader reader_;
    ClientConfig client_;
};

}  // namespace

ClientConfig read_client(const TomlNode& section, const TomlTable& table, MistakeList& mistakes) {
    if (!is_client_name(section.key))
        mistakes.add(section.place,
                     fmt::format("{} can't be a client's name; use a-z, 0-9, _ and -, at most 64, "
                                 "the first a letter or digit",
                                 quote(section.key)));
    return ClientReader(section, table, mistakes).read();
}

}  // namespace tb::daemon
