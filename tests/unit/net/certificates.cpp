// X.509 by OpenSSL's API. P-256 keys: made in a tenth of a millisecond.
#include "certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/check.hpp"

namespace tb::net::test {
namespace {

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    TB_ASSERT(extension != nullptr);
    TB_ASSERT(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

Identity draft(const std::string& name, const Wanted& wanted) {
    static std::atomic<long> serial{1};
    Identity out;
    out.key.reset(EVP_EC_gen("P-256"));
    out.certificate.reset(X509_new());
    X509* x = out.certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), wanted.starts_in_s);
    X509_gmtime_adj(X509_getm_notAfter(x), wanted.ends_in_s);
    X509_set_pubkey(x, out.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return out;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tb-net-XXXXXX").string();
    TB_ASSERT(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TestCa::TestCa(const std::string& name) : self_(draft(name, Wanted{})) {
    X509* x = self_.certificate.get();
    X509_set_issuer_name(x, X509_get_subject_name(x));
    add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(x, x, NID_subject_key_identifier, "hash");
    TB_ASSERT(X509_sign(x, self_.key.get(), EVP_sha256()) > 0);
}

Identity TestCa::issue(const Wanted& wanted) const {
    Identity out = draft("server", wanted);
    X509* x = out.certificate.get();
    X509* issuer = wanted.self_signed ? x : self_.certificate.get();
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    add_extension(x, issuer, NID_subject_alt_name, wanted.names);
    const EVP_PKEY* signer = wanted.self_signed ? out.key.get() : self_.key.get();
    TB_ASSERT(X509_sign(x, const_cast<EVP_PKEY*>(signer), EVP_sha256()) > 0);
    return out;
}

void TestCa::write(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    TB_ASSERT(file != nullptr);
    TB_ASSERT(PEM_write_X509(file, self_.certificate.get()) == 1);
    std::fclose(file);
}

}  // namespace tb::net::test
