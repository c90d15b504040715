// What the two halves of Rows (rows.cpp, rows_secret.cpp) share: a row's hash as its column, and
// the refusal of a row whose hash doesn't fit.
#pragma once

#include <fmt/core.h>

#include <string_view>

#include "storage/codec.hpp"
#include "storage/database.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

inline Blob stored(const RowHash& hash) {
    return {{reinterpret_cast<const char*>(hash.stored.data()), hash.stored.size()}};
}

inline bool fits(const RowHash& hash, std::string_view column) {
    return column == stored(hash).bytes;
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
