// The Service of these tests: one method for each way to answer.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "ipc/replies.hpp"
#include "ipc/service.hpp"

namespace tb::ipc::test {

class TestService final : public Service {
  public:
    std::vector<std::shared_ptr<Pending>> pendings;
    std::vector<std::string> seen;  // the methods of parsed calls, in order
    int opened_count = 0;
    int closed_count = 0;
    int gone_count = 0;
    int fast_count = 0;
    std::string fast_reply = std::string("{\"parameters\":{\"fast\":true}}") + '\0';

    bool fast_call(Connection& connection, std::string_view frame) override {
        if (frame != "{\"method\":\"test.calls.Fast\"}") return false;
        ++fast_count;
        connection.out() += fast_reply;
        return true;
    }

    void call(Connection& connection, const proto::Call& call) override {
        const std::string_view method = call.method_name();
        seen.emplace_back(method);
        if (method == "Echo") {
            connection.out() += proto::make_reply(call.parameters);
        } else if (method == "Later" || method == "Stream") {
            if (method == "Stream" && !says_more(connection, call)) return;
            pendings.push_back(connection.defer());
            pendings.back()->on_gone([this] { ++gone_count; });
        } else if (method == "Now") {  // deferred, and answered before call() returns
            connection.defer()->finish(proto::make_reply(call.parameters));
        } else if (method == "StreamNow") {
            const auto pending = connection.defer();
            pending->stream(proto::make_reply(call.parameters, true));
            pending->finish(proto::make_reply(call.parameters));
        } else if (method == "Close") {
            connection.out() += proto::make_reply(call.parameters);
            connection.close();
        } else if (method == "Big") {
            const auto bytes = call.parameters.at("bytes").to_number<std::size_t>();
            connection.out() += std::string(bytes, 'x') + '\0';
        } else {
            connection.out() += method_not_found(call);
        }
    }
    void opened(Connection&) override { ++opened_count; }
    void closed(Connection&) override { ++closed_count; }
};

}  // namespace tb::ipc::test
