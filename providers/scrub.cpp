// Removal comes before cutting, so that no half of a secret is left at the cut, and the result is
// looked through once more: removing and escaping could by themselves spell a secret.
#include "providers/scrub.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "providers/encoding.hpp"

namespace tb::providers {
namespace {

constexpr std::string_view removed = "[secret]";
constexpr std::string_view withheld = "(withheld: it echoes a secret)";
constexpr std::size_t removable_bytes_min = 4;
// Fewer letters of base64 than this would match ordinary words.
constexpr std::size_t base64_needle_min = 8;

Secret lower_hex(const Secret& encoded) {
    Secret out = encoded.copy();
    for (std::size_t i = 0; i + 2 < out.size(); ++i) {
        if (out.data()[i] != '%') continue;
        for (std::size_t digit = i + 1; digit <= i + 2; ++digit) {
            char& c = out.data()[digit];
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

Secret slashes_escaped(std::string_view json) {
    Secret out;
    for (const char c : json) {
        if (c == '/') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

// The letters of base64(prefix + secret + suffix) that depend on the secret alone, where the prefix
// has `shift` bytes modulo 3: this finds it inside an echoed "Basic ..." too.
Secret base64_core(std::string_view secret, std::size_t shift, bool url) {
    Secret padded;
    padded.resize(shift);
    std::fill_n(padded.data(), shift, '\0');
    padded.append(secret);
    const Secret encoded = base64(padded.view());
    const std::size_t from = shift == 0 ? 0 : shift + 1;
    const std::size_t to = padded.size() * 8 / 6;
    Secret core(to > from ? encoded.view().substr(from, to - from) : std::string_view{});
    for (std::size_t i = 0; url && i < core.size(); ++i) {
        char& c = core.data()[i];
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return core;
}

void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte <= 0x7E) {
            out += c;
        } else {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
}

// No form that is kept is shorter than the secret itself.
void add_forms(std::string_view secret, std::vector<Secret>& needles) {
    const auto keep = [&](Secret needle, std::size_t bytes_min) {
        if (needle.size() >= bytes_min) needles.push_back(std::move(needle));
    };
    Secret form;
    append_form(form, secret);
    Secret query;
    append_query(query, secret);
    Secret json;
    append_json(json, secret);
    keep(lower_hex(form), 1);
    keep(lower_hex(query), 1);
    keep(slashes_escaped(json.view()), 1);
    keep(std::move(form), 1);
    keep(std::move(query), 1);
    keep(std::move(json), 1);
    keep(Secret(secret), 1);
    for (std::size_t shift = 0; shift < 3; ++shift) {
        keep(base64_core(secret, shift, false), base64_needle_min);
        keep(base64_core(secret, shift, true), base64_needle_min);
    }
}

std::vector<Secret> forms_of(const std::vector<Secret>& secrets) {
    std::vector<Secret> needles;
    for (const Secret& secret : secrets)
        add_forms(secret.view(), needles);
    // Longest first: of two that overlap the longer one goes.
    std::sort(needles.begin(), needles.end(),
              [](const Secret& a, const Secret& b) { return a.size() > b.size(); });
    return needles;
}

// Escaping makes a text longer, and what it adds may spell a secret.
bool could_hold_one(const std::vector<Secret>& secrets, std::string_view text) {
    const bool grows =
        std::any_of(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; });
    const std::size_t bytes = grows ? text.size() * 4 : text.size();
    return std::any_of(secrets.begin(), secrets.end(),
                       [&](const Secret& secret) { return secret.size() <= bytes; });
}

}  // namespace

// Only the secrets are kept: their forms are made when a text comes that could hold one, and most
// exchanges bring none.
void Scrubber::add(std::string_view secret) {
    if (!secret.empty()) needles_.emplace_back(secret);
}

void Scrubber::add(const SecretSet& secrets) {
    for (const auto& [name, value] : secrets.list())
        add(value->view());
}

bool Scrubber::holds_one(std::string_view text) const {
    if (!could_hold_one(needles_, text)) return false;
    const std::vector<Secret> forms = forms_of(needles_);
    return std::any_of(forms.begin(), forms.end(), [&](const Secret& needle) {
        return text.find(needle.view()) != std::string_view::npos;
    });
}

std::string Scrubber::clean(std::string_view text) const {
    const std::vector<Secret> forms =
        could_hold_one(needles_, text) ? forms_of(needles_) : std::vector<Secret>();
    Secret work(text);
    for (const Secret& needle : forms) {
        if (needle.size() < removable_bytes_min) continue;
        Secret next;
        std::size_t at = 0;
        for (std::size_t hit = 0; hit != std::string_view::npos;) {
            hit = work.view().find(needle.view(), at);
            next.append(work.view().substr(at, hit - at));
            if (hit == std::string_view::npos) break;
            next.append(removed);
            at = hit + needle.size();
        }
        work = std::move(next);
    }
    if (holds_one(work.view())) return std::string(withheld);
    std::string out;
    append_escaped(out, work.view().substr(0, limits::error_text_bytes_max));
    if (out.size() > limits::error_text_bytes_max) out.resize(limits::error_text_bytes_max);
    return holds_one(out) ? std::string(withheld) : out;
}

}  // namespace tb::providers
