// A look at a store that somebody else may be writing, for `doctor`: over a read connection of its
// own, so neither the brain nor a commit waits for it. Changes nothing.
#pragma once

#include <string>

namespace tb::storage {

struct StoreReport {
    bool integrity_known = false;
    std::string integrity;  // "ok", what is damaged, or why nobody could look
    bool key_known = false;
    std::string key_trouble;  // empty: the key opens it (during a change of it: both do)
    std::string key_path;     // of the key in use, if it was found
};

// Blocking, and reads the whole file.
StoreReport inspect_store(const std::string& state_dir, const std::string& credentials_dir);

}  // namespace tb::storage
