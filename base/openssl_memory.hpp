// OpenSSL frees most of what it has parsed without wiping it: of a private key in PEM its DER bytes
// stayed in freed memory. With this every block that OpenSSL frees is wiped first.
#pragma once

namespace tb {

// First thing in main: OpenSSL refuses once it has allocated anything, which is a bug here.
void wipe_what_openssl_frees();

}  // namespace tb
