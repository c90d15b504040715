// backup: the daemon seals, this writes. A backup is read back and checked before it takes its
// name. The passphrase stays here; the daemon gets the key that scrypt makes of it.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>

#include "base/base64.hpp"
#include "base/random.hpp"
#include "base/system_clock.hpp"
#include "cli/backup_io.hpp"
#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

WallTime wall_now() {
    boost::asio::io_context context(1);
    return create_system_clock(context.get_executor())->wall();
}

std::string utc(WallTime at) {
    const auto seconds = static_cast<std::time_t>(to_ms(at) / 1'000);
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

Answer<> report(const Common& common, const std::string& path, const Verified& verified,
                std::string_view done) {
    if (common.json) {
        boost::json::object out;
        out["file"] = path;
        out["made_at_ms"] = to_ms(verified.made_at);
        out["accounts"] = verified.contents.accounts;
        out["client_secrets"] = verified.contents.client_secrets;
        out["bytes"] = verified.bytes;
        return print_json(out);
    }
    return print_line(fmt::format("{}: {}: {} account(s) and {} client secret(s) of {}, {} bytes",
                                  path, done, verified.contents.accounts,
                                  verified.contents.client_secrets, utc(verified.made_at),
                                  verified.bytes));
}

// The daemon's stream, into the file.
Answer<> receive(ipc::Client& client, const std::string& header, const Secret& key, NewFile& file) {
    boost::json::object parameters;
    parameters["key"] = to_base64(key.view());
    parameters["header"] = to_base64(header);
    Answer<> outcome;
    bool whole = false;
    const auto streamed = client.call_more(
        qualified(Socket::admin, "Backup"), std::move(parameters), [&](ipc::CallReply reply) {
            if (reply.error) {
                outcome = to_failure(*reply.error);
                return false;
            }
            const auto bytes = from_base64(text(reply.parameters, "data"));
            if (!bytes) outcome = failed("the daemon's answer holds no backup");
            if (bytes) outcome = file.write(bytes->view());
            whole = outcome && !reply.continues;
            return outcome.has_value();
        });
    if (!outcome) return outcome;
    if (!streamed) return to_failure(streamed.error());
    if (!whole) return failed("the daemon went away before the backup was whole");
    return {};
}

}  // namespace

Answer<> run(const Common& common, const Backup& wish) {
    if (wish.verify) {
        const auto exists = BackupReader::open(wish.file);
        if (!exists) return exists.error();
        const auto passphrase = backup_passphrase(wish.passphrase_file, false);
        if (!passphrase) return passphrase.error();
        const auto verified = verify_backup(wish.file, *passphrase);
        if (!verified) return verified.error();
        return report(common, wish.file, *verified, "whole and authentic");
    }
    auto client = connect(common, Socket::admin);  // better known before somebody types
    if (!client) return client.error();
    auto file = NewFile::create(wish.file);
    if (!file) return file.error();
    const auto passphrase = backup_passphrase(wish.passphrase_file, true);
    if (!passphrase) return passphrase.error();
    SystemRandom random;
    const auto keyed = backup::make_header(backup::new_header(wall_now(), random), *passphrase);
    if (!keyed) return failed(keyed.error().message);
    if (const Answer<> written = file->write(keyed->header); !written) return written;
    client = connect(common, Socket::admin);  // typing may have taken long
    if (!client) return client.error();
    if (const Answer<> got = receive(*client, keyed->header, keyed->key, *file); !got) return got;
    if (const Answer<> synced = file->sync(); !synced) return synced;
    auto reader = BackupReader::open(file->draft());
    if (!reader) return reader.error();
    const auto verified = verify_backup(*reader, keyed->key);
    if (!verified) return verified.error();
    if (const Answer<> placed = file->take_place(); !placed) return placed;
    return report(common, wish.file, *verified, "written and checked");
}

}  // namespace tb::cli
