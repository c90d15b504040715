// A token is copied where somebody says so, and nowhere by accident.
#include "storage/records.hpp"

namespace tb::storage {

TokenRecord TokenRecord::copy() const {
    TokenRecord out;
    out.generation = generation;
    out.access_token = access_token.copy();
    out.header_name = header_name;
    out.header_prefix = header_prefix;
    out.query_name = query_name;
    out.scopes = scopes;
    out.attributes = attributes;
    out.sent_at = sent_at;
    out.boot_id = boot_id;
    out.sent_wall = sent_wall;
    out.lifetime = lifetime;
    out.renew_fraction = renew_fraction;
    return out;
}

}  // namespace tb::storage
