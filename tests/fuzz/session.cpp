// A whole connection as the server sees it: frames, calls, org.varlink.service, calls that are
// answered later or stream. Each call has its replies, in order, up to the first bad or oversized
// frame, which ends the connection; and that is so however a client cuts its bytes into writes,
// however little it takes at a time, and whenever the answers come. Nothing outlives the
// connection. Input: how to cut, how much room the client has, then what it sends (long_input.hpp).
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "base/log.hpp"
#include "ipc/limits.hpp"
#include "ipc/server.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/long_input.hpp"
#include "tests/unit/ipc/manual_clock.hpp"
#include "tests/unit/ipc/memory_stream.hpp"

namespace {
using namespace tb;
using namespace tb::ipc;

constexpr std::string_view served = "io.tokenbroker.tokens";
const std::string late = std::string("{\"parameters\":{\"late\":1}}") + '\0';

// One method for each way to answer.
class FuzzService final : public Service {
  public:
    bool fast_call(Connection& connection, std::string_view frame) override {
        if (!proto::scan_get_token(frame)) return false;
        connection.out() += std::string("{\"parameters\":{\"fast\":true}}") + '\0';
        return true;
    }
    void call(Connection& connection, const proto::Call& call) override {
        const std::string_view method = call.method_name();
        if (method == "Later" || (method == "Stream" && call.more)) {
            pendings_.push_back(connection.defer());
            if (call.more) pendings_.back()->stream(proto::make_reply({}, true));
        } else if (method == "Now") {
            connection.defer()->finish(proto::make_reply(call.parameters));
        } else {
            connection.out() += proto::make_reply(call.parameters);
            if (method == "Close") connection.close();
        }
    }
    // The call that waits, if one does.
    bool answer() {
        if (answered_ == pendings_.size()) return false;
        pendings_[answered_++]->finish(late);
        return true;
    }

  private:
    std::vector<std::shared_ptr<Pending>> pendings_;
    std::size_t answered_ = 0;
};

struct Outcome {
    std::string sent;
    bool closed = false;
};

// What the protocol says of these bytes: how many replies, and whether the connection ends.
struct Expected {
    std::size_t replies = 0;
    bool closed = false;
};

Expected expect(std::string_view bytes) {
    Expected expected;
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\0'), bytes.size());
        const bool whole = end < bytes.size();
        const auto call = proto::parse_call(bytes.substr(0, end));
        if (end > limits::frame_bytes_max || (whole && !call)) expected.closed = true;
        if (!whole || expected.closed) return expected;
        bytes.remove_prefix(end + 1);
        const bool ours = call->interface_name() == served && !call->upgrade;
        const bool deferred = call->method_name() == "Later" || call->method_name() == "Stream";
        if (!call->oneway) expected.replies += ours && deferred && call->more ? 2 : 1;
        if (ours && call->method_name() == "Close") {
            expected.closed = true;
            return expected;
        }
    }
    return expected;
}

void pump(asio::io_context& context) {
    while (context.poll() > 0)
        context.restart();
    context.restart();
}

std::size_t count_replies(std::string_view sent) {
    std::size_t replies = 0;
    for (; !sent.empty(); ++replies) {
        const std::size_t nul = sent.find('\0');
        TB_ASSERT(nul != std::string_view::npos);
        const std::string_view frame = sent.substr(0, nul);
        // Boost.JSON may write a huge double that it does not read again (same_json.hpp).
        TB_ASSERT(proto::parse_reply(frame) || frame.find("E308") != std::string_view::npos);
        sent.remove_prefix(nul + 1);
    }
    return replies;
}

class Talk {
  public:
    Talk(std::uint32_t cuts, std::size_t room) : cuts_(cuts), room_(room) {
        ServerOptions options;
        options.interfaces.push_back({std::string(served), "interface io.tokenbroker.tokens\n"});
        server_ =
            create_server(context_.get_executor(), {}, options, service_, limits_, clock_, log_);
        if (room > 0) wire_->room = room;
        Caller caller;
        caller.uid = caller.gid = 1000;
        TB_ASSERT(server_->adopt(std::make_unique<test::MemoryStream>(wire_), std::move(caller)));
    }

    Outcome run(std::string_view bytes) {
        while (!bytes.empty() && !wire_->closed) {
            const std::size_t piece =
                cuts_ == 0 ? bytes.size() : 1 + draw() % (300 + bytes.size() / 16);
            const std::size_t n = std::min(piece, bytes.size());
            wire_->put(bytes.substr(0, n));
            bytes.remove_prefix(n);
            pump(context_);
            if (cuts_ != 0 && draw() % 4 == 0) (void)service_.answer();
        }
        do {
            take_all();
        } while (service_.answer());
        Outcome outcome{wire_->sent, wire_->closed};
        wire_->in_ended = true;
        wire_->changed.notify_all();
        pump(context_);
        TB_ASSERT(wire_->closed && server_->connections() == 0);
        TB_ASSERT(wire_->sent == outcome.sent);
        TB_ASSERT(live_coroutines() == 0 && limits_->connections() == 0);
        return outcome;
    }

  private:
    std::uint32_t draw() {
        cuts_ = cuts_ * 1664525U + 1013904223U;
        return cuts_ >> 16U;
    }
    // The slow client takes more and more at a time, until there is nothing left to take.
    void take_all() {
        pump(context_);
        for (std::size_t more = std::max<std::size_t>(room_, 1); !wire_->closed; more *= 2) {
            if (wire_->room > 0) return;
            wire_->room = more;
            wire_->changed.notify_all();
            pump(context_);
        }
    }

    asio::io_context context_{1};
    test::ManualClock clock_;
    MemoryLog log_;
    FuzzService service_;
    std::shared_ptr<Limits> limits_ = create_limits();
    std::shared_ptr<test::Wire> wire_ = std::make_shared<test::Wire>(context_.get_executor());
    std::unique_ptr<Server> server_;
    std::uint32_t cuts_;
    std::size_t room_;
};
}  // namespace

TB_JSON_INPUT(fuzz::any_frame)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string bytes = fuzz::lengthen({reinterpret_cast<const char*>(data) + 2, size - 2});
    const Expected expected = expect(bytes);
    const Outcome one = Talk(0, 0).run(bytes);
    TB_ASSERT(count_replies(one.sent) == expected.replies);
    TB_ASSERT(one.closed == expected.closed);
    const Outcome other = Talk(1 + data[0] * 7919U, data[1]).run(bytes);
    TB_ASSERT(one.sent == other.sent);
    TB_ASSERT(one.closed == other.closed);
    return 0;
}
