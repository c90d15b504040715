// A whole connection as the server sees it: frames, calls, org.varlink.service, calls that are
// answered later. However a client cuts its bytes into writes, the answers are the same, each is a
// whole JSON object with its NUL, and nothing outlives the connection.
// Input: how to cut, how much room the client has, then what it sends.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/log.hpp"
#include "ipc/limits.hpp"
#include "ipc/replies.hpp"
#include "ipc/server.hpp"
#include "tests/unit/ipc/manual_clock.hpp"
#include "tests/unit/ipc/memory_stream.hpp"

namespace {
using namespace tb;
using namespace tb::ipc;

// One method for each way to answer.
class FuzzService final : public Service {
  public:
    std::vector<std::shared_ptr<Pending>> pendings;
    bool fast_call(Connection& connection, std::string_view frame) override {
        if (!proto::scan_get_token(frame)) return false;
        connection.out() += std::string("{\"parameters\":{\"fast\":true}}") + '\0';
        return true;
    }
    void call(Connection& connection, const proto::Call& call) override {
        const std::string_view method = call.method_name();
        if (method == "Later" || (method == "Stream" && call.more)) {
            pendings.push_back(connection.defer());
        } else if (method == "Now") {
            connection.defer()->finish(proto::make_reply(call.parameters));
        } else if (method == "Close") {
            connection.out() += proto::make_reply(call.parameters);
            connection.close();
        } else {
            connection.out() += proto::make_reply(call.parameters);
        }
    }
};

struct Outcome {
    std::string sent;
    bool closed = false;
};

void pump(asio::io_context& context) {
    for (int i = 0; i < 1'000 && context.poll() > 0; ++i)
        context.restart();
    context.restart();
}

void check_frames(std::string_view sent) {
    while (!sent.empty()) {
        const std::size_t nul = sent.find('\0');
        TB_ASSERT(nul != std::string_view::npos);
        boost::system::error_code wrong;
        const auto value = boost::json::parse({sent.data(), nul}, wrong);
        // A number that JSON's library writes but does not read again is its own matter.
        TB_ASSERT(wrong || value.is_object());
        sent.remove_prefix(nul + 1);
    }
}

Outcome talk(std::string_view bytes, std::uint32_t cuts, std::size_t room) {
    asio::io_context context{1};
    test::ManualClock clock;
    MemoryLog log;
    FuzzService service;
    const auto limits = create_limits();
    ServerOptions options;
    options.interfaces.push_back({"io.tokenbroker.tokens", "interface io.tokenbroker.tokens\n"});
    auto server = create_server(context.get_executor(), {}, options, service, limits, clock, log);
    auto wire = std::make_shared<test::Wire>(context.get_executor());
    Caller caller;
    caller.uid = caller.gid = 1000;
    if (room > 0) wire->room = room;
    TB_ASSERT(server->adopt(std::make_unique<test::MemoryStream>(wire), std::move(caller)));
    while (!bytes.empty() && !wire->closed) {
        cuts = cuts * 1664525U + 1013904223U;
        const std::size_t n = std::min<std::size_t>(bytes.size(), 1 + (cuts >> 16U) % 300);
        wire->put(bytes.substr(0, n));
        bytes.remove_prefix(n);
        pump(context);
    }
    while (room > 0 && !wire->closed && wire->room == 0) {  // the slow client takes a bit more
        wire->room = room;
        wire->changed.notify_all();
        pump(context);
    }
    for (std::size_t i = 0; i < service.pendings.size();
         ++i) {  // an answer may bring the next call
        service.pendings[i]->finish(std::string("{\"parameters\":{\"late\":1}}") + '\0');
        wire->room = 1 << 20;
        wire->changed.notify_all();
        pump(context);
    }
    const Outcome outcome{wire->sent, wire->closed};
    server.reset();
    service.pendings.clear();
    pump(context);
    TB_ASSERT(live_coroutines() == 0 && limits->connections() == 0);
    return outcome;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Outcome one = talk(bytes, 1, 0);
    check_frames(one.sent);
    const Outcome other = talk(bytes, data[0] * 7919U, data[1]);
    TB_ASSERT(one.sent == other.sent);
    TB_ASSERT(one.closed == other.closed);
    return 0;
}
