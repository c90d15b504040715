// The two connections of a ledger and the statements that live on them, in the order in which they
// are made; they go in the opposite one.
#pragma once

#include <memory>

#include "storage/database.hpp"
#include "storage/rows.hpp"

namespace tb::storage {

struct Connections {
    std::unique_ptr<Database> writer;
    std::unique_ptr<Database> checkpointer;
    Rows rows;
    Statement begin;
    Statement commit;
    Statement savepoint;
    Statement back;
    Statement release;
    Statement write_head;

    Connections(std::unique_ptr<Database> first, std::unique_ptr<Database> second, Sealers& sealers)
        : writer(std::move(first)),
          checkpointer(std::move(second)),
          rows(*writer, sealers),
          begin(*writer, "BEGIN IMMEDIATE"),
          commit(*writer, "COMMIT"),
          savepoint(*writer, "SAVEPOINT one"),
          back(*writer, "ROLLBACK TO one"),
          release(*writer, "RELEASE one"),
          write_head(*writer, write_head_sql) {}
};

}  // namespace tb::storage
