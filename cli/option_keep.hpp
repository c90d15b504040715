// The commands that keep what is stored: rekey, backup, restore. Included by cli/arguments.cpp
// alone, for CLI11 is slow to compile.
#pragma once

#include "cli/option_kinds.hpp"

namespace tb::cli {

struct Keeping {
    Rekey rekey;
    Backup backup;
    Restore restore;
};

inline void passphrase_option(CLI::App& app, std::string& into) {
    app.add_option("--passphrase-file", into,
                   "The passphrase is in this file (default: standard input)")
        ->type_name("FILE");
}

// `chosen`: what makes a command the one that was given.
template <class Chosen>
void keeping_commands(CLI::App& parent, Keeping& keeping, Chosen chosen) {
    CLI::App& rekey =
        command(parent, "rekey", "Change the master key that everything stored is sealed with",
                "  tokenbroker rekey");
    duration(rekey, "--wait", keeping.rekey.wait_ms,
             "Wait this long until the old key is gone (default 1m); it goes on by itself");
    chosen(rekey, keeping.rekey);

    CLI::App& backup = command(parent, "backup",
                               "Write all accounts to a file, sealed with a passphrase; root only",
                               "  tokenbroker backup /root/tokens.backup    (asks, without echo)\n"
                               "  tokenbroker backup /root/tokens.backup --passphrase-file FILE\n"
                               "  tokenbroker backup --verify /root/tokens.backup");
    backup.add_option("FILE", keeping.backup.file, "Where to")->required();
    passphrase_option(backup, keeping.backup.passphrase_file);
    backup.add_flag("--verify", keeping.backup.verify,
                    "Only check a backup that is there; needs no daemon");
    chosen(backup, keeping.backup);

    CLI::App& restore =
        command(parent, "restore", "Put accounts back from a backup, but nothing older over newer",
                "  tokenbroker restore /root/tokens.backup");
    restore.add_option("FILE", keeping.restore.file, "The backup")->required();
    passphrase_option(restore, keeping.restore.passphrase_file);
    duration(restore, "--wait", keeping.restore.wait_ms,
             "Wait this long for grants that may be spent to be tried (default 10s)");
    chosen(restore, keeping.restore);
}

}  // namespace tb::cli
