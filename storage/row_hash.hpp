// What the parts of Rows (rows.cpp, rows_secret.cpp, rows_reseal.cpp) share: a row's hash as its
// column, and the refusal of a row whose hash doesn't fit.
#pragma once

#include <fmt/core.h>

#include <string_view>

#include "storage/codec.hpp"
#include "storage/database.hpp"
#include "storage/rows.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

inline Blob stored(const RowHash& hash) {
    return {{reinterpret_cast<const char*>(hash.stored.data()), hash.stored.size()}};
}

inline bool fits(const RowHash& hash, std::string_view column) {
    return column == stored(hash).bytes;
}

// Is it under the current key, or at least under the one before? Only then is any of it believed.
template <class Row>
bool Rows::check(Row& row, std::string_view stored_hash) {
    const std::string_view bytes = hashed(row);
    row.stale = false;
    RowHash is = sealers_.current->hash_row(bytes);
    if (!fits(is, stored_hash)) {
        if (!sealers_.previous) return false;
        is = sealers_.previous->hash_row(bytes);
        if (!fits(is, stored_hash)) return false;
        row.stale = true;
        bring_over(row);
    }
    row.element = is.element;  // what the sum holds, until the row is written
    return true;
}

inline Error changed_from_outside(std::string_view what) {
    return Error{
        errc::damaged,
        fmt::format("{}: its stored row was changed from outside; restore a backup", what)};
}

template <class Out>
void put_sealed(Writer<Out>& writer, std::string_view sealed) {
    writer.put(sealed.size()).put(Sealer::nonce_of(sealed)).put(Sealer::tag_of(sealed));
}

}  // namespace tb::storage
