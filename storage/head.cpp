// The head is sealed, not only authenticated: a sum that can be read could be balanced.
#include "storage/head.hpp"

#include <algorithm>

#include "storage/codec.hpp"

namespace tb::storage {
namespace {
constexpr Place place{.table = "head", .column = "head_sealed", .kind = "head"};
}

void Sum::toggle(const Half& element) {
    for (std::size_t i = 0; i < bytes_.size(); ++i)
        bytes_[i] = static_cast<unsigned char>(bytes_[i] ^ element[i]);
}

Result<Head> read_head(Database& database, Sealer& sealer) {
    Statement statement(database, "SELECT head_sealed FROM head WHERE id = 1");
    Cursor cursor = statement.with();
    if (!cursor.next()) {
        if (database.failure() != nullptr) return database.error();
        return damaged_database(database.path(), "its head record is missing");
    }
    const Result<Secret> plain = sealer.open(place, cursor.bytes(0));
    if (!plain) return damaged_database(database.path(), "its head record was changed");
    Reader reader(plain->view());
    Head head;
    head.commits = reader.number();
    const std::string_view sum = reader.text();
    Half bytes{};
    if (!reader.complete() || sum.size() != bytes.size())
        return damaged_database(database.path(), "its head record has another form");
    std::copy_n(sum.begin(), bytes.size(), bytes.begin());
    head.sum.toggle(bytes);
    return head;
}

void write_head(Statement& statement, Sealer& sealer, const Head& head) {
    Secret plain;
    Writer writer(plain);
    writer.put(head.commits);
    const Half& sum = head.sum.bytes();
    writer.put(std::string_view(reinterpret_cast<const char*>(sum.data()), sum.size()));
    const std::string sealed = sealer.seal(place, plain.view());
    statement.run(Blob{sealed});
}

}  // namespace tb::storage
