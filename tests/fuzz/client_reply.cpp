// Replies as libtokenbroker reads them, in place: no byte beyond the frame is touched, and a token
// that gets through can be packed, copied and used as C strings in a header line.
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.hpp"
#include "tests/fuzz/json_mutator.hpp"

extern "C" {
#include "client/block.h"
#include "client/inside.h"
}

namespace {
void check_line(const char* text, std::size_t bytes_max) {
    TB_ASSERT(std::strlen(text) > 0 && std::strlen(text) <= bytes_max);
    for (const char* at = text; *at != '\0'; ++at)
        TB_ASSERT(static_cast<unsigned char>(*at) >= 0x20 && *at != 0x7F);
}

void check_token(const tb_token_text& text) {
    const std::size_t bytes = tb_block_bytes(&text);
    TB_ASSERT(bytes <= TB_BLOCK_BYTES_MAX && bytes % 8 == 0);
    std::vector<std::uint64_t> packed(bytes / 8);
    tb_block_pack(reinterpret_cast<tb_block*>(packed.data()), &text, 1'000);
    std::vector<std::uint64_t> copy(packed);
    std::vector<std::uint64_t>().swap(packed);
    const tb_token* token = tb_block_bind(reinterpret_cast<tb_block*>(copy.data()));
    TB_ASSERT(token->token_bytes == std::strlen(token->token));
    check_line(token->token, TB_TOKEN_BYTES_MAX);
    check_line(token->header_name, TB_FRAME_BYTES_MAX);
    check_line(token->header_value, TB_FRAME_BYTES_MAX);
    TB_ASSERT((token->query_name == nullptr) == (token->query_value == nullptr));
    TB_ASSERT(token->generation >= 0 && token->until_boot_ms >= -1);
    std::size_t sum = std::strlen(token->account);
    for (std::size_t i = 0; i < token->scopes_count; ++i)
        sum += std::strlen(token->scopes[i]);
    for (std::size_t i = 0; i < token->attributes_count; ++i)
        sum += std::strlen(token->attributes[i].name) + std::strlen(token->attributes[i].value);
    TB_ASSERT(sum < bytes);
}
}  // namespace

TB_JSON_INPUT(tb::fuzz::whole)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > TB_FRAME_BYTES_MAX) return 0;
    const auto frame = std::make_unique<char[]>(size + 1);
    if (size > 0) std::memcpy(frame.get(), data, size);
    const auto reply = std::make_unique<tb_reply>();
    if (!tb_reply_read(frame.get(), size, reply.get())) return 0;
    if (reply->has_token) {
        TB_ASSERT(reply->error == TB_OK);
        check_token(reply->token);
    }
    if (reply->error != TB_OK) {
        tb_failure failure;
        TB_ASSERT(tb_fail_reply(&failure, reply.get()) == reply->error);
        check_line(failure.reason, sizeof failure.reason - 1);
    }
    return 0;
}
