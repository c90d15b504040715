// The place of each kind of seal. It holds everything that makes it the only one of its kind:
// table, column, account or client, key (the Sealer's own) and version.
#pragma once

#include "storage/rows.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

inline Place grant_place(const AccountRow& row) {
    return {.table = "account",
            .column = "grant",
            .account = row.record.id,
            .version = row.record.grant_version,
            .kind = "account",
            .label = row.record.name};
}
inline Place token_place(const AccountRow& row) {
    return {.table = "account",
            .column = "token",
            .account = row.record.id,
            .version = row.token_generation.value_or(0),
            .kind = "account",
            .label = row.record.name};
}
inline Place grant_place(const RetiredRow& row, std::string_view account_name) {
    return {.table = "retired_grant",
            .column = "retired grant",
            .account = row.account,
            .version = row.grant_version,
            .kind = "account",
            .label = account_name};
}
inline Place value_place(const ClientSecretRow& row) {
    return {.table = "client_secret",
            .column = "value",
            .client = row.client,
            .name = row.name,
            .version = row.version,
            .kind = "client",
            .label = row.client};
}

}  // namespace tb::storage
