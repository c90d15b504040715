// The master key: 32 bytes that everything sealed hangs on. Given by systemd as a credential, or in
// a file that only we can read, made once.
#pragma once

#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

namespace tb::storage {

struct MasterKey {
    Secret bytes;      // 32
    std::string path;  // where it was read, for messages
};

// <credentials_dir>/master-key if it is there, else <state_dir>/master.key, else nothing.
// errc::config: others can read it; errc::damaged: it isn't a key.
Result<std::optional<MasterKey>> find_master_key(const std::string& state_dir,
                                                 const std::string& credentials_dir);

// <state_dir>/master.key, durable when this returns. Never over an existing one.
Result<MasterKey> make_master_key(const std::string& state_dir, Random& random);

}  // namespace tb::storage
