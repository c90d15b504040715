// libqrencode makes the matrix; here two rows become one line of half blocks. Drawn inverted
// (light modules are blocks), since most terminals are dark and readers want a light quiet zone.
#include "cli/qr.hpp"

#include <qrencode.h>

#include <memory>

namespace tb::cli {

std::string qr_code(std::string_view text) {
    const std::string terminated(text);
    const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
        QRcode_encodeString8bit(terminated.c_str(), 0, QR_ECLEVEL_L), QRcode_free);
    constexpr int widest = 77;  // version 15: what fits into 80 columns
    if (!code || code->width > widest) return {};
    constexpr int quiet = 2;
    const auto light = [&](int x, int y) {
        if (x < 0 || y < 0 || x >= code->width || y >= code->width) return true;
        return (code->data[y * code->width + x] & 1) == 0;
    };
    std::string out;
    for (int y = -quiet; y < code->width + quiet; y += 2) {
        for (int x = -quiet; x < code->width + quiet; ++x) {
            const bool upper = light(x, y);
            const bool lower = y + 1 < code->width + quiet && light(x, y + 1);
            out += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
        }
        out += '\n';
    }
    return out;
}

}  // namespace tb::cli
