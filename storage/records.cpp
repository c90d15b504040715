// A token is copied where somebody says so, and nowhere by accident; a copy has every member.
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

AccountRecord AccountRecord::copy() const {
    // A name for each member: one that is added does not compile until it has its line here.
    const auto& [own_id, own_name, own_candidate_for, own_provider, own_attributes, own_paused,
                 own_state, own_reason, own_grant_version, own_grant_fingerprint,
                 own_grant_obtained_at, own_grant_expires_at, own_generation, own_last_used,
                 own_intent, own_token] = *this;
    AccountRecord out;
    out.id = own_id;
    out.name = own_name;
    out.candidate_for = own_candidate_for;
    out.provider = own_provider;
    out.attributes = own_attributes;
    out.paused = own_paused;
    out.state = own_state;
    out.reason = own_reason;
    out.grant_version = own_grant_version;
    out.grant_fingerprint = own_grant_fingerprint;
    out.grant_obtained_at = own_grant_obtained_at;
    out.grant_expires_at = own_grant_expires_at;
    out.generation = own_generation;
    out.last_used = own_last_used;
    out.intent = own_intent;
    if (own_token) out.token = own_token->copy();
    return out;
}

}  // namespace tb::storage
