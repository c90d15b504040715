// A throw-away configuration folder, and a provider that knows one setting, for the config tests.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "providers/provider.hpp"

namespace tb::daemon::testing {

// Knows the key "flavour"; needs a base_url, and a client_secret where there is a client_id.
class ConfigProvider final : public providers::Provider {
  public:
    std::string_view name() const override { return "config-test"; }
    std::vector<providers::Mistake> check(const providers::ClientSettings& client) const override {
        std::vector<providers::Mistake> out;
        if (client.base_url.empty()) out.push_back({client.place, "base_url is missing"});
        for (const auto& [key, setting] : client.settings)
            if (key != "flavour") out.push_back({setting.place, key + " is not a key of mine"});
        return out;
    }
    std::vector<std::string> client_secret_names(
        const providers::ClientSettings& client) const override {
        if (client.client_id.empty()) return {};
        return {"client_secret"};
    }
    providers::Traits traits(const providers::ClientSettings&) const override {
        providers::Traits traits;
        traits.probes = true;
        return traits;
    }
    std::vector<std::string> grant_fields(const providers::ClientSettings&) const override {
        return {"refresh_token"};
    }
    std::vector<std::string> attribute_names(const providers::ClientSettings&) const override {
        return {};
    }
    Result<providers::Imported> import_grant(
        const providers::ClientSettings&, const std::vector<std::pair<std::string, std::string>>&,
        SecretSet) const override {
        return Error{errc::invalid_parameter, "takes no accounts"};
    }
    std::unique_ptr<providers::Exchange> begin(providers::Context) const override {
        return nullptr;
    }
    std::string origin(const providers::ClientSettings& client) const override {
        return client.base_url;
    }
};

class ConfigFolder {
  public:
    ConfigFolder() {
        static const ConfigProvider provider;
        static const bool registered = (providers::register_provider(provider), true);
        BOOST_REQUIRE(registered);
        std::string name = "/tmp/tb_config_test.XXXXXX";
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~ConfigFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ConfigFolder(const ConfigFolder&) = delete;
    ConfigFolder& operator=(const ConfigFolder&) = delete;

    std::string at(const std::string& name) const { return path_ + "/" + name; }
    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        const std::string file = at(name);
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file) << text;
        BOOST_REQUIRE(chmod(file.c_str(), mode) == 0);
        return file;
    }
    ConfigResult load(const std::string& text, bool user_mode = true) const {
        write("tokenbroker.toml", text);
        return load_config(at("tokenbroker.toml"), user_mode);
    }
    // The only mistake (or all of them, one a line), with the folder's path shown as "DIR".
    std::string shown(std::vector<std::string> lines) const {
        std::string all;
        for (const std::string& line : lines)
            all += (all.empty() ? "" : "\n") + line;
        for (std::size_t found = all.find(path_); found != std::string::npos;
             found = all.find(path_))
            all.replace(found, path_.size(), "DIR");
        return all;
    }
    std::string mistakes(const std::string& text, bool user_mode = true) const {
        return shown(load(text, user_mode).mistakes.lines);
    }
    // "DIR" in a test's text becomes the folder.
    std::string placed(std::string text) const {
        for (std::size_t found = text.find("DIR"); found != std::string::npos;
             found = text.find("DIR"))
            text.replace(found, 3, path_);
        return text;
    }

  private:
    std::string path_;
};

struct Case {
    std::string text;     // of tokenbroker.toml
    std::string mistake;  // "LINE: what", all of it; empty: none
};

inline void check_all(const ConfigFolder& folder, const std::vector<Case>& cases) {
    for (const Case& one : cases)
        BOOST_TEST(folder.mistakes(folder.placed(one.text)) ==
                   (one.mistake.empty() ? "" : "DIR/tokenbroker.toml:" + one.mistake));
}

inline const std::string section =
    "[clients.shop]\nprovider = \"config-test\"\nbase_url = \"https://a.example\"\n";

}  // namespace tb::daemon::testing
