// The table of steps: what a call must bring, and what it is answered with. The values are those
// that the known servers use. A wrong call gets CertificationError with both sides, and the client
// has to start again.
#include "certification_service.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "ipc/replies.hpp"

namespace tb::certification {
namespace {
namespace json = boost::json;

enum class Mode { plain, more, oneway };
struct Step {
    std::string_view method;
    std::string_view wants;    // the parameters beside client_id
    std::string_view replies;  // Test10 has its own
    Mode mode = Mode::plain;
};

constexpr std::string_view all_types = R"({"mytype":{
    "object":{"method":"org.varlink.certification.Test09",
              "parameters":{"map":{"foo":"Foo","bar":"Bar"}}},
    "enum":"two","struct":{"first":1,"second":"2"},"array":["one","two","three"],
    "dictionary":{"foo":"Foo","bar":"Bar"},"stringset":{"one":{},"two":{},"three":{}},
    "nullable":null,"nullable_array_struct":null,
    "interface":{"foo":[null,{"foo":"foo","bar":"bar"},null,{"one":"foo","two":"bar"}],
                 "anon":{"foo":true,"bar":false}}}})";
constexpr std::string_view four_values =
    R"({"bool":false,"int":2,"float":3.141592653589793,"string":"a lot of string"})";
constexpr std::string_view one_struct =
    R"({"struct":{"bool":false,"int":2,"float":3.141592653589793,"string":"a lot of string"}})";
constexpr std::string_view one_map = R"({"map":{"foo":"Foo","bar":"Bar"}})";
constexpr std::string_view one_set = R"({"set":{"one":{},"two":{},"three":{}}})";
constexpr int replies_of_test10 = 10;

constexpr std::array<Step, 12> steps{{
    {"Test01", "{}", R"({"bool":true})"},
    {"Test02", R"({"bool":true})", R"({"int":1})"},
    {"Test03", R"({"int":1})", R"({"float":1.0})"},
    {"Test04", R"({"float":1.0})", R"({"string":"ping"})"},
    {"Test05", R"({"string":"ping"})", four_values},
    {"Test06", four_values, one_struct},
    {"Test07", one_struct, one_map},
    {"Test08", one_map, one_set},
    {"Test09", one_set, all_types},
    {"Test10", all_types, {}, Mode::more},
    {"Test11",
     R"({"last_more_replies":["Reply number 1","Reply number 2","Reply number 3","Reply number 4",
        "Reply number 5","Reply number 6","Reply number 7","Reply number 8","Reply number 9",
        "Reply number 10"]})",
     {},
     Mode::oneway},
    {"End", "{}", R"({"all_ok":true})"},
}};

json::object parsed(std::string_view text) {
    return json::parse(json::string_view(text.data(), text.size())).as_object();
}

// The same value: a null member and an absent one are, and so are 1 and 1.0, since a client's
// language may not tell them apart.
bool same(const json::value& a, const json::value& b);

bool contains(const json::object& whole, const json::object& part) {
    for (const auto& member : part) {
        const json::value* other = whole.if_contains(member.key());
        if (other == nullptr ? !member.value().is_null() : !same(*other, member.value()))
            return false;
    }
    return true;
}

bool same(const json::value& a, const json::value& b) {
    if (a.is_object() && b.is_object())
        return contains(a.get_object(), b.get_object()) && contains(b.get_object(), a.get_object());
    if (a.is_array() && b.is_array()) {
        const auto& left = a.get_array();
        const auto& right = b.get_array();
        if (left.size() != right.size()) return false;
        for (std::size_t i = 0; i < left.size(); ++i)
            if (!same(left[i], right[i])) return false;
        return true;
    }
    if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
    return a == b;
}

Mode mode_of(const proto::Call& call) {
    if (call.more) return Mode::more;
    return call.oneway ? Mode::oneway : Mode::plain;
}

std::string certification_error(json::object wants, const proto::Call& call) {
    json::object got = call.parameters;
    got["method"] = call.method;
    json::object parameters;
    parameters["wants"] = std::move(wants);
    parameters["got"] = std::move(got);
    return proto::make_error("org.varlink.certification.CertificationError", parameters);
}

void answer_test10(ipc::Connection& connection) {
    const auto pending = connection.defer();
    for (int i = 1; i <= replies_of_test10; ++i) {
        json::object reply;
        reply["string"] = "Reply number " + std::to_string(i);
        if (i < replies_of_test10)
            pending->stream(proto::make_reply(reply, true));
        else
            pending->finish(proto::make_reply(reply));
    }
}

bool known(std::string_view method) {
    for (const Step& step : steps)
        if (step.method == method) return true;
    return false;
}

}  // namespace

std::string CertificationService::start(const proto::Call& call) {
    if (!call.parameters.empty()) return certification_error({}, call);
    json::object reply;
    const std::string id = "client-" + std::to_string(++clients_);
    next_step_[id] = 0;
    reply["client_id"] = id;
    return proto::make_reply(reply);
}

void CertificationService::call(ipc::Connection& connection, const proto::Call& call) {
    std::string& out = connection.out();
    if (call.method_name() == "Start") {
        out += start(call);
        return;
    }
    if (!known(call.method_name())) {
        out += ipc::method_not_found(call);
        return;
    }
    const json::value* id = call.parameters.if_contains("client_id");
    const auto found = id != nullptr && id->is_string()
                           ? next_step_.find(std::string(id->get_string()))
                           : next_step_.end();
    if (found == next_step_.end()) {
        out += proto::make_error("org.varlink.certification.ClientIdError", {});
        return;
    }
    const Step& step = steps[found->second];
    json::object wants = parsed(step.wants);
    wants["client_id"] = *id;
    if (step.method != call.method_name() || mode_of(call) != step.mode ||
        !same(wants, call.parameters)) {
        next_step_.erase(found);
        wants["method"] = "org.varlink.certification." + std::string(step.method);
        out += certification_error(std::move(wants), call);
        return;
    }
    if (++found->second == steps.size()) next_step_.erase(found);
    if (step.mode == Mode::more)
        answer_test10(connection);
    else if (step.mode == Mode::plain)
        out += proto::make_reply(parsed(step.replies));
}

}  // namespace tb::certification
