// A throw-away CA for tests: keys and certificates made in memory by OpenSSL, the CA written to a
// file for Request::ca_file. Nothing of it leaves the temporary folder.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tb::net::test {

struct FreeOpenSsl {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};
using Certificate = std::unique_ptr<X509, FreeOpenSsl>;
using Key = std::unique_ptr<EVP_PKEY, FreeOpenSsl>;

struct Identity {
    Certificate certificate;
    Key key;
};

struct Wanted {
    std::string names = "DNS:localhost";  // as subjectAltName wants it
    long starts_in_s = -3600;
    long ends_in_s = 3600;
    bool self_signed = false;
};

class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

class TestCa {
  public:
    explicit TestCa(const std::string& name = "throw-away CA");
    Identity issue(const Wanted& wanted = {}) const;
    void write(const std::string& path) const;

  private:
    Identity self_;
};

}  // namespace tb::net::test
