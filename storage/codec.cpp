// Attributes and tokens as bytes. The first number of a token is the form; an unknown form is
// refused, never guessed. Nothing here may leave a token in memory that is not wiped.
#include "storage/codec.hpp"

#include <bit>

namespace tb::storage {
namespace {

constexpr std::uint64_t token_form = 1;
constexpr std::size_t list_max = 4'096;  // no honest record has more; bounds a damaged count

template <class Out>
void put_attributes(Writer<Out>& writer, const Attributes& attributes) {
    writer.put(attributes.size());
    for (const auto& [name, value] : attributes)
        writer.put(std::string_view(name)).put(std::string_view(value));
}

void take_attributes(Reader& reader, Attributes& into) {
    const std::uint64_t count = reader.number();
    if (count > list_max) return reader.fail();
    into.reserve(count);
    for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
        const std::string_view name = reader.text();
        into.emplace_back(name, reader.text());
    }
}

}  // namespace

std::uint64_t Reader::number() {
    if (left_.size() < 8) {
        fail();
        return 0;
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i)
        value |= std::uint64_t{static_cast<unsigned char>(left_[i])} << (8 * i);
    left_.remove_prefix(8);
    return value;
}

void Reader::fail() {
    failed_ = true;
    left_ = {};
}

std::string_view Reader::text() {
    const std::uint64_t size = number();
    if (failed_ || size > left_.size()) {
        fail();
        return {};
    }
    const std::string_view piece = left_.substr(0, size);
    left_.remove_prefix(size);
    return piece;
}

std::string encode_attributes(const Attributes& attributes) {
    std::string out;
    Writer writer(out);
    put_attributes(writer, attributes);
    return out;
}

bool decode_attributes(std::string_view bytes, Attributes& into) {
    Reader reader(bytes);
    take_attributes(reader, into);
    return reader.complete();
}

Secret encode_token(const TokenRecord& token) {
    Secret out;
    out.reserve(token.access_token.size() + 1024);
    Writer writer(out);
    writer.put(token_form).put(token.generation).put(token.access_token.view());
    writer.put(std::string_view(token.header_name)).put(std::string_view(token.header_prefix));
    writer.put(std::string_view(token.query_name)).put(token.scopes.size());
    for (const std::string& scope : token.scopes)
        writer.put(std::string_view(scope));
    put_attributes(writer, token.attributes);
    writer.put(token.sent_at).put(std::string_view(token.boot_id)).put(token.sent_wall);
    writer.put(token.lifetime).put(std::bit_cast<std::uint64_t>(token.renew_fraction));
    return out;
}

bool decode_token(std::string_view bytes, TokenRecord& into) {
    Reader reader(bytes);
    if (reader.number() != token_form) return false;
    into.generation = reader.number();
    into.access_token = Secret(reader.text());
    into.header_name = reader.text();
    into.header_prefix = reader.text();
    into.query_name = reader.text();
    const std::uint64_t scopes = reader.number();
    if (scopes > list_max) return false;
    for (std::uint64_t i = 0; i < scopes && !reader.failed(); ++i)
        into.scopes.emplace_back(reader.text());
    take_attributes(reader, into.attributes);
    into.sent_at = boot_from_ms(reader.signed_number());
    into.boot_id = reader.text();
    into.sent_wall = wall_from_ms(reader.signed_number());
    if (reader.flag()) into.lifetime = Millis{reader.signed_number()};
    into.renew_fraction = std::bit_cast<double>(reader.number());
    return reader.complete();
}

}  // namespace tb::storage
