// Secret sources. A message never repeats what stood in the place of a secret. Files and
// credentials are only looked at (open, fstat): an unreadable one must be known at start, not at
// the first renewal.
#include "daemon/config_secret.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/limits.hpp"
#include "base/unique_fd.hpp"
#include "daemon/config_values.hpp"

namespace tb::daemon {
namespace {

std::string check_secret_file(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status{};
    if (!fd || fstat(fd.get(), &status) != 0)
        return fmt::format(
            "names {}, which can't be read ({}); make it, readable for this daemon's user only",
            path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fmt::format("names {}, which is not a regular file; put the secret into one", path);
    if ((status.st_mode & 07U) != 0)
        return fmt::format(
            "names {}, which is open to everybody (mode {:04o}); run: chmod o-rwx {}", path,
            status.st_mode & 07777U, path);
    if (status.st_size == 0)
        return fmt::format("names {}, which is empty; write the secret into it", path);
    if (status.st_size > static_cast<off_t>(limits::secret_bytes_max))
        return fmt::format("names {}, which has {} bytes; a secret has at most {}", path,
                           status.st_size, limits::secret_bytes_max);
    return {};
}

std::string check_credential(const std::string& name) {
    const bool plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    if (!plain || name.front() == '.')
        return fmt::format("names {}, which can't be a credential; use letters, digits and . _ -",
                           quote(name));
    const char* directory = getenv("CREDENTIALS_DIRECTORY");
    const std::string path = fmt::format("{}/{}", directory == nullptr ? "" : directory, name);
    struct stat status{};
    if (directory == nullptr || stat(path.c_str(), &status) != 0)
        return fmt::format(
            "names credential \"{0}\", which the service did not get; add "
            "LoadCredential={0}:/path/to/file in a "
            "drop-in of tokenbrokerd.service and restart it",
            name);
    if (status.st_size == 0)
        return fmt::format(
            "names credential \"{}\", which is empty; write the secret into its file", name);
    if (status.st_size > static_cast<off_t>(limits::secret_bytes_max))
        return fmt::format("names credential \"{}\", which has {} bytes; a secret has at most {}",
                           name, status.st_size, limits::secret_bytes_max);
    return {};
}

std::string ways(std::string_view key, const std::string& client) {
    return fmt::format(
        "write {0} = {{ file = \"/path\" }}, {{ credential = \"name\" }}, or {{ stored = true }} "
        "and run: tokenbroker client set-secret {1}{2}",
        key, client, key == "client_secret" ? "" : fmt::format(" --name {}", key));
}

}  // namespace

const std::vector<std::string>& secret_keys() {
    static const std::vector<std::string> keys{"client_secret", "api_key", "secret_key",
                                               "private_key"};
    return keys;
}

bool names_a_secret(std::string_view key) {
    static const std::vector<std::string_view> endings{"secret", "password", "token"};
    return key.ends_with("_key") ||
           std::ranges::any_of(endings, [key](auto ending) { return key.ends_with(ending); });
}

SecretSource read_secret_source(const TomlNode& node, const std::string& client,
                                MistakeList& mistakes) {
    const std::string where = fmt::format("clients.{}.", client);
    const auto complain = [&](const std::string& text) {
        mistakes.add(node.place, where + node.key + " " + text);
        return SecretSource{};
    };
    if (node.get<std::string>() != nullptr)
        return complain("is a secret in the clear, which this file must not hold; " +
                        ways(node.key, client));
    const auto* table = node.get<TomlTable>();
    if (table == nullptr)
        return complain(
            fmt::format("must be a table, not {}; {}", type_name(node), ways(node.key, client)));
    TableReader reader(*table, where + node.key + ".", mistakes);
    const auto file = reader.text("file", "/path");
    const auto credential = reader.text("credential", "name");
    const auto stored = reader.flag("stored");
    reader.finish();
    if (table->items.size() > 1)
        return complain("names several sources; keep one of file, credential, stored");
    if (table->items.empty() || stored == false)
        return complain("names no source; " + ways(node.key, client));
    SecretSource source{SecretSource::Kind::stored, {}, node.place};
    std::string wrong;
    if (file) {
        source.kind = SecretSource::Kind::file;
        source.where = *file;
        wrong = check_path(*file);
        if (wrong.empty()) wrong = check_secret_file(*file);
    } else if (credential) {
        source.kind = SecretSource::Kind::credential;
        source.where = *credential;
        wrong = check_credential(*credential);
    } else if (!stored) {
        return {};  // reader has complained
    }
    return wrong.empty() ? source : complain(wrong);
}

}  // namespace tb::daemon
