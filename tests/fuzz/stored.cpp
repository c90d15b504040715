// Bytes as they lie in the database and in the key file: refused, or read, written and read again
// with the same meaning; and no sealed value opens that was not sealed for this place.
// Input: which of them, then the bytes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.hpp"
#include "storage/codec.hpp"
#include "storage/key_file.hpp"
#include "storage/seal.hpp"

namespace {
using namespace tb;
using namespace tb::storage;

void attributes(std::string_view bytes) {
    Attributes read;
    if (!decode_attributes(bytes, read)) return;
    Attributes again;
    TB_ASSERT(decode_attributes(encode_attributes(read), again) && again == read);
}

void token(std::string_view bytes) {
    TokenRecord read;
    if (!decode_token(bytes, read)) return;
    const Secret written = encode_token(read);
    TokenRecord again;
    TB_ASSERT(decode_token(written.view(), again));
    TB_ASSERT(equal(encode_token(again), written));
    TB_ASSERT(equal(again.access_token, read.access_token) && again.lifetime == read.lifetime);
}

void secrets(std::string_view bytes) {
    SecretSet read;
    if (!SecretSet::parse(bytes, read)) return;
    const Secret written = read.serialize();
    SecretSet again;
    TB_ASSERT(SecretSet::parse(written.view(), again));
    TB_ASSERT(equal(again.serialize(), written));
}

MasterKey a_key() {
    return {Secret("0123456789abcdef0123456789abcdef"), "master.key"};
}

Place place(AccountId account, std::uint64_t version) {
    return {"account", "grant_sealed", account, {}, {}, version, "account", "shop/main"};
}

// The bytes themselves, and a seal with the bytes laid over it. libFuzzer reads what is compared,
// so a whole seal of ours may come back as an input: what opens is what was sealed, never another.
void sealed(std::string_view bytes) {
    static Sealer sealer(a_key());
    constexpr std::string_view text = "rt_test_stored";
    const auto forged = sealer.open(place(1, 1), bytes);
    TB_ASSERT(!forged || forged->view() == text);
    static const std::string seal = sealer.seal(place(1, 1), text);
    std::string changed = seal;
    for (std::size_t i = 0; i < std::min(bytes.size(), changed.size()); ++i)
        changed[i] = static_cast<char>(changed[i] ^ bytes[i]);
    const auto opened = sealer.open(place(1, 1), changed);
    TB_ASSERT(opened.has_value() == (changed == seal));
    const std::uint64_t version = 2 + bytes.size();
    TB_ASSERT(!sealer.open(place(1, version), seal) && !sealer.open(place(2, 1), seal));
}

struct Folder {
    std::string path = "/tmp/tb_fuzz_stored.XXXXXX";
    Folder() { TB_ASSERT(::mkdtemp(path.data()) != nullptr); }
    ~Folder() {
        ::unlink((path + "/master.key").c_str());
        ::rmdir(path.c_str());
    }
};

void key_file(std::string_view bytes) {
    static const Folder folder;
    const std::string path = folder.path + "/master.key";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    TB_ASSERT(fd >= 0 &&
              ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(fd);
    const auto key = find_master_key(folder.path, "");
    if (!key) {
        TB_ASSERT(key.error().code == errc::damaged);
        TB_ASSERT(key.error().message.find(path) != std::string::npos);
        return;
    }
    TB_ASSERT(key->has_value() && (*key)->bytes.size() == 32);
    TB_ASSERT(bytes.size() == 32 || bytes.size() >= 64);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0:
            attributes(bytes);
            break;
        case 1:
            token(bytes);
            break;
        case 2:
            secrets(bytes);
            break;
        case 3:
            sealed(bytes);
            break;
        default:
            key_file(bytes);
    }
    return 0;
}
