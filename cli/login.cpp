// login, revoke. The daemon talks with the provider and keeps PKCE's verifier; here the person is
// shown where to go, and a browser's redirect is caught on loopback and passed on.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/loopback.hpp"
#include "cli/qr.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

extern char** environ;

namespace tb::cli {
namespace {

bool has_browser() {
    const auto set = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    };
    // A browser as root is a bad idea, and rarely finds the person's display.
    return ::geteuid() != 0 && (set("DISPLAY") || set("WAYLAND_DISPLAY"));
}

// The address is no secret: whoever has it can only log in for us.
void open_browser(const std::string& url) {
    posix_spawn_file_actions_t actions;
    if (::posix_spawn_file_actions_init(&actions) != 0) return;
    for (const int fd : {0, 1, 2})
        (void)::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    std::string program = "xdg-open";
    std::string address = url;
    char* words[] = {program.data(), address.data(), nullptr};
    pid_t child = 0;
    // Not there, or no browser: the address is on the screen.
    (void)::posix_spawnp(&child, "xdg-open", &actions, nullptr, words, environ);
    (void)::posix_spawn_file_actions_destroy(&actions);
}

void say(std::string_view text) {
    std::string line(text);
    line += '\n';
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

Answer<boost::json::object> parameters_of(const Login& login, const std::string& redirect_uri) {
    boost::json::object parameters;
    parameters["account"] = login.account;
    boost::json::array flows;
    if (!login.flow.empty()) {
        flows.emplace_back(login.flow);
    } else {
        const bool browser = has_browser() && !login.no_browser;
        flows =
            browser ? boost::json::array{"code", "device"} : boost::json::array{"device", "code"};
    }
    parameters["flows"] = std::move(flows);
    if (!redirect_uri.empty()) parameters["redirect_uri"] = redirect_uri;
    if (!login.attributes.empty()) parameters["attributes"] = to_object(login.attributes);
    if (login.flow != "password") return parameters;
    if (login.username.empty())
        return failed("the password flow needs --username NAME", Exit::usage);
    complain(
        "the broker will send a person's password; RFC 9700 says not to. Better: log in with "
        "a browser or a device code, if the provider has them");
    auto password = read_secret(fmt::format("password of {}", login.username));
    if (!password) return password.error();
    boost::json::object secrets;
    secrets["username"] = login.username;
    secrets["password"] = password->view();
    parameters["secrets"] = std::move(secrets);
    return parameters;
}

class Conversation {
  public:
    Conversation(const Common& common, const Login& login) : common_(common), login_(login) {}

    Answer<> run() {
        std::string redirect_uri;
        if (login_.flow.empty() || login_.flow == "code") {
            auto listener = RedirectListener::open(
                login_.redirect_uri.empty() ? "http://127.0.0.1/callback" : login_.redirect_uri);
            if (!listener) return listener.error();
            redirect_uri = listener->uri();
            listener_.emplace(std::move(*listener));
        }
        auto parameters = parameters_of(login_, redirect_uri);
        if (!parameters) return parameters.error();
        auto client = connect(common_, Socket::admin);
        if (!client) return client.error();
        const auto ended = client->call_more(
            qualified(Socket::admin, "Login"), std::move(*parameters), [&](ipc::CallReply reply) {
                outcome_ = reply.continues ? show(reply.parameters) : end(reply);
                return outcome_.has_value();
            });
        if (!outcome_) return outcome_.error();
        if (!ended) return to_failure(ended.error());
        if (!ended_) return failed("the daemon's answer holds no account: another version?");
        return {};
    }

  private:
    Answer<> show(const boost::json::object& reply) {
        if (common_.json) {
            const Answer<> printed = print_json(reply);
            if (!printed) return printed;
        }
        const std::string url(text(reply, "url"));
        const std::int64_t left = number(reply, "expires_in_ms").value_or(0);
        if (text(reply, "flow") == "device") {
            show_device(reply, url, left);
            return {};
        }
        say(printable(fmt::format("To log in to {}, open this address in a browser on this host:",
                                  login_.account)));
        say(fmt::format("\n  {}\n", printable(url)));
        if (has_browser() && !login_.no_browser) open_browser(url);
        if (!listener_) return failed("the daemon wants a browser's redirect that nobody awaits");
        const auto mark = url.find('?');
        const std::string state =
            mark == std::string::npos
                ? ""
                : query_value(std::string_view(url).substr(mark + 1), "state");
        auto query = listener_->wait(state, left);
        if (!query) return query.error();
        boost::json::object finish;
        finish["login"] = text(reply, "login");
        finish["query"] = *query;
        auto passed = call(common_, Socket::admin, "FinishLogin", std::move(finish));
        if (!passed) return passed.error();
        return {};
    }

    void show_device(const boost::json::object& reply, const std::string& url,
                     std::int64_t left) const {
        say(printable(fmt::format(
            "To log in to {}, open {} on any device and enter the code:", login_.account, url)));
        say(fmt::format("\n  {}\n", printable(text(reply, "user_code"))));
        std::string_view complete = text(reply, "complete_url");
        if (complete.empty()) complete = url;
        if (::isatty(STDERR_FILENO) == 1) say(qr_code(complete));
        say(fmt::format("Waiting for it, at most {}; Ctrl-C gives up.", format_duration(left)));
    }

    Answer<> end(const ipc::CallReply& reply) {
        ended_ = true;
        if (reply.error) return to_failure(*reply.error);
        if (common_.json) return print_json(reply.parameters);
        if (const auto* notices = list(reply.parameters, "notices"))
            for (const auto& notice : *notices)
                if (notice.is_string()) complain(printable(notice.get_string()));
        return print_line(fmt::format("{}: logged in; its tokens can be had", login_.account));
    }

    const Common& common_;
    const Login& login_;
    std::optional<RedirectListener> listener_;
    Answer<> outcome_;
    bool ended_ = false;
};

}  // namespace

Answer<> run(const Common& common, const Login& login) {
    return Conversation(common, login).run();
}

Answer<> run(const Common& common, const Revoke& revoke) {
    boost::json::object parameters;
    parameters["account"] = revoke.account;
    constexpr std::int64_t revocation_ms = 45'000;  // a renewal under way, then the revocation
    auto reply = call(common, Socket::admin, "RevokeAccount", std::move(parameters), revocation_ms);
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    return print_line(
        fmt::format("{}: revoked; the account needs a login from now on", revoke.account));
}

}  // namespace tb::cli
