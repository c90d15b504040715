// The master key: 32 bytes that everything sealed hangs on. Given by systemd as a credential, or in
// a file that only we can read, made once. While it is being changed there are two, and which one
// is in use is told by the database, not by a file's name.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

// 8 bytes that tell keys apart and say nothing of them.
std::string key_id_of(const MasterKey& key);
std::string hex_of(std::string_view bytes);

// Every key there is: the credentials master-key and master-key.new, then the files master.key and
// master.key.new. `trouble`: why one that is there could not be read.
struct FoundKeys {
    std::vector<MasterKey> keys;
    std::optional<Error> trouble;
    const MasterKey* with_id(std::string_view id) const;
};
FoundKeys find_keys(const std::string& state_dir, const std::string& credentials_dir);

// The key to change to from the current one: the credential master-key.new, or the credential
// master-key if the current one is a file; else a new <state_dir>/master.key.new, durable when this
// returns. errc::config where only the operator can bring one; the message says how.
Result<MasterKey> next_master_key(const std::string& state_dir, const std::string& credentials_dir,
                                  const std::string& current_path, std::string_view current_id,
                                  Random& random);

// Nothing is sealed with `old_id` any more: a file that holds it is overwritten and goes, and
// master.key.new takes its name if it holds `current_id`. May be done again after a crash anywhere.
// Where the current key is afterwards.
Result<std::string> retire_key_files(const std::string& state_dir,
                                     const std::string& credentials_dir,
                                     std::string_view current_id, std::string_view old_id);

}  // namespace tb::storage
