// Which key the database is sealed with: its record (table keyring) and the files that keys are in.
//
// A change of the key goes through these states, each durable before the next; from any of them a
// start finds its way:
//   1  keyring: A            the new key B is whole on the disk, nothing is sealed with it
//   2  keyring: B, then A    rows are under one or the other; written are they under B
//   3  keyring: B, A done    nothing is under A any more, not in a free page either; A's file goes
//   4  keyring: B
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "base/random.hpp"
#include "storage/database.hpp"
#include "storage/head.hpp"
#include "storage/key_file.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

struct Keyring {
    Sealers sealers;
    std::string path;        // of the current key
    std::string retired_id;  // in state 3: the key whose file goes
};

// Finds the key (or both), makes one if nothing was ever sealed, and sees that it is the right one.
Result<Keyring> open_keyring(Database& database, const std::string& state_dir,
                             const std::string& credentials_dir, Random& random, Log& log);

// What the database says now: ids of row 1 and, if there is one, row 2.
struct KeyringRows {
    std::string current;
    std::string previous;
};
Result<KeyringRows> read_keyring(Database& database);

// What row 2 holds beside its id: is it the mark of state 3?
bool is_done_mark(Sealer& current, const std::string& check_sealed);

// The steps between the states, inside the caller's transaction; failures stick to the database.
void enter_key(Database& database, Sealer& next);              // 1 to 2
void mark_previous_done(Database& database, Sealer& current);  // 2 to 3
void drop_previous(Database& database);                        // 3 to 4

}  // namespace tb::storage
